//! A generic trait.
use sabrpc::sab_service;

#[sab_service]
pub trait Kv<T> {
    fn get(&self) -> T;
}

fn main() {}
