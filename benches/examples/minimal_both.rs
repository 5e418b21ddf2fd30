//! The minimal module with everything: it starts the worker, is what runs in it, and calls it.
#![cfg(target_family = "wasm")]

use sabrpc::{Channel, ChannelConfig, sab_service, web};
use wasm_bindgen::prelude::*;

/// One method.
#[sab_service]
pub trait Adder {
    /// Adds two numbers.
    fn add(&self, a: u32, b: u32) -> u32;
}

struct Sums;

impl Adder for Sums {
    fn add(&self, a: u32, b: u32) -> u32 {
        a.wrapping_add(b)
    }
}

/// Entry of the worker.
#[wasm_bindgen]
pub fn serve(init: JsValue) {
    web::serve(init, |(): ()| async { Ok(AdderServer::new(Sums)) });
}

/// Starts the worker and adds two numbers there.
///
/// # Errors
/// If the worker can't be started, and the framework's.
#[wasm_bindgen]
pub async fn add(a: u32, b: u32) -> Result<u32, JsError> {
    let channel = Channel::create(ChannelConfig::default())?;
    web::spawn("serve", &channel, AdderOp::SERVICE, &()).await?;
    Ok(AdderClient::attach(&channel)?.add(a, b)?)
}
