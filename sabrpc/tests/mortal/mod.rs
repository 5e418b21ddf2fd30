//! A service that dies in every way that its platform has, and what its callers have to be told then.

// Each test file uses its own part.
#![allow(dead_code)]

use std::{cell::Cell, time::Duration};

use sabrpc::{BulkIn, CallerId, RpcError, Server, ServerState, current_caller, sab_service, sleep};
use serde::{Deserialize, Serialize, Serializer};

/// Within this time a caller has to hear of the end of its server.
pub(crate) const BOUND: Duration = Duration::from_secs(1);

/// The error of a server that has died.
pub(crate) const DIED: RpcError = RpcError::Gone { state: ServerState::Failed };

/// A value that cannot be encoded, or ends whoever tries.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum Unsayable {
    Refuses,
    Panics,
}

impl Serialize for Unsayable {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Refuses => Err(serde::ser::Error::custom("no words for it")),
            Self::Panics => panic!("struck dumb"),
        }
    }
}

#[sab_service]
pub(crate) trait Mortal {
    fn add(&self, a: u32, b: u32) -> u32;
    async fn nap(&self, millis: u64) -> bool;
    #[op(oneway)]
    fn put(&self, data: BulkIn<'_>);
    /// Clients that have gone.
    fn gone(&self) -> u32;
    fn say(&self, panics: bool) -> Unsayable;
    async fn say_later(&self) -> Result<Unsayable, ()>;
    /// Ends in so many words of the platform's own.
    fn die(&self, how: u32);
}

#[derive(Default)]
pub(crate) struct Subject {
    gone: Cell<u32>,
}

impl Mortal for Subject {
    fn add(&self, a: u32, b: u32) -> u32 {
        a + b
    }

    async fn nap(&self, millis: u64) -> bool {
        sleep(Duration::from_millis(millis)).await;
        current_caller().is_some()
    }

    fn put(&self, _data: BulkIn<'_>) {}

    fn gone(&self) -> u32 {
        self.gone.get()
    }

    fn say(&self, panics: bool) -> Unsayable {
        if panics { Unsayable::Panics } else { Unsayable::Refuses }
    }

    async fn say_later(&self) -> Result<Unsayable, ()> {
        Ok(Unsayable::Refuses)
    }

    fn die(&self, how: u32) {
        die(how);
    }
}

impl Subject {
    pub(crate) fn forget(&self, _: CallerId) {
        self.gone.set(self.gone.get() + 1);
    }
}

/// Serves it.
pub(crate) fn server<R: sabrpc::Region>(channel: &sabrpc::Channel<R>) -> Server<MortalServer<Subject>, R> {
    let service = MortalServer::new(Subject::default());
    let hears = service.clone();
    Server::new(channel, service).on_disconnect(move |caller| hears.service().forget(caller))
}

/// How many ways there are.
pub(crate) const WAYS: u32 = 5;
/// That which fills the whole memory, for which it takes its time.
pub(crate) const FILLS: u32 = 3;
/// That which closes its own worker.
pub(crate) const CLOSES: u32 = 4;

#[cfg(not(target_family = "wasm"))]
fn die(_: u32) {
    panic!("died");
}

#[cfg(target_family = "wasm")]
fn die(how: u32) {
    match how {
        0 => panic!("died"),
        1 => core::arch::wasm32::unreachable(),
        2 => {
            // Deeper than any stack.
            fn fall(depth: u64) -> u64 {
                let room = std::hint::black_box([depth; 64]);
                if depth == u64::MAX { 0 } else { fall(depth + 1) + room[7] }
            }
            std::hint::black_box(fall(1));
        }
        FILLS => {
            // All the memory that there can be.
            let mut kept = Vec::new();
            loop {
                kept.push(std::hint::black_box(vec![1_u8; 64 << 20]));
            }
        }
        _ => {
            js_sys::eval("self.close()").unwrap();
            // It ends when this task does, which the caller does not wait for.
        }
    }
}
