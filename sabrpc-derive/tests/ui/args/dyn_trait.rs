//! A trait object, by reference and in a box.
use sabrpc::sab_service;

#[sab_service]
pub trait Kv {
    fn get(&self, key: &dyn AsRef<str>) -> u32;
    fn put(&self, value: Box<dyn Send>);
}

fn main() {}
