//! Both sides encode the same list.
use sabrpc::sab_service;

#[sab_service]
pub trait Kv {
    fn put(&self, key: u32, #[cfg(unix)] mode: u32);
}

fn main() {}
