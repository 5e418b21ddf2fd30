//! Methods behind a macro.
use sabrpc::sab_service;

macro_rules! methods {
    () => {
        fn get(&self) -> u32;
    };
}

#[sab_service]
pub trait Kv {
    methods!();
}

fn main() {}
