//! Services to copy into a project: each is one file, which says what it needs from `web-sys`.
//!
//! | file | what a worker gets | who serves |
//! | --- | --- | --- |
//! | `fetch.rs` | HTTP by calls that block; bodies are `io::Read` | a worker |
//! | `store.rs` | a key-value store that persists, over IndexedDB | a worker |
//! | `dom.rs` | the page: set a text, ask the user, read a file that the user picks | the page's main thread |
//! | `timers.rs` | sleeping, and clocks that tick | a worker |
//!
//! The folder `pages` has, for each, a program that uses it from a worker, and what its page in `web` calls.
#![cfg(target_family = "wasm")]

pub mod dom;
pub mod fetch;
pub mod pages;
pub mod store;
pub mod timers;
