//! xFileControl: the few controls that mean something here. Every other one is `SQLITE_NOTFOUND`, which tells SQLite to do
//! without.

use std::cell::Cell;
use std::ffi::{CStr, c_char, c_int, c_void};

use rusqlite::ffi;

use super::codes::Failure;
use super::state::State;
use super::{copy_out, flags};
use crate::wire::{Access, FileKind, LockLevel};

/// Serves one control.
///
/// # Safety
/// `arg` points to what SQLite's documentation says for `op`.
pub(super) unsafe fn control(state: &State, op: c_int, arg: *mut c_void) -> Result<c_int, Failure> {
    if op == ffi::SQLITE_FCNTL_SYNC {
        // Comes before each sync of a database, and in its place where syncs are switched off: the last moment for an error
        // of a write to be told before the commit counts.
        state.shell.at_desk(|desk| desk.settle(state.group))?;
        return Ok(ffi::SQLITE_OK);
    }
    if arg.is_null() {
        return Ok(ffi::SQLITE_NOTFOUND);
    }
    match op {
        ffi::SQLITE_FCNTL_LOCKSTATE => {
            // SAFETY: an integer to answer in.
            unsafe { *arg.cast::<c_int>() = flags::lock_number(state.level.get()) };
        }
        ffi::SQLITE_FCNTL_CHUNK_SIZE => {
            // SAFETY: an integer to read.
            let chunk = unsafe { *arg.cast::<c_int>() };
            state.chunk.set(u64::try_from(chunk).unwrap_or(0));
        }
        ffi::SQLITE_FCNTL_SIZE_HINT => {
            // SAFETY: a 64-bit integer to read.
            let hint = unsafe { *arg.cast::<ffi::sqlite3_int64>() };
            return grow(state, u64::try_from(hint).unwrap_or(0));
        }
        // SAFETY: an integer to read or answer in.
        ffi::SQLITE_FCNTL_PERSIST_WAL => unsafe { flag(&state.persist_wal, arg.cast()) },
        // SAFETY: an integer to read or answer in.
        ffi::SQLITE_FCNTL_POWERSAFE_OVERWRITE => unsafe { flag(&state.powersafe_overwrite, arg.cast()) },
        ffi::SQLITE_FCNTL_PRAGMA => {
            // SAFETY: four C strings, some of which may be null: an answer, the name, and the value. Every pragma comes by here
            // before SQLite executes it itself, as it does after NOTFOUND.
            let name = unsafe { *arg.cast::<*const c_char>().add(1) };
            // SAFETY: a C string, unless it is null.
            let name = (!name.is_null()).then(|| unsafe { CStr::from_ptr(name) });
            if name.is_some_and(|name| name.to_bytes().eq_ignore_ascii_case(b"synchronous")) {
                state.shell.at_desk(|desk| {
                    desk.change_settings(state.group);
                    Ok(())
                })?;
            }
            return Ok(ffi::SQLITE_NOTFOUND);
        }
        ffi::SQLITE_FCNTL_HAS_MOVED => {
            let moved = has_moved(state)?;
            // SAFETY: an integer to answer in.
            unsafe { *arg.cast::<c_int>() = c_int::from(moved) };
        }
        ffi::SQLITE_FCNTL_VFSNAME => {
            let name = state.shell.name.to_str().unwrap_or_default();
            // SAFETY: a pointer to answer in, to memory that the caller frees with `sqlite3_free`.
            return unsafe { give_text(name, arg.cast()) };
        }
        _ => return Ok(ffi::SQLITE_NOTFOUND),
    }
    Ok(ffi::SQLITE_OK)
}

/// Grows the file to whole chunks ahead of the writes that will need it; without a chunk size the hint asks for nothing.
///
/// SQLite does not hear how a hint ends. So the failure of a write before it is left to the next write or sync, which would
/// otherwise let a commit count that lacks a page.
fn grow(state: &State, hint: u64) -> Result<c_int, Failure> {
    let may_grow = state.kind != FileKind::MainDb || state.level.get() == LockLevel::Exclusive;
    if state.chunk.get() > 0
        && may_grow
        && state.size()? < hint
        && !state.shell.at_desk(|desk| Ok(desk.has_failed(state.group)))?
    {
        return state.truncate(hint);
    }
    Ok(ffi::SQLITE_OK)
}

/// Whether the file is no longer under its name. While a lock is held the handle is open, and an open file can be neither
/// removed nor moved, so that only an unlocked one needs asking.
fn has_moved(state: &State) -> Result<bool, Failure> {
    if state.kind != FileKind::MainDb || state.level.get() > LockLevel::None || state.name.is_null() {
        return Ok(false);
    }
    // SAFETY: the name given to xOpen lives until xClose.
    let name = unsafe { CStr::from_ptr(state.name) };
    let name = name.to_str().map_err(|_| Failure::Misuse("the file name is not UTF-8"))?;
    Ok(!state.shell.call(|client| client.access(name, Access::Exists))?)
}

/// A setting that is read with -1, cleared with 0 and set with 1.
///
/// # Safety
/// `arg` points to an integer.
unsafe fn flag(setting: &Cell<bool>, arg: *mut c_int) {
    // SAFETY: by this function's own condition.
    unsafe {
        match *arg {
            0 => setting.set(false),
            asked if asked > 0 => setting.set(true),
            _ => *arg = c_int::from(setting.get()),
        }
    }
}

/// Answers with a text in memory of SQLite's.
///
/// # Safety
/// `out` points to a pointer.
unsafe fn give_text(text: &str, out: *mut *mut c_char) -> Result<c_int, Failure> {
    let room = c_int::try_from(text.len() + 1).map_err(|_| Failure::Misuse("a text too long for SQLite"))?;
    // SAFETY: `sqlite3_malloc` takes any size, and gives null or that many bytes; `copy_out` leaves null alone.
    unsafe {
        let memory = ffi::sqlite3_malloc(room).cast::<c_char>();
        if memory.is_null() {
            return Ok(ffi::SQLITE_NOMEM);
        }
        copy_out(text, memory, room);
        *out = memory;
    }
    Ok(ffi::SQLITE_OK)
}
