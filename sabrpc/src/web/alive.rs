//! Who is missed when its worker ends without a word: callers by their server, servers by who started them.

use js_sys::Promise;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::Worker;

use crate::{CallerId, Channel, Region, channel::Life, layout::server_state};

#[wasm_bindgen(module = "/js/alive.js")]
extern "C" {
    type Hold;
    fn hold(name: &str) -> Option<Hold>;
    #[wasm_bindgen(method)]
    fn release(this: &Hold);
    fn caller_gone(name: &str) -> Option<Promise>;
    fn server_gone(name: &str) -> Option<Promise>;
    fn exited(worker: &Worker) -> Option<Promise>;
}

/// This worker is missed as long as this lives.
pub(crate) struct Vouch(Hold);

impl Vouch {
    /// For a caller; `None` where nothing would miss it.
    pub(crate) fn for_caller<R: Region>(channel: &Channel<R>, caller: CallerId) -> Option<Self> {
        hold(&caller_name(channel, caller)).map(Self)
    }

    /// For a server; the same holds.
    pub(super) fn for_server<R: Region>(channel: &Channel<R>, life: Life) -> Option<Self> {
        hold(&server_name(channel, life)).map(Self)
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

/// Gives the mailbox of `caller`, who vouches for himself, back when his worker has ended.
pub(crate) fn watch_caller<R: Region>(channel: &Channel<R>, caller: CallerId) {
    let name = caller_name(channel, caller);
    let channel = channel.clone();
    when(caller_gone(&name), move || channel.release(caller));
}

/// Says that a server is gone when its worker has ended, if it vouches for itself. Whoever has to do with a server watches
/// it: the thread that started its worker may have ended with it, or be blocked in a call to it.
pub(crate) fn watch_server<R: Region>(channel: &Channel<R>, life: Life) {
    let name = server_name(channel, life);
    let channel = channel.clone();
    when(server_gone(&name), move || channel.end(life, server_state::FAILED));
}

/// The same in Node, for who has the worker.
pub(super) fn watch_worker<R: Region>(worker: &Worker, channel: &Channel<R>, life: Life) {
    let channel = channel.clone();
    when(exited(worker), move || channel.end(life, server_state::FAILED));
}

/// Calls `then` when somebody is gone. What it holds is given back at once where nobody is watched, and else at the latest
/// when that is over.
fn when(gone: Option<Promise>, then: impl FnOnce() + 'static) {
    let Some(gone) = gone else { return };
    spawn_local(async move {
        if JsFuture::from(gone).await.is_ok_and(|gone| gone.is_truthy()) {
            then();
        }
    });
}
