//! A call must not use the service up.
use sabrpc::sab_service;

#[sab_service]
pub trait Kv {
    fn get(self, key: &str) -> u32;
}

fn main() {}
