//! The caller is elsewhere.
use sabrpc::sab_service;

#[sab_service]
pub trait Kv {
    unsafe fn get(&self) -> u32;
}

fn main() {}
