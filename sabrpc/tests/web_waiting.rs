//! How a server in a worker waits and shares its thread: with its own timers, messages and promises, with callers that
//! come and go, and in a browser that lacks `Atomics.waitAsync`.
#![cfg(target_family = "wasm")]

mod crew;
mod probe;

use std::{cell::Cell, pin::Pin, time::Duration};

use crew::{Pauses, together};
use probe::{ProbeAsyncClient, ProbeOp, ProbeServer, Prober};
use sabrpc::{
    Channel, ChannelConfig, Server,
    web::{self, WorkerHandle},
};
use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::{console_log, wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

/// How the worker is to be that serves the probe.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
struct Manner {
    /// Does without `Atomics.waitAsync`.
    without_wait_async: bool,
    /// Has a timer, a listener and promises besides.
    with_pulse: bool,
}

/// Entry of the worker that serves the probe.
#[wasm_bindgen]
pub fn probe_worker(init: JsValue) {
    web::serve_with(init, async |manner: Manner, channel| {
        if manner.without_wait_async {
            crew::hide_wait_async();
        }
        if manner.with_pulse {
            crew::start_pulse(2.0);
        }
        let service = ProbeServer::new(Prober::default());
        let hears = service.clone();
        Ok(Server::new(&channel, service).on_disconnect(move |caller| hears.service().forget(caller)))
    });
}

async fn start(manner: Manner) -> (Channel, WorkerHandle) {
    let channel = Channel::create(ChannelConfig { mailboxes: 8, area: 4096 }).unwrap();
    let worker = web::spawn("probe_worker", &channel, ProbeOp::SERVICE, &manner).await.unwrap();
    (channel, worker)
}

#[wasm_bindgen_test]
async fn timers_messages_and_promises_run_under_full_load() {
    let (channel, server) = start(Manner { with_pulse: true, ..Manner::default() }).await;
    let (one, first) = crew::hire(&channel).await;
    let (two, second) = crew::hire(&channel).await;
    for callers in [&[&one][..], &[&one, &two]] {
        for hand in callers {
            hand.enter().await.unwrap();
        }
        let mut calls = Vec::new();
        let pauses = crew::pauses(server.js(), 2.0, async {
            calls = together(callers.iter().map(|hand| hand.hammer(1500))).await;
        })
        .await;
        let calls: Vec<u32> = calls.into_iter().map(Result::unwrap).collect();
        for Pauses { kind, median, usual, longest } in pauses {
            console_log!("{calls:?} calls, a {kind} every {median:.1} ms, {usual:.1} ms, {longest:.1} ms");
            assert!(median < 12.0 && usual < 50.0, "a {kind} every {median} ms, usually within {usual} ms");
        }
        for hand in callers {
            hand.leave().await.unwrap();
        }
    }
    [server, first, second].into_iter().for_each(WorkerHandle::terminate);
}

#[wasm_bindgen_test]
async fn a_slow_call_holds_up_nobody_while_callers_come_and_go() {
    let (channel, server) = start(Manner::default()).await;
    let mut crew = Vec::new();
    for _ in 0..3 {
        let (hand, worker) = crew::hire(&channel).await;
        hand.enter().await.unwrap();
        crew.push((hand, worker));
    }
    let client = ProbeAsyncClient::attach(&channel).unwrap();
    crew[1].0.hammer(100).await.unwrap();
    let alone = crew[1].0.hammer(300).await.unwrap();
    let held = Cell::new(false);
    let hold = async {
        held.set(true);
        assert_eq!(crew[0].0.hold().await, Ok(true));
        held.set(false);
    };
    let others = async {
        let visits = crew[1..].iter().map(async |(hand, _)| {
            for _ in 0..5 {
                hand.visit(10).await.unwrap();
            }
            hand.verify(100).await.unwrap();
        });
        together(visits).await;
        let beside = crew[1].0.hammer(300).await.unwrap();
        console_log!("{alone} calls in 300 ms, {beside} beside a slow one");
        assert!(beside > alone / 10, "{alone} calls in 300 ms, {beside} beside a slow one");
        assert!(held.get(), "the slow call is still under way");
        client.release().await.unwrap();
    };
    let all: [Pin<Box<dyn Future<Output = ()>>>; 2] = [Box::pin(hold), Box::pin(others)];
    together(all).await;

    for (hand, _) in &crew {
        hand.leave().await.unwrap();
    }
    let mut gone = 0;
    for _ in 0..200 {
        gone = client.clients_gone().await.unwrap();
        if gone == 2 * 5 + 3 {
            break;
        }
        client.nap(5).await.unwrap();
    }
    assert_eq!(gone, 2 * 5 + 3, "each of the visits ended, and each hand left");
    server.terminate();
    crew.into_iter().for_each(|(_, worker)| worker.terminate());
}

#[wasm_bindgen_test]
async fn the_suites_pass_without_wait_async() {
    let (channel, server) = start(Manner { without_wait_async: true, ..Manner::default() }).await;
    probe::suite(&channel, 300);
    crew::hide_wait_async();
    probe::async_suite(&channel).await;
    crew::restore_wait_async();
    server.terminate();
}

/// What waits in place of a thread must not be collected as garbage meanwhile, which Firefox does to workers that nobody
/// refers to.
#[wasm_bindgen_test]
async fn waits_without_wait_async_survive_a_collection_of_garbage() {
    let (channel, server) = start(Manner { without_wait_async: true, ..Manner::default() }).await;
    // Nobody refers to the server's worker either.
    drop(server);
    crew::hide_wait_async();
    let client = ProbeAsyncClient::attach(&channel).unwrap();
    client.caller().set_deadline(Some(Duration::from_secs(20)));
    for _ in 0..10 {
        let done = Cell::new(false);
        let wait = async {
            assert_eq!(client.nap(150).await, Ok(true));
            done.set(true);
        };
        let litter = async {
            while !done.get() {
                crew::make_garbage();
                sabrpc::sleep(Duration::from_millis(10)).await;
            }
        };
        let both: [Pin<Box<dyn Future<Output = ()>>>; 2] = [Box::pin(wait), Box::pin(litter)];
        together(both).await;
    }
    crew::restore_wait_async();
}

#[wasm_bindgen_test]
async fn a_server_that_slept_answers_soon_with_and_without_wait_async() {
    for without_wait_async in [false, true] {
        let (channel, server) = start(Manner { without_wait_async, ..Manner::default() }).await;
        let (hand, worker) = crew::hire(&channel).await;
        hand.enter().await.unwrap();
        let times = hand.stroll(60, 10).await.unwrap();
        let (median, usual) = (times[30], times[54]);
        console_log!("without waitAsync: {without_wait_async}: {median} us, {usual} us");
        assert!(median < 20_000, "{median} us");
        hand.leave().await.unwrap();
        server.terminate();
        worker.terminate();
    }
}
