//! The callbacks of `sqlite3_io_methods`: each finds the state of its file (state.rs), and works on that.

use std::ffi::{c_int, c_void};
use std::{ptr, slice};

use rusqlite::ffi;

use super::codes::{Callback, Failure};
use super::shell::Shell;
use super::state::State;
use super::writes::Group;
use super::{control, flags, shm};
use crate::wire::{FileId, FileKind};

/// What SQLite allocates for an open file.
#[repr(C)]
struct OpenFile {
    base: ffi::sqlite3_file,
    /// Owned from [`begin`] to `x_close`.
    state: *mut State,
}

/// `szOsFile`.
pub(super) const SIZE: c_int = size_of::<OpenFile>() as c_int;

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
    xShmMap: Some(shm::x_shm_map),
    xShmLock: Some(shm::x_shm_lock),
    xShmBarrier: Some(shm::x_shm_barrier),
    xShmUnmap: Some(shm::x_shm_unmap),
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
    let state = State::new(shell, name, kind, file, group);
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
        let _ = shm::unmap(&state);
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
