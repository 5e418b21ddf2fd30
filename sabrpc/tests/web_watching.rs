//! What can be seen of a channel in a browser, from the thread that waits and from others; exceptions; and what a browser
//! lacks.
#![cfg(target_family = "wasm")]

mod watched;

use std::{future::poll_fn, pin::pin, task::Poll, time::Duration};

use sabrpc::{CallError, Channel, ChannelConfig, LogLevel, Progress, log_exceptions, sleep, web};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use watched::{Subject, WatchedAsyncClient, WatchedClient, WatchedOp, WatchedServer, progress};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

/// Entry of the worker that serves. It says on a channel of the page what it logs.
#[wasm_bindgen]
pub fn watched_worker(init: JsValue) {
    web::serve(init, |wiretap: Option<String>| async {
        if let Some(name) = wiretap {
            tap_console(&name);
        }
        Ok(WatchedServer::new(Subject))
    });
}

#[wasm_bindgen(inline_js = r#"
    const levels = ["error", "warn", "info", "debug"];

    // Sends what is logged to who listens to `name`.
    export function tap_console(name) {
        const ears = new BroadcastChannel(name);
        for (const level of levels) console[level] = (text) => ears.postMessage(`${level}: ${text}`);
    }

    export class Ears {
        constructor(name) {
            this.heard = [];
            this.ears = new BroadcastChannel(name);
            this.ears.onmessage = ({ data }) => this.heard.push(data);
        }
        text() {
            return this.heard.join("|");
        }
    }
"#)]
extern "C" {
    fn tap_console(name: &str);
    type Ears;
    #[wasm_bindgen(constructor)]
    fn new(name: &str) -> Ears;
    #[wasm_bindgen(method)]
    fn text(this: &Ears) -> String;
}

async fn start(wiretap: Option<&str>) -> (Channel, web::WorkerHandle) {
    let channel = Channel::create(ChannelConfig { mailboxes: 3, area: 4096 }).unwrap();
    let worker = web::spawn("watched_worker", &channel, WatchedOp::SERVICE, &wiretap).await.unwrap();
    (channel, worker)
}

#[wasm_bindgen_test]
async fn what_a_worker_counts_is_read_from_the_region() {
    let (channel, worker) = start(None).await;
    watched::counts_of_everything(&channel);
    worker.terminate();
    assert_eq!(channel.metrics().unwrap()[0].count, 5000, "the last word of a worker that is gone");
}

#[wasm_bindgen_test]
async fn a_stuck_worker_is_seen_from_outside() {
    let (channel, worker) = start(None).await;
    let (first, second) =
        (WatchedAsyncClient::attach(&channel).unwrap(), WatchedAsyncClient::attach(&channel).unwrap());
    let mut nap = pin!(first.nap(60_000));
    let mut block = pin!(second.block(1500));
    assert!(poll_fn(|cx| Poll::Ready(nap.as_mut().poll(cx).is_pending())).await);
    sleep(Duration::from_millis(400)).await;
    let dump = channel.dump();
    let (how, waiting) = progress(&dump, "nap").unwrap();
    assert_eq!(how, Progress::Awaiting, "{dump}");
    assert!(dump.server_sleeps, "{dump}");
    // The future is not polled here, and so has not told since when.
    assert!(waiting < Duration::from_secs(10), "{dump}");
    assert!(poll_fn(|cx| Poll::Ready(block.as_mut().poll(cx).is_pending())).await);
    sleep(Duration::from_millis(600)).await;
    let dump = channel.dump();
    assert_eq!(progress(&dump, "block").unwrap().0, Progress::Executing, "{dump}");
    assert!(!dump.server_sleeps && dump.server_looked > Duration::from_millis(200), "{dump}");
    worker.terminate();
    let dump = channel.dump();
    assert_eq!(progress(&dump, "block").unwrap().0, Progress::Fatal, "{dump}");
    assert!(dump.to_string().contains("is what its server died in"), "{dump}");
}

