//! The suite between workers of a real browser: the service in a worker that was started from wasm.
#![cfg(target_family = "wasm")]

mod feed;
mod probe;

use feed::{FeedClient, FeedOp, FeedServer, Feeder};
use probe::{ProbeAsyncClient, ProbeClient, ProbeOp, ProbeServer, Prober};
use sabrpc::{
    Channel, ChannelConfig, RpcError, Server, ServerState,
    web::{self, Backend, StartError, Unavailable},
};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

const STRAY: &str = "fail on the side";

/// Entry of the worker that serves the probe.
#[wasm_bindgen]
pub fn probe_worker(init: JsValue) {
    web::serve_with(init, async |refuse: Option<String>, channel| {
        if refuse.as_deref() == Some(STRAY) {
            // Code of the user's own that fails in the server's worker, while nobody calls.
            js_sys::eval(
                "Promise.reject(new Error('stray')); setTimeout(() => { throw new Error('stray'); }, 1)",
            )
            .unwrap_throw();
        } else if let Some(why) = refuse {
            return Err(Unavailable { code: "refused".into(), message: why });
        }
        let service = ProbeServer::new(Prober::default());
        let hears = service.clone();
        Ok(Server::new(&channel, service).on_disconnect(move |caller| hears.service().forget(caller)))
    });
}

/// Entry of the worker that serves the feed.
#[wasm_bindgen]
pub fn feed_worker(init: JsValue) {
    web::serve(init, async |(): ()| Ok(FeedServer::new(Feeder::default())));
}

/// A later version of the probe, and one that is none.
mod later {
    use sabrpc::BulkOut;

    #[sabrpc::sab_service]
    pub(super) trait Probe {
        fn add(&self, left: u32, right: u32) -> u32;
        #[op(id = 200)]
        fn subtract(&self, left: u32, right: u32) -> u32;
    }

    #[sabrpc::sab_service]
    pub(super) trait Other {
        fn add(&self, a: u32, out: BulkOut<'_>) -> u32;
    }
}

#[wasm_bindgen(inline_js = r#"
    // A worker as a script of a user makes it. The address of the module is the test runner's choice.
    export function worker_that(does) {
        const glue = JSON.stringify(new URL("/wasm-bindgen-test.js", import.meta.url));
        const module = JSON.stringify(new URL("/wasm-bindgen-test_bg.wasm", import.meta.url));
        const source = `import * as app from ${glue}; await app.default({ module_or_path: ${module} }); ${does}`;
        return new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })), { type: "module" });
    }
    export function has_spoken(worker) {
        return new Promise((resolve) => worker.addEventListener("message", resolve, { once: true }));
    }
"#)]
extern "C" {
    fn worker_that(does: &str) -> web_sys::Worker;
    fn has_spoken(worker: &web_sys::Worker) -> js_sys::Promise;
}

async fn start(area: u32) -> (Channel, web::WorkerHandle) {
    let channel = Channel::create(ChannelConfig { mailboxes: 4, area }).unwrap();
    let worker = web::spawn("probe_worker", &channel, ProbeOp::SERVICE, &None::<String>).await.unwrap();
    (channel, worker)
}

#[wasm_bindgen_test]
async fn the_suite_passes_with_the_smallest_and_the_usual_area() {
    for area in [4096, ChannelConfig::default().area] {
        let (channel, worker) = start(area).await;
        probe::suite(&channel, 1000);
        worker.terminate();
    }
}

#[wasm_bindgen_test]
async fn calls_go_through_the_helper_here_and_through_javascript_when_asked() {
    let (channel, worker) = start(4096).await;
    assert_eq!(channel.backend(), Backend::Helper);
    let js = channel.with_backend(Backend::Js).unwrap();
    assert_eq!(js.backend(), Backend::Js);
    probe::suite(&js, 200);
    let many: Vec<_> = (0..20).map_while(|_| channel.with_backend(Backend::Helper).ok()).collect();
    assert_eq!(many.len(), 7, "with the first there are eight");
    assert_eq!(
        Channel::from_js(&channel.to_js()).unwrap().backend(),
        Backend::Js,
        "as if nothing were missing"
    );
    drop(many);
    assert_eq!(Channel::from_js(&channel.to_js()).unwrap().backend(), Backend::Helper);
    worker.terminate();
}

