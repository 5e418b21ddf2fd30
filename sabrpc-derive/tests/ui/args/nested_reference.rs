//! Only text and bytes can be borrowed inside another type.
use sabrpc::sab_service;

#[derive(serde::Serialize, serde::Deserialize)]
pub struct Key(u32);

#[sab_service]
pub trait Kv {
    fn get(&self, key: Option<&Key>) -> u32;
    fn all(&self, keys: Vec<&[u32]>) -> u32;
}

fn main() {}
