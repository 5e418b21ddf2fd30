//! The handshake between who starts a worker and the worker: *loaded*, *init*, *ready* or *unavailable*.

use std::time::Duration;

use js_sys::{Array, Object, Reflect, Uint8Array};
use serde::{Serialize, de::DeserializeOwned};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};

use super::{
    WebRegion,
    alive::{watch_server, watch_worker},
    worker::{self, await_init, server_opened, server_over, server_polled, shake_hands, tell},
};
use crate::{
    Channel, ChannelError, Dispatch, Exception, RpcError, Server, ServiceInfo,
    channel::Life,
    codec,
    layout::{self, server_state},
    log::{self, LogLevel, log_exceptions},
};

/// How long a worker may take to load, and then to compile nothing (the module is handed over) and make its service.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// A worker could not be made to serve.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The worker's script failed: it could not be loaded, lacks the entry function, or threw.
    #[error("worker '{entry}' failed to start: {message}")]
    WorkerFailed {
        /// Name of the entry function.
        entry: String,
        /// What the browser says.
        message: String,
    },
    /// The worker runs and says that it cannot serve.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The worker was built from a definition of the service that its callers would misunderstand.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// The worker said nothing for too long: neither that it has loaded nor, from then on, that it serves.
    #[error(
        "worker '{entry}' was not ready within {timeout:?}: is this thread's parent blocked, or the machine overloaded?"
    )]
    TimedOut {
        /// Name of the entry function.
        entry: String,
        /// How long it was waited for.
        timeout: Duration,
    },
    /// The channel cannot be used.
    #[error(transparent)]
    Channel(#[from] ChannelError),
}

/// Why a worker cannot serve, in its own words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Unavailable {
    /// For programs: a word that the service's author chose.
    pub code: String,
    /// For people: what is missing and what to do.
    pub message: String,
}

/// A worker that serves. Dropping the handle leaves it running.
#[derive(Debug)]
pub struct WorkerHandle {
    worker: web_sys::Worker,
    channel: JsValue,
    life: Life,
}

impl WorkerHandle {
    /// The browser's object.
    pub fn js(&self) -> &web_sys::Worker {
        &self.worker
    }

    /// Ends the worker at once, whatever it is doing; its callers get [`RpcError::Gone`]. To end it in an orderly way,
    /// use a [`Stopper`](crate::Stopper) first.
    pub fn terminate(self) {
        self.worker.terminate();
        if let Ok(channel) = Channel::from_js(&self.channel) {
            channel.end(self.life, server_state::FAILED);
        }
    }
}

/// A worker that is not serving yet; dropping it terminates the worker, and what it may have begun to serve.
struct Starting {
    worker: Option<web_sys::Worker>,
    channel: Channel<WebRegion>,
    before: Life,
}

impl Drop for Starting {
    fn drop(&mut self) {
        if let Some(worker) = self.worker.take() {
            worker.terminate();
            let life = self.channel.life();
            if life != self.before {
                self.channel.end(life, server_state::FAILED);
            }
        }
    }
}

/// Starts a worker that runs this module, and has it serve `channel` by its exported function `entry`, which passes its
/// argument on to [`serve`] and gets `options` there. Returns when callers can attach.
///
/// A worker may start others. In Chromium it must not block before this future is done: the new worker starts by way
/// of its event loop.
///
/// The worker is started from a file beside the module's JavaScript, unless
/// [`make_workers_with`](super::make_workers_with) says how else.
///
/// # Errors
/// See [`StartError`]. The worker is terminated then.
pub async fn spawn<O: Serialize>(
    entry: &str,
    channel: &Channel<WebRegion>,
    service: &'static ServiceInfo,
    options: &O,
) -> Result<WorkerHandle, StartError> {
    let worker = worker::make(entry).map_err(|error| thrown(entry, error))?;
    start(worker, entry, channel, service, options).await
}

/// Like [`spawn`], in a worker that you made, such as
/// `new Worker(new URL("./worker.js", import.meta.url), { type: "module" })` in a script that a bundler bundles, or one of
/// Node's `worker_threads`. Its script has to load this module, then call the entry function without an argument.
///
/// # Errors
/// See [`StartError`]. The worker is terminated then.
pub async fn spawn_in<O: Serialize>(
    worker: web_sys::Worker,
    channel: &Channel<WebRegion>,
    service: &'static ServiceInfo,
    options: &O,
) -> Result<WorkerHandle, StartError> {
    start(worker, service.name, channel, service, options).await
}

fn thrown(entry: &str, error: JsValue) -> StartError {
    StartError::WorkerFailed { entry: entry.into(), message: Exception::from(error).to_string() }
}

