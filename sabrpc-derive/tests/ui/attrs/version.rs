//! A version is a number, and 0 is the lack of one.
use sabrpc::sab_service;

#[sab_service(version = "1.2")]
pub trait Kv {
    fn get(&self) -> u32;
}

#[sab_service(version = 0)]
pub trait Other {
    fn get(&self) -> u32;
}

fn main() {}
