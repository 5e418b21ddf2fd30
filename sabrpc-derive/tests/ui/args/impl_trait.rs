//! An argument of no named type.
use sabrpc::sab_service;

#[sab_service]
pub trait Kv {
    fn get(&self, key: impl AsRef<str>) -> u32;
}

fn main() {}
