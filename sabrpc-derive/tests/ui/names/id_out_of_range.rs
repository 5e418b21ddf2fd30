//! Ids have 16 bits.
use sabrpc::sab_service;

#[sab_service]
pub trait Kv {
    #[op(id = 65536)]
    fn a(&self);
    #[op(id = 65535)]
    fn b(&self);
    fn c(&self);
}

fn main() {}
