//! Workers that call, for tests in browsers: each serves a small service of its own, by which a test tells it what to do
//! at the channel that it was posted, while the test itself goes on awaiting.

// Each test file uses its own part.
#![allow(dead_code)]

use std::{cell::RefCell, future::poll_fn, task::Poll, time::Duration};

use sabrpc::{
    Channel, ChannelConfig, Region as _, RpcError, sab_service,
    web::{self, WorkerHandle},
};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use crate::probe::{self, ProbeClient};

#[wasm_bindgen(inline_js = "
export function next_message() {
  return new Promise((resolve) => self.addEventListener('message', (event) => resolve(event.data), { once: true }));
}
let hidden;
export function hide_wait_async() {
  hidden ??= Atomics.waitAsync;
  delete Atomics.waitAsync;
}
export function make_garbage() {
  for (let i = 0; i < 5000; i++) new Map([[i, new Uint8Array(1000)]]);
  for (let i = 0; i < 50; i++) new ArrayBuffer(1 << 20);
}
export function restore_wait_async() { Atomics.waitAsync = hidden; }

// In a worker that serves: a timer, a promise after each of its ticks, and a listener note when they run.
export function start_pulse(millis) {
  let beats;
  const note = (kind) => beats?.[kind].push(performance.now());
  setInterval(async () => {
    note('timer');
    await null;
    note('promise');
  }, millis);
  self.addEventListener('message', ({ data }) => {
    if (data === 'beat') note('message');
    if (data === 'begin') beats = { timer: [], promise: [], message: [] };
    if (data === 'report') {
      self.postMessage({ beats });
      beats = undefined;
    }
  });
}
// At who started that worker: has it note while it is sent messages, from now until the answer of `take_pulse`.
export function begin_pulse(worker, millis) {
  worker.postMessage('begin');
  const timer = setInterval(() => worker.postMessage('beat'), millis);
  return async () => {
    clearInterval(timer);
    return new Promise((resolve) => {
      const listen = ({ data }) => {
        if (data?.beats === undefined) return;
        worker.removeEventListener('message', listen);
        resolve(data.beats);
      };
      worker.addEventListener('message', listen);
      worker.postMessage('report');
    });
  };
}
")]
extern "C" {
    fn next_message() -> js_sys::Promise;
    pub(crate) fn hide_wait_async();
    pub(crate) fn restore_wait_async();
    pub(crate) fn make_garbage();
    pub(crate) fn start_pulse(millis: f64);
    fn begin_pulse(worker: &web_sys::Worker, millis: f64) -> js_sys::Function;
}

/// What a hand of the crew does on being told: blocking calls of the probe.
#[sab_service]
pub(crate) trait Hand {
    /// Attaches to the channel, once that was posted.
    async fn enter(&self) -> Result<(), RpcError>;
    /// Gives the mailbox back.
    fn leave(&self);
    /// Attaches once more, makes this many verified calls, and detaches again.
    fn visit(&self, calls: u32) -> Result<(), RpcError>;
    /// Makes calls whose bytes are verified.
    fn verify(&self, calls: u32);
    /// Calls as often as it can for this long; returns how often that was.
    fn hammer(&self, millis: u32) -> Result<u32, RpcError>;
    /// Makes this many small calls; returns how long each took, in microseconds, after a pause before each.
    fn stroll(&self, calls: u32, pause: u64) -> Result<Vec<u32>, RpcError>;
    /// One call of a method that takes until it is released.
    fn hold(&self) -> Result<bool, RpcError>;
}

/// The implementation.
struct Worker {
    posted: js_sys::Promise,
    client: RefCell<Option<(Channel, ProbeClient)>>,
}

impl Worker {
    fn with<T>(&self, f: impl FnOnce(&Channel, &ProbeClient) -> Result<T, RpcError>) -> Result<T, RpcError> {
        let client = self.client.borrow();
        let (channel, client) = client.as_ref().expect("attached before");
        f(channel, client)
    }
}

impl Hand for Worker {
    async fn enter(&self) -> Result<(), RpcError> {
        let posted = JsFuture::from(self.posted.clone()).await.unwrap_throw();
        let channel = Channel::from_js(&posted).unwrap_throw();
        let client = ProbeClient::attach(&channel)?;
        *self.client.borrow_mut() = Some((channel, client));
        Ok(())
    }

    fn leave(&self) {
        self.client.borrow_mut().take();
    }

