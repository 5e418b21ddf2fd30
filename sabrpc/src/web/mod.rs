//! Services between workers of a page, or of a Node process: starting a worker and shaking hands with it.
//!
//! A worker runs the same wasm module as the page, in a memory of its own. [`spawn`] starts one and tells it by name
//! which exported function to call; that function hands its argument to [`serve`]:
//!
//! ```no_run
//! use sabrpc::{Channel, ChannelConfig, sab_service, web};
//! use wasm_bindgen::prelude::*;
//!
//! #[sab_service]
//! trait Greeter {
//!     async fn greet(&self, name: &str) -> String;
//! }
//!
//! struct Polite;
//! impl Greeter for Polite {
//!     async fn greet(&self, name: &str) -> String {
//!         format!("Good day, {name}")
//!     }
//! }
//!
//! #[wasm_bindgen]
//! pub fn greeter_worker(init: JsValue) {
//!     web::serve(init, |(): ()| async { Ok(GreeterServer::new(Polite)) });
//! }
//!
//! async fn start() -> Result<GreeterAsyncClient, Box<dyn std::error::Error>> {
//!     let channel = Channel::create(ChannelConfig::default())?;
//!     web::spawn("greeter_worker", &channel, GreeterOp::SERVICE, &()).await?;
//!     Ok(GreeterAsyncClient::attach(&channel)?)
//! }
//! ```
//!
//! # Where workers come from
//!
//! [`spawn`] starts a worker from a file that wasm-bindgen writes beside the bindings, and hands it the compiled module. So
//! it does for pages without a bundler (`--target web`, trunk), in tests, and, by `worker_threads`, in Node; a page's
//! Content-Security-Policy has to allow `script-src 'self' 'wasm-unsafe-eval'` and `worker-src 'self'`, no more.
//!
//! A bundler moves code to where no worker can import it from. There, a script of yours makes the worker and it is handed
//! over, by [`spawn_in`], or for good by [`make_workers_with`]; the worker's own script loads the module and calls the
//! entry function without an argument. The book's page *Where it runs* has what that looks like with webpack and Vite, and
//! all else that is to know of each platform.
//!
//! # The handshake
//!
//! It goes by messages, once: the worker says *loaded*, is sent the channel, the schema hash and its options, and answers
//! *ready*, or *unavailable* with a reason. No call sends a message.

pub(crate) mod alive;
mod handshake;
mod probe;
mod worker;

pub use handshake::{StartError, Unavailable, WorkerHandle, serve, serve_with, spawn, spawn_in};
pub use probe::{Capability, Loss, Probe, probe};
pub use worker::make_workers_with;

pub use crate::region::web::{Backend, WebRegion};