/// The handshake; `entry` is what the worker is called.
async fn start<O: Serialize>(
    worker: web_sys::Worker,
    entry: &str,
    channel: &Channel<WebRegion>,
    service: &'static ServiceInfo,
    options: &O,
) -> Result<WorkerHandle, StartError> {
    let mut starting =
        Starting { worker: Some(worker.clone()), channel: channel.clone(), before: channel.life() };
    let mut bytes = Vec::new();
    codec::encode(options, &mut bytes, "options")?;
    let init = Object::new();
    let words =
        (0..channel.geometry.mailboxes()).map(|index| JsValue::from(channel.words(index).caller_sleeps / 4));
    let alive = [server_state::OPENING, server_state::SERVING, server_state::STOPPING];
    for (key, value) in [
        ("sabrpc", JsValue::from("init")),
        ("glue", JsValue::from(worker::glue_url())),
        ("module", worker::module()),
        ("entry", JsValue::from(entry)),
        ("channel", channel.to_js()),
        ("options", Uint8Array::new_from_slice(&bytes).into()),
        ("exceptions", JsValue::from(log::exceptions() as u8)),
        ("stateWord", JsValue::from(layout::AT_SERVER_STATE / 4)),
        ("stateFailed", JsValue::from(server_state::FAILED)),
        ("statesAlive", alive.into_iter().map(JsValue::from).collect::<Array>().into()),
        ("lifeShift", JsValue::from(server_state::SHIFT)),
        ("sleepWords", words.collect::<Array>().into()),
        ("lastWord", JsValue::from(channel.geometry.area(0) / 4)),
    ] {
        Reflect::set(&init, &key.into(), &value).map_err(|error| thrown(entry, error))?;
    }
    let word = JsFuture::from(shake_hands(&worker, &init, START_TIMEOUT.as_secs_f64() * 1e3))
        .await
        .map_err(|error| thrown(entry, error))?;
    let text = |key: &str| {
        Reflect::get(&word, &key.into()).ok().and_then(|value| value.as_string()).unwrap_or_default()
    };
    let error = match text("sabrpc").as_str() {
        "ready" => {
            channel.agree_on(service)?;
            starting.worker = None;
            let life = channel.life();
            watch_server(channel, life);
            watch_worker(&worker, channel, life);
            return Ok(WorkerHandle { worker, channel: channel.to_js(), life });
        }
        "unavailable" => Unavailable { code: text("code"), message: text("message") }.into(),
        "timeout" => StartError::TimedOut { entry: entry.into(), timeout: START_TIMEOUT },
        _ => StartError::WorkerFailed { entry: entry.into(), message: text("message") },
    };
    Err(error)
}

/// In a worker that [`spawn`] or [`spawn_in`] starts: makes the service from the options, and serves until it is stopped.
///
/// `init` is the argument of the entry function; where that was called without one, by a script of yours, it is
/// `undefined`, and what is needed is waited for. A worker serves one channel. An `Err` of `make` is told to who started
/// the worker.
pub fn serve<O, S, F>(init: JsValue, make: impl FnOnce(O) -> F + 'static)
where
    O: DeserializeOwned,
    S: Dispatch,
    F: Future<Output = Result<S, Unavailable>>,
{
    serve_with(init, async move |options, channel| {
        make(options).await.map(|service| Server::new(&channel, service))
    });
}

/// Like [`serve`], for a server with settings of its own, such as [`Server::on_disconnect`].
pub fn serve_with<O, S>(
    init: JsValue,
    make: impl AsyncFnOnce(O, Channel<WebRegion>) -> Result<Server<S, WebRegion>, Unavailable> + 'static,
) where
    O: DeserializeOwned,
    S: Dispatch,
{
    spawn_local(async move {
        report_panics();
        let init = match init.is_undefined() {
            false => init,
            true => match JsFuture::from(await_init()).await {
                Ok(init) => init,
                Err(error) => return web_sys::console::error_1(&error),
            },
        };
        let (channel, options) = match open::<O>(&init) {
            Ok(opened) => opened,
            Err(message) => return say(&[("sabrpc", "failed"), ("message", &message)]),
        };
        let mut server = match make(options, channel.clone()).await {
            Ok(server) => server,
            Err(Unavailable { code, message }) => {
                return say(&[("sabrpc", "unavailable"), ("code", &code), ("message", &message)]);
            }
        };
        let life = match server.open() {
            Ok(life) => life,
            Err(error) => return say(&[("sabrpc", "failed"), ("message", &error.to_string())]),
        };
        server_opened(life.number());
        let mut server = std::pin::pin!(server.serve());
        say(&[("sabrpc", "ready")]);
        std::future::poll_fn(|cx| {
            server_polled(true);
            let polled = server.as_mut().poll(cx);
            // Not after a trap.
            server_polled(false);
            polled
        })
        .await;
        server_over();
    });
}

/// Takes the init message apart.
fn open<O: DeserializeOwned>(init: &JsValue) -> Result<(Channel<WebRegion>, O), String> {
    let get = |key: &str| Reflect::get(init, &key.into()).unwrap_or_default();
    if let Some(level) = get("exceptions").as_f64().and_then(|number| LogLevel::ALL.get(number as usize)) {
        log_exceptions(*level);
    }
    let channel = Channel::from_js(&get("channel")).map_err(|error| error.to_string())?;
    let options = get("options").dyn_into::<Uint8Array>().map(|bytes| bytes.to_vec()).unwrap_or_default();
    let options = codec::decode(&options, "options").map_err(|error| error.to_string())?;
    Ok((channel, options))
}

fn say(words: &[(&str, &str)]) {
    let message = Object::new();
    for (key, value) in words {
        // A new plain object takes every property.
        drop(Reflect::set(&message, &(*key).into(), &(*value).into()));
    }
    tell(&message);
}

/// Shows panics in the console: a panic ends this worker's wasm, and `unreachable` says little about why.
fn report_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            before(info);
            web_sys::console::error_1(&info.to_string().into());
        }));
    });
}
