//! Answers in many parts between native threads; what only threads can do, and what a hostile caller can.
#![cfg(not(target_family = "wasm"))]

mod feed;

use std::time::{Duration, Instant};

use feed::{FeedAsyncClient, FeedClient, FeedOp, FeedServer, Feeder};
use sabrpc::{
    Caller, Channel, ChannelConfig, RpcError, ServerState,
    native::{self, ServerThread},
};

fn start(area: u32) -> (Channel, ServerThread) {
    let channel = Channel::native(ChannelConfig { mailboxes: 3, area }).unwrap();
    let thread = native::spawn(&channel, || FeedServer::new(Feeder::default()));
    (channel, thread)
}

#[test]
fn the_suite_passes_with_the_smallest_and_the_usual_area() {
    for area in [4096, ChannelConfig::default().area] {
        let (channel, _server) = start(area);
        feed::suite(&channel);
    }
}

#[test]
fn the_async_suite_passes() {
    let (channel, _server) = start(4096);
    native::block_on(feed::async_suite(&channel));
}

#[test]
fn a_panic_ends_its_stream_and_no_other() {
    let (channel, _server) = start(4096);
    let client = FeedClient::attach(&channel).unwrap();
    let mut other = client.numbers(100).unwrap();
    assert_eq!(other.nth(15), Some(Ok(15)));
    let error = client.panics(3).err();
    assert_eq!(error, Some(RpcError::Panicked("on purpose".into())));
    // The first answer has 16 items.
    let mut panics = client.panics(20).unwrap();
    for number in 0..16 {
        assert_eq!(panics.next(), Some(Ok(number)));
    }
    assert_eq!(panics.next(), Some(Err(RpcError::Panicked("on purpose".into()))));
    assert_eq!(panics.next(), None);
    assert!(other.by_ref().eq((16..100).map(Ok)));
    drop((panics, other));
    assert_eq!(client.open(), Ok(0));
}

#[test]
fn a_server_that_stops_ends_the_wait_for_an_item() {
    let (channel, server) = start(4096);
    let waiter = std::thread::spawn({
        let channel = channel.clone();
        move || {
            let client = FeedClient::attach(&channel).unwrap();
            client.listen().unwrap().next()
        }
    });
    std::thread::sleep(Duration::from_millis(50));
    let start = Instant::now();
    server.stop();
    let error = RpcError::Gone { state: ServerState::Stopped };
    assert_eq!(waiter.join().unwrap(), Some(Err(error)));
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}

#[test]
fn streams_of_an_async_client_are_dropped_with_it() {
    let (channel, _server) = start(4096);
    let watch = FeedClient::attach(&channel).unwrap();
    native::block_on(async {
        let client = FeedAsyncClient::attach(&channel).unwrap();
        let forever = client.forever().await.unwrap();
        assert_eq!(watch.open(), Ok(1));
        drop(forever);
        drop(client);
    });
    assert_eq!(watch.open(), Ok(0));
}

/// What a request of a stream's operation looks like on the wire.
const OPEN: u32 = 0;
const NEXT: u32 = 1;

#[test]
fn a_caller_that_lies_about_its_place_is_refused() {
    let (channel, _server) = start(4096);
    let caller = Caller::attach(&channel, FeedOp::SERVICE).unwrap();
    let numbers = FeedOp::Numbers.info();
    let first = caller.call_plain::<(bool, Vec<u32>)>(numbers, &(OPEN, 7_u32, 4_u32, (9_u32,)), &[], &mut []);
    assert_eq!(first, Ok((false, vec![0, 1, 2, 3])));
    let next =
        |have: u64| caller.call_plain::<(bool, Vec<u32>)>(numbers, &(NEXT, 7_u32, have, 4_u32), &[], &mut []);
    // Asked again, it is answered again.
    assert_eq!(next(0), Ok((false, vec![0, 1, 2, 3])));
    assert_eq!(next(4), Ok((false, vec![4, 5, 6, 7])));
    for have in [0, 3, 9, u64::MAX] {
        assert!(matches!(next(have), Err(RpcError::Malformed { .. })), "{have}");
    }
    assert_eq!(next(8), Ok((false, vec![8])));
    assert_eq!(next(9), Ok((true, vec![])));
    assert_eq!(next(9), Ok((true, vec![])), "who did not hear of the end hears of it");
    assert!(matches!(
        caller.call_plain::<(bool, Vec<u32>)>(numbers, &(3_u32, 7_u32), &[], &mut []),
        Err(RpcError::Malformed { .. })
    ));
}

#[test]
fn there_is_an_end_to_the_streams_that_a_caller_can_open() {
    let (channel, _server) = start(4096);
    let client = FeedClient::attach(&channel).unwrap();
    let mut streams = Vec::new();
    let error = loop {
        match client.forever() {
            Ok(stream) => streams.push(stream),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, RpcError::Malformed { .. }), "{error}");
    assert_eq!(streams.len(), 1000);
    streams.truncate(1);
    assert_eq!(client.open(), Ok(1));
    assert!(client.forever().is_ok());
}
