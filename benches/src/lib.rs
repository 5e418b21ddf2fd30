//! What `cargo xtask bench rpc` measures: one service, its callers, and the bare trips that they are compared with.
//!
//! The same callers run between native threads (`native`) and between the workers of a page (`page`, driven by the
//! scripts in `web/`). Times come out of here; what they are compared with, and by which bar, is decided in
//! `xtask`.

mod callers;
#[cfg(not(target_family = "wasm"))]
pub mod native;
#[cfg(target_family = "wasm")]
pub mod page;
#[cfg(not(target_family = "wasm"))]
mod reference;
mod service;
