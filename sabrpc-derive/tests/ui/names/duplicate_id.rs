//! One id for two operations, written out and counted.
use sabrpc::sab_service;

#[sab_service]
pub trait Kv {
    #[op(id = 3)]
    fn a(&self);
    #[op(id = 3)]
    fn b(&self);
    #[op(id = 2)]
    fn c(&self);
    fn d(&self);
}

fn main() {}
