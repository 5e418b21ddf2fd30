//! A borrow longer than the call.
use sabrpc::sab_service;

#[sab_service]
pub trait Kv {
    fn get(&self, key: &'static str) -> u32;
}

fn main() {}
