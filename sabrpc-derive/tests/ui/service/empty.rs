//! No methods.
use sabrpc::sab_service;

#[sab_service]
pub trait Kv {}

fn main() {}
