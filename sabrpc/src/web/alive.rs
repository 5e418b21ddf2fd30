//! Who is missed when its thread ends without a word: callers by their server, servers by who started or calls them.

use std::{cell::RefCell, collections::HashSet, time::Duration};

use js_sys::Promise;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::Worker;

use crate::{
    CallerId, Channel, Region,
    channel::Life,
    layout::{AT_BEACON, AT_SERVER_VOUCHED, server_state},
};

#[wasm_bindgen(module = "/js/alive.js")]
extern "C" {
    type Hold;
    fn hold(name: &str) -> Option<Hold>;
    #[wasm_bindgen(method)]
    fn release(this: &Hold);
    #[wasm_bindgen(method, getter)]
    fn granted(this: &Hold) -> Promise;
    fn has_locks() -> bool;
    fn is_held(name: &str) -> Promise;
    fn line_up(name: &str) -> Promise;
    fn light_beacon() -> String;
    fn is_dark(id: &str) -> bool;
    fn exited(worker: &Worker) -> Option<Promise>;
}

/// Pauses before the looks for a lock that nobody was seen to hold: its request may be late.
const PAUSES: [u64; 6] = [0, 20, 100, 500, 2000, 8000];

/// How often a caller who waits looks for the beacon of his server.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(500);

/// This thread is missed as long as this lives.
pub(crate) struct Vouch(Hold);

impl Vouch {
    /// For a caller; `None` where nothing would miss it.
    pub(crate) fn for_caller<R: Region>(channel: &Channel<R>, caller: CallerId) -> Option<Self> {
        hold(&caller_name(channel, caller)).map(Self)
    }

    /// For a server that does not serve yet; the same holds. Its beacon is lit in any case.
    pub(crate) fn for_server<R: Region>(channel: &Channel<R>, life: Life) -> Option<Self> {
        // Before the exchange to serving: who has seen that sees the beacon.
        channel.region.copy_in(AT_BEACON, &beacon().to_be_bytes());
        let vouch = hold(&server_name(channel, life)).map(Self)?;
        let told = channel.region.sparing();
        // Pairs with the load in `watch_server`: who has seen it knows that the lock was held once.
        when(vouch.0.granted(), move || told.store(AT_SERVER_VOUCHED, life.number()));
        Some(vouch)
    }
}

impl Drop for Vouch {
    fn drop(&mut self) {
        self.0.release();
    }
}

fn caller_name<R: Region>(channel: &Channel<R>, caller: CallerId) -> String {
    format!("sabrpc {:016x} caller {} {}", channel.number(), caller.mailbox, caller.generation)
}

fn server_name<R: Region>(channel: &Channel<R>, life: Life) -> String {
    format!("sabrpc {:016x} server {}", channel.number(), life.number())
}

/// The number of this thread's beacon; 0 if it has none.
fn beacon() -> u128 {
    u128::from_str_radix(&light_beacon().replace('-', ""), 16).unwrap_or_default()
}

/// Gives the mailbox of `caller`, who vouches for himself, back when his thread has ended.
pub(crate) fn watch_caller<R: Region>(channel: &Channel<R>, caller: CallerId) {
    if has_locks() {
        let name = caller_name(channel, caller);
        let channel = channel.sparing();
        spawn_local(async move {
            if gone(&name, || false).await.unwrap_or(false) {
                channel.release(caller);
            }
        });
    }
}

thread_local! {
    /// The servers that this thread watches.
    static WATCHED: RefCell<HashSet<String>> = RefCell::default();
}

/// Says that a server is gone when its thread has ended, if it vouches for itself. Whoever has to do with a server watches
/// it: the thread that started its worker may have ended with it, or be blocked in a call to it.
pub(crate) fn watch_server<R: Region>(channel: &Channel<R>, life: Life) {
    let name = server_name(channel, life);
    if has_locks() && WATCHED.with_borrow_mut(|watched| watched.insert(name.clone())) {
        let channel = channel.sparing();
        spawn_local(async move {
            // Pairs with the store in `Vouch::for_server`. A server that has died before anybody looked is missed, too.
            let was_held = || channel.region.load(AT_SERVER_VOUCHED) == life.number();
            if gone(&name, was_held).await.unwrap_or(false) {
                channel.end(life, server_state::FAILED);
            }
            WATCHED.with_borrow_mut(|watched| watched.remove(&name));
        });
    }
}

/// The same in Node, for who has the worker.
pub(super) fn watch_worker<R: Region>(worker: &Worker, channel: &Channel<R>, life: Life) {
    if let Some(exited) = exited(worker) {
        let channel = channel.sparing();
        when(exited, move || channel.end(life, server_state::FAILED));
    }
}

/// Waits until who holds `name` is gone: `true`. `false` if nobody was seen to hold it, or in line for it, in all this time,
/// and it is not known to have been held: a request may have been refused, or be late, and nobody is taken for gone then. An
/// error where the page has no origin of its own.
async fn gone(name: &str, was_held: impl Fn() -> bool) -> Result<bool, JsValue> {
    for pause in PAUSES {
        if pause > 0 {
            crate::sleep(Duration::from_millis(pause)).await;
        }
        if was_held() || JsFuture::from(is_held(name)).await?.is_truthy() {
            JsFuture::from(line_up(name)).await?;
            return Ok(true);
        }
    }
    Ok(false)
}

/// Calls `then` when the promise resolves to true.
fn when(promise: Promise, then: impl FnOnce() + 'static) {
    spawn_local(async move {
        if JsFuture::from(promise).await.is_ok_and(|value| value.is_truthy()) {
            then();
        }
    });
}

impl<R: Region> Channel<R> {
    /// The same channel for who keeps it long and touches it once: it takes none of the places that the helper has.
    fn sparing(&self) -> Self {
        Self { region: self.region.sparing(), geometry: self.geometry }
    }

    /// Ends the server in its place if its beacon is dark. This takes no turn of the event loop, which a blocked caller has
    /// not.
    pub(crate) fn look_for_server(&self) {
        let life = self.life();
        // A server that opens may not have lit its own yet. Pairs with the exchange to serving, as does the load of the state.
        if !self.has_opened() {
            return;
        }
        let mut id = [0; 16];
        self.region.copy_out(AT_BEACON, &mut id);
        let id = u128::from_be_bytes(id);
        // Of this very server: the next one takes the state before it lights another.
        if id != 0 && self.life() == life && is_dark(&uuid(id)) {
            self.end(life, server_state::FAILED);
        }
    }
}

/// As it is written.
fn uuid(id: u128) -> String {
    let digits = format!("{id:032x}");
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}
