//! Who is missed when its worker ends without a word: callers by their server, servers by who started them.

use js_sys::Promise;
use wasm_bindgen::prelude::*;
use web_sys::Worker;

use crate::{CallerId, Channel, Region, channel::Life, layout::server_state};

#[wasm_bindgen(module = "/js/alive.js")]
extern "C" {
    type Hold;
    fn hold(name: &str) -> Option<Hold>;
    #[wasm_bindgen(method)]
    fn release(this: &Hold);
    #[wasm_bindgen(method, getter)]
    fn granted(this: &Hold) -> Promise;
    fn when_caller_gone(name: &str, then: &JsValue);
    fn when_server_gone(name: &str, then: &JsValue);
    fn when_exited(worker: &Worker, then: &JsValue);
}

/// This worker is missed as long as this lives.
pub(crate) struct Vouch(Hold);

impl Vouch {
    /// For a caller; `None` where nothing would miss it.
    pub(crate) fn for_caller<R: Region>(channel: &Channel<R>, caller: CallerId) -> Option<Self> {
        hold(&caller_name(channel, caller)).map(Self)
    }

    /// For a server, once it is certain.
    pub(super) async fn for_server<R: Region>(channel: &Channel<R>, life: Life) -> Option<Self> {
        let vouch = hold(&server_name(channel, life)).map(Self)?;
        // It never rejects.
        drop(wasm_bindgen_futures::JsFuture::from(vouch.0.granted()).await);
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

/// Gives the mailbox of `caller`, who vouches for himself, back when his worker has ended.
pub(crate) fn watch_caller<R: Region>(channel: &Channel<R>, caller: CallerId) {
    let name = caller_name(channel, caller);
    let channel = channel.clone();
    let then = Closure::once_into_js(move || channel.release(caller));
    when_caller_gone(&name, &then);
}

/// Says that a server is gone when its worker has ended, if it vouches for itself. Whoever has to do with a server watches
/// it: the thread that started its worker may have ended with it, or be blocked in a call to it.
pub(crate) fn watch_server<R: Region>(channel: &Channel<R>, life: Life) {
    when_server_gone(&server_name(channel, life), &gone(channel, life));
}

/// The same in Node, for who has the worker.
pub(super) fn watch_worker<R: Region>(worker: &Worker, channel: &Channel<R>, life: Life) {
    when_exited(worker, &gone(channel, life));
}

fn gone<R: Region>(channel: &Channel<R>, life: Life) -> JsValue {
    let channel = channel.clone();
    Closure::once_into_js(move || channel.end(life, server_state::FAILED))
}
