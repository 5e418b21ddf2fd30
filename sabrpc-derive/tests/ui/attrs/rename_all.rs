//! Names are made by one of four rules.
use sabrpc::sab_service;

#[sab_service(rename_all = "lowercase")]
pub trait Kv {
    fn get(&self) -> u32;
}

fn main() {}
