//! A database as this side of the channel knows it: what its lock says, copies of its bytes, what it has cost.

use super::copies::Copies;
use super::index::Index;
use super::log::LogCopy;
use crate::wire::{FileId, Locked};

/// What a database has cost since it was opened, with its journal and its log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DatabaseMetrics {
    /// The database.
    pub path: String,
    /// Reads that SQLite made.
    pub reads: u64,
    /// How many of them were answered from copies, without a call.
    pub hits: u64,
    /// Bytes that SQLite read.
    pub bytes_read: u64,
    /// Writes that SQLite made; those that follow each other travel together.
    pub writes: u64,
    /// Bytes that SQLite wrote.
    pub bytes_written: u64,
    /// Flushes.
    pub syncs: u64,
}

/// A database, or any other file that is open here.
pub(super) struct Database {
    /// Its name; those of its journal and log are told by it.
    pub(super) name: String,
    pub(super) users: u32,
    pub(super) copies: Copies,
    pub(super) log: LogCopy,
    /// The connections that hold SHARED or more, and what they were told then.
    pub(super) locked: Vec<(FileId, Locked)>,
    /// The size, for all of them, since those on a log are SHARED while one copies it back; unless something failed.
    pub(super) size: Option<u64>,
    /// Its wal-index.
    pub(super) index: Index,
    /// Transactions that have written to the log, and changes of settings that decide about syncs.
    pub(super) transactions: u64,
    pub(super) settings: u64,
    pub(super) counts: DatabaseMetrics,
}

impl Database {
    /// With room for so many bytes of copies.
    pub(super) fn new(name: &str, room: usize) -> Self {
        Self {
            name: name.to_owned(),
            users: 0,
            copies: Copies::new(room),
            log: LogCopy::default(),
            locked: Vec::new(),
            size: None,
            index: Index::default(),
            transactions: 0,
            settings: 0,
            counts: DatabaseMetrics { path: name.to_owned(), ..DatabaseMetrics::default() },
        }
    }

    /// Gives back what the last user does not need any more.
    pub(super) fn shrink(&mut self) {
        self.copies = Copies::new(0);
        self.log = LogCopy::default();
    }

    pub(super) fn forget_copies(&mut self) {
        self.copies.clear();
        self.log.clear();
    }

    /// What is here may not be what is in the file, and neither is the size.
    pub(super) fn doubt(&mut self) {
        self.forget_copies();
        self.size = None;
    }

    /// Whether that file is the database itself, and locked.
    pub(super) fn is_locked(&self, file: FileId) -> bool {
        self.locked.iter().any(|(other, _)| *other == file)
    }

    /// SQLite reads.
    pub(super) fn count_read(&mut self, bytes: usize) {
        self.counts.reads += 1;
        self.counts.bytes_read += bytes as u64;
    }
}
