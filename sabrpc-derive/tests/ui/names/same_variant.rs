//! Two methods that look the same in camel case.
use sabrpc::sab_service;

#[sab_service]
pub trait Kv {
    fn read_all(&self);
    fn readAll(&self);
}

fn main() {}
