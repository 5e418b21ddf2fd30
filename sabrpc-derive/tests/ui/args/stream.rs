//! Streams go one way.
use sabrpc::{Stream, sab_service};

#[sab_service]
pub trait Feed {
    fn upload(&self, rows: Stream<u32>);
}

fn main() {}
