//! The callbacks of `sqlite3_io_methods`, and the state of an open file between them.

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::{ptr, slice};

use rusqlite::ffi;

use super::codes::{Callback, Failure};
use super::shell::Shell;
use super::{control, flags};
use crate::wire::{FileId, FileKind, LockLevel};

/// What SQLite allocates for an open file.
#[repr(C)]
struct OpenFile {
    base: ffi::sqlite3_file,
    /// Owned from [`begin`] to `x_close`.
    state: *mut State,
}

/// `szOsFile`.
pub(super) const SIZE: c_int = size_of::<OpenFile>() as c_int;

/// The largest part of the database that SQLite reads before it takes any lock: the header, when it opens the file.
const HEADER: usize = 100;

/// An open file as this thread knows it.
pub(super) struct State {
    pub(super) shell: &'static Shell,
    pub(super) file: FileId,
    pub(super) kind: FileKind,
    /// SQLite's own name of the file, which lives until xClose.
    pub(super) name: ffi::sqlite3_filename,
    /// What this connection holds; the worker's table says the same.
    pub(super) level: Cell<LockLevel>,
    /// By `SQLITE_FCNTL_CHUNK_SIZE`: the file grows and shrinks in pieces of that size.
    pub(super) chunk: Cell<u64>,
    pub(super) persist_wal: Cell<bool>,
    pub(super) powersafe_overwrite: Cell<bool>,
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    // Versions 2 and 3 add shared memory for the wal-index and memory mapping; without them SQLite uses a write-ahead log
    // in exclusive locking mode only, and reads by xRead.
    iVersion: 1,
    xClose: Some(x_close),
    xRead: Some(x_read),
    xWrite: Some(x_write),
    xTruncate: Some(x_truncate),
    xSync: Some(x_sync),
    xFileSize: Some(x_file_size),
    xLock: Some(x_lock),
    xUnlock: Some(x_unlock),
    xCheckReservedLock: Some(x_check_reserved_lock),
    xFileControl: Some(x_file_control),
    xSectorSize: Some(x_sector_size),
    xDeviceCharacteristics: Some(x_device_characteristics),
    xShmMap: None,
    xShmLock: None,
    xShmBarrier: None,
    xShmUnmap: None,
    xFetch: None,
    xUnfetch: None,
};

/// Makes `out` an open file.
///
/// # Safety
/// `out` points to `szOsFile` bytes, aligned for pointers, without live state; `name` lives until xClose.
pub(super) unsafe fn begin(
    out: *mut ffi::sqlite3_file,
    shell: &'static Shell,
    name: ffi::sqlite3_filename,
    kind: FileKind,
    file: FileId,
) {
    let state = State {
        shell,
        file,
        kind,
        name,
        level: Cell::new(LockLevel::None),
        chunk: Cell::new(0),
        persist_wal: Cell::new(false),
        powersafe_overwrite: Cell::new(shell.powersafe_overwrite()),
    };
    shell.count_open();
    let state = Box::into_raw(Box::new(state));
    // SAFETY: there is room for an `OpenFile` by this function's own condition.
    unsafe {
        out.cast::<OpenFile>()
            .write(OpenFile { base: ffi::sqlite3_file { pMethods: &raw const METHODS }, state })
    };
}

/// The state of an open file.
///
/// # Safety
/// `file` was made by [`begin`] and not closed since.
unsafe fn state_of<'a>(file: *mut ffi::sqlite3_file) -> &'a State {
    // SAFETY: `begin` put a pointer there that is valid until `x_close`.
    unsafe { &*(*file.cast::<OpenFile>()).state }
}

impl State {
    /// Works on a main database under SHARED even where SQLite has taken no lock: it reads the header when it opens a file.
    fn under_shared<T>(&self, work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
        if self.kind != FileKind::MainDb || self.level.get() > LockLevel::None {
            return work();
        }
        self.shell.call(|client| client.lock(self.file, LockLevel::Shared))?;
        let answer = work();
        self.shell.call(|client| client.unlock(self.file, LockLevel::None))?;
        answer
    }

