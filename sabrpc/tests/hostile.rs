//! A peer that writes what it likes: every request is answered with a typed error, and the server goes on.
#![cfg(not(target_family = "wasm"))]

mod probe;

use std::time::Duration;

use probe::{Numbers, ProbeClient, ProbeServer, Prober};
use sabrpc::{
    Bytes as _, Channel, ChannelConfig, Mail, Region as _, RpcError,
    layout::{self, request_flags, status},
    native,
};

/// Word offsets of mailbox 0 and its area, from the layout's table.
const REQUEST: u32 = 256;
const RESPONSE: u32 = 256 + 128;
const OWNER: u32 = 256 + 256;
const CALLER_SLEEPS: u32 = OWNER + 4;
const DOORBELL: u32 = 128;

struct Hostile {
    region: native::NativeRegion,
    area: u32,
    seq: i32,
    _server: native::ServerThread,
    channel: Channel,
}

impl Hostile {
    fn new() -> Self {
        let channel = Channel::native(ChannelConfig { mailboxes: 2, area: 4096 }).unwrap();
        let server = native::spawn(&channel, || ProbeServer::new(Prober::default()));
        // A client of its own attaches to mailbox 0 and is never heard of again.
        let client = ProbeClient::attach(&channel).unwrap();
        assert_eq!(client.add(1, 1), Ok(2));
        let region = channel.region().clone();
        std::mem::forget(client);
        assert_eq!(region.load(OWNER) % 2, 1);
        let area = channel.geometry().area(0);
        Self { seq: region.load(REQUEST), region, area, _server: server, channel }
    }

    /// Publishes a request of raw words and bytes; returns the status and the bytes of the answer.
    fn ask(&mut self, op: i32, len: i32, bytes: &[u8]) -> (i32, Vec<u8>) {
        self.region.copy_in(self.area, bytes);
        self.seq = self.seq.wrapping_add(1);
        let op = op ^ request_flags::asker(self.region.load(OWNER));
        let mut mail = Mail { value: self.seq, a: op, b: len, ..Mail::EMPTY };
        let short = bytes.len().min(mail.inline.len());
        mail.inline[..short].copy_from_slice(&bytes[..short]);
        self.region.publish(REQUEST, &mail, 192);
        self.region.add(DOORBELL, 1);
        self.region.notify(DOORBELL);
        for _ in 0..500 {
            self.region.store(CALLER_SLEEPS, 1);
            if self.region.load(RESPONSE) == self.seq {
                let mut answer = vec![0; self.region.load(RESPONSE + 8).clamp(0, 4096) as usize];
                let at = if answer.len() <= layout::INLINE { RESPONSE + 12 } else { self.area };
                self.region.copy_out(at, &mut answer);
                return (self.region.load(RESPONSE + 4), answer);
            }
            self.region.wait(CALLER_SLEEPS, 1, Duration::from_millis(10));
        }
        panic!("no answer to op {op:#x}, length {len}");
    }

    fn error(&mut self, op: i32, len: i32, bytes: &[u8]) -> RpcError {
        let (code, answer) = self.ask(op, len, bytes);
        assert_eq!(code, status::RPC_ERROR, "op {op:#x}, length {len}");
        postcard::from_bytes(&answer).unwrap()
    }
}

#[test]
fn each_lie_is_answered_with_what_is_wrong() {
    let mut peer = Hostile::new();
    assert!(matches!(peer.error(4242, 0, &[]), RpcError::UnknownOp { op: 4242, .. }));
    assert!(matches!(peer.error(0, -1, &[]), RpcError::Malformed { .. }), "negative length");
    assert!(matches!(peer.error(0, i32::MAX, &[]), RpcError::Malformed { .. }), "beyond the area");
    assert!(matches!(peer.error(0, 1, &[5]), RpcError::Malformed { .. }), "cut short");
    assert!(matches!(peer.error(0, 3, &[5, 6, 7]), RpcError::Malformed { .. }), "left over");
    // op 5 is repeat(text, times): a string that is not UTF-8, and one longer than the message.
    assert!(matches!(peer.error(5, 4, &[2, 0xC3, 0x28, 1]), RpcError::Malformed { .. }), "not UTF-8");
    assert!(matches!(peer.error(5, 3, &[200, 65, 1]), RpcError::Malformed { .. }), "a lying length");
    // op 1 is echo(by, in, out): bulk bytes that reach beyond the area.
    assert!(
        matches!(peer.error(1, 5, &[1, 0xF8, 0xFF, 0x7F, 0]), RpcError::Malformed { .. }),
        "bulk beyond the area"
    );
    assert_eq!(peer.ask(request_flags::CONTINUE, 0, &[]).0, status::LOST, "asks for more of no answer");
    assert_eq!(peer.ask(1 << 26, 0, &[]).0, status::LOST, "asks in another's name");
    let good = ProbeClient::attach(&peer.channel).unwrap();
    assert_eq!(good.add(1, 2), Ok(3), "the server serves others");
}

#[test]
fn random_requests_neither_panic_nor_hang_the_server() {
    let mut peer = Hostile::new();
    let mut numbers = Numbers(0xBAD);
    for _ in 0..20_000 {
        // Not `nap`, which may be asked to take years, and not `panic`, which prints.
        let op = [0, 1, 3, 4, 5, 100, 77][numbers.next(7) as usize];
        let flags = (numbers.next(32) << 16) as i32;
        let bytes: Vec<u8> = (0..numbers.next(40)).map(|_| numbers.next(256) as u8).collect();
        // `repeat` may be asked for gigabytes: it is asked with at most two bytes of numbers.
        let bytes = if op == 5 { &bytes[..bytes.len().min(3)] } else { &bytes[..] };
        let len = if numbers.next(10) == 0 { numbers.next(u32::MAX) as i32 } else { bytes.len() as i32 };
        let (code, _) = peer.ask(op | flags, len, bytes);
        assert!((status::OK..=status::LOST).contains(&(code & 0xFF)), "status {code:#x}");
    }
    let good = ProbeClient::attach(&peer.channel).unwrap();
    assert_eq!(good.add(1, 2), Ok(3));
}
