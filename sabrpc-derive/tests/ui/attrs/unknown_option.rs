//! A word that `#[op]` does not know.
use sabrpc::sab_service;

#[sab_service]
pub trait Kv {
    #[op(timeout = 5)]
    fn get(&self) -> u32;
}

fn main() {}
