//! The error of the file service. Owns what can go wrong in a store, a lock or the file table, in words; it crosses the
//! wire as it is. Which SQLite code an error becomes is `ffi/codes.rs`'s affair.

use serde::{Deserialize, Serialize};

use crate::path::{PathError, VfsPath};
use crate::wire::{FileId, LockLevel};

/// What an operation of the file service answers when it fails.
///
/// New cases are added at the end only: the position is what travels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum VfsError {
    /// There is no such file.
    #[error("{path} does not exist")]
    NotFound {
        /// The file asked for.
        path: VfsPath,
    },
    /// The file was to be made anew, and is there.
    #[error("{path} exists already; open it without the exclusive flag, or delete it first")]
    AlreadyExists {
        /// The file asked for.
        path: VfsPath,
    },
    /// The text given is not a path.
    #[error("invalid path: {0}")]
    Path(PathError),
    /// No open file of this caller has that number.
    #[error("file {file} is not open; it was closed, or belongs to another connection")]
    BadFile {
        /// The number given.
        file: FileId,
    },
    /// Another connection or another tab holds a lock that stands against this one.
    #[error("{path} is locked by another connection or tab; try again")]
    Busy {
        /// The file asked for.
        path: VfsPath,
    },
    /// An open handle stands against the operation: the file cannot be deleted, or opened another way, now.
    #[error("{path} is open elsewhere; close it there first")]
    InUse {
        /// The file asked for.
        path: VfsPath,
    },
    /// The quota is used up, or the disk is full.
    #[error("no storage left while writing {path}; free some space or ask for persistent storage")]
    StorageFull {
        /// The file written to.
        path: VfsPath,
    },
    /// A write to a file that was opened for reading.
    #[error("{path} is open for reading only")]
    ReadOnly {
        /// The file.
        path: VfsPath,
    },
    /// A folder stands where the file should be, or a file where a folder should be.
    #[error("{path}: a folder and a file of one name stand in each other's way")]
    WrongKind {
        /// The file asked for.
        path: VfsPath,
    },
    /// A main database is read or written only under its lock; this is a fault of the caller.
    #[error("{path} is held at {held:?}, the operation needs {needed:?}; take the lock first")]
    NotLocked {
        /// The file.
        path: VfsPath,
        /// Level held by the caller.
        held: LockLevel,
        /// Level that the operation needs.
        needed: LockLevel,
    },
    /// A change of lock that SQLite's rules do not have, such as from NONE to RESERVED.
    #[error("a lock cannot go from {from:?} to {to:?}")]
    LockOrder {
        /// Level held.
        from: LockLevel,
        /// Level asked for.
        to: LockLevel,
    },
    /// The store below failed.
    #[error("{op} of {path} failed: {cause}")]
    Io {
        /// The operation of the store, such as `write`.
        op: String,
        /// The file.
        path: VfsPath,
        /// What the store said.
        cause: String,
    },
    /// The store cannot do this at all.
    #[error("{what} is not supported here")]
    Unsupported {
        /// What was asked for.
        what: String,
    },
    /// More open files than the table holds.
    #[error("too many open files; at most {limit} can be open at once")]
    TooManyFiles {
        /// Size of the table.
        limit: u32,
    },
}

impl VfsError {
    /// A failure of the store below: which operation, on what, and what it said.
    pub fn io(op: &str, path: &VfsPath, cause: impl std::fmt::Display) -> Self {
        Self::Io { op: op.to_owned(), path: path.clone(), cause: cause.to_string() }
    }
}

impl From<PathError> for VfsError {
    fn from(error: PathError) -> Self {
        Self::Path(error)
    }
}
