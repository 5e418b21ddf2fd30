//! A function without a receiver has no service to run on.
use sabrpc::sab_service;

#[sab_service]
pub trait Kv {
    fn get(key: &str) -> u32;
    fn count() -> u32;
}

fn main() {}
