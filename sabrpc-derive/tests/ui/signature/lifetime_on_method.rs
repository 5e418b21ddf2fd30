//! Nothing borrowed outlives a call.
use sabrpc::sab_service;

#[sab_service]
pub trait Kv {
    fn get<'a>(&'a self, key: &'a str) -> u32;
}

fn main() {}
