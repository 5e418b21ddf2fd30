//! An unsafe trait.
use sabrpc::sab_service;

#[sab_service]
pub unsafe trait Kv {
    fn get(&self) -> u32;
}

fn main() {}
