//! Locks between tabs. Owns the trait behind which the browser's Web Locks and, for native tests, an in-process queue
//! stand; knows nothing of SQLite's lock states, which live between the connections of one page (`io/locks.rs`).

use std::future::Future;
use std::time::Duration;

use crate::error::VfsError;
use crate::path::VfsPath;

#[cfg(not(target_arch = "wasm32"))]
pub mod local;
#[cfg(target_family = "wasm")]
pub mod web;

#[cfg(not(target_arch = "wasm32"))]
pub use local::LocalTabs;

/// Exclusive locks by name that hold between the tabs of one origin.
///
/// Waiting is in line: who asks first is served first. A tab that dies lets go of what it held.
pub trait TabLocks: 'static {
    /// Holds the lock; dropping it lets go.
    type Guard: 'static;

    /// Takes the lock on `path`, waiting in line at most `timeout`; `None` says that it was still held elsewhere then.
    /// A waiter that is dropped leaves the line and never holds the lock.
    fn acquire(
        &self,
        path: &VfsPath,
        timeout: Duration,
    ) -> impl Future<Output = Result<Option<Self::Guard>, VfsError>>;
}