    fn read(&self, out: &mut [u8], offset: u64) -> Result<c_int, Failure> {
        let answer = self.under_shared(|| self.shell.call(|client| client.read(self.file, out, offset)));
        let count = match answer {
            Ok(count) => count as usize,
            // A header read without a lock is a guess at the page size, which SQLite makes good once it has SHARED. With
            // a writer at work it gets no guess rather than an error, since opening a database must not fail for that.
            Err(failure) if failure.is_busy() && offset == 0 && out.len() <= HEADER => 0,
            Err(failure) => return Err(failure),
        };
        let Some(rest) = out.get_mut(count..).filter(|rest| !rest.is_empty()) else {
            return Ok(ffi::SQLITE_OK);
        };
        rest.fill(0);
        Ok(ffi::SQLITE_IOERR_SHORT_READ)
    }

    fn lock(&self, level: LockLevel) -> Result<c_int, Failure> {
        let held = self.level.get();
        if held >= level {
            return Ok(ffi::SQLITE_OK);
        }
        let answer = self.shell.call(|client| client.lock(self.file, level));
        match &answer {
            Ok(()) => self.level.set(level),
            // The worker left the connection PENDING, so that no reader comes in any more.
            Err(failure)
                if failure.is_busy() && held == LockLevel::Reserved && level == LockLevel::Exclusive =>
            {
                self.level.set(LockLevel::Pending);
            }
            Err(_) => {}
        }
        answer.map(|()| ffi::SQLITE_OK)
    }

    /// Sets the size, to whole chunks if the application asked for that.
    pub(super) fn truncate(&self, size: u64) -> Result<c_int, Failure> {
        let size = self.whole_chunks(size);
        self.shell.call(|client| client.truncate(self.file, size))?;
        Ok(ffi::SQLITE_OK)
    }

    /// `size` rounded up to whole chunks.
    pub(super) fn whole_chunks(&self, size: u64) -> u64 {
        match self.chunk.get() {
            0 => size,
            chunk => size.div_ceil(chunk).saturating_mul(chunk),
        }
    }

    /// The size now.
    pub(super) fn size(&self) -> Result<u64, Failure> {
        self.under_shared(|| self.shell.call(|client| client.file_size(self.file)))
    }
}

/// An offset or size of SQLite's.
fn unsigned(number: ffi::sqlite3_int64) -> Result<u64, Failure> {
    u64::try_from(number).map_err(|_| Failure::Misuse("a negative offset or size"))
}

unsafe extern "C" fn x_close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: SQLite closes a file once, and only one that xOpen made; so the state is whole, and taken here for good.
    let state = unsafe {
        let open = file.cast::<OpenFile>();
        (*open).base.pMethods = ptr::null();
        Box::from_raw(ptr::replace(&raw mut (*open).state, ptr::null_mut()))
    };
    let code = state.shell.run(Callback::Close, || {
        state.shell.call(|client| client.close(state.file))?;
        Ok(ffi::SQLITE_OK)
    });
    state.shell.count_close();
    code
}

unsafe extern "C" fn x_read(
    file: *mut ffi::sqlite3_file,
    out: *mut c_void,
    count: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite passes a file that xOpen made.
    let state = unsafe { state_of(file) };
    state.shell.run(Callback::Read, || {
        let count = usize::try_from(count).map_err(|_| Failure::Misuse("a read of a negative length"))?;
        if count == 0 {
            return Ok(ffi::SQLITE_OK);
        }
        // SAFETY: SQLite gives `count` bytes of its own memory; any value in them is a `u8`.
        let out = unsafe { slice::from_raw_parts_mut(out.cast::<u8>(), count) };
        state.read(out, unsigned(offset)?)
    })
}

unsafe extern "C" fn x_write(
    file: *mut ffi::sqlite3_file,
    data: *const c_void,
    count: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite passes a file that xOpen made.
    let state = unsafe { state_of(file) };
    state.shell.run(Callback::Write, || {
        let count = usize::try_from(count).map_err(|_| Failure::Misuse("a write of a negative length"))?;
        if count == 0 {
            return Ok(ffi::SQLITE_OK);
        }
        // SAFETY: SQLite gives `count` bytes and leaves them alone during the call.
        let data = unsafe { slice::from_raw_parts(data.cast::<u8>(), count) };
        let offset = unsigned(offset)?;
        state.shell.call(|client| client.write(state.file, data, offset))?;
        Ok(ffi::SQLITE_OK)
    })
}

