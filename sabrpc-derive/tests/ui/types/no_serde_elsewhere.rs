//! So is one of another crate, also behind an alias, and in a type that would be encoded otherwise.
use sabrpc::sab_service;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub struct Page<T>(Vec<T>);

#[sab_service]
pub trait Files {
    fn open(&self, path: &str) -> std::io::Result<u32>;
    fn key(&self) -> [u8; 64];
    fn threads(&self) -> Page<std::thread::ThreadId>;
}

fn main() {}
