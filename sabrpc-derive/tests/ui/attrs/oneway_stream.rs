//! Nobody would pull the stream of a one-way call.
use sabrpc::{Stream, sab_service};

#[sab_service]
pub trait Feed {
    #[op(oneway)]
    fn changes(&self) -> Stream<u32>;
}

fn main() {}
