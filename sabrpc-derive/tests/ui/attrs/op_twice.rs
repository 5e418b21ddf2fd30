//! Two lists of options.
use sabrpc::sab_service;

#[sab_service]
pub trait Kv {
    #[op(id = 1)]
    #[op(oneway)]
    fn put(&self);
}

fn main() {}
