//! An SQLite VFS over the Origin Private File System, for `rusqlite` in the browser.
//!
//! ```text
//!  SQLite worker (or thread)                      I/O worker (or thread)
//!  ┌───────────────────────────────┐  sabrpc      ┌────────────────────────────────────────┐
//!  │ rusqlite ── ffi: sqlite3_vfs  │─────────────▶│ io: file table, locks ── store: files  │
//!  │             OpfsClient        │◀─────────────│                       └─ tabs: Web Locks│
//!  └───────────────────────────────┘              └────────────────────────────────────────┘
//! ```
//!
//! - [`service`] declares the operations, [`wire`] and [`error`] what travels with them;
//! - [`io`] serves them, over any [`store::Store`] (OPFS, a folder, memory) and any [`tabs::TabLocks`];
//! - [`ffi`] is the VFS that SQLite sees: each callback makes one call;
//! - [`install`] puts the parts together and takes them down again; [`sanity`] tries the whole path on a scratch file;
//! - [`transfer`] copies whole databases in and out, and [`sql`] is for the page itself: a second service, done by the SQLite
//!   worker, because a page's main thread may not block.
//!
//! A page begins with `sql::SqlWorker`; code that runs in a worker of its own begins with `install::install` and opens
//! `rusqlite` connections through the VFS.

pub mod error;
pub mod ffi;
pub mod install;
pub mod io;
pub mod path;
mod platform;
pub mod sanity;
pub mod service;
pub mod sql;
pub mod store;
pub mod tabs;
pub mod transfer;
#[cfg(target_family = "wasm")]
mod web;
pub mod wire;

pub use error::VfsError;
pub use install::{InstallError, InstallOptions, Unavailable};
pub use path::{PathError, VfsPath};
pub use service::{Opfs, OpfsAsyncClient, OpfsClient, OpfsOp, OpfsServer};
pub use wire::{Access, Entry, FileId, FileKind, IndexLocked, Keep, LockLevel, Locked, OpenFlags, Opened};
