//! A visibility on a method.
use sabrpc::sab_service;

#[sab_service]
pub trait Kv {
    pub fn get(&self) -> u32;
}

fn main() {}
