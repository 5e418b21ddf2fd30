//! Nobody waits for the bytes.
use sabrpc::sab_service;
use sabrpc::BulkOut;

#[sab_service]
pub trait Kv {
    #[op(oneway)]
    fn read(&self, out: BulkOut<'_>);
}

fn main() {}
