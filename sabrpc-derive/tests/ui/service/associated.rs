//! Items that are not methods.
use sabrpc::sab_service;

#[sab_service]
pub trait Kv {
    type Key;
    const SIZE: usize;
    fn get(&self) -> u32;
}

fn main() {}
