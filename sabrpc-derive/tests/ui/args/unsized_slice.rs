//! A slice without a reference; inside a box it is fine.
use sabrpc::sab_service;

#[sab_service]
pub trait Kv {
    fn get(&self, key: [u8]);
    fn put(&self, list: Box<[u8]>);
}

fn main() {}
