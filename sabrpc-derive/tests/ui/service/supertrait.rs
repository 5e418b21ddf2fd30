//! A supertrait.
use sabrpc::sab_service;

#[sab_service]
pub trait Kv: Send + 'static {
    fn get(&self) -> u32;
}

fn main() {}
