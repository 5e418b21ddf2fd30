//! A bound on one method.
use sabrpc::sab_service;

#[sab_service]
pub trait Kv {
    fn get(&self) -> u32
    where
        Self: Sized;
}

fn main() {}
