//! A type that cannot be encoded and decoded is reported where it is written, once by each of the three that need it.
use sabrpc::sab_service;

pub struct Value;

#[sab_service]
pub trait Kv {
    fn value(&self) -> Value;
}

fn main() {}
