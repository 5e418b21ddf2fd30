//! One option, two values.
use sabrpc::sab_service;

#[sab_service]
pub trait Kv {
    #[op(id = 1, id = 2)]
    fn get(&self) -> u32;
}

fn main() {}
