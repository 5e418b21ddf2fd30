//! Values of the wrong kind.
use sabrpc::sab_service;

#[sab_service(crate)]
pub trait A {
    fn get(&self) -> u32;
}

#[sab_service(crate = sabrpc)]
pub trait B {
    fn get(&self) -> u32;
}

#[sab_service(crate = "::sabrpc", crate = "::sabrpc")]
pub trait C {
    fn get(&self) -> u32;
}

#[sab_service("::sabrpc")]
pub trait D {
    fn get(&self) -> u32;
}

fn main() {}
