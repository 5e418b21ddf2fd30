//! SQL for the page: a second service, done by a worker that runs SQLite over the installed VFS.
//!
//! ```text
//!  page, main thread            SQLite worker                 I/O worker
//!  Database ── Connector ──────▶ SqlServer ── Engine ── VFS ─▶ files
//! ```
//!
//! The trait [`Sql`] is the contract; an [`Engine`] does the work; a [`Database`] is what an application holds. In a browser
//! `web::SqlWorker` starts the worker; natively the same engine runs on a thread.

mod busy;
mod connector;
pub mod copy;
mod cursor;
mod database;
mod engine;
mod error;
mod service;
mod value;
#[cfg(target_family = "wasm")]
pub mod web;

pub use connector::Connector;
pub use database::{Database, Error, Pages, Table};
pub use engine::{Engine, server};
pub use error::SqlError;
pub use service::{
    Executed, FileEntry, OpenOptions, Page, Sql, SqlAsyncClient, SqlClient, SqlOp, SqlServer, Transfer,
};
pub use value::Value;
#[cfg(target_family = "wasm")]
pub use web::{SqlOptions, SqlWorker};
