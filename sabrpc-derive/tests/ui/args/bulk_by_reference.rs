//! Bulk bytes are a view already.
use sabrpc::sab_service;
use sabrpc::{BulkIn, BulkOut};

#[sab_service]
pub trait Kv {
    fn read(&self, out: &mut BulkOut<'_>) -> u32;
    fn write(&self, data: &BulkIn<'_>);
}

fn main() {}
