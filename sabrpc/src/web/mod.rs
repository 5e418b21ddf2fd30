//! Services between workers of a page: starting a worker and shaking hands with it.
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
//! The handshake goes by messages, once: the worker says *loaded*, is sent the channel, the schema hash and its
//! options, and answers *ready*, or *unavailable* with a reason. No call sends a message.

mod handshake;
mod worker;

pub use handshake::{StartError, Unavailable, WorkerHandle, serve, serve_with, spawn, spawn_in};
pub use worker::make_workers_with;

pub use crate::region::web::{Backend, WebRegion};
