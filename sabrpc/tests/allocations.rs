//! Calls on a warm channel allocate nothing, neither at their caller nor at their server; what awaiting costs is stated.
#![cfg(not(target_family = "wasm"))]

mod patient;
mod probe;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use allocation_counter::measure;
use patient::Patient;
use patient::service::{BYTES, Plain, RAW, RAWS, TypedAsyncClient, TypedClient, TypedServer};
use probe::{ProbeClient, ProbeServer, Prober};
use sabrpc::{Caller, Channel, ChannelConfig, Dispatch, native};

/// What the polls of a server allocated, those that are over.
#[derive(Default)]
struct Polls {
    done: AtomicU64,
    allocations: AtomicU64,
}

/// Serves `make` while `test` calls.
fn with_server<S: Dispatch>(
    make: impl FnOnce() -> S + Send + 'static,
    test: impl FnOnce(&Channel<Patient>, &Polls),
) {
    let polls = Arc::new(Polls::default());
    let counting = Arc::clone(&polls);
    let around = move |poll: &mut dyn FnMut()| {
        let counted = measure(poll);
        counting.allocations.fetch_add(counted.count_total, Ordering::SeqCst);
        counting.done.fetch_add(1, Ordering::SeqCst);
    };
    patient::with_server(make, around, |channel, _| test(channel, &polls));
}

/// What a thousand calls or more allocate, at the caller and at the server, and how many there were.
fn allocations(channel: &Channel<Patient>, polls: &Polls, mut call: impl FnMut()) -> [u64; 3] {
    let mut calls = 0;
    let mut until_next_poll = |at_least: u64| {
        let (before, calls_before) = (polls.done.load(Ordering::SeqCst), calls);
        while calls < calls_before + at_least {
            call();
            calls += 1;
        }
        // The server's turn is over as soon as it looks at the clock.
        channel.region().skip(Duration::from_millis(5));
        while polls.done.load(Ordering::SeqCst) == before {
            call();
            calls += 1;
        }
        calls - calls_before
    };
    until_next_poll(100);
    let before = polls.allocations.load(Ordering::SeqCst);
    let mut counted = 0;
    let ours = measure(|| counted = until_next_poll(1000));
    [ours.count_total, polls.allocations.load(Ordering::SeqCst) - before, counted]
}

#[test]
fn a_warm_typed_call_allocates_nothing_on_either_side() {
    with_server(
        || TypedServer::new(Plain),
        |channel, polls| {
            let client = TypedClient::attach(channel).unwrap();
            let (sent, mut got) = (&BYTES[..1000], [0; 1000]);
            let [ours, theirs, calls] = allocations(channel, polls, || {
                client.null().unwrap();
                assert_eq!(client.add(40, 2), Ok(42));
                assert_eq!(client.read(1000, &mut got), Ok(1000));
                client.write(sent).unwrap();
                client.swap(sent, &mut got).unwrap();
                client.tell(sent).unwrap();
            });
            assert_eq!([ours, theirs], [0, 0], "in {calls} calls of each kind");
        },
    );
}

#[test]
fn a_warm_raw_call_allocates_nothing_on_either_side() {
    with_server(
        || Plain,
        |channel, polls| {
            let caller = Caller::attach(channel, &RAWS).unwrap();
            let (request, mut room) = ([64, 0, 7], [0; 64]);
            let [ours, theirs, calls] = allocations(channel, polls, || {
                assert_eq!(caller.call_raw(&RAW, &request, &mut room), Ok(64));
            });
            assert_eq!([ours, theirs], [0, 0], "in {calls} calls");
        },
    );
}

#[test]
fn an_async_fn_allocates_its_future_and_nothing_else() {
    with_server(
        || TypedServer::new(Plain),
        |channel, polls| {
            let client = TypedClient::attach(channel).unwrap();
            let [ours, theirs, calls] = allocations(channel, polls, || assert_eq!(client.later(1), Ok(1)));
            assert_eq!(ours, 0, "at the caller");
            // One call may have been counted with another poll, at either end.
            assert!(theirs.abs_diff(calls) <= 1, "{theirs} allocations at the server for {calls} calls");
        },
    );
}

#[test]
fn a_warm_call_between_threads_allocates_nothing_at_its_caller() {
    let channel = Channel::native(ChannelConfig::default()).unwrap();
    let _server = native::spawn(&channel, || ProbeServer::new(Prober::default()));
    let client = ProbeClient::attach(&channel).unwrap();
    let (sent, mut got) = (vec![3; 8192], vec![0; 8192]);
    let mut calls = || {
        for _ in 0..100 {
            assert_eq!(client.add(40, 2), Ok(42));
            assert_eq!(client.echo(1, &sent, &mut got), Ok(8192));
            assert_eq!(client.put(&sent), Ok(()));
        }
    };
    calls();
    // Whoever sleeps for the first time makes what he sleeps on.
    assert_eq!(client.nap(20), Ok(true));
    let counted = measure(calls);
    assert_eq!((counted.count_total, counted.bytes_total), (0, 0));
    let one = measure(|| drop(std::hint::black_box(vec![1; 100])));
    assert_eq!(one.count_total, 1, "the counter counts");
}

#[test]
fn an_awaited_call_that_finds_its_answer_allocates_nothing() {
    with_server(
        || TypedServer::new(Plain),
        |channel, _| {
            let client = TypedAsyncClient::attach(channel).unwrap();
            let call = async |times| {
                for _ in 0..times {
                    assert_eq!(client.add(40, 2).await, Ok(42));
                }
            };
            native::block_on(call(100));
            let counted = measure(|| native::block_on(call(1000)));
            let once = measure(|| native::block_on(call(0)));
            assert_eq!(counted.count_total, once.count_total, "block_on makes its waker, and that is all");
        },
    );
}
