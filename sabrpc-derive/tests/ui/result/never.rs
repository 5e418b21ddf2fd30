//! A method that never answers.
use sabrpc::sab_service;

#[sab_service]
pub trait Kv {
    fn run(&self) -> !;
}

fn main() {}
