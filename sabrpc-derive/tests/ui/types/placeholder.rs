//! A type left to be guessed is for the compiler to report.
use sabrpc::sab_service;

#[sab_service]
pub trait Kv {
    fn get(&self, key: Vec<_>);
}

fn main() {}
