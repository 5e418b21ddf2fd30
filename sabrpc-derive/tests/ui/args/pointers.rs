//! What means nothing on the other side.
use sabrpc::sab_service;

#[sab_service]
pub trait Kv {
    fn run(&self, callback: fn(u32) -> u32);
    fn peek(&self, at: *const u8) -> u8;
}

fn main() {}
