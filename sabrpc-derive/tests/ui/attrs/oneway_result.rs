//! Nobody waits for the result.
use sabrpc::sab_service;

#[sab_service]
pub trait Kv {
    #[op(oneway)]
    fn put(&self, key: &str) -> u32;
    #[op(oneway)]
    fn set(&self, key: &str) -> Result<u32, String>;
}

fn main() {}
