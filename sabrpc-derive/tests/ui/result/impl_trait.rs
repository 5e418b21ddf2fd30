//! A result of no named type.
use sabrpc::sab_service;

#[sab_service]
pub trait Kv {
    fn all(&self) -> impl Iterator<Item = u32>;
}

fn main() {}
