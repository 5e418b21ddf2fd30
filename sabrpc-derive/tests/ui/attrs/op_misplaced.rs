//! `#[op]` on the trait and on an argument.
use sabrpc::sab_service;

#[sab_service]
#[op(oneway)]
pub trait Kv {
    fn get(&self, #[op(id = 4)] key: u32) -> u32;
}

fn main() {}
