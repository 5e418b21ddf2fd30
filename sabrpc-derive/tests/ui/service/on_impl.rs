//! The attribute on an impl.
use sabrpc::sab_service;

pub struct Store;

#[sab_service]
impl Store {}

fn main() {}
