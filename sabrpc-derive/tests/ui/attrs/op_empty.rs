//! A list without options.
use sabrpc::sab_service;

#[sab_service]
pub trait Kv {
    #[op]
    fn get(&self) -> u32;
    #[op()]
    fn put(&self);
}

fn main() {}
