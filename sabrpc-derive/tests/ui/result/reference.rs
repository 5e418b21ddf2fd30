//! A result that borrows.
use sabrpc::sab_service;

#[sab_service]
pub trait Kv {
    fn name(&self) -> &str;
    fn find(&self) -> Result<Option<&[u8]>, String>;
}

fn main() {}
