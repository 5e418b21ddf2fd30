//! The eight locks of a wal-index: a pure table for one database. The I/O worker has one for all connections of the page; a
//! thread of SQLite's that has the locks to itself has one for its own.

use std::ops::Range;

use sabrpc::CallerId;

use crate::wire::FileId;

/// Locks of an index.
pub(crate) const LOCKS: u32 = 8;

/// The one under which the log is copied back.
pub(crate) const CHECKPOINT: u32 = 1;

struct Held {
    file: FileId,
    caller: Option<CallerId>,
    lock: u32,
    exclusive: bool,
}

/// Who holds which of them.
#[derive(Default)]
pub(crate) struct IndexLocks {
    held: Vec<Held>,
    /// No lock is held, and one will be in a moment.
    beginning: bool,
}

impl IndexLocks {
    /// Whether nobody holds any.
    pub(crate) fn is_idle(&self) -> bool {
        self.held.is_empty()
    }

    /// Whether nobody holds a lock because a transaction is about to begin.
    pub(crate) fn is_beginning(&self) -> bool {
        self.beginning
    }

    /// Whether that connection holds any.
    pub(crate) fn is_holder(&self, file: FileId) -> bool {
        self.held.iter().any(|held| held.file == file)
    }

    /// Whether that connection holds this one, alone.
    pub(crate) fn holds(&self, file: FileId, lock: u32) -> bool {
        self.held.iter().any(|held| held.file == file && held.lock == lock && held.exclusive)
    }

    /// Whether somebody holds this one, alone.
    pub(crate) fn is_held(&self, lock: u32) -> bool {
        self.held.iter().any(|held| held.lock == lock && held.exclusive)
    }

    /// Whether another thread holds one.
    pub(crate) fn is_foreign(&self, caller: Option<CallerId>) -> bool {
        self.held.iter().any(|held| held.caller != caller)
    }

    /// Takes locks, all or none. Connections of one thread have SQLite's rules; threads take turns, since each has a copy of
    /// the index.
    pub(crate) fn lock(
        &mut self,
        file: FileId,
        caller: Option<CallerId>,
        locks: Range<u32>,
        exclusive: bool,
    ) -> bool {
        let stands = |other: &Held| {
            let clash = locks.contains(&other.lock) && other.file != file && (exclusive || other.exclusive);
            clash || other.caller != caller
        };
        if self.held.iter().any(stands) {
            return false;
        }
        self.beginning = false;
        self.held.retain(|mine| mine.file != file || !locks.contains(&mine.lock));
        self.held.extend(locks.map(|lock| Held { file, caller, lock, exclusive }));
        true
    }

    /// Gives locks up. What goes with the last one is a transaction, if it is a reader's or the one of a checkpoint; otherwise
    /// SQLite has only set a reader's mark, or made the index anew, and is about to begin.
    pub(crate) fn unlock(&mut self, file: FileId, locks: Range<u32>) {
        let goes = |held: &Held| held.file == file && locks.contains(&held.lock);
        let ends = |held: &Held| goes(held) && (held.lock == CHECKPOINT || !held.exclusive);
        let over = self.held.iter().any(ends);
        self.held.retain(|held| !goes(held));
        self.beginning = self.held.is_empty() && !over;
    }

    /// A connection is gone; says whether it held a lock that allows changes.
    pub(crate) fn leave(&mut self, file: FileId) -> bool {
        let changing = self.held.iter().any(|held| held.file == file && held.exclusive);
        self.held.retain(|held| held.file != file);
        self.beginning = false;
        changing
    }

    /// All of them are given up; whoever held them is about to begin a transaction, or not.
    pub(crate) fn clear(&mut self, beginning: bool) {
        self.held.clear();
        self.beginning = beginning;
    }
}
