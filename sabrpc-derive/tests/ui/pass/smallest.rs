//! One method, without arguments and result.
use sabrpc::sab_service;

#[sab_service]
trait Kv {
    fn ping(&self);
}

fn main() {}
