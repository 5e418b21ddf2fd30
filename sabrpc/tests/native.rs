//! The suite between native threads, and what only threads can do: panic, race, and be watched from outside.
#![cfg(not(target_family = "wasm"))]

mod probe;

use std::{
    rc::Rc,
    time::{Duration, Instant},
};

use probe::{Probe as _, ProbeAsyncClient, ProbeClient, ProbeOp, ProbeServer, Prober};
use sabrpc::{
    Channel, ChannelConfig, ChannelError, Region as _, RpcError, Server, ServerState, ServiceInfo, Stopper,
    native::{self, NativeRegion, ServerThread},
};

fn start(mailboxes: u32, area: u32) -> (Channel, ServerThread) {
    let channel = Channel::native(ChannelConfig { mailboxes, area }).unwrap();
    let thread = native::spawn_with(&channel, serve);
    (channel, thread)
}

fn serve(channel: &Channel) -> Server<ProbeServer<Prober>> {
    let service = ProbeServer::new(Prober::default());
    let hears = service.clone();
    Server::new(channel, service).on_disconnect(move |caller| hears.service().forget(caller))
}

#[test]
fn the_suite_passes_with_the_smallest_and_the_usual_area() {
    for area in [4096, ChannelConfig::default().area] {
        let (channel, _server) = start(4, area);
        probe::suite(&channel, 500);
    }
}

#[test]
fn the_async_suite_passes() {
    let (channel, _server) = start(2, 4096);
    native::block_on(probe::async_suite(&channel));
}

#[test]
fn calls_of_one_async_client_made_at_once_are_executed_in_turn() {
    let (channel, _server) = start(2, 4096);
    let client = Rc::new(ProbeAsyncClient::attach(&channel).unwrap());
    let mut calls: Vec<_> = (0..10)
        .map(|call| {
            let client = Rc::clone(&client);
            Box::pin(async move { client.add(call, 100).await })
        })
        .collect();
    let mut results = vec![None; calls.len()];
    native::block_on(std::future::poll_fn(|cx| {
        for (call, result) in calls.iter_mut().zip(&mut results) {
            if result.is_none()
                && let std::task::Poll::Ready(sum) = call.as_mut().poll(cx)
            {
                *result = Some(sum);
            }
        }
        if results.iter().all(Option::is_some) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    }));
    let expected: Vec<_> = (0..10).map(|call| Some(Ok(call + 100))).collect();
    assert_eq!(results, expected);
}

#[test]
fn a_slow_async_call_holds_up_nobody_else() {
    let (channel, _server) = start(4, 4096);
    let sleeper = std::thread::spawn({
        let channel = channel.clone();
        move || ProbeClient::attach(&channel).unwrap().nap(400)
    });
    let client = ProbeClient::attach(&channel).unwrap();
    std::thread::sleep(Duration::from_millis(50));
    let start = Instant::now();
    for call in 0..100 {
        assert_eq!(client.add(call, 1), Ok(call + 1));
    }
    assert!(start.elapsed() < Duration::from_millis(200), "{:?}", start.elapsed());
    assert_eq!(sleeper.join().unwrap(), Ok(true));
}

#[test]
fn many_threads_get_their_own_answers() {
    let (channel, _server) = start(8, 4096);
    let threads: Vec<_> = (0..8_u32)
        .map(|thread| {
            let channel = channel.clone();
            std::thread::spawn(move || {
                let client = ProbeClient::attach(&channel).unwrap();
                for call in 0..500 {
                    assert_eq!(client.add(call, thread << 16), Ok(call + (thread << 16)));
                    client.put(&[1; 3]).unwrap();
                }
                assert_eq!(client.put_so_far(), Ok(1500));
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn a_panic_of_the_service_is_an_error_and_the_server_goes_on() {
    let (channel, _server) = start(2, 4096);
    let client = ProbeClient::attach(&channel).unwrap();
    assert_eq!(client.panic("on purpose"), Err(RpcError::Panicked("on purpose".into())));
    assert_eq!(client.add(1, 2), Ok(3));
}

#[test]
fn a_blocked_caller_hears_at_once_that_its_server_failed() {
    let (channel, _server) = start(2, 4096);
    let (sent, told) = std::sync::mpsc::channel();
    std::thread::spawn({
        let channel = channel.clone();
        move || {
            let client = ProbeClient::attach(&channel).unwrap();
            sent.send(()).unwrap();
            let result = client.nap(600_000);
            // The caller's end waits for nothing either.
            drop(client);
            assert_eq!(result, Err(RpcError::Gone { state: ServerState::Failed }));
            sent.send(()).unwrap();
        }
    });
    told.recv().unwrap();
    std::thread::sleep(Duration::from_millis(30));
    channel.mark_failed();
    told.recv_timeout(Duration::from_secs(1)).expect("the caller is told within a second");
}

#[test]
fn the_contract_is_compared_when_attaching() {
    static OTHER: ServiceInfo = ServiceInfo::new("Other", &[]);
    let (channel, _server) = start(2, 4096);
    let (ours, theirs) = (OTHER.schema_hash, ProbeOp::SERVICE.schema_hash);
    let error = sabrpc::Caller::attach(&channel, &OTHER).err();
    let difference = "the server serves Probe, which has none of the caller's operations".into();
    let expected = RpcError::SchemaMismatch { service: "Other".into(), ours, theirs, difference };
    assert_eq!(error, Some(expected));
}

#[test]
fn nobody_waits_for_a_server_that_has_not_started() {
    let channel = Channel::native(ChannelConfig::default()).unwrap();
    let error = ProbeClient::attach(&channel).err();
    assert_eq!(error, Some(RpcError::Gone { state: ServerState::NotStarted }));
    Stopper::new(&channel).stop();
}

#[test]
fn only_channels_are_opened() {
    let config = ChannelConfig { mailboxes: 0, area: 4096 };
    assert!(matches!(Channel::native(config), Err(ChannelError::Config { mailboxes: 0, area: 4096 })));
    for region in [NativeRegion::new(16), NativeRegion::new(1 << 16)] {
        assert!(matches!(Channel::open(region), Err(ChannelError::NotAChannel { .. })));
    }
    // A header that promises more than there is.
    let small = NativeRegion::new(4096);
    for (word, value) in
        [(0, sabrpc::layout::MAGIC), (4, sabrpc::layout::LAYOUT_VERSION), (8, 200), (12, 1 << 20)]
    {
        small.store(word, value);
    }
    assert!(matches!(Channel::open(small), Err(ChannelError::NotAChannel { .. })));
}

#[test]
fn the_trait_can_be_called_directly() {
    let mut room = [0; 4];
    let out = sabrpc::BulkOut::from_slice(&mut room);
    assert_eq!(Prober::default().echo(1, sabrpc::BulkIn::from_slice(&[1, 2]), out), Ok(2));
    assert_eq!(room, [2, 3, 0, 0]);
}
