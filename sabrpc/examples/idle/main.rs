//! A page with pairs that have nothing to do: clients that made some calls and stay attached to servers. It shows what
//! waiting costs; `cargo xtask test idle` measures it.
//!
//! One server waits as the browser can, one without `Atomics.waitAsync`, which older browsers lack. Each has a blocking
//! client in a worker and an async one on the page's main thread.
#![cfg(target_family = "wasm")]

use std::cell::RefCell;

use js_sys::{Promise, Reflect};
use sabrpc::{Channel, ChannelConfig, RpcError, sab_service, web};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

/// Calls that each client makes before it rests.
const CALLS: u32 = 1000;

#[sab_service]
trait Adder {
    fn add(&self, a: u32, b: u32) -> u32;
}

struct Plain;

impl Adder for Plain {
    fn add(&self, a: u32, b: u32) -> u32 {
        a.wrapping_add(b)
    }
}

/// The worker that calls.
#[sab_service]
trait Customer {
    /// Attaches to the channel that this worker was posted, makes calls, and stays attached.
    async fn call(&self, calls: u32) -> Result<(), RpcError>;
}

struct Regular {
    posted: Promise,
    client: RefCell<Option<AdderClient>>,
}

impl Customer for Regular {
    async fn call(&self, calls: u32) -> Result<(), RpcError> {
        let channel = JsFuture::from(self.posted.clone()).await.unwrap_throw();
        let client = AdderClient::attach(&Channel::from_js(&channel).unwrap_throw())?;
        for call in 0..calls {
            assert_eq!(client.add(call, 1)?, call + 1);
        }
        *self.client.borrow_mut() = Some(client);
        Ok(())
    }
}

#[wasm_bindgen(inline_js = "
export function hide_wait_async() { delete Atomics.waitAsync; }
export function next_message() {
  return new Promise((resolve) => self.addEventListener('message', (event) => resolve(event.data), { once: true }));
}
")]
extern "C" {
    fn hide_wait_async();
    fn next_message() -> Promise;
}

/// Entry of a worker that serves.
#[wasm_bindgen]
pub fn adder_worker(init: JsValue) {
    web::serve(init, async |without_wait_async: bool| {
        if without_wait_async {
            hide_wait_async();
        }
        Ok(AdderServer::new(Plain))
    });
}

/// Entry of a worker that calls.
#[wasm_bindgen]
pub fn customer_worker(init: JsValue) {
    let posted = next_message();
    web::serve(init, async |(): ()| Ok(CustomerServer::new(Regular { posted, client: RefCell::default() })));
}

/// Starts the pairs, has them call, and leaves them alone. `window.idle` then says so, or what went wrong.
#[wasm_bindgen]
pub async fn run() {
    let result = async {
        pair(false).await?;
        pair(true).await
    };
    let word = match result.await {
        Ok(()) => "yes".to_owned(),
        Err(error) => error.to_string(),
    };
    Reflect::set(&js_sys::global(), &"idle".into(), &word.into()).unwrap_throw();
}

async fn pair(without_wait_async: bool) -> Result<(), Box<dyn std::error::Error>> {
    let channel = Channel::create(ChannelConfig { mailboxes: 2, ..ChannelConfig::default() })?;
    web::spawn("adder_worker", &channel, AdderOp::SERVICE, &without_wait_async).await?;

    let own = Channel::create(ChannelConfig { mailboxes: 1, area: 4096 })?;
    let worker = web::spawn("customer_worker", &own, CustomerOp::SERVICE, &()).await?;
    worker.js().post_message(&channel.to_js()).map_err(|_| "the channel cannot be posted")?;
    let customer = CustomerAsyncClient::attach(&own)?;
    customer.call(CALLS).await?;

    let client = AdderAsyncClient::attach(&channel)?;
    for call in 0..CALLS / 10 {
        assert_eq!(client.add(call, 1).await?, call + 1);
    }
    // Attached as long as the page lives.
    std::mem::forget((customer, client));
    Ok(())
}
