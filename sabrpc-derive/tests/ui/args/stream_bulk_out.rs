//! A stream outlives the call, and bulk bytes do not.
use sabrpc::{BulkOut, Stream, sab_service};

#[sab_service]
pub trait Feed {
    fn rows(&self, out: BulkOut<'_>) -> Stream<u32>;
}

fn main() {}
