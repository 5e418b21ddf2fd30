//! The minimal module with a client: the function is called in another worker.
#![cfg(target_family = "wasm")]

use sabrpc::{Channel, sab_service};
use wasm_bindgen::prelude::*;

/// One method.
#[sab_service]
pub trait Adder {
    /// Adds two numbers.
    fn add(&self, a: u32, b: u32) -> u32;
}

/// Adds two numbers, by calling whoever serves `channel`.
///
/// # Errors
/// The framework's.
#[wasm_bindgen]
pub fn add(channel: &JsValue, a: u32, b: u32) -> Result<u32, JsError> {
    Ok(AdderClient::attach(&Channel::from_js(channel)?)?.add(a, b)?)
}
