//! Blocking calls between two workers, on every platform that sabrpc runs on.
//!
//! The thread that loads the module starts the *caller* and asks it to make calls; the caller starts the *echo*, and
//! blocks on it. How each platform loads the module is in the folders beside this file; this code is the same for all.
#![cfg(target_family = "wasm")]

use std::time::Duration;

use sabrpc::{
    BulkIn, BulkOut, Channel, ChannelConfig, ChannelError, RpcError, ServerState, Stopper, sab_service,
    web::{self, Backend, Unavailable},
};
use wasm_bindgen::prelude::*;

/// The most bytes that a call sends: more than a mailbox has room for.
const LONGEST: usize = 300_000;

/// What is called: it answers after a turn of its event loop, and the caller waits for it, blocked.
#[sab_service]
pub trait Echo {
    /// Writes `data` to `out`, each byte plus one.
    async fn echo(&self, data: BulkIn<'_>, out: BulkOut<'_>) -> u32;
    /// Ends the worker with a panic.
    fn crash(&self);
}

struct EchoService;

impl Echo for EchoService {
    async fn echo(&self, data: BulkIn<'_>, mut out: BulkOut<'_>) -> u32 {
        sabrpc::sleep(Duration::ZERO).await;
        let mut bytes = data.to_vec();
        bytes.iter_mut().for_each(|byte| *byte = byte.wrapping_add(1));
        out.write_at(0, &bytes);
        bytes.len() as u32
    }

    fn crash(&self) {
        panic!("on purpose: a caller must not wait for ever");
    }
}

/// Entry of the worker that echoes.
#[wasm_bindgen]
pub fn echo_worker(init: JsValue) {
    web::serve(init, |(): ()| async { Ok(EchoServer::new(EchoService)) });
}

/// What the page asks for.
#[sab_service]
pub trait Trip {
    /// Makes `calls` blocking calls by every backend there is, then one to a server that crashes; says how it went.
    fn run(&self, calls: u32) -> Result<String, String>;
}

struct Caller {
    channel: Channel,
}

impl Caller {
    /// Makes `calls` calls with more and more bytes; returns how many these were.
    fn make(&self, calls: u32, client: &EchoClient) -> Result<usize, String> {
        let mut bytes = 0;
        for call in 0..calls as usize {
            let sent: Vec<u8> = (0..call * call * 7919 % LONGEST).map(|at| (at * 31 + call) as u8).collect();
            let mut got = vec![0; sent.len()];
            let length = client.echo(&sent, &mut got).map_err(|error| error.to_string())?;
            let right = sent.iter().zip(&got).all(|(sent, got)| *got == sent.wrapping_add(1));
            if length as usize != sent.len() || !right {
                return Err(format!("call {call}: {} bytes came back wrong", sent.len()));
            }
            bytes += sent.len();
        }
        Ok(bytes)
    }
}

impl Trip for Caller {
    fn run(&self, calls: u32) -> Result<String, String> {
        let attach = |channel: &Channel| EchoClient::attach(channel).map_err(|error| error.to_string());
        let (mut backends, mut bytes) = (Vec::new(), 0);
        for backend in [Backend::Helper, Backend::Js] {
            match self.channel.with_backend(backend) {
                Ok(channel) => bytes += self.make(calls, &attach(&channel)?)?,
                Err(ChannelError::NoHelper) => continue,
                Err(error) => return Err(error.to_string()),
            }
            backends.push(backend.to_string());
        }
        match attach(&self.channel)?.crash() {
            Err(RpcError::Gone { state: ServerState::Failed }) => {}
            other => return Err(format!("the server crashed, and its caller was told {other:?}")),
        }
        let backends = backends.join(" and ");
        Ok(format!("{calls} blocking calls by {backends}, {bytes} bytes, and one to a server that crashed"))
    }
}

/// Entry of the worker that calls: it starts the other one.
#[wasm_bindgen]
pub fn caller_worker(init: JsValue) {
    web::serve(init, |(): ()| async {
        let unavailable =
            |error: &dyn std::error::Error| Unavailable { code: "echo".into(), message: error.to_string() };
        let channel = Channel::create(ChannelConfig::default()).map_err(|error| unavailable(&error))?;
        web::spawn("echo_worker", &channel, EchoOp::SERVICE, &())
            .await
            .map_err(|error| unavailable(&error))?;
        Ok(TripServer::new(Caller { channel }))
    });
}

/// Makes the round trips and says how they went. Throws what went wrong.
///
/// # Errors
/// If a worker does not start, or a call does not do what it has to.
#[wasm_bindgen]
pub async fn run(calls: u32) -> Result<String, JsError> {
    let channel = Channel::create(ChannelConfig { mailboxes: 1, ..Default::default() })?;
    web::spawn("caller_worker", &channel, TripOp::SERVICE, &()).await?;
    let report = TripAsyncClient::attach(&channel)?.run(calls).await;
    // A process that ends when nothing is left to do, as Node's, ends then.
    Stopper::new(&channel).stop();
    report.map_err(|error| JsError::new(&error.to_string()))
}

/// Takes a function that makes the workers, from a script that a bundler bundles. See `web::make_workers_with`.
#[wasm_bindgen]
pub fn make_workers_with(make: js_sys::Function) {
    web::make_workers_with(move |entry| Ok(make.call1(&JsValue::NULL, &entry.into())?.unchecked_into()));
}
