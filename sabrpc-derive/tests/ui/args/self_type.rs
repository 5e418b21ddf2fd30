//! The caller does not know the server's type.
use sabrpc::sab_service;

#[sab_service]
pub trait Kv {
    fn same(&self, other: &Self) -> bool;
}

fn main() {}
