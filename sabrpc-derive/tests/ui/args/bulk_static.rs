//! Bulk bytes that would outlive the call.
use sabrpc::sab_service;
use sabrpc::BulkIn;

#[sab_service]
pub trait Kv {
    fn write(&self, data: BulkIn<'static>);
}

fn main() {}
