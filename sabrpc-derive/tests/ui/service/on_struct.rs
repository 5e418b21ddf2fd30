//! The attribute on a struct.
use sabrpc::sab_service;

#[sab_service]
pub struct Store;

fn main() {}
