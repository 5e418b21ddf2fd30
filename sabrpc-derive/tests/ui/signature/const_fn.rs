//! A call happens at run time.
use sabrpc::sab_service;

#[sab_service]
pub trait Kv {
    const fn get(&self) -> u32;
}

fn main() {}
