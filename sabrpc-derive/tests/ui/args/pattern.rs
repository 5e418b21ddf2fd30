//! Arguments come back as parameters of the client.
use sabrpc::sab_service;

#[sab_service]
pub trait Kv {
    fn put(&self, (key, value): (u32, u32));
    fn get(&self, _: u32) -> u32;
}

fn main() {}
