//! A service that probes everything a call can be, and the suite that every pair of client and server has to pass.
//!
//! The same code runs between native threads (`native.rs`) and between workers of a browser (`browser.rs`).

// Each test file uses its own part.
#![allow(dead_code)]

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    task::{Poll, Waker},
    time::Duration,
};

use sabrpc::{
    BulkIn, BulkOut, CallError, CallerId, Channel, Region, RpcError, current_caller, sab_service, sleep,
};
use serde::{Deserialize, Serialize};

/// The probe's own errors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub(crate) enum ProbeError {
    /// No room for this many bytes.
    #[error("no room for {0} bytes")]
    Full(usize),
}

/// One of each kind of method.
#[sab_service]
pub(crate) trait Probe {
    /// Values in and out.
    fn add(&self, a: u32, b: u32) -> u32;
    /// Copies `data` to `out`, adding `by` to every byte.
    fn echo(&self, by: u8, data: BulkIn<'_>, out: BulkOut<'_>) -> Result<u32, ProbeError>;
    /// Takes its time, without holding up others.
    async fn nap(&self, millis: u64) -> bool;
    /// Counts bytes of the calling client; refuses those that begin with 255.
    #[op(oneway)]
    fn put(&self, data: BulkIn<'_>) -> Result<(), ProbeError>;
    /// Bytes that the calling client has put.
    fn put_so_far(&self) -> Result<u64, ProbeError>;
    /// Text of any length, both ways.
    fn repeat(&self, text: &str, times: u32) -> String;
    /// Panics.
    fn panic(&self, why: &str);
    /// Number of clients that went away.
    #[op(id = 100, name = "gone")]
    fn clients_gone(&self) -> u32;
    /// Takes until another client says [`release`](Self::release).
    async fn hold(&self) -> bool;
    /// How many hold.
    fn holding(&self) -> u32;
    /// Lets those go who hold.
    fn release(&self);
}

/// The probe's implementation.
#[derive(Default)]
pub(crate) struct Prober {
    put: RefCell<std::collections::HashMap<CallerId, u64>>,
    gone: RefCell<u32>,
    held: RefCell<Vec<Waker>>,
    releases: Cell<u32>,
}

impl Prober {
    /// What the server does when a client went away.
    pub(crate) fn forget(&self, caller: CallerId) {
        self.put.borrow_mut().remove(&caller);
        *self.gone.borrow_mut() += 1;
    }
}

impl Probe for Prober {
    fn add(&self, a: u32, b: u32) -> u32 {
        a.wrapping_add(b)
    }

    fn echo(&self, by: u8, data: BulkIn<'_>, mut out: BulkOut<'_>) -> Result<u32, ProbeError> {
        let mut bytes = data.to_vec();
        if bytes.len() > out.capacity() {
            return Err(ProbeError::Full(bytes.len()));
        }
        bytes.iter_mut().for_each(|byte| *byte = byte.wrapping_add(by));
        out.write_at(0, &bytes);
        Ok(out.filled() as u32)
    }

    async fn nap(&self, millis: u64) -> bool {
        let before = current_caller();
        sleep(Duration::from_millis(millis)).await;
        before.is_some() && current_caller() == before
    }

    async fn hold(&self) -> bool {
        let before = self.releases.get();
        poll_fn(|cx| {
            if self.releases.get() != before {
                return Poll::Ready(true);
            }
            let mut held = self.held.borrow_mut();
            if !held.iter().any(|waker| waker.will_wake(cx.waker())) {
                held.push(cx.waker().clone());
            }
            Poll::Pending
        })
        .await
    }

    fn holding(&self) -> u32 {
        self.held.borrow().len() as u32
    }

    fn release(&self) {
        self.releases.set(self.releases.get() + 1);
        self.held.take().into_iter().for_each(Waker::wake);
    }

    fn put(&self, data: BulkIn<'_>) -> Result<(), ProbeError> {
        let bytes = data.to_vec();
        if bytes.first() == Some(&255) {
            return Err(ProbeError::Full(bytes.len()));
        }
        if let Some(caller) = current_caller() {
            *self.put.borrow_mut().entry(caller).or_default() += bytes.len() as u64;
        }
        Ok(())
    }