#[wasm_bindgen_test]
async fn channels_that_nobody_needs_any_more_leave_the_helper_to_others() {
    for _ in 0..10 {
        let (channel, worker) = start(4096).await;
        assert_eq!(channel.backend(), Backend::Helper);
        assert_eq!(ProbeClient::attach(&channel).unwrap().add(1, 2), Ok(3));
        worker.terminate();
    }
}

#[wasm_bindgen_test]
async fn the_async_suite_passes() {
    let (channel, worker) = start(4096).await;
    probe::async_suite(&channel).await;
    worker.terminate();
}

#[wasm_bindgen_test]
async fn answers_in_many_parts_come_as_they_are_pulled() {
    for area in [4096, ChannelConfig::default().area] {
        let channel = Channel::create(ChannelConfig { mailboxes: 4, area }).unwrap();
        let worker = web::spawn("feed_worker", &channel, FeedOp::SERVICE, &()).await.unwrap();
        feed::suite(&channel);
        feed::async_suite(&channel).await;
        let client = FeedClient::attach(&channel).unwrap();
        let mut ticks = client.ticks(1).unwrap();
        assert_eq!(ticks.next(), Some(Ok(0)));
        worker.terminate();
        let after: Vec<_> = ticks.skip_while(Result::is_ok).collect();
        assert_eq!(after, [Err(RpcError::Gone { state: ServerState::Failed })]);
    }
}

#[wasm_bindgen_test]
async fn a_newer_client_meets_unknown_op_and_another_is_told_the_difference() {
    let (channel, worker) = start(4096).await;
    let client = later::ProbeClient::attach(&channel).unwrap();
    assert_eq!(client.add(1, 2), Ok(3));
    assert_eq!(client.subtract(3, 2), Err(RpcError::UnknownOp { service: "Probe".into(), op: 200 }));
    let error = later::OtherClient::attach(&channel).err().map(|error| error.to_string()).unwrap();
    let told = "the caller has add(a: u32, out: BulkOut) -> u32, the server has add(a: u32, b: u32) -> u32";
    assert!(error.contains(told), "{error}");
    drop(client);
    worker.terminate();
    // And so is who starts it.
    let channel = Channel::create(ChannelConfig::default()).unwrap();
    let service = later::OtherOp::SERVICE;
    let error = web::spawn("probe_worker", &channel, service, &None::<String>).await.unwrap_err();
    assert!(error.to_string().contains(told), "{error}");
    assert!(web::spawn("probe_worker", &channel, later::ProbeOp::SERVICE, &None::<String>).await.is_ok());
}

#[wasm_bindgen_test]
async fn a_worker_says_why_it_cannot_serve() {
    let channel = Channel::create(ChannelConfig::default()).unwrap();
    let why = Some("no such thing here".to_owned());
    let error = web::spawn("probe_worker", &channel, ProbeOp::SERVICE, &why).await.unwrap_err();
    let expected = Unavailable { code: "refused".into(), message: "no such thing here".into() };
    assert_eq!(error, StartError::Unavailable(expected));
}

#[wasm_bindgen_test]
async fn a_missing_entry_function_is_named() {
    let channel = Channel::create(ChannelConfig::default()).unwrap();
    let error = web::spawn("no_such_entry", &channel, ProbeOp::SERVICE, &()).await.unwrap_err();
    assert!(
        matches!(&error, StartError::WorkerFailed { message, .. } if message.contains("no_such_entry")),
        "{error}"
    );
}

#[wasm_bindgen_test]
async fn a_server_of_another_service_is_refused() {
    static OTHER: sabrpc::ServiceInfo = sabrpc::ServiceInfo::new("Other", &[]);
    let channel = Channel::create(ChannelConfig::default()).unwrap();
    let error = web::spawn("probe_worker", &channel, &OTHER, &None::<String>).await.unwrap_err();
    assert!(matches!(error, StartError::Rpc(RpcError::SchemaMismatch { .. })), "{error}");
}

#[wasm_bindgen_test]
async fn a_panic_which_ends_the_worker_ends_the_wait_of_its_caller() {
    let (channel, worker) = start(4096).await;
    let client = ProbeClient::attach(&channel).unwrap();
    assert_eq!(client.add(1, 2), Ok(3));
    let failed = RpcError::Gone { state: ServerState::Failed };
    assert_eq!(client.panic("on purpose"), Err(failed.clone()));
    assert_eq!(client.add(1, 2), Err(failed.clone()));
    let error = ProbeAsyncClient::attach(&channel).err();
    assert_eq!(error, Some(failed));
    worker.terminate();
}