    fn visit(&self, calls: u32) -> Result<(), RpcError> {
        self.with(|channel, _| {
            let client = ProbeClient::attach(channel)?;
            probe::bytes_are_right(&client, calls);
            Ok(())
        })
    }

    fn verify(&self, calls: u32) {
        self.with(|_, client| {
            probe::bytes_are_right(client, calls);
            Ok(())
        })
        .unwrap_throw();
    }

    fn hammer(&self, millis: u32) -> Result<u32, RpcError> {
        self.with(|channel, client| {
            let end = channel.region().now() + Duration::from_millis(u64::from(millis));
            let mut calls = 0;
            while channel.region().now() < end {
                for _ in 0..20 {
                    calls += 1;
                    assert_eq!(client.add(calls, 1)?, calls + 1);
                }
            }
            Ok(calls)
        })
    }

    fn stroll(&self, calls: u32, pause: u64) -> Result<Vec<u32>, RpcError> {
        self.with(|channel, client| {
            let region = channel.region();
            let mut times = Vec::new();
            for call in 0..calls {
                // Nobody notifies that word: a pause, without an event loop.
                region.wait(0, region.load(0), Duration::from_millis(pause));
                let start = region.now();
                assert_eq!(client.add(call, 1)?, call + 1);
                times.push((region.now() - start).as_micros() as u32);
            }
            times.sort_unstable();
            Ok(times)
        })
    }

    fn hold(&self) -> Result<bool, RpcError> {
        self.with(|_, client| client.hold())
    }
}

/// Entry of a hand's worker.
#[expect(unreachable_pub, reason = "only public functions are exported to JavaScript")]
#[wasm_bindgen]
pub fn hand_worker(init: JsValue) {
    let posted = next_message();
    web::serve(init, async |(): ()| Ok(HandServer::new(Worker { posted, client: RefCell::default() })));
}

/// Starts a hand that attaches to `channel` when told to.
pub(crate) async fn hire(channel: &Channel) -> (HandAsyncClient, WorkerHandle) {
    let own = Channel::create(ChannelConfig { mailboxes: 1, area: 4096 }).unwrap();
    let worker = web::spawn("hand_worker", &own, HandOp::SERVICE, &()).await.unwrap();
    worker.js().post_message(&channel.to_js()).unwrap();
    (HandAsyncClient::attach(&own).unwrap(), worker)
}

/// Awaits all of these at once.
pub(crate) async fn together<T>(futures: impl IntoIterator<Item: Future<Output = T>>) -> Vec<T> {
    let mut futures: Vec<_> = futures.into_iter().map(|future| (Box::pin(future), None)).collect();
    poll_fn(|cx| {
        for (future, done) in futures.iter_mut().filter(|(_, done)| done.is_none()) {
            if let Poll::Ready(value) = future.as_mut().poll(cx) {
                *done = Some(value);
            }
        }
        if futures.iter().all(|(_, done)| done.is_some()) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    futures.into_iter().filter_map(|(_, done)| done).collect()
}

/// The pauses between a worker's turns of one kind, in milliseconds.
pub(crate) struct Pauses {
    pub(crate) kind: &'static str,
    pub(crate) median: f64,
    /// All but one in fifty are shorter: a busy machine holds up any thread now and then.
    pub(crate) usual: f64,
    pub(crate) longest: f64,
}

/// Has a worker that called [`start_pulse`] note its turns until `work` is done.
pub(crate) async fn pauses(
    worker: &web_sys::Worker,
    millis: f64,
    work: impl Future<Output = ()>,
) -> Vec<Pauses> {
    let take_pulse = begin_pulse(worker, millis);
    work.await;
    let promise: js_sys::Promise = take_pulse.call0(&JsValue::NULL).unwrap().unchecked_into();
    let beats = JsFuture::from(promise).await.unwrap();
    let pauses = ["timer", "promise", "message"].map(|kind| {
        let times = js_sys::Reflect::get(&beats, &kind.into()).unwrap();
        let times: Vec<f64> = js_sys::Array::from(&times).iter().filter_map(|time| time.as_f64()).collect();
        let mut gaps: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        gaps.sort_by(f64::total_cmp);
        let at = |index: usize| gaps.get(index).copied().unwrap_or(f64::INFINITY);
        Pauses {
            kind,
            median: at(gaps.len() / 2),
            usual: at(gaps.len() * 49 / 50),
            longest: at(gaps.len().saturating_sub(1)),
        }
    });
    pauses.into()
}
