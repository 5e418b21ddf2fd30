//! Every kind of method, called through the trait, named in both clients, served.
#![deny(warnings, missing_docs)]

use sabrpc::{BulkIn, BulkOut, Stream, sab_service};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// An error.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub enum Error {
    /// Its only one.
    Missing,
}

type Result<T, E = Error> = std::result::Result<T, E>;

/// A service.
#[sab_service]
pub trait Everything {
    /// Owned arguments.
    fn owned(&self, name: Box<str>, list: Vec<u8>, map: BTreeMap<u32, (String, [u8; 4])>) -> Option<String>;
    /// Borrowed ones.
    fn borrowed(&self, text: &str, bytes: &[u8], maybe: Option<&str>, cow: Cow<'_, [u8]>) -> Cow<'static, str>;
    /// Lent ones.
    fn lent(&self, numbers: &[u32], pair: &(u8, u8), text: &String);
    /// An alias of `Result`.
    fn alias(&self) -> Result<u32>;
    /// Another.
    fn other_alias(&self) -> Result<u32, ()>;
    /// Bulk bytes.
    async fn bulk(&self, a: BulkIn<'_>, n: u32, b: sabrpc::BulkIn<'_>, c: BulkOut<'_>, d: BulkOut) -> Result<()>;
    /// Not waited for.
    #[op(oneway, id = 300, name = "xSend")]
    fn send(&self, text: &str) -> Result<()>;
    /// Nor this.
    #[op(oneway)]
    async fn tell(&self, data: BulkIn<'_>);
    /// In many parts.
    fn many(&self, text: &str) -> Stream<Cow<'static, str>>;
    /// The same, or an error.
    #[op(deadline = "1s")]
    async fn many_or_none(&self, data: BulkIn<'_>) -> Result<sabrpc::Stream<(u8, String)>>;
    /// With a body.
    fn with_default(&self, mut n: u32) -> u32 {
        n += 1;
        n
    }
}

fn main() {
    assert_eq!(EverythingOp::Send.id(), 300);
    assert_eq!(EverythingOp::Send.name(), "xSend");
    assert_eq!(EverythingOp::try_from(300), Ok(EverythingOp::Send));
    assert!(EverythingOp::try_from(299).is_err());
    assert_eq!(EverythingOp::ALL.len(), EverythingOp::SERVICE.ops.len());
    for op in EverythingOp::ALL {
        assert_eq!(EverythingOp::SERVICE.op(op.id()), Some(op.info()));
    }
    assert_eq!(EverythingOp::Bulk.info().bulk_in, 2);
    assert_eq!(EverythingOp::Bulk.info().bulk_out, 2);
}
