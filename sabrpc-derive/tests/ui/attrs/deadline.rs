//! A deadline is a whole number with a unit, in quotes.
use sabrpc::sab_service;

#[sab_service(deadline = "soon")]
pub trait Kv {
    #[op(deadline = 5)]
    fn get(&self) -> u32;
    #[op(deadline = "0ms")]
    fn put(&self);
    #[op(deadline)]
    fn sync(&self);
}

fn main() {}
