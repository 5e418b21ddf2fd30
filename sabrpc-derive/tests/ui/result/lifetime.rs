//! A result with a lifetime in it.
use sabrpc::sab_service;
use std::borrow::Cow;

#[sab_service]
pub trait Kv {
    fn name(&self) -> Cow<'_, str>;
}

fn main() {}
