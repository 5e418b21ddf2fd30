//! The callbacks of `sqlite3_io_methods`, and the state of an open file between them.

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::{ptr, slice};

use rusqlite::ffi;

use super::codes::{Callback, Failure};
use super::commit::{Commit, Then};
use super::shell::Shell;
use super::writes::Group;
use super::{control, flags, index};
use crate::error::VfsError;
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
    /// The files that it belongs to.
    pub(super) group: Group,
    /// SQLite's own name of the file, which lives until xClose.
    pub(super) name: ffi::sqlite3_filename,
    /// What this connection holds; the worker's table says the same.
    pub(super) level: Cell<LockLevel>,
    /// By `SQLITE_FCNTL_CHUNK_SIZE`: the file grows and shrinks in pieces of that size.
    pub(super) chunk: Cell<u64>,
    pub(super) persist_wal: Cell<bool>,
    pub(super) powersafe_overwrite: Cell<bool>,
    /// Of a log: its newest transaction.
    commit: Cell<Commit>,
    /// The wal-index is mapped.
    pub(super) maps_index: Cell<bool>,
    /// The I/O worker knows that this connection uses the log.
    pub(super) on_log: Cell<bool>,
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    // Version 2 has shared memory for the wal-index; 3 adds memory mapping, without which SQLite reads by xRead.
    iVersion: 2,
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
    xShmMap: Some(index::x_shm_map),
    xShmLock: Some(index::x_shm_lock),
    xShmBarrier: Some(index::x_shm_barrier),
    xShmUnmap: Some(index::x_shm_unmap),
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
    group: Group,
) {
    let state = State {
        shell,
        file,
        kind,
        group,
        name,
        level: Cell::new(LockLevel::None),
        chunk: Cell::new(0),
        persist_wal: Cell::new(false),
        powersafe_overwrite: Cell::new(shell.powersafe_overwrite()),
        commit: Cell::default(),
        maps_index: Cell::new(false),
        on_log: Cell::new(false),
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
pub(super) unsafe fn state_of<'a>(file: *mut ffi::sqlite3_file) -> &'a State {
    // SAFETY: `begin` put a pointer there that is valid until `x_close`.
    unsafe { &*(*file.cast::<OpenFile>()).state }
}

impl State {
    /// Works on a main database under SHARED even where SQLite has taken no lock: it reads the header when it opens a file.
    fn under_shared<T>(&self, work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
        if self.kind != FileKind::MainDb || self.level.get() > LockLevel::None {
            return work();
        }
        self.raise(LockLevel::Shared)?;
        let answer = work();
        self.lower(LockLevel::None)?;
        answer
    }

    fn read(&self, out: &mut [u8], offset: u64) -> Result<c_int, Failure> {
        let answer = self.under_shared(|| {
            self.shell.at_desk(|desk| match self.kind {
                FileKind::MainDb => desk.read_database(self.group, self.file, out, offset),
                FileKind::Wal => desk.read_log(self.group, self.file, out, offset),
                _ => desk.read(self.group, self.file, out, offset),
            })
        });
        let count = match answer {
            Ok(count) => count,
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

    fn write(&self, data: &[u8], offset: u64) -> Result<(), Failure> {
        let written = self.shell.at_desk(|desk| {
            // What makes a commit count is waited for. In a log `Commit` says which write that is; in a journal it is the wiping
            // of its header, which is not always synced.
            let then = match self.kind {
                FileKind::Wal => {
                    let (now, settings) = (desk.log_transaction(self.group), desk.settings(self.group));
                    let mut commit = self.commit.get();
                    let then = commit.writes(data, offset, now, settings);
                    self.commit.set(commit);
                    then
                }
                FileKind::MainJournal if offset == 0 && data.iter().all(|byte| *byte == 0) => Then::Wait,
                _ => Then::Gather,
            };
            desk.write((self.file, self.kind), self.group, data, offset, then)
        });
        written.map_err(|failure| match (self.kind, failure) {
            // What failed may be a write of an earlier statement, and being full would undo only this one.
            (FileKind::Wal, failure) => failure,
            (_, Failure::Service(VfsError::StorageFull { path })) => {
                Failure::Service(VfsError::io("write", &path, "no storage left"))
            }
            (_, failure) => failure,
        })
    }

    fn sync(&self) -> Result<(), Failure> {
        self.shell.at_desk(|desk| {
            if self.kind == FileKind::Wal {
                let mut commit = self.commit.get();
                let now = commit.syncs(desk.log_transaction(self.group), desk.settings(self.group));
                self.commit.set(commit);
                if !now {
                    return Ok(());
                }
            }
            // NORMAL, FULL and DATAONLY ask for more or less of what a store has one way to do.
            desk.sync(self.group, self.file)
        })
    }

    fn raise(&self, level: LockLevel) -> Result<(), Failure> {
        let held = self.level.get();
        let told = self.shell.at_desk(|desk| {
            let told = desk.client().lock(self.file, level)?;
            if level == LockLevel::Shared {
                desk.locked(self.group, self.file, told);
            }
            Ok(())
        });
        let told = match told {
            Ok(()) if level == LockLevel::Exclusive && self.maps_index.get() => self.refresh_index(held),
            told => told,
        };
        match &told {
            Ok(()) => self.level.set(level),
            // The worker left the connection PENDING, so that no reader comes in any more.
            Err(failure)
                if failure.is_busy() && held == LockLevel::Reserved && level == LockLevel::Exclusive =>
            {
                self.level.set(LockLevel::Pending);
            }
            Err(_) => {}
        }
        told
    }

    /// After EXCLUSIVE; where that fails it is given back.
    fn refresh_index(&self, held: LockLevel) -> Result<(), Failure> {
        let fresh = index::refresh(self);
        if fresh.is_err() && held <= LockLevel::Shared {
            self.shell.call(|client| client.unlock(self.file, LockLevel::Shared))?;
        }
        fresh
    }

    fn lower(&self, level: LockLevel) -> Result<(), Failure> {
        if self.level.get() == LockLevel::Exclusive && self.maps_index.get() {
            index::note_change(self)?;
        }
        let ends = self.level.get() >= LockLevel::Reserved;
        self.shell.at_desk(|desk| {
            if ends {
                desk.transaction_over(self.group);
            }
            if level == LockLevel::None {
                desk.unlocked(self.group, self.file);
            }
            Ok(desk.client().unlock(self.file, level)?)
        })?;
        self.level.set(level);
        Ok(())
    }

    /// Sets the size, to whole chunks if the application asked for that.
    pub(super) fn truncate(&self, size: u64) -> Result<c_int, Failure> {
        let size = self.whole_chunks(size);
        self.shell.at_desk(|desk| desk.truncate((self.file, self.kind), self.group, size))?;
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
        self.under_shared(|| {
            self.shell.at_desk(|desk| match desk.size(self.group, self.file) {
                Some(size) => Ok(size),
                None => Ok(desk.client().file_size(self.file)?),
            })
        })
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
        // SQLite has unmapped before, but not where opening failed half-way.
        let _ = index::unmap(&state);
        state.shell.at_desk(|desk| {
            let closed = desk.client().close(state.file);
            desk.closed(state.group, state.file);
            Ok(closed?)
        })?;
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
        state.write(data, offset)?;
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
        state.sync()?;
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
        let level = flags::lock_level(level).ok_or(Failure::Misuse("a lock level that does not exist"))?;
        if state.level.get() < level {
            state.raise(level)?;
        }
        Ok(ffi::SQLITE_OK)
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
        state.lower(level)?;
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
