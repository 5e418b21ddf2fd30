//! The server must know what to decode.
use sabrpc::sab_service;

#[sab_service]
pub trait Kv {
    fn get<K: AsRef<str>>(&self, key: K) -> u32;
}

fn main() {}