unsafe extern "C" fn x_truncate(file: *mut ffi::sqlite3_file, size: ffi::sqlite3_int64) -> c_int {
    // SAFETY: SQLite passes a file that xOpen made.
    let state = unsafe { state_of(file) };
    state.shell.run(Callback::Truncate, || state.truncate(unsigned(size)?))
}

unsafe extern "C" fn x_sync(file: *mut ffi::sqlite3_file, _flags: c_int) -> c_int {
    // SAFETY: SQLite passes a file that xOpen made.
    let state = unsafe { state_of(file) };
    state.shell.run(Callback::Sync, || {
        // NORMAL, FULL and DATAONLY ask for more or less of what a store has one way to do.
        state.shell.call(|client| client.sync(state.file))?;
        Ok(ffi::SQLITE_OK)
    })
}

unsafe extern "C" fn x_file_size(file: *mut ffi::sqlite3_file, out: *mut ffi::sqlite3_int64) -> c_int {
    // SAFETY: SQLite passes a file that xOpen made.
    let state = unsafe { state_of(file) };
    state.shell.run(Callback::FileSize, || {
        let size = i64::try_from(state.size()?).unwrap_or(i64::MAX);
        // SAFETY: SQLite gives a number to answer in.
        unsafe { *out = size };
        Ok(ffi::SQLITE_OK)
    })
}

unsafe extern "C" fn x_lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: SQLite passes a file that xOpen made.
    let state = unsafe { state_of(file) };
    state.shell.run(Callback::Lock, || {
        state.lock(flags::lock_level(level).ok_or(Failure::Misuse("a lock level that does not exist"))?)
    })
}

unsafe extern "C" fn x_unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: SQLite passes a file that xOpen made.
    let state = unsafe { state_of(file) };
    state.shell.run(Callback::Unlock, || {
        let level = flags::lock_level(level).ok_or(Failure::Misuse("a lock level that does not exist"))?;
        if state.level.get() <= level {
            return Ok(ffi::SQLITE_OK);
        }
        state.shell.call(|client| client.unlock(state.file, level))?;
        state.level.set(level);
        Ok(ffi::SQLITE_OK)
    })
}

unsafe extern "C" fn x_check_reserved_lock(file: *mut ffi::sqlite3_file, out: *mut c_int) -> c_int {
    // SAFETY: SQLite passes a file that xOpen made.
    let state = unsafe { state_of(file) };
    state.shell.run(Callback::CheckReservedLock, || {
        let reserved = state.shell.call(|client| client.check_reserved_lock(state.file))?;
        // SAFETY: SQLite gives an integer to answer in.
        unsafe { *out = c_int::from(reserved) };
        Ok(ffi::SQLITE_OK)
    })
}

unsafe extern "C" fn x_file_control(file: *mut ffi::sqlite3_file, op: c_int, arg: *mut c_void) -> c_int {
    // SAFETY: SQLite passes a file that xOpen made.
    let state = unsafe { state_of(file) };
    // SAFETY: what `arg` points to is settled by `op`, and SQLite or the application keep to that.
    state.shell.run(Callback::FileControl, || unsafe { control::control(state, op, arg) })
}

/// No store says how much a torn write may touch. 4096 is the sector of today's disks and the page of the browsers' caches;
/// SQLite journals that much around a page, whatever its own page size.
unsafe extern "C" fn x_sector_size(_: *mut ffi::sqlite3_file) -> c_int {
    4096
}

/// Nothing is claimed that a store does not promise: the File System specification leaves open in which order writes reach
/// the disk, and whether one that was cut off did in part. POWERSAFE_OVERWRITE is the application's to claim.
unsafe extern "C" fn x_device_characteristics(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: SQLite passes a file that xOpen made.
    let state = unsafe { state_of(file) };
    if state.powersafe_overwrite.get() { ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE } else { 0 }
}
