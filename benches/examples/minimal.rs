//! The smallest module worth having: one exported function. What sabrpc adds is measured against it.
#![cfg(target_family = "wasm")]

use wasm_bindgen::prelude::*;

/// Adds two numbers.
#[wasm_bindgen]
pub fn add(a: u32, b: u32) -> u32 {
    a.wrapping_add(b)
}
