//! The VFS that SQLite sees: `sqlite3_vfs` and `sqlite3_io_methods` over the client of the file service, written against
//! `rusqlite::ffi`, so that one source serves the browser and the host.
//!
//! ```text
//! SQLite ──▶ vfs.rs   xOpen xDelete xAccess xFullPathname xRandomness xSleep xCurrentTime… xGetLastError
//!        ──▶ file.rs, state.rs  xClose xRead xWrite xTruncate xSync xFileSize xLock xUnlock xCheckReservedLock xSectorSize…
//!        ──▶ control.rs  xFileControl
//!        ──▶ shm.rs, index.rs  xShmMap xShmLock xShmBarrier xShmUnmap
//!                 each: check the pointers, work at the desk (shell.rs, desk.rs), turn the answer into a code (codes.rs)
//!
//! desk.rs answers what needs no call: what came with a lock, what copies of the file say (copies.rs) and of the log (log.rs);
//! and gathers writes (writes.rs), so that neighbours travel together. Otherwise it calls the client.
//! ```
//!
//! Who owns what: SQLite owns the `sqlite3_file` memory and frees it; this module owns the state that it points to, from
//! xOpen to xClose; the `sqlite3_vfs` and its shell live for ever (see `shell.rs`).
//!
//! One VFS is meant for one thread: several threads may use connections over it, but their calls take turns, and a call
//! that waits for a lock holds up the others. Register one VFS for each thread, each with a client of its own.

#![expect(unsafe_code, reason = "SQLite calls through C function pointers and hands over raw memory")]

mod codes;
mod commit;
mod control;
mod copies;
mod database;
mod desk;
mod file;
mod flags;
mod index;
mod log;
mod shell;
mod shm;
mod state;
#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests;
#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests_of_failures;
mod vfs;
mod writes;

use std::ffi::{CString, c_int};
use std::ptr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::ffi;
use sabrpc::OpMetrics;

use crate::service::OpfsClient;
pub use database::DatabaseMetrics;
use shell::Shell;

/// What a registered VFS says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct VfsOptions {
    /// Claim `SQLITE_IOCAP_POWERSAFE_OVERWRITE`: that a write cut off by a power failure never changes bytes beside it.
    /// Disks keep that promise, browsers do not give it, so it is not claimed by itself; it makes journals smaller.
    pub powersafe_overwrite: bool,
    /// Bytes of each open database that are kept on SQLite's side of the channel, beside SQLite's own cache.
    pub cache: usize,
    /// How long a flush is waited for without going to sleep, where flushes have been that fast lately. Being woken takes about
    /// 50 µs, and the I/O worker falls asleep meanwhile, too: on a fast disk that is a third of a commit. Meanwhile a core is busy.
    pub spin: Duration,
}

impl Default for VfsOptions {
    fn default() -> Self {
        Self { powersafe_overwrite: false, cache: 32 << 20, spin: Duration::from_millis(1) }
    }
}

/// Why a VFS could not be registered or unregistered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// A NUL or nothing in the name.
    #[error("{name:?} is no name for a VFS; use a few letters, for example \"opfs\"")]
    BadName {
        /// The name given.
        name: String,
    },
    /// SQLite has a VFS of that name.
    #[error("a VFS named {name:?} is registered already; unregister it first, or choose another name")]
    NameTaken {
        /// The name given.
        name: String,
    },
    /// Connections have files open.
    #[error("{files} files are open through the VFS {name:?}; close all its connections first")]
    InUse {
        /// The VFS.
        name: String,
        /// Files that are open.
        files: usize,
    },
    /// SQLite refused.
    #[error("SQLite answered {code} to the VFS {name:?}")]
    Sqlite {
        /// The VFS.
        name: String,
        /// Its result code.
        code: i32,
    },
}

/// A registered VFS. Dropping it unregisters, unless files are still open; then it stays.
#[derive(Debug)]
pub struct Registered {
    vfs: &'static Registration,
    active: bool,
}

/// A `sqlite3_vfs` and what it points to. Lives for ever, since connections keep the pointer.
struct Registration {
    vfs: *mut ffi::sqlite3_vfs,
    shell: &'static Shell,
}

impl std::fmt::Debug for Registration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Registration").field(&self.shell.name).finish()
    }
}

// SAFETY: the pointer is given to SQLite's register and unregister only, which take SQLite's own mutex (natively SQLite is
// built thread-safe; in wasm a worker is one thread with a memory of its own). The shell is checked to be `Sync` natively,
// and is confined to its thread in wasm.
unsafe impl Send for Registration {}
// SAFETY: as for `Send`; a shared reference gives no other access.
unsafe impl Sync for Registration {}

/// Registrations that were taken back, for use under the same name again. The lock is held while a VFS is being registered
/// or unregistered, so that two threads cannot both find a name free.
static RETIRED: Mutex<Vec<&'static Registration>> = Mutex::new(Vec::new());

