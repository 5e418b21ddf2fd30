//! An ABI means nothing across threads.
use sabrpc::sab_service;

#[sab_service]
pub trait Kv {
    extern "C" fn get(&self) -> u32;
}

fn main() {}
