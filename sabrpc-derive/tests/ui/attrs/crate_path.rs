//! A crate that is no path.
use sabrpc::sab_service;

#[sab_service(crate = "not a path")]
pub trait Kv {
    fn get(&self) -> u32;
}

fn main() {}
