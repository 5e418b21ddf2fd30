//! The page's main thread: it may not block, so it awaits; and it can serve workers that block.
#![cfg(target_family = "wasm")]

mod crew;
mod probe;

use std::{cell::Cell, pin::Pin, time::Duration};

use probe::{ProbeAsyncClient, ProbeClient, ProbeOp, ProbeServer, Prober};
use sabrpc::{Channel, ChannelConfig, RpcError, Server, Stopper, web};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use wasm_bindgen_test::{console_log, wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

/// Entry of a worker that serves the probe.
#[wasm_bindgen]
pub fn probe_worker(init: JsValue) {
    web::serve(init, async |(): ()| Ok(ProbeServer::new(Prober::default())));
}

/// What a frame does: it has a client, whose call is not answered.
#[wasm_bindgen]
pub fn call_in_frame(channel: &JsValue) {
    let client = ProbeAsyncClient::attach(&Channel::from_js(channel).unwrap()).unwrap();
    spawn_local(async move { drop(client.nap(600_000).await) });
}

/// Or it serves.
#[wasm_bindgen]
pub fn serve_in_frame(channel: &JsValue) {
    let channel = Channel::from_js(channel).unwrap();
    spawn_local(async move { drop(serve_here(&channel).await) });
}

#[wasm_bindgen(inline_js = r#"
    // A frame that calls one of the functions above. The address of the module is the test runner's choice.
    export function frame(entry, channel) {
        const glue = JSON.stringify(new URL("/wasm-bindgen-test.js", import.meta.url));
        const module = JSON.stringify(new URL("/wasm-bindgen-test_bg.wasm", import.meta.url));
        const frame = document.createElement("iframe");
        frame.srcdoc = `<script type="module">
            import * as app from ${glue};
            onmessage = ({ data }) => app.${entry}(data);
            await app.default({ module_or_path: ${module} });
            parent.postMessage("a frame has loaded", "*");
        </script>`;
        addEventListener("message", function listen({ source, data }) {
            if (source !== frame.contentWindow || data !== "a frame has loaded") return;
            removeEventListener("message", listen);
            frame.contentWindow.postMessage(channel, "*");
        });
        document.body.append(frame);
        return () => frame.remove();
    }
"#)]
extern "C" {
    fn frame(entry: &str, channel: &JsValue) -> js_sys::Function;
}

/// Waits until `what` holds, for some seconds at most.
async fn comes_true(mut what: impl AsyncFnMut() -> bool) -> bool {
    for _ in 0..400 {
        if what().await {
            return true;
        }
        sabrpc::sleep(Duration::from_millis(25)).await;
    }
    false
}

fn channel(area: u32) -> Channel {
    Channel::create(ChannelConfig { mailboxes: 4, area }).unwrap()
}

/// Serves the probe on this very thread.
async fn serve_here(channel: &Channel) -> Stopper {
    let service = ProbeServer::new(Prober::default());
    let hears = service.clone();
    let server = Server::new(channel, service).on_disconnect(move |caller| hears.service().forget(caller));
    let stopper = server.stopper();
    spawn_local(async move { server.run().await.unwrap() });
    // Its first poll opens the channel.
    sabrpc::sleep(Duration::ZERO).await;
    stopper
}

#[wasm_bindgen_test]
async fn a_worker_blocks_on_a_server_on_the_main_thread() {
    let channel = channel(4096);
    let stopper = serve_here(&channel).await;
    let (hand, worker) = crew::hire(&channel).await;
    hand.enter().await.unwrap();
    hand.verify(2000).await.unwrap();
    // And the page does not freeze meanwhile.
    let (calls, turns) = (Cell::new(0), Cell::new(0));
    let hammer = async { calls.set(hand.hammer(500).await.unwrap()) };
    let page = async {
        while calls.get() == 0 {
            sabrpc::sleep(Duration::from_millis(1)).await;
            turns.set(turns.get() + 1);
        }
    };
    let both: [Pin<Box<dyn Future<Output = ()>>>; 2] = [Box::pin(hammer), Box::pin(page)];
    crew::together(both).await;
    console_log!("{calls:?} calls, and {turns:?} turns of a timer, in half a second");
    assert!(calls.get() >= 20 && turns.get() >= 20, "{calls:?} calls, {turns:?} turns");
    hand.leave().await.unwrap();
    stopper.stop();
    worker.terminate();
}

#[wasm_bindgen_test]
async fn a_blocking_client_is_refused_on_the_main_thread() {
    let channel = channel(4096);
    let stopper = serve_here(&channel).await;
    assert_eq!(ProbeClient::attach(&channel).err(), Some(RpcError::CannotBlock));
    stopper.stop();
}

#[wasm_bindgen_test]
async fn an_async_client_works_on_the_main_thread() {
    let channel = channel(4096);
    let worker = web::spawn("probe_worker", &channel, ProbeOp::SERVICE, &()).await.unwrap();
    probe::async_suite(&channel).await;
    worker.terminate();
}

#[wasm_bindgen_test]
async fn a_page_without_wait_async_serves_and_awaits() {
    crew::hide_wait_async();
    let channel = channel(4096);
    let stopper = serve_here(&channel).await;
    let (hand, worker) = crew::hire(&channel).await;
    hand.enter().await.unwrap();
    hand.verify(200).await.unwrap();
    let times = hand.stroll(20, 10).await.unwrap();
    console_log!("without waitAsync: {} us", times[10]);
    let client = ProbeAsyncClient::attach(&channel).unwrap();
    for call in 0..50 {
        assert_eq!(client.add(call, 1).await, Ok(call + 1));
    }
    stopper.stop();
    worker.terminate();
    crew::restore_wait_async();
}

#[wasm_bindgen_test]
async fn client_and_server_on_the_main_thread_take_turns() {
    let channel = channel(4096);
    let stopper = serve_here(&channel).await;
    probe::async_suite(&channel).await;
    let client = ProbeAsyncClient::attach(&channel).unwrap();
    assert_eq!(client.add(1, 2).await, Ok(3));
    stopper.stop();
}

#[wasm_bindgen_test]
async fn a_caller_in_a_frame_that_is_removed_is_missed() {
    let channel = channel(4096);
    let stopper = serve_here(&channel).await;
    let client = ProbeAsyncClient::attach(&channel).unwrap();
    let remove = frame("call_in_frame", &channel.to_js());
    assert!(comes_true(async || channel.dump().clients.iter().any(|other| other.call.is_some())).await);
    // Its lock may be late.
    sabrpc::sleep(Duration::from_millis(200)).await;
    assert_eq!(client.clients_gone().await, Ok(0));
    remove.call0(&JsValue::NULL).unwrap();
    assert!(comes_true(async || client.clients_gone().await == Ok(1)).await);
    stopper.stop();
}

#[wasm_bindgen_test]
async fn a_server_in_a_frame_that_is_removed_is_missed() {
    let channel = channel(4096);
    let remove = frame("serve_in_frame", &channel.to_js());
    assert!(comes_true(async || channel.dump().serving.is_ok()).await);
    let client = ProbeAsyncClient::attach(&channel).unwrap();
    assert_eq!(client.add(1, 2).await, Ok(3));
    remove.call0(&JsValue::NULL).unwrap();
    let gone = RpcError::Gone { state: sabrpc::ServerState::Failed };
    assert_eq!(client.add(1, 2).await, Err(gone));
}