/// Registers a VFS under `name` that sends its work to `client`.
///
/// Open databases with `Connection::open_with_flags_and_vfs(path, flags, name)`, or with plain `Connection::open` if
/// `make_default` is set.
pub fn register(
    name: &str,
    client: OpfsClient,
    options: VfsOptions,
    make_default: bool,
) -> Result<Registered, RegisterError> {
    let bad_name = || RegisterError::BadName { name: name.to_owned() };
    let c_name = CString::new(name).ok().filter(|_| !name.is_empty()).ok_or_else(bad_name)?;
    let mut retired = RETIRED.lock().unwrap_or_else(PoisonError::into_inner);
    // SAFETY: the name is a C string that outlives the call; SQLite only reads it.
    if !unsafe { ffi::sqlite3_vfs_find(c_name.as_ptr()) }.is_null() {
        return Err(RegisterError::NameTaken { name: name.to_owned() });
    }
    let again = retired.iter().position(|old| old.shell.name == c_name);
    let registration = match again {
        Some(place) => retired.swap_remove(place),
        None => new_registration(c_name),
    };
    registration.shell.set_powersafe_overwrite(options.powersafe_overwrite);
    registration.shell.set_client(Some((client, options)));
    // SAFETY: the struct is complete, its name and methods live for ever, and it is not registered now.
    let code = unsafe { ffi::sqlite3_vfs_register(registration.vfs, c_int::from(make_default)) };
    if code != ffi::SQLITE_OK {
        registration.shell.set_client(None);
        retired.push(registration);
        return Err(RegisterError::Sqlite { name: name.to_owned(), code });
    }
    Ok(Registered { vfs: registration, active: true })
}

fn new_registration(name: CString) -> &'static Registration {
    let shell: &'static Shell = Box::leak(Box::new(Shell::new(name)));
    let vfs = Box::into_raw(Box::new(vfs::describe(shell)));
    Box::leak(Box::new(Registration { vfs, shell }))
}

impl Registered {
    /// The name to open databases with.
    pub fn name(&self) -> &str {
        self.vfs.shell.name.to_str().unwrap_or_default()
    }

    /// What the last failed operation said; SQLite itself only keeps a code.
    pub fn last_error(&self) -> Option<String> {
        self.vfs.shell.last_error().map(|(_, text)| text)
    }

    /// Count and time of each call that the VFS made to its I/O worker.
    pub fn metrics(&self) -> Vec<OpMetrics> {
        self.vfs.shell.metrics()
    }

    /// How many reads of databases were answered from copies on this side of the channel, and how many there were in all.
    pub fn cache_hits(&self) -> (u64, u64) {
        self.vfs.shell.hits()
    }

    /// What each database that is open has cost so far, with its journal and its log.
    pub fn databases(&self) -> Vec<DatabaseMetrics> {
        self.vfs.shell.databases()
    }

    /// Files that are open through this VFS.
    pub fn open_files(&self) -> usize {
        self.vfs.shell.open_file_count()
    }

    /// Takes the VFS away and gives its client back to the worker's channel. Refused while files are open.
    pub fn unregister(mut self) -> Result<(), (Self, RegisterError)> {
        match self.retire() {
            Ok(()) => Ok(()),
            Err(error) => Err((self, error)),
        }
    }

    fn retire(&mut self) -> Result<(), RegisterError> {
        if !self.active {
            return Ok(());
        }
        let mut retired = RETIRED.lock().unwrap_or_else(PoisonError::into_inner);
        let name = self.name().to_owned();
        // A connection that is being opened this very moment on another thread has not counted its file yet; it will find
        // the client gone and fail to open.
        let files = self.open_files();
        if files > 0 {
            return Err(RegisterError::InUse { name, files });
        }
        // SAFETY: the struct is registered, and stays valid afterwards for connections that still point to it.
        let code = unsafe { ffi::sqlite3_vfs_unregister(self.vfs.vfs) };
        if code != ffi::SQLITE_OK {
            return Err(RegisterError::Sqlite { name, code });
        }
        self.vfs.shell.set_client(None);
        self.active = false;
        retired.push(self.vfs);
        Ok(())
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        // Files still open keep the VFS: an error has nowhere to go here, and `unregister` is there to hear it.
        let _ = self.retire();
    }
}

/// Sleeps as SQLite does over the VFS of that name; not at all where there is none.
pub(crate) fn sleep(vfs: &str, duration: Duration) {
    let micros = c_int::try_from(duration.as_micros()).unwrap_or(c_int::MAX);
    let Ok(name) = CString::new(vfs) else {
        return;
    };
    // SAFETY: the name is a C string. What SQLite finds by it is a VFS that is registered now, and those of this module
    // stay valid for ever.
    unsafe {
        let vfs = ffi::sqlite3_vfs_find(name.as_ptr());
        if let Some(sleep) = vfs.as_ref().and_then(|vfs| vfs.xSleep) {
            sleep(vfs, micros);
        }
    }
}

/// Copies `text` into a C buffer of `room` bytes, cut to fit, with its NUL.
///
/// # Safety
/// `out` is null, or points to `room` writable bytes.
unsafe fn copy_out(text: &str, out: *mut std::ffi::c_char, room: c_int) {
    let Some(most) = usize::try_from(room).ok().and_then(|room| room.checked_sub(1)) else {
        return;
    };
    if out.is_null() {
        return;
    }
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    // SAFETY: `end` is at most `room - 1` and at most the text's length, so both copies stay within their buffers.
    unsafe {
        ptr::copy_nonoverlapping(text.as_ptr().cast(), out, end);
        out.add(end).write(0);
    }
}
