//! Functions that every client has.
use sabrpc::sab_service;

#[sab_service]
pub trait Kv {
    fn attach(&self);
    fn caller(&self) -> String;
}

fn main() {}
