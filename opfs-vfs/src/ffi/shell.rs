//! What stands behind a registered VFS: its desk with the client of the I/O worker, the text of the last error, the count of open files;
//! and the edge that every callback passes through.

use std::ffi::{CString, c_int};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::ffi;
use sabrpc::OpMetrics;

use super::VfsOptions;
use super::codes::{Callback, Failure};
use super::database::DatabaseMetrics;
use super::desk::Desk;
use crate::service::OpfsClient;

/// The state of one registered VFS.
///
/// A shell is never freed: a connection keeps a pointer to its VFS even when it has no file open (`:memory:`), so only the
/// client inside is given back. Shells of VFSes that were unregistered are used again.
pub(super) struct Shell {
    pub(super) name: CString,
    /// SQLite may call from any thread that has a connection, a client's mailbox is for one at a time: hence the mutex.
    desk: Mutex<Option<Desk>>,
    last_error: Mutex<Option<(c_int, String)>>,
    facts: Mutex<Facts>,
}

#[derive(Clone, Copy, Default)]
struct Facts {
    open_files: usize,
    powersafe_overwrite: bool,
}

impl Shell {
    pub(super) fn new(name: CString) -> Self {
        Self { name, desk: Mutex::new(None), last_error: Mutex::new(None), facts: Mutex::default() }
    }

    /// Puts a client in, or takes it out.
    pub(super) fn set_client(&self, client: Option<(OpfsClient, VfsOptions)>) {
        *lock(&self.desk) = client.map(|(client, options)| Desk::new(client, options));
    }

    /// Works at the desk.
    pub(super) fn at_desk<T>(
        &self,
        work: impl FnOnce(&mut Desk) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut desk = lock(&self.desk);
        work(desk.as_mut().ok_or(Failure::Unregistered)?)
    }

    /// Calls the I/O worker.
    pub(super) fn call<T, E: Into<Failure>>(
        &self,
        work: impl FnOnce(&OpfsClient) -> Result<T, E>,
    ) -> Result<T, Failure> {
        self.at_desk(|desk| work(desk.client()).map_err(Into::into))
    }

    /// What the client's calls have cost; nothing once the VFS was taken back.
    pub(super) fn metrics(&self) -> Vec<OpMetrics> {
        lock(&self.desk).as_ref().map(|desk| desk.bare().caller().metrics()).unwrap_or_default()
    }

    /// Reads answered from copies, and reads of databases in all.
    pub(super) fn hits(&self) -> (u64, u64) {
        lock(&self.desk).as_ref().map(Desk::hits).unwrap_or_default()
    }

    /// What each open database has cost.
    pub(super) fn databases(&self) -> Vec<DatabaseMetrics> {
        lock(&self.desk).as_ref().map(Desk::metrics).unwrap_or_default()
    }

    /// Code and text of the last error.
    pub(super) fn last_error(&self) -> Option<(c_int, String)> {
        lock(&self.last_error).clone()
    }

    /// A file was opened.
    pub(super) fn count_open(&self) {
        lock(&self.facts).open_files += 1;
    }

    /// A file was closed.
    pub(super) fn count_close(&self) {
        lock(&self.facts).open_files -= 1;
    }

    pub(super) fn open_file_count(&self) -> usize {
        lock(&self.facts).open_files
    }

    /// What files opened from now on claim.
    pub(super) fn set_powersafe_overwrite(&self, claimed: bool) {
        lock(&self.facts).powersafe_overwrite = claimed;
    }

    pub(super) fn powersafe_overwrite(&self) -> bool {
        lock(&self.facts).powersafe_overwrite
    }

    /// Runs a callback's work: what fails becomes a code, and its text is kept for xGetLastError. No panic crosses into C;
    /// in wasm, where a panic aborts, there is none to catch.
    pub(super) fn run(&self, callback: Callback, work: impl FnOnce() -> Result<c_int, Failure>) -> c_int {
        match catch_unwind(AssertUnwindSafe(work)) {
            Ok(Ok(code)) => code,
            Ok(Err(failure)) => {
                let code = failure.code(callback);
                self.remember(code, format!("{callback}: {failure}"));
                code
            }
            Err(_) => {
                let code = callback.failed();
                self.remember(
                    code,
                    format!("{callback}: a panic in the VFS; this is a fault of the crate opfs-vfs"),
                );
                code
            }
        }
    }

    fn remember(&self, code: c_int, text: String) {
        // BUSY is an answer, not an error worth keeping: a busy handler asks again and again.
        if code != ffi::SQLITE_BUSY {
            *lock(&self.last_error) = Some((code, text));
        }
    }
}

/// A panic elsewhere leaves the values behind these locks whole: each is replaced in one step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// With several native threads on one VFS, the shell is shared between them.
#[cfg(not(target_arch = "wasm32"))]
const _: () = {
    const fn shared<T: Send + Sync>() {}
    shared::<Shell>();
};