#[wasm_bindgen_test]
async fn a_worker_that_was_made_elsewhere_serves_whenever_it_is_handed_over() {
    for (area, has_loaded) in [(4096, false), (8192, true)] {
        let channel = Channel::create(ChannelConfig { mailboxes: 4, area }).unwrap();
        let worker = worker_that("app.probe_worker()");
        if has_loaded {
            wasm_bindgen_futures::JsFuture::from(has_spoken(&worker)).await.unwrap();
        }
        let worker = web::spawn_in(worker, &channel, ProbeOp::SERVICE, &None::<String>).await.unwrap();
        probe::suite(&channel, 100);
        let client = ProbeClient::attach(&channel).unwrap();
        assert_eq!(client.panic("on purpose"), Err(RpcError::Gone { state: ServerState::Failed }));
        worker.terminate();
    }
}

#[wasm_bindgen_test]
async fn a_worker_asked_to_serve_twice_serves_once() {
    let channel = Channel::create(ChannelConfig::default()).unwrap();
    let worker = worker_that("app.probe_worker(); app.probe_worker()");
    let worker = web::spawn_in(worker, &channel, ProbeOp::SERVICE, &None::<String>).await.unwrap();
    probe::suite(&channel, 10);
    worker.terminate();
}

#[wasm_bindgen_test]
async fn a_worker_that_was_made_elsewhere_says_why_its_script_fails() {
    let channel = Channel::create(ChannelConfig::default()).unwrap();
    for script in ["throw new Error('no such luck')", "await Promise.reject(new Error('no such luck'))"] {
        let worker = worker_that(script);
        let error = web::spawn_in(worker, &channel, ProbeOp::SERVICE, &()).await.unwrap_err();
        assert!(
            matches!(&error, StartError::WorkerFailed { message, .. } if message.contains("no such luck")),
            "{error}"
        );
    }
}

#[wasm_bindgen_test]
async fn errors_of_other_code_in_the_worker_do_not_end_the_server() {
    let channel = Channel::create(ChannelConfig::default()).unwrap();
    let stray = Some(STRAY.to_owned());
    let worker = web::spawn("probe_worker", &channel, ProbeOp::SERVICE, &stray).await.unwrap();
    let client = ProbeClient::attach(&channel).unwrap();
    assert_eq!(client.nap(50), Ok(true));
    assert_eq!(client.add(1, 2), Ok(3));
    worker.terminate();
}

#[wasm_bindgen_test]
async fn a_terminated_worker_is_gone_and_another_can_serve() {
    let (channel, worker) = start(4096).await;
    let client = ProbeClient::attach(&channel).unwrap();
    assert_eq!(client.add(1, 2), Ok(3));
    worker.terminate();
    assert_eq!(client.add(1, 2), Err(RpcError::Gone { state: ServerState::Failed }));
    let again = web::spawn("probe_worker", &channel, ProbeOp::SERVICE, &None::<String>).await.unwrap();
    assert_eq!(client.add(1, 2), Err(RpcError::Gone { state: ServerState::Replaced }));
    assert_eq!(ProbeClient::attach(&channel).unwrap().add(1, 2), Ok(3));
    again.terminate();
}

#[wasm_bindgen_test]
async fn a_stopped_worker_answers_what_it_has_taken() {
    let (channel, worker) = start(4096).await;
    let client = ProbeAsyncClient::attach(&channel).unwrap();
    let mut nap = Box::pin(client.nap(100));
    assert!(std::future::poll_fn(|cx| std::task::Poll::Ready(nap.as_mut().poll(cx).is_pending())).await);
    sabrpc::sleep(std::time::Duration::from_millis(20)).await;
    sabrpc::Stopper::new(&channel).stop();
    assert_eq!(nap.await, Ok(true));
    sabrpc::sleep(std::time::Duration::from_millis(50)).await;
    assert_eq!(client.add(1, 2).await, Err(RpcError::Gone { state: ServerState::Stopped }));
    worker.terminate();
}

#[wasm_bindgen_test]
async fn bytes_are_right_while_our_memory_grows() {
    let (channel, worker) = start(4096).await;
    let client = ProbeClient::attach(&channel).unwrap();
    let mut kept = Vec::new();
    for call in 0..60 {
        probe::bytes_are_right(&client, 5);
        kept.push(std::hint::black_box(vec![call; 300_000]));
    }
    assert!(kept.iter().zip(0..).all(|(bytes, call)| bytes.iter().all(|&byte| byte == call)));
    worker.terminate();
}
