//! Bulk bytes come back through an argument.
use sabrpc::sab_service;
use sabrpc::BulkOut;

#[sab_service]
pub trait Kv {
    fn read(&self) -> BulkOut<'_>;
}

fn main() {}
