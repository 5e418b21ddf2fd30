//! A type that cannot be encoded and decoded is reported once, where it is written first.
use sabrpc::{Stream, sab_service};

pub struct Value;
pub struct Failed;

#[sab_service]
pub trait Kv {
    fn value(&self) -> Value;
    fn put(&self, key: u32, value: &Value);
    async fn all(&self, keys: &[u32]) -> Result<Vec<Value>, Failed>;
    fn watch(&self) -> Stream<Value>;
    #[op(oneway)]
    fn forget(&self, value: Option<Value>) -> Result<(), Failed>;
}

fn main() {}
