//! The names of generated items are taken.
use sabrpc::sab_service;

#[sab_service]
pub trait Kv {
    fn get(&self) -> u32;
}

pub struct KvClient;

fn main() {}
