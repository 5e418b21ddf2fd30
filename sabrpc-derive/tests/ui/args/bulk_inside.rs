//! Bulk bytes are an argument of their own.
use sabrpc::sab_service;
use sabrpc::BulkIn;

#[sab_service]
pub trait Kv {
    fn write(&self, data: Option<BulkIn<'_>>);
}

fn main() {}
