//! Calls that would wait for themselves are told so: a service that calls itself, and services that call each other.
#![cfg(not(target_family = "wasm"))]

use std::time::{Duration, Instant};

use sabrpc::{
    Channel, ChannelConfig, RpcError,
    native::{self, ServerThread},
    sab_service,
};

#[sab_service]
trait Link {
    /// Calls the next service of the chain, blocking, until `left` is 0.
    fn call(&self, left: u32) -> Result<u32, RpcError>;
    /// The same, awaiting.
    async fn call_later(&self, left: u32) -> Result<u32, RpcError>;
}

/// Serves one channel, and calls the next.
struct Chained {
    next: Channel,
}

impl Link for Chained {
    fn call(&self, left: u32) -> Result<u32, RpcError> {
        if left == 0 {
            return Ok(0);
        }
        let next = LinkClient::attach(&self.next)?;
        Ok(1 + next.call(left - 1).map_err(flat)?)
    }

    async fn call_later(&self, left: u32) -> Result<u32, RpcError> {
        if left == 0 {
            return Ok(0);
        }
        let next = LinkAsyncClient::attach(&self.next)?;
        Ok(1 + next.call_later(left - 1).await.map_err(flat)?)
    }
}

fn flat(error: sabrpc::CallError<RpcError>) -> RpcError {
    match error {
        sabrpc::CallError::Service(error) | sabrpc::CallError::Rpc(error) => error,
    }
}

/// So many services that call each other in a ring.
fn ring(len: usize) -> (Vec<Channel>, Vec<ServerThread>) {
    let config = ChannelConfig { mailboxes: 4, area: 4096 };
    let channels: Vec<_> = (0..len).map(|_| Channel::native(config).unwrap()).collect();
    let serve = |at: usize| {
        let next = channels[(at + 1) % len].clone();
        native::spawn(&channels[at], move || LinkServer::new(Chained { next }))
    };
    let servers = (0..len).map(serve).collect();
    (channels, servers)
}

#[test]
fn a_call_that_would_wait_for_itself_is_told_so() {
    for len in 1..=4 {
        let (channels, _servers) = ring(len);
        let client = LinkClient::attach(&channels[0]).unwrap();
        let most = len as u32 - 1;
        assert_eq!(client.call(most), Ok(most), "as far as the ring goes");
        let start = Instant::now();
        assert_eq!(client.call(most + 1).map_err(flat), Err(RpcError::WouldDeadlock), "{len} in a ring");
        assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
        assert_eq!(client.call(most), Ok(most), "and all serve on");
    }
}

#[test]
fn who_awaits_is_not_in_the_way() {
    let (channels, _servers) = ring(3);
    let client = LinkClient::attach(&channels[0]).unwrap();
    assert_eq!(client.call_later(8), Ok(8));
}
