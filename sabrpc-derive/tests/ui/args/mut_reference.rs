//! An argument that the method would change.
use sabrpc::sab_service;

#[sab_service]
pub trait Kv {
    fn sort(&self, numbers: &mut Vec<u32>);
    fn read(&self, out: &mut [u8]) -> usize;
}

fn main() {}
