//! A bound on the whole trait.
use sabrpc::sab_service;

#[sab_service]
pub trait Kv
where
    Self: Sized,
{
    fn get(&self) -> u32;
}

fn main() {}
