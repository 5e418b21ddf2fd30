//! The file service: one trait with every operation of the VFS, from which `#[sab_service]` makes the wire, the client
//! that SQLite's worker calls and the dispatch of the I/O worker. What the operations do is `io/`'s affair.

use sabrpc::{BulkIn, BulkOut, OpMetrics, sab_service};

use crate::error::VfsError;
use crate::wire::{Access, Entry, FileId, IndexLocked, Keep, LockLevel, Locked, OpenFlags, Opened};

/// The file operations of the I/O worker.
///
/// Operations are only ever added at the end; their ids are the contract with older workers.
#[sab_service]
pub trait Opfs {
    /// Opens `path`; an empty path is a temporary file, which lives in the I/O worker's memory.
    #[op(id = 1, name = "xOpen")]
    async fn open(&self, path: &str, flags: OpenFlags) -> Result<Opened, VfsError>;

    /// Closes a file and lets go of all its locks.
    #[op(name = "xClose")]
    async fn close(&self, file: FileId) -> Result<(), VfsError>;

    /// Reads from `offset` into `out` and says how many bytes came; fewer than asked for only at the file's end.
    #[op(name = "xRead")]
    fn read(&self, file: FileId, out: BulkOut<'_>, offset: u64) -> Result<u32, VfsError>;

    /// Writes all of `data` at `offset`.
    #[op(name = "xWrite")]
    fn write(&self, file: FileId, data: BulkIn<'_>, offset: u64) -> Result<(), VfsError>;

    /// Sets the size of a file.
    #[op(name = "xTruncate")]
    fn truncate(&self, file: FileId, size: u64) -> Result<(), VfsError>;

    /// Makes everything written to the file so far survive a crash.
    #[op(name = "xSync")]
    fn sync(&self, file: FileId) -> Result<(), VfsError>;

    /// The size of a file.
    #[op(name = "xFileSize")]
    fn file_size(&self, file: FileId) -> Result<u64, VfsError>;

    /// Raises the lock on a main database to `level`. Between tabs it waits in line for a moment; what still stands
    /// against it then, and any conflict within the page, is [`VfsError::Busy`]. The answer to SHARED holds until that lock
    /// is given up; to any other level it means nothing.
    #[op(name = "xLock")]
    async fn lock(&self, file: FileId, level: LockLevel) -> Result<Locked, VfsError>;

    /// Lowers the lock to SHARED or NONE.
    #[op(name = "xUnlock")]
    fn unlock(&self, file: FileId, level: LockLevel) -> Result<(), VfsError>;

    /// Whether any connection holds RESERVED or more.
    #[op(name = "xCheckReservedLock")]
    fn check_reserved_lock(&self, file: FileId) -> Result<bool, VfsError>;

    /// Asks about a path. An empty journal or log is none.
    #[op(name = "xAccess")]
    async fn access(&self, path: &str, what: Access) -> Result<bool, VfsError>;

    /// Removes a file; `sync_dir` asks for the removal to survive a crash. A database goes with its journal and its log, and
    /// not while any connection of any tab has it open ([`VfsError::InUse`]).
    #[op(name = "xDelete")]
    async fn delete(&self, path: &str, sync_dir: bool) -> Result<(), VfsError>;

    /// The absolute, normalised form of a path.
    #[op(name = "xFullPathname")]
    fn full_pathname(&self, path: &str) -> Result<String, VfsError>;

    /// Answers after that many microseconds.
    #[op(name = "xSleep")]
    async fn sleep(&self, micros: u64);

    /// Count and time of each operation since the worker started.
    #[op(name = "metrics")]
    fn metrics(&self) -> Vec<OpMetrics>;

    /// Stops the worker once the calls under way have been answered.
    #[op(name = "shutdown")]
    fn shutdown(&self);

    /// Every file of the store.
    #[op(name = "list")]
    async fn list(&self) -> Result<Vec<Entry>, VfsError>;

    /// What the page may keep of what it has locked, after it was unlocked.
    #[op(name = "keepLeases")]
    fn keep_leases(&self, keep: Keep);

    /// Takes `count` locks of a database's wal-index from `first` on, together. With `borrows` they may come as a loan, which
    /// the caller then returns as its note says.
    #[op(name = "xShmLock")]
    async fn lock_index(
        &self,
        file: FileId,
        first: u32,
        count: u32,
        exclusive: bool,
        borrows: bool,
    ) -> Result<IndexLocked, VfsError>;

    /// Gives them up.
    #[op(name = "xShmUnlock")]
    fn unlock_index(&self, file: FileId, first: u32, count: u32) -> Result<(), VfsError>;

    /// Hands in one region of the wal-index.
    #[op(name = "shmWrite")]
    fn write_index(&self, file: FileId, region: u32, data: BulkIn<'_>) -> Result<(), VfsError>;

    /// Fetches one region of the wal-index.
    #[op(name = "shmRead")]
    fn read_index(&self, file: FileId, region: u32, out: BulkOut<'_>) -> Result<(), VfsError>;

    /// Ends the use of the log by this connection.
    #[op(name = "xShmUnmap")]
    fn unmap_index(&self, file: FileId) -> Result<(), VfsError>;

    /// Writes, and then makes everything written to the file so far survive a crash.
    #[op(name = "writeSync")]
    fn write_sync(&self, file: FileId, data: BulkIn<'_>, offset: u64) -> Result<(), VfsError>;

    /// Writes all of `data` at `offset`; the caller goes on meanwhile, and hears of an error with its next call.
    #[op(name = "writeAhead", oneway)]
    fn write_ahead(&self, file: FileId, data: BulkIn<'_>, offset: u64) -> Result<(), VfsError>;

    /// Says that this connection too will use the locks of a wal-index that its thread has to itself.
    #[op(name = "shmJoin")]
    fn join_index(&self, file: FileId) -> Result<(), VfsError>;

    /// Gives back the locks of a wal-index that the thread had to itself: whether the index was handed in whole, and whether
    /// a transaction is about to begin. A thread that has nothing to itself says so that it has not come to hand all of it in.
    #[op(name = "shmReturn")]
    fn return_index(&self, file: FileId, whole: bool, beginning: bool) -> Result<(), VfsError>;

    /// How often this page has let a database go that it had kept.
    #[op(name = "handOvers")]
    fn hand_overs(&self) -> u64;
}