    fn put_so_far(&self) -> Result<u64, ProbeError> {
        Ok(current_caller().and_then(|caller| self.put.borrow().get(&caller).copied()).unwrap_or_default())
    }

    fn repeat(&self, text: &str, times: u32) -> String {
        text.repeat(times as usize)
    }

    fn panic(&self, why: &str) {
        panic!("{why}");
    }

    fn clients_gone(&self) -> u32 {
        *self.gone.borrow()
    }
}

/// Small numbers from a fixed seed (xorshift), so that a failure comes back.
pub(crate) struct Numbers(pub(crate) u32);

impl Numbers {
    /// The next number below `below`.
    pub(crate) fn next(&mut self, below: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 % below
    }
}

/// Values, and bytes of many lengths and alignments, up to far beyond the area; neighbours stay as they were.
pub(crate) fn bytes_are_right<R: Region>(client: &ProbeClient<R>, calls: u32) {
    let mut numbers = Numbers(0x5AB);
    for call in 0..calls {
        assert_eq!(client.add(call, 7), Ok(call + 7));
        let len = match numbers.next(40) {
            0 => numbers.next(600_000),
            1..10 => numbers.next(20_000),
            _ => numbers.next(300),
        } as usize;
        let (shift_in, shift_out) = (numbers.next(9) as usize, numbers.next(9) as usize);
        let sent: Vec<u8> = (0..shift_in + len).map(|at| (at as u32 ^ call) as u8).collect();
        let mut got = vec![0xEE; shift_out + len + 3];
        let out = &mut got[shift_out..shift_out + len + 1];
        assert_eq!(
            client.echo(call as u8, &sent[shift_in..], out),
            Ok(len as u32),
            "call {call}, {len} bytes"
        );
        let expected = sent[shift_in..].iter().map(|byte| byte.wrapping_add(call as u8));
        assert!(got[shift_out..shift_out + len].iter().copied().eq(expected), "call {call}, {len} bytes");
        let around = got[..shift_out].iter().chain(&got[shift_out + len..]);
        assert!(around.into_iter().all(|&byte| byte == 0xEE), "call {call} wrote beside its bytes");
    }
}

/// Results and arguments larger than the area.
pub(crate) fn no_size_is_too_large<R: Region>(client: &ProbeClient<R>) {
    for (len, times) in [(0, 5), (1, 100_000), (70_000, 1), (70_000, 30)] {
        let text = "é".repeat(len);
        assert_eq!(client.repeat(&text, times).map(|all| all.len()), Ok(2 * len * times as usize));
    }
}

/// An error of the service's own, inside the call.
pub(crate) fn errors_cross_as_themselves<R: Region>(client: &ProbeClient<R>) {
    let mut out = [7; 3];
    assert_eq!(client.echo(0, &[1; 9], &mut out), Err(CallError::Service(ProbeError::Full(9))));
    assert_eq!(out, [7; 3]);
}

/// One-way calls are executed in order; the first error is told by the next call that can carry it, in its place.
pub(crate) fn oneway_errors_are_kept<R: Region>(client: &ProbeClient<R>) {
    let before = client.put_so_far().unwrap();
    for _ in 0..20 {
        client.put(b"abc").unwrap();
    }
    client.put(&[1; 200_000]).unwrap();
    assert_eq!(client.put_so_far(), Ok(before + 60 + 200_000));
    client.put(&[255; 5]).unwrap();
    client.flush_probe();
    assert_eq!(client.add(1, 1), Ok(2), "a call that cannot carry the error is executed");
    assert_eq!(client.put(b"xyz"), Err(CallError::Service(ProbeError::Full(5))));
    assert_eq!(client.put_so_far(), Ok(before + 60 + 200_000), "the call that told the error was not made");
}

/// One-way calls that travel together, more than an area holds: all are executed, and what failed is told.
pub(crate) fn batches_keep_order_and_errors<R: Region>(client: &ProbeClient<R>) {
    let before = client.put_so_far().unwrap();
    let batch = client.caller().batch(|| {
        (0..500).try_for_each(|_| client.put(b"abc"))?;
        client.put(&[255; 5])?;
        client.put(b"xyz")
    });
    assert_eq!(batch, Ok(Ok(())));
    assert_eq!(client.put(b"not made"), Err(CallError::Service(ProbeError::Full(5))));
    assert_eq!(client.put_so_far(), Ok(before + 1503));
}

/// What the tests add to the generated client.
trait Flush {
    fn flush_probe(&self);
}

impl<R: Region> Flush for ProbeClient<R> {
    fn flush_probe(&self) {
        self.caller().flush().unwrap();
    }
}

/// A slow `async fn` of one caller holds up nobody else, and keeps its caller's identity.
pub(crate) fn deadlines_end_a_call_and_no_answer_is_mixed_up<R: Region>(client: &ProbeClient<R>) {
    assert_eq!(client.nap(1), Ok(true));
    let deadline = Duration::from_millis(20);
    client.caller().set_deadline(Some(deadline));
    assert_eq!(client.nap(200), Err(RpcError::TimedOut(deadline)));
    client.caller().set_deadline(None);
    assert_eq!(client.add(20, 22), Ok(42), "the late answer was not taken for this one's");
}

/// The mailboxes are given back by clients that go, and the server hears of it.
pub(crate) fn mailboxes_are_given_back<R: Region>(channel: &Channel<R>) {
    let first = ProbeClient::attach(channel).unwrap();
    let before = first.clients_gone().unwrap();
    for _ in 0..20 {
        let client = ProbeClient::attach(channel).unwrap();
        client.put(b"x").unwrap();
        assert_eq!(client.put_so_far(), Ok(1), "nothing is left of an earlier client");
    }
    let mut held = Vec::new();
    let error = loop {
        match ProbeClient::attach(channel) {
            Ok(client) => held.push(client),
            Err(error) => break error,
        }
    };
    assert_eq!(error, RpcError::NoMailbox { mailboxes: channel.geometry().mailboxes() });
    assert_eq!(held.len() as u32 + 1, channel.geometry().mailboxes());
    assert!(held.iter().all(|client| client.add(1, 2) == Ok(3)));
    drop(held);
    // The server notices at its next look around.
    let noticed = (0..200).any(|_| first.nap(5).is_ok() && first.clients_gone().unwrap() >= before + 20);
    assert!(noticed, "on_disconnect was called for {} of 20", first.clients_gone().unwrap() - before);
}

/// Everything that a blocking client has to pass.
pub(crate) fn suite<R: Region>(channel: &Channel<R>, calls: u32) {
    let client = ProbeClient::attach(channel).unwrap();
    bytes_are_right(&client, calls);
    no_size_is_too_large(&client);
    errors_cross_as_themselves(&client);
    oneway_errors_are_kept(&client);
    batches_keep_order_and_errors(&client);
    deadlines_end_a_call_and_no_answer_is_mixed_up(&client);
    let echo = &client.caller().metrics()[1];
    assert_eq!((echo.name.as_str(), echo.count, echo.errors), ("echo", u64::from(calls) + 1, 1));
    drop(client);
    mailboxes_are_given_back(channel);
}

/// The same for a client that awaits.
pub(crate) async fn async_suite<R: Region>(channel: &Channel<R>) {
    let client = ProbeAsyncClient::attach(channel).unwrap();
    for call in 0..200 {
        assert_eq!(client.add(call, 1).await, Ok(call + 1));
    }
    for len in [0, 1, 1000, 500_000] {
        let (sent, mut got) = (vec![3; len], vec![0; len]);
        assert_eq!(client.echo(4, &sent, &mut got).await, Ok(len as u32));
        assert!(got.iter().all(|&byte| byte == 7));
    }
    client.put(&[255; 5]).await.unwrap();
    assert_eq!(client.put_so_far().await, Err(CallError::Service(ProbeError::Full(5))));
    assert_eq!(client.repeat("ab", 100_000).await.map(|all| all.len()), Ok(200_000));

    // A call that is given up leaves nothing behind.
    let mut nap = Box::pin(client.nap(50));
    let gone = std::future::poll_fn(|cx| std::task::Poll::Ready(nap.as_mut().poll(cx).is_pending())).await;
    drop(nap);
    assert!(gone);
    assert_eq!(client.add(20, 22).await, Ok(42));
    client.caller().set_deadline(Some(Duration::from_millis(10)));
    assert!(matches!(client.nap(100).await, Err(RpcError::TimedOut(_))));
    client.caller().set_deadline(None);
    assert_eq!(client.add(20, 22).await, Ok(42));
}
