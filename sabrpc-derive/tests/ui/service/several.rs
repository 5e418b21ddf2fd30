//! Several mistakes in one trait are reported together, and uses of what is right raise no others.
use sabrpc::sab_service;

#[sab_service]
pub trait Kv {
    #[op(id = 70_000)]
    fn get(&mut self, key: impl AsRef<str>) -> &str;
    #[op(oneway)]
    fn put(&self, key: String, value: u32) -> u32;
    fn count(&self) -> u32;
}

pub struct Store;

impl Kv for Store {
    fn get(&mut self, _: impl AsRef<str>) -> &str {
        ""
    }

    fn put(&self, _: String, _: u32) -> u32 {
        0
    }

    fn count(&self) -> u32 {
        1
    }
}

pub fn serve() -> KvServer<Store> {
    KvServer::new(Store)
}

pub fn count(client: &KvClient) -> u32 {
    client.count().unwrap_or(0)
}

fn main() {}
