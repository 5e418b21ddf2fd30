//! The calls that are measured: each caller makes any number of calls of one case in a row.

use std::str::FromStr;

use sabrpc::{Caller, Channel, ChannelConfig, Region, RpcError};

use crate::service::{LARGEST, RAW_READS, RAW_STORE, RAW_SWAP, RAW_WRITE, SMALL, StoreClient};

/// The channel of every subject: room for the largest payload, as the bare pairs have it, and for eight callers.
pub(crate) const CONFIG: ChannelConfig = ChannelConfig { mailboxes: 8, area: 2 << 20 };

/// One-way calls that travel together.
const BATCH: u32 = 64;

/// What one call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    /// No arguments, no result.
    Null,
    /// [`SMALL`] bytes there, and as many back.
    Swap,
    /// So many bytes to the server.
    Write(usize),
    /// So many bytes from the server.
    Read(usize),
    /// One-way calls, the last of them waited for.
    OneWay,
    /// The same, [`BATCH`] of them at a time.
    Batch,
}

impl FromStr for Case {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let size = |size| match size {
            "4k" => Some(4 << 10),
            "64k" => Some(64 << 10),
            "1m" => Some(LARGEST),
            _ => None,
        };
        let case = match name.split_once('-') {
            Some((bytes, "write")) => size(bytes).map(Case::Write),
            Some((bytes, "read")) => size(bytes).map(Case::Read),
            _ => match name {
                "null" => Some(Case::Null),
                "64b" => Some(Case::Swap),
                "oneway" => Some(Case::OneWay),
                "batch" => Some(Case::Batch),
                _ => None,
            },
        };
        case.ok_or_else(|| format!("no call is called '{name}'"))
    }
}

/// Makes calls, and panics when an answer is not what it has to be.
pub(crate) trait Calls {
    /// Makes `calls` calls of `case`, one after the other.
    fn run(&mut self, case: Case, calls: u32);

    /// Leaves the core to others until the next call. Servers go to sleep by themselves.
    #[cfg(not(target_family = "wasm"))]
    fn rest(&mut self) {}
}

/// Whole calls as users make them: generated client, postcard arguments, a `Result`, metrics.
pub(crate) struct Typed<R: Region> {
    client: StoreClient<R>,
    bytes: Vec<u8>,
    answer: Vec<u8>,
}

impl<R: Region> Typed<R> {
    /// A caller on the channel of a [`StoreServer`](crate::service::StoreServer).
    pub(crate) fn attach(channel: &Channel<R>) -> Result<Self, RpcError> {
        Ok(Self { client: StoreClient::attach(channel)?, bytes: vec![7; LARGEST], answer: vec![0; LARGEST] })
    }

    /// The same, which counts nothing.
    pub(crate) fn without_metrics(self) -> Self {
        self.client.caller().stop_metrics();
        self
    }
}

impl<R: Region> Calls for Typed<R> {
    fn run(&mut self, case: Case, calls: u32) {
        let client = &self.client;
        match case {
            Case::Null => (0..calls).for_each(|_| client.null().expect("served")),
            Case::Swap => {
                let message = "7".repeat(SMALL);
                (0..calls).for_each(|_| assert_eq!(client.swap(&message).as_deref(), Ok(&*message)));
            }
            Case::Write(len) => {
                let bytes = &self.bytes[..len];
                (0..calls).for_each(|_| assert_eq!(client.write(bytes), Ok(len as u32)));
            }
            Case::Read(len) => {
                let bytes = &mut self.answer[..len];
                (0..calls).for_each(|_| assert_eq!(client.read(bytes), Ok(len as u32)));
                assert_eq!((bytes[0], bytes[len - 1]), (7, 7));
            }
            Case::OneWay => {
                (0..calls).for_each(|_| client.count(1).expect("sent"));
                client.caller().flush().expect("served");
            }
            Case::Batch => {
                let mut left = calls;
                while left > 0 {
                    let together = left.min(BATCH);
                    let send = || (0..together).for_each(|_| client.count(1).expect("gathered"));
                    client.caller().batch(send).expect("sent");
                    left -= together;
                }
                client.caller().flush().expect("served");
            }
        }
    }
}

/// Bytes in, bytes out, by [`Caller::call_raw`].
pub(crate) struct Raw<R: Region> {
    caller: Caller<R>,
    bytes: Vec<u8>,
    answer: Vec<u8>,
}

impl<R: Region> Raw<R> {
    /// A caller on the channel of a [`RawStore`](crate::service::RawStore).
    pub(crate) fn attach(channel: &Channel<R>) -> Result<Self, RpcError> {
        Ok(Self {
            caller: Caller::attach(channel, &RAW_STORE)?,
            bytes: vec![7; LARGEST],
            answer: vec![0; LARGEST],
        })
    }
}

impl<R: Region> Calls for Raw<R> {
    fn run(&mut self, case: Case, calls: u32) {
        let (op, sent, returned) = match case {
            Case::Null => (&RAW_WRITE, 0, 0),
            Case::Swap => (&RAW_SWAP, SMALL, SMALL),
            Case::Write(len) => (&RAW_WRITE, len, 0),
            Case::Read(len) => {
                let (_, op) = RAW_READS.iter().find(|(size, _)| *size == len).expect("one per size");
                (op, 0, len)
            }
            Case::OneWay | Case::Batch => panic!("raw operations are called and waited for"),
        };
        let (request, response) = (&self.bytes[..sent], &mut self.answer[..returned]);
        (0..calls).for_each(|_| assert_eq!(self.caller.call_raw(op, request, response), Ok(returned)));
        assert!(response.iter().step_by(4095).all(|&byte| byte == 7));
    }
}
