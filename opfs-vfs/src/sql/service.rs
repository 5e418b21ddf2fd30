//! The `Sql` service: what the SQLite worker does for the page, as one trait.
//!
//! Connections and cursors are numbers that the caller chooses, all different, so that it can give up also what it never
//! saw opened. A query answers its first page of rows at once, and keeps a cursor where there are more: each page fits a
//! mailbox, so that no result is too large to travel.

use std::time::Duration;

use sabrpc::{BulkIn, BulkOut, OpMetrics, sab_service};
use serde::{Deserialize, Serialize};

use super::error::SqlError;
use super::value::Value;

/// How a connection is opened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenOptions {
    /// Makes the database where it is missing.
    pub create: bool,
    /// Bars every change through this connection.
    pub read_only: bool,
    /// How long a statement waits, by the clock, for a lock that another tab holds, before it fails with `SQLITE_BUSY`.
    /// The last try may take [`IoOptions::lock_wait`](crate::io::IoOptions::lock_wait) longer.
    ///
    /// For another connection of the same worker to the same database it does not wait, and fails at once: that one could
    /// not go on meanwhile. `PRAGMA busy_timeout` puts SQLite's own handler in the place of this one, which knows neither.
    pub busy_timeout: Duration,
}

impl Default for OpenOptions {
    /// For reading and writing, made where missing, waiting up to five seconds.
    fn default() -> Self {
        Self { create: true, read_only: false, busy_timeout: Duration::from_secs(5) }
    }
}

/// What a statement that answers no rows did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Executed {
    /// Rows inserted, changed or deleted, by triggers too.
    pub changes: u64,
    /// The row id of the connection's latest insertion.
    pub last_insert_rowid: i64,
}

/// Some rows of a query's answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// The columns' names; only in the first page.
    pub columns: Vec<String>,
    /// The rows, each with one value per column.
    pub rows: Vec<Vec<Value>>,
    /// Whether the rest is to be fetched from the cursor; there is none after the last row.
    pub more: bool,
}

/// A copy that has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// Its number.
    pub transfer: u32,
    /// Bytes of the file as it is now.
    pub size: u64,
}

/// A file of the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Its path.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
}

/// SQL for a thread that may not block, done by a worker that may.
#[sab_service]
pub trait Sql {
    /// Opens a connection to the database at `path`, under a number that nothing of this caller has.
    fn open(&self, db: u32, path: &str, options: OpenOptions) -> Result<(), SqlError>;

    /// Runs every statement of `sql` in order and drops the rows they answer.
    fn exec(&self, db: u32, sql: &str) -> Result<Executed, SqlError>;

    /// Runs one statement that answers no rows, with its parameters.
    fn execute(&self, db: u32, sql: &str, params: Vec<Value>) -> Result<Executed, SqlError>;

    /// Runs one statement once per row of parameters. It stops at the first row that fails, and takes nothing back:
    /// begin a transaction before it where all or nothing is wanted.
    fn execute_many(&self, db: u32, sql: &str, rows: Vec<Vec<Value>>) -> Result<Executed, SqlError>;

    /// Runs one statement and answers the first page of its rows; the others are fetched from `cursor`, a number that
    /// nothing of this caller has.
    fn query(&self, db: u32, cursor: u32, sql: &str, params: Vec<Value>) -> Result<Page, SqlError>;

    /// The next page of a cursor. The cursor is gone after its last page and after an error.
    fn fetch(&self, db: u32, cursor: u32) -> Result<Page, SqlError>;

    /// Ends a cursor before its last page, and with it the statement's hold on the database.
    fn finish(&self, db: u32, cursor: u32) -> Result<(), SqlError>;

    /// Closes a connection; an open transaction is rolled back.
    fn close(&self, db: u32) -> Result<(), SqlError>;

    /// Closes the connections and ends the cursors of these numbers, as far as there are any.
    #[op(oneway)]
    fn release(&self, numbers: &[u32]);

    /// The files of the store.
    fn list(&self) -> Result<Vec<FileEntry>, SqlError>;

    /// Deletes a database that nobody has open, and its journals.
    fn delete(&self, path: &str) -> Result<(), SqlError>;

    /// Begins to copy a database out, as it is now.
    fn export_begin(&self, path: &str) -> Result<Transfer, SqlError>;

    /// Copies bytes out, from `offset` on; answers how many there were.
    fn export_read(&self, transfer: u32, out: BulkOut<'_>, offset: u64) -> Result<u32, SqlError>;

    /// Begins to copy a database in, under a path that is free.
    fn import_begin(&self, path: &str) -> Result<Transfer, SqlError>;

    /// Copies the next bytes in.
    fn import_write(&self, transfer: u32, data: BulkIn<'_>) -> Result<(), SqlError>;

    /// Ends a copy. A database copied in is made now, if `complete` says that all its bytes have come.
    fn transfer_end(&self, transfer: u32, complete: bool) -> Result<(), SqlError>;

    /// What each file operation cost the SQLite worker: its calls to the I/O worker.
    fn vfs_metrics(&self) -> Result<Vec<OpMetrics>, SqlError>;

    /// What each file operation cost the I/O worker.
    fn io_metrics(&self) -> Result<Vec<OpMetrics>, SqlError>;

    /// Closes every connection, takes the VFS out of SQLite and ends the I/O worker.
    fn shutdown(&self) -> Result<(), SqlError>;
}
