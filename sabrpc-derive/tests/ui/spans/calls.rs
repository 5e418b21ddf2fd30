//! Whoever calls a client wrongly is shown the trait: generated names lie where an editor should go to.
use sabrpc::{Channel, RpcError, sab_service};

#[sab_service]
pub trait Kv {
    fn get(&self, key: &str, limit: u32) -> Option<String>;
    #[op(oneway)]
    fn put(&self, key: &str);
}

fn blocking(channel: &Channel) -> Result<(), RpcError> {
    let client = KvClient::attach(channel)?;
    client.get("a")?;
    client.putt("a")
}

async fn awaiting(channel: &Channel) -> Result<(), RpcError> {
    let client = KvAsyncClient::attach(channel)?;
    client.get("a", "b").await?;
    client.putt("a").await
}

fn names(op: KvOp) -> bool {
    match op {
        KvOp::Get => true,
    }
}

fn main() {}
