//! Locks between tabs. Owns the trait behind which the browser's Web Locks and, for native tests, an in-process queue
//! stand; knows nothing of SQLite's lock states, which live between the connections of one page (`io/locks.rs`).

use std::future::Future;
use std::time::Duration;

use crate::error::VfsError;
use crate::path::VfsPath;
use crate::wire::Keep;

#[cfg(not(target_arch = "wasm32"))]
pub mod local;
#[cfg(target_family = "wasm")]
mod wants;
#[cfg(target_family = "wasm")]
pub mod web;

#[cfg(not(target_arch = "wasm32"))]
pub use local::LocalTabs;

/// What a tab asks for about a database. Each database has two locks: one that tabs take turns with, and one that says
/// who has it open at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TabLock {
    /// The turn to read and write; one tab at a time.
    Turn,
    /// Having the database open, whether or not anything is read; many tabs at a time.
    Open,
    /// Being the only one that has the database open, to delete or replace it; not together with [`TabLock::Open`].
    Alone,
}

impl TabLock {
    /// The name of the lock; a path begins with a slash, so that the two of a database, and those of different
    /// databases, are apart.
    pub fn name(self, path: &VfsPath) -> String {
        match self {
            Self::Turn => path.to_string(),
            Self::Open | Self::Alone => format!("open:{path}"),
        }
    }

    /// Whether several tabs can have it at once.
    pub fn is_shared(self) -> bool {
        self == Self::Open
    }
}

/// Locks by name that hold between the tabs of one origin.
///
/// Waiting is in line: who asks first is served first, and those at the head of the line who share are served together. A
/// tab that dies lets go of what it held.
pub trait TabLocks: 'static {
    /// Holds the lock; dropping it lets go.
    type Guard: 'static;

    /// Takes a lock of `path`, waiting in line at most `timeout`; `None` says that it was still held elsewhere then.
    /// A waiter that is dropped leaves the line and never holds the lock.
    fn acquire(
        &self,
        path: &VfsPath,
        lock: TabLock,
        timeout: Duration,
    ) -> impl Future<Output = Result<Option<Self::Guard>, VfsError>>;

    /// Whether another tab has `path` open, by [`TabLock::Open`]; this one has.
    fn is_open_elsewhere(&self, path: &VfsPath) -> impl Future<Output = Result<bool, VfsError>>;

    /// Whether another tab is known to wait for its turn at `path`. A hint: it may come late, and may be a little old; who
    /// waits is served by the lock itself, once it is let go.
    fn is_wanted(&self, path: &VfsPath) -> bool;

    /// Which turns this tab may keep, by what is known of its page.
    fn keep(&self) -> Keep {
        Keep::All
    }

    /// How often there has been news: another tab has begun to wait for a turn, or [`keep`](Self::keep) has changed.
    fn news(&self) -> u64;

    /// Waits until [`news`](Self::news) is no longer `seen`.
    fn next_news(&self, seen: u64) -> impl Future<Output = ()>;
}
