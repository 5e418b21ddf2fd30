//! What the browser gives this crate: bindings of its own for the few objects used, and its exceptions in Rust's words.
//!
//! Everything else of the crate that runs in a browser ([`crate::store::opfs`], [`crate::tabs::web`], the installer)
//! goes through here, so that no other file names a JavaScript property.

pub(crate) mod exception;
pub(crate) mod js;
pub(crate) mod page;
pub(crate) mod probe;
