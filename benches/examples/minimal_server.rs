//! The minimal module with a server: the function is there for other workers.
#![cfg(target_family = "wasm")]

use sabrpc::{sab_service, web};
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
