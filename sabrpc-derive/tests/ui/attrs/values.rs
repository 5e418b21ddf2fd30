//! Values of the wrong kind.
use sabrpc::sab_service;

#[sab_service]
pub trait Kv {
    #[op(id = "7")]
    fn a(&self);
    #[op(id = -1)]
    fn b(&self);
    #[op(id)]
    fn c(&self);
    #[op(name = xOpen)]
    fn d(&self);
    #[op(name = "x open")]
    fn e(&self);
    #[op(oneway = true)]
    fn f(&self);
    #[op(name("x"))]
    fn g(&self);
}

fn main() {}
