//! The callbacks of `sqlite3_vfs`: opening, deleting, asking; and time and randomness, which need no worker.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::{ptr, slice};

use rusqlite::ffi;

use super::codes::{Callback, Failure};
use super::shell::Shell;
use super::{copy_out, file, flags};
use crate::path::{MAX_PATH, VfsPath};
use crate::platform;
use crate::wire::Access;

/// The longest thing that SQLite adds to a database's name, for the journal of a transaction over several databases. A
/// name without room for it could be opened and then not be written.
const LONGEST_SUFFIX: &str = "-mj0123456789";

/// Julian day of the start of 1970, in milliseconds.
const JULIAN_1970: i64 = 210_866_760_000_000;

/// The struct that SQLite gets.
pub(super) fn describe(shell: &'static Shell) -> ffi::sqlite3_vfs {
    ffi::sqlite3_vfs {
        // Version 2 has xCurrentTimeInt64; 3 is about replacing system calls, of which there are none.
        iVersion: 2,
        szOsFile: file::SIZE,
        mxPathname: MAX_PATH as c_int,
        pNext: ptr::null_mut(),
        zName: shell.name.as_ptr(),
        pAppData: ptr::from_ref(shell).cast_mut().cast(),
        xOpen: Some(x_open),
        xDelete: Some(x_delete),
        xAccess: Some(x_access),
        xFullPathname: Some(x_full_pathname),
        xDlOpen: Some(x_dl_open),
        xDlError: Some(x_dl_error),
        xDlSym: Some(x_dl_sym),
        xDlClose: Some(x_dl_close),
        xRandomness: Some(x_randomness),
        xSleep: Some(x_sleep),
        xCurrentTime: Some(x_current_time),
        xGetLastError: Some(x_get_last_error),
        xCurrentTimeInt64: Some(x_current_time_int64),
        xSetSystemCall: None,
        xGetSystemCall: None,
        xNextSystemCall: None,
    }
}

/// The shell behind a `sqlite3_vfs`.
///
/// # Safety
/// `vfs` points to a struct made by [`describe`].
unsafe fn shell_of<'a>(vfs: *mut ffi::sqlite3_vfs) -> &'a Shell {
    // SAFETY: `describe` put a reference to a shell there that lives for ever.
    unsafe { &*(*vfs).pAppData.cast::<Shell>() }
}

/// The text behind a C string of SQLite's.
///
/// # Safety
/// `text` is null or a C string that outlives `'a`.
unsafe fn text<'a>(text: *const c_char) -> Result<&'a str, Failure> {
    if text.is_null() {
        return Ok("");
    }
    // SAFETY: by this function's own condition.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str().map_err(|_| Failure::Misuse("the file name is not UTF-8; give its text in UTF-8"))
}

unsafe extern "C" fn x_open(
    vfs: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    out: *mut ffi::sqlite3_file,
    asked: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: SQLite gives `szOsFile` bytes at `out`. Null methods come before anything can fail: they tell SQLite that
    // there is nothing to close.
    unsafe { (*out).pMethods = ptr::null() };
    // SAFETY: SQLite passes the struct that it was registered with.
    let shell = unsafe { shell_of(vfs) };
    shell.run(Callback::Open, || {
        // SAFETY: SQLite gives null or a C string that lives until xClose.
        let path = unsafe { text(name) }?;
        let wanted = flags::open_flags(asked);
        let (opened, group) = shell.at_desk(|desk| {
            let opened = desk.client().open(path, wanted)?;
            Ok((opened, desk.opened(path)))
        })?;
        // SAFETY: `out` has `szOsFile` bytes, aligned as SQLite's allocator does, and holds no live state.
        unsafe { file::begin(out, shell, name, wanted.kind, opened.file, group) };
        if !out_flags.is_null() {
            // SAFETY: not null, and then SQLite's own integer.
            unsafe { *out_flags = flags::out_flags(asked, opened.read_only) };
        }
        Ok(ffi::SQLITE_OK)
    })
}

unsafe extern "C" fn x_delete(vfs: *mut ffi::sqlite3_vfs, name: *const c_char, sync_dir: c_int) -> c_int {
    // SAFETY: SQLite passes the struct that it was registered with.
    let shell = unsafe { shell_of(vfs) };
    shell.run(Callback::Delete, || {
        // SAFETY: SQLite gives a C string that outlives the call.
        let path = unsafe { text(name) }?;
        shell.at_desk(|desk| {
            desk.forget_facts(path);
            Ok(desk.client().delete(path, sync_dir != 0)?)
        })?;
        Ok(ffi::SQLITE_OK)
    })
}

unsafe extern "C" fn x_access(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    what: c_int,
    answer: *mut c_int,
) -> c_int {
    // SAFETY: SQLite passes the struct that it was registered with.
    let shell = unsafe { shell_of(vfs) };
    shell.run(Callback::Access, || {
        // SAFETY: SQLite gives a C string that outlives the call.
        let path = unsafe { text(name) }?;
        let what = if what == ffi::SQLITE_ACCESS_EXISTS { Access::Exists } else { Access::ReadWrite };
        let yes = shell.at_desk(|desk| match desk.exists(path) {
            Some(known) => Ok(known),
            None => Ok(desk.client().access(path, what)?),
        })?;
        // SAFETY: SQLite gives an integer to answer in.
        unsafe { *answer = c_int::from(yes) };
        Ok(ffi::SQLITE_OK)
    })
}

