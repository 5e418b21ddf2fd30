//! Whoever dies, nobody waits for him for ever: workers that trap, are closed or terminated, as servers and as callers.
#![cfg(target_family = "wasm")]

mod mortal;

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};

use mortal::{BOUND, CLOSES, DIED, FILLS, MortalAsyncClient, MortalClient, MortalOp, WAYS};
use sabrpc::{CallError, Channel, ChannelConfig, Region as _, RpcError, ServerState, sleep, web};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

/// Entry of the worker that serves.
#[wasm_bindgen]
pub fn mortal_worker(init: JsValue) {
    web::serve_with(init, async |(): (), channel| Ok(mortal::server(&channel)));
}

/// What a calling worker does: one call, and then another that is not answered. It never comes back to its event loop.
#[wasm_bindgen]
pub fn call_for_ever(channel: &JsValue) {
    let client = MortalClient::attach(&Channel::from_js(channel).unwrap()).unwrap();
    client.put(&[1; 10_000]).unwrap();
    client.nap(600_000).unwrap();
}

/// A worker that starts the one that serves.
#[wasm_bindgen]
pub fn start_server(channel: &JsValue) {
    let channel = Channel::from_js(channel).unwrap();
    wasm_bindgen_futures::spawn_local(async move {
        web::spawn("mortal_worker", &channel, MortalOp::SERVICE, &()).await.unwrap();
    });
}

#[wasm_bindgen(inline_js = r#"
    const script = (source) => URL.createObjectURL(new Blob([source], { type: "text/javascript" }));

    // Calls one of the functions above. The address of the module is the test runner's choice.
    function script_for(entry) {
        const glue = JSON.stringify(new URL("/wasm-bindgen-test.js", import.meta.url));
        const module = JSON.stringify(new URL("/wasm-bindgen-test_bg.wasm", import.meta.url));
        return script(`
            import * as app from ${glue};
            onmessage = ({ data }) => app.${entry}(data);
            await app.default({ module_or_path: ${module} });
            postMessage("loaded");
        `);
    }
    export function other_worker(entry, channel) {
        const worker = new Worker(script_for(entry), { type: "module" });
        worker.onmessage = () => worker.postMessage(channel);
        return worker;
    }
    // The same, with a worker in between, which is sent the time when to end that one: others may be blocked then.
    export function doomed_worker(entry, channel) {
        const between = new Worker(script(`
            const worker = new Worker(${JSON.stringify(script_for(entry))}, { type: "module" });
            const loaded = new Promise((resolve) => (worker.onmessage = resolve));
            onmessage = ({ data }) => {
                if (typeof data === "number") setTimeout(() => worker.terminate(), data);
                else loaded.then(() => worker.postMessage(data));
            };
        `));
        between.postMessage(channel);
        return between;
    }
"#)]
extern "C" {
    fn other_worker(entry: &str, channel: &JsValue) -> web_sys::Worker;
    fn doomed_worker(entry: &str, channel: &JsValue) -> web_sys::Worker;
}

async fn start(mailboxes: u32) -> (Channel, web::WorkerHandle) {
    let channel = Channel::create(ChannelConfig { mailboxes, area: 4096 }).unwrap();
    let worker = web::spawn("mortal_worker", &channel, MortalOp::SERVICE, &()).await.unwrap();
    (channel, worker)
}

/// Polls a call once, which makes it.
async fn begin<F: Future>(mut call: Pin<&mut F>) {
    let is_pending = poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx).is_pending())).await;
    assert!(is_pending);
}

/// Waits until `what` holds, for so many seconds at most.
async fn comes_true(seconds: u32, mut what: impl AsyncFnMut() -> bool) -> bool {
    for _ in 0..seconds * 20 {
        if what().await {
            return true;
        }
        sleep(Duration::from_millis(50)).await;
    }
    false
}

#[wasm_bindgen_test]
async fn a_server_that_dies_in_a_method_ends_the_wait_of_its_blocked_caller() {
    for how in 0..WAYS {
        let (channel, worker) = start(2).await;
        let client = MortalClient::attach(&channel).unwrap();
        assert_eq!(client.add(1, 2), Ok(3));
        let other = MortalAsyncClient::attach(&channel).unwrap();
        let mut nap = pin!(other.nap(600_000));
        begin(nap.as_mut()).await;
        let start = channel.region().now();
        let result = client.die(how);
        let took = channel.region().now() - start;
        // Who closes his own worker goes on until the end of what it is doing.
        assert!(result == Err(DIED) || how == CLOSES && result == Ok(()), "way {how}: {result:?}");
        // Filling all of its memory takes as long as it takes.
        assert!(took < BOUND || how == FILLS, "way {how}: {took:?}");
        assert_eq!(nap.await, Err(DIED), "way {how}: all of its callers hear of it");
        assert_eq!(client.add(1, 2), Err(DIED), "way {how}");
        worker.terminate();
        let again = web::spawn("mortal_worker", &channel, MortalOp::SERVICE, &()).await.unwrap();
        assert_eq!(client.add(1, 2), Err(RpcError::Gone { state: ServerState::Replaced }));
        drop(client);
        assert_eq!(MortalClient::attach(&channel).unwrap().add(1, 2), Ok(3), "another serves");
        again.terminate();
    }
}

