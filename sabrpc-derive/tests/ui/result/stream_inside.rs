//! A stream is the whole result.
use sabrpc::{Stream, sab_service};

#[sab_service]
pub trait Feed {
    fn maybe(&self) -> Option<Stream<u32>>;
    fn nested(&self) -> Stream<Stream<u32>>;
    fn borrowed(&self) -> Stream<&str>;
}

fn main() {}
