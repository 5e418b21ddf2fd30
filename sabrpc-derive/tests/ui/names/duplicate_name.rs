//! One name for two operations.
use sabrpc::sab_service;

#[sab_service]
pub trait Kv {
    #[op(name = "close")]
    fn shut(&self);
    fn close(&self);
}

fn main() {}
