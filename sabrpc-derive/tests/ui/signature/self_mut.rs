//! Calls share the service.
use sabrpc::sab_service;

#[sab_service]
pub trait Kv {
    fn put(&mut self, key: &str);
}

fn main() {}