#[wasm_bindgen_test]
async fn exceptions_cross_and_are_logged_as_the_user_says() {
    for (level, word) in
        [(LogLevel::Off, None), (LogLevel::Error, Some("error: ")), (LogLevel::Info, Some("info: "))]
    {
        // The worker starts with the level of its parent.
        log_exceptions(level);
        let name = format!("sabrpc test {level:?} {}", js_sys::Math::random());
        let ears = Ears::new(&name);
        let (channel, worker) = start(Some(&name)).await;
        let client = WatchedClient::attach(&channel).unwrap();
        let script = "(function culprit() { throw new RangeError('too far'); })()";
        for result in [client.throw(script), client.throw_later(script)] {
            let Err(CallError::Service(exception)) = result else { panic!("{result:?}") };
            assert_eq!((&*exception.name, &*exception.message), ("RangeError", "too far"));
            assert!(exception.stack.contains("culprit"), "{exception:?}");
        }
        let said = client.throw("throw 'a word'");
        assert!(matches!(&said, Err(CallError::Service(word)) if word.message == "a word"), "{said:?}");
        let named = client.throw("throw new DOMException('gone', 'NotFoundError')");
        let is_named = |name| matches!(&named, Err(CallError::Service(thrown)) if thrown.name == name);
        assert!(is_named("NotFoundError"), "{named:?}");
        let expects = |heard: &str| heard.contains("NotFoundError: gone") && heard.contains("culprit");
        for _ in 0..100 {
            if word.is_some() && expects(&ears.text()) {
                break;
            }
            sleep(Duration::from_millis(if word.is_some() { 20 } else { 2 })).await;
        }
        let heard = ears.text();
        match word {
            None => assert_eq!(heard, ""),
            Some(word) => {
                assert!(expects(&heard), "{heard}");
                assert!(heard.split('|').all(|line| line.starts_with(word)), "{heard}");
                assert!(heard.contains("sabrpc: caught RangeError: too far"), "{heard}");
            }
        }
        worker.terminate();
    }
    log_exceptions(LogLevel::default());
}

#[wasm_bindgen_test]
fn a_probe_finds_everything_in_a_worker_of_an_isolated_page() {
    let probe = web::probe();
    let missing: Vec<_> = probe.missing().map(|missing| missing.name).collect();
    assert!(missing.is_empty(), "{probe}");
    assert_eq!(probe.to_string().lines().filter(|line| line.ends_with(": yes")).count(), probe.all().len());
}

#[wasm_bindgen(inline_js = r#"
    // Takes things away from this worker, and returns what puts them back.
    export function deprive() {
        const { SharedArrayBuffer } = globalThis;
        const { waitAsync } = Atomics;
        const { validate } = WebAssembly;
        globalThis.SharedArrayBuffer = undefined;
        Atomics.waitAsync = undefined;
        WebAssembly.validate = () => false;
        return () => {
            globalThis.SharedArrayBuffer = SharedArrayBuffer;
            Atomics.waitAsync = waitAsync;
            WebAssembly.validate = validate;
        };
    }
"#)]
extern "C" {
    fn deprive() -> js_sys::Function;
}

#[wasm_bindgen_test]
fn a_probe_says_what_is_missing_and_what_to_do() {
    let give_back = deprive();
    let probe = web::probe();
    give_back.call0(&JsValue::NULL).unwrap();
    let missing: Vec<_> = probe.missing().map(|missing| (missing.name, missing.loss)).collect();
    let expected = [
        ("SharedArrayBuffer", web::Loss::Everything),
        ("Atomics.wait on this thread", web::Loss::BlockingHere),
        ("Atomics.waitAsync", web::Loss::Little),
        ("multi-memory", web::Loss::Little),
    ];
    assert_eq!(missing, expected);
    assert!(probe.missing().all(|missing| probe.to_string().contains(missing.advice)));
}