#[wasm_bindgen_test]
async fn an_answer_that_cannot_be_encoded_is_an_error_of_its_own() {
    let (channel, worker) = start(2).await;
    let client = MortalClient::attach(&channel).unwrap();
    let said = client.say(false);
    assert!(matches!(&said, Err(RpcError::Unencodable { what, .. }) if what == "say"), "{said:?}");
    let said = client.say_later();
    assert!(matches!(&said, Err(CallError::Rpc(RpcError::Unencodable { .. }))), "{said:?}");
    assert_eq!(client.add(1, 2), Ok(3), "and it serves on");
    assert_eq!(client.say(true), Err(DIED), "a panic ends it here");
    worker.terminate();
}

#[wasm_bindgen_test]
async fn a_server_whose_worker_is_terminated_by_others_is_missed() {
    let (channel, worker) = start(2).await;
    let client = MortalAsyncClient::attach(&channel).unwrap();
    let region = channel.region();
    let mut nap = pin!(client.nap(600_000));
    begin(nap.as_mut()).await;
    sleep(Duration::from_millis(50)).await;
    let start = region.now();
    worker.js().terminate();
    assert_eq!(nap.await, Err(DIED));
    let took = region.now() - start;
    assert!(took < BOUND, "{took:?}");
}

#[wasm_bindgen_test]
async fn a_server_that_ends_with_the_worker_that_started_it_is_missed() {
    let channel = Channel::create(ChannelConfig { mailboxes: 2, area: 4096 }).unwrap();
    let parent = other_worker("start_server", &channel.to_js());
    assert!(comes_true(10, async || MortalAsyncClient::attach(&channel).is_ok()).await);
    let client = MortalAsyncClient::attach(&channel).unwrap();
    let mut nap = pin!(client.nap(600_000));
    begin(nap.as_mut()).await;
    sleep(Duration::from_millis(100)).await;
    let start = channel.region().now();
    parent.terminate();
    assert_eq!(nap.await, Err(DIED));
    let took = channel.region().now() - start;
    assert!(took < BOUND, "{took:?}");
}

/// A server that ends with the worker that started it, once that is told to; nobody here watches it.
async fn start_doomed() -> (Channel, web_sys::Worker) {
    let channel = Channel::create(ChannelConfig { mailboxes: 2, area: 4096 }).unwrap();
    let doomed = doomed_worker("start_server", &channel.to_js());
    assert!(comes_true(20, async || channel.dump().serving.is_ok()).await);
    // Long enough for its worker to have been told that it has its lock.
    sleep(Duration::from_millis(100)).await;
    (channel, doomed)
}

#[wasm_bindgen_test]
async fn a_blocked_caller_misses_his_server_himself_if_nobody_else_can() {
    let (channel, doomed) = start_doomed().await;
    let client = MortalClient::attach(&channel).unwrap();
    assert_eq!(client.add(1, 2), Ok(3));
    let long = Duration::from_millis(1700);
    let result = client.caller().within(long, || client.nap(60_000));
    assert_eq!(result, Err(RpcError::TimedOut(long)), "who is alive is not missed");
    let until = Duration::from_millis(300);
    doomed.post_message(&JsValue::from(until.as_millis() as f64)).unwrap();
    let start = channel.region().now();
    assert_eq!(client.nap(600_000), Err(DIED));
    let took = channel.region().now() - start;
    assert!(took < until + BOUND, "{took:?}");
    doomed.terminate();
}

#[wasm_bindgen_test]
async fn a_server_that_died_before_anybody_watched_it_is_missed() {
    let (channel, doomed) = start_doomed().await;
    doomed.post_message(&JsValue::from(0)).unwrap();
    sleep(Duration::from_millis(500)).await;
    assert!(channel.dump().serving.is_ok(), "nobody has noticed");
    let client = MortalAsyncClient::attach(&channel).unwrap();
    let start = channel.region().now();
    assert_eq!(client.add(1, 2).await, Err(DIED));
    let took = channel.region().now() - start;
    assert!(took < BOUND, "{took:?}");
    doomed.terminate();
}

#[wasm_bindgen_test]
async fn a_caller_whose_worker_is_terminated_gives_back_what_it_held() {
    let (channel, worker) = start(2).await;
    let client = MortalAsyncClient::attach(&channel).unwrap();
    for round in 1..=2 {
        let calling = other_worker("call_for_ever", &channel.to_js());
        let taken = comes_true(10, async || MortalClient::attach(&channel).is_err()).await;
        assert!(taken, "the other has a mailbox");
        // Long enough for it to be blocked, and to be taken for dead if it were.
        sleep(Duration::from_millis(1200)).await;
        assert!(MortalClient::attach(&channel).is_err(), "who is blocked is not dead");
        // Those that attached above came and went.
        let before = client.gone().await.unwrap();
        calling.terminate();
        assert!(comes_true(5, async || client.gone().await == Ok(before + 1)).await, "round {round}");
        assert_eq!(MortalClient::attach(&channel).unwrap().add(1, 2), Ok(3));
        assert!(comes_true(5, async || client.gone().await == Ok(before + 2)).await);
    }
    worker.terminate();
}
