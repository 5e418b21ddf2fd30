//! A type that cannot be encoded is reported where it is written.
use sabrpc::sab_service;

pub struct Key;
pub struct Value;

#[sab_service]
pub trait Kv {
    fn get(&self, key: Key) -> u32;
    fn value(&self) -> Value;
}

fn main() {}