unsafe extern "C" fn x_full_pathname(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    room: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: SQLite passes the struct that it was registered with.
    let shell = unsafe { shell_of(vfs) };
    shell.run(Callback::FullPathname, || {
        let invalid = |error| Failure::Service(crate::error::VfsError::Path(error));
        // SAFETY: SQLite gives a C string that outlives the call.
        let path = VfsPath::parse(unsafe { text(name) }?).map_err(invalid)?;
        path.with_suffix(LONGEST_SUFFIX).map_err(invalid)?;
        if usize::try_from(room).is_ok_and(|room| path.as_str().len() < room) {
            // SAFETY: SQLite gives `room` bytes, which the text and its NUL fit into.
            unsafe { copy_out(path.as_str(), out, room) };
            Ok(ffi::SQLITE_OK)
        } else {
            Err(Failure::Misuse("SQLite's buffer for the full path is too small"))
        }
    })
}

/// A browser has no libraries to load, and a file of this VFS is none.
unsafe extern "C" fn x_dl_open(_: *mut ffi::sqlite3_vfs, _: *const c_char) -> *mut c_void {
    ptr::null_mut()
}

unsafe extern "C" fn x_dl_error(_: *mut ffi::sqlite3_vfs, room: c_int, out: *mut c_char) {
    // SAFETY: SQLite gives `room` bytes.
    unsafe { copy_out("this VFS loads no extensions", out, room) };
}

type Symbol = Option<unsafe extern "C" fn(*mut ffi::sqlite3_vfs, *mut c_void, *const c_char)>;

unsafe extern "C" fn x_dl_sym(_: *mut ffi::sqlite3_vfs, _: *mut c_void, _: *const c_char) -> Symbol {
    None
}

unsafe extern "C" fn x_dl_close(_: *mut ffi::sqlite3_vfs, _: *mut c_void) {}

unsafe extern "C" fn x_randomness(_: *mut ffi::sqlite3_vfs, count: c_int, out: *mut c_char) -> c_int {
    let Some(count) = usize::try_from(count).ok().filter(|count| *count > 0 && !out.is_null()) else {
        return 0;
    };
    // SAFETY: SQLite gives `count` bytes; any value in them is a `u8`.
    let out = unsafe { slice::from_raw_parts_mut(out.cast::<u8>(), count) };
    c_int::try_from(platform::random(out)).unwrap_or(c_int::MAX)
}

unsafe extern "C" fn x_sleep(vfs: *mut ffi::sqlite3_vfs, micros: c_int) -> c_int {
    // SAFETY: SQLite passes the struct that it was registered with.
    let shell = unsafe { shell_of(vfs) };
    let code = shell.run(Callback::Sleep, || {
        sleep(shell, u64::try_from(micros).unwrap_or(0))?;
        Ok(ffi::SQLITE_OK)
    });
    // The answer is how long the sleep was.
    if code == ffi::SQLITE_OK { micros.max(0) } else { 0 }
}

/// A worker cannot sleep by itself in Rust; a call that is answered late has it in `Atomics.wait` all the same.
#[cfg(target_arch = "wasm32")]
fn sleep(shell: &Shell, micros: u64) -> Result<(), Failure> {
    shell.call(|client| client.sleep(micros))
}

/// A native thread sleeps by itself: a call would keep the client from the other threads on this VFS, and the one that
/// holds the lock waited for may be among them.
#[cfg(not(target_arch = "wasm32"))]
fn sleep(_: &Shell, micros: u64) -> Result<(), Failure> {
    std::thread::sleep(std::time::Duration::from_micros(micros));
    Ok(())
}

unsafe extern "C" fn x_current_time(_: *mut ffi::sqlite3_vfs, out: *mut f64) -> c_int {
    // SAFETY: SQLite gives a number to answer in.
    unsafe { *out = (platform::unix_millis() + JULIAN_1970) as f64 / 86_400_000.0 };
    ffi::SQLITE_OK
}

unsafe extern "C" fn x_current_time_int64(_: *mut ffi::sqlite3_vfs, out: *mut ffi::sqlite3_int64) -> c_int {
    // SAFETY: SQLite gives a number to answer in.
    unsafe { *out = platform::unix_millis() + JULIAN_1970 };
    ffi::SQLITE_OK
}

unsafe extern "C" fn x_get_last_error(vfs: *mut ffi::sqlite3_vfs, room: c_int, out: *mut c_char) -> c_int {
    // SAFETY: SQLite passes the struct that it was registered with.
    let (code, text) = unsafe { shell_of(vfs) }.last_error().unwrap_or_default();
    // SAFETY: SQLite gives null, or `room` bytes.
    unsafe { copy_out(&text, out, room) };
    code
}
