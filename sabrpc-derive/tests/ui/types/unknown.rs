//! A type that is not there is the compiler's to report.
use sabrpc::sab_service;

#[sab_service]
pub trait Kv {
    fn get(&self, key: Missing) -> u32;
}

fn main() {}
