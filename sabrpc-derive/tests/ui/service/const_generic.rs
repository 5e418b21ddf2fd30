//! A service is not generic over numbers either.
use sabrpc::sab_service;

#[sab_service]
pub trait Kv<const N: usize> {
    fn get(&self) -> [u8; N];
}

fn main() {}
