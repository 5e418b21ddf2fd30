//! A word that `#[sab_service]` does not know.
use sabrpc::sab_service;

#[sab_service(krate = "::sabrpc")]
pub trait Kv {
    fn get(&self) -> u32;
}

fn main() {}
