//! The VFS as SQLite sees it, called through its own function pointers; and what registering it promises.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr;

use rusqlite::{Connection, ffi};

use super::*;
use crate::install::native::{Installed, install};
use crate::install::{InstallError, InstallOptions};
use crate::store::MemoryStore;
use crate::tabs::LocalTabs;

fn installed(name: &str) -> Installed {
    let options = InstallOptions { name: name.to_owned(), make_default: false, ..InstallOptions::default() };
    install(MemoryStore::new(), LocalTabs::new(), &options).expect("the VFS installs")
}

pub(super) fn open(name: &str, path: &str) -> Connection {
    Connection::open_with_flags_and_vfs(path, rusqlite::OpenFlags::default(), name)
        .expect("the database opens")
}

/// The struct that SQLite has under that name.
fn found(name: &str) -> *mut ffi::sqlite3_vfs {
    let name = CString::new(name).unwrap();
    // SAFETY: a C string that outlives the call.
    unsafe { ffi::sqlite3_vfs_find(name.as_ptr()) }
}

/// One file control on the main database.
pub(super) fn control<T>(db: &Connection, op: c_int, arg: &mut T) -> c_int {
    // SAFETY: the connection is open, the name is a C string, and each test gives the type that its control asks for.
    unsafe {
        ffi::sqlite3_file_control(db.handle(), c"main".as_ptr(), op, ptr::from_mut(arg).cast::<c_void>())
    }
}

#[test]
fn file_controls_answer_as_documented() {
    let page = installed("ffi-controls");
    let db = open("ffi-controls", "app.db");
    db.execute_batch("CREATE TABLE t(x)").unwrap();

    let mut level = -1;
    assert_eq!(control(&db, ffi::SQLITE_FCNTL_LOCKSTATE, &mut level), ffi::SQLITE_OK);
    assert_eq!(level, ffi::SQLITE_LOCK_NONE);
    db.execute_batch("BEGIN IMMEDIATE").unwrap();
    control(&db, ffi::SQLITE_FCNTL_LOCKSTATE, &mut level);
    assert_eq!(level, ffi::SQLITE_LOCK_RESERVED);
    db.execute_batch("ROLLBACK; BEGIN EXCLUSIVE").unwrap();
    control(&db, ffi::SQLITE_FCNTL_LOCKSTATE, &mut level);
    assert_eq!(level, ffi::SQLITE_LOCK_EXCLUSIVE);
    db.execute_batch("ROLLBACK").unwrap();

    let mut name: *mut c_char = ptr::null_mut();
    assert_eq!(control(&db, ffi::SQLITE_FCNTL_VFSNAME, &mut name), ffi::SQLITE_OK);
    // SAFETY: the control answered with a C string in memory that is ours to free.
    let text = unsafe { CStr::from_ptr(name) }.to_owned();
    // SAFETY: as above, and nothing points to it any more.
    unsafe { ffi::sqlite3_free(name.cast()) };
    assert_eq!(text.as_c_str(), c"ffi-controls");

    for setting in [ffi::SQLITE_FCNTL_PERSIST_WAL, ffi::SQLITE_FCNTL_POWERSAFE_OVERWRITE] {
        let (mut ask, mut set) = (-1, 1);
        control(&db, setting, &mut ask);
        assert_eq!(ask, 0);
        control(&db, setting, &mut set);
        ask = -1;
        control(&db, setting, &mut ask);
        assert_eq!(ask, 1);
    }

    let mut moved = -1;
    assert_eq!(control(&db, ffi::SQLITE_FCNTL_HAS_MOVED, &mut moved), ffi::SQLITE_OK);
    assert_eq!(moved, 0);
    page.client().unwrap().delete("app.db", false).unwrap_err();
    assert_eq!(control(&db, ffi::SQLITE_FCNTL_MMAP_SIZE, &mut 0_i64), ffi::SQLITE_NOTFOUND);
    assert_eq!(control(&db, 987_654, &mut 0), ffi::SQLITE_NOTFOUND);
}

#[test]
fn a_chunk_size_makes_the_file_grow_in_chunks() {
    let page = installed("ffi-chunks");
    let db = open("ffi-chunks", "app.db");
    assert_eq!(control(&db, ffi::SQLITE_FCNTL_CHUNK_SIZE, &mut 65_536), ffi::SQLITE_OK);
    db.execute_batch("CREATE TABLE t(x); INSERT INTO t VALUES(zeroblob(100000))").unwrap();
    let size = page.client().unwrap().list().unwrap()[0].size;
    assert!(size > 100_000 && size.is_multiple_of(65_536), "{size}");
    db.execute_batch("DELETE FROM t; VACUUM").unwrap();
    assert_eq!(page.client().unwrap().list().unwrap()[0].size, 65_536);
    let ok: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(ok, "ok");
}

#[test]
fn time_sleep_and_randomness() {
    let _page = installed("ffi-time");
    let vfs = found("ffi-time");
    let (mut day, mut millis) = (0.0, 0);
    let (mut one, mut two) = ([0_u8; 32], [0_u8; 32]);
    let start = std::time::Instant::now();
    // SAFETY: the VFS is registered, and the buffers are as large as said.
    unsafe {
        assert_eq!((*vfs).xCurrentTime.unwrap()(vfs, &mut day), ffi::SQLITE_OK);
        assert_eq!((*vfs).xCurrentTimeInt64.unwrap()(vfs, &mut millis), ffi::SQLITE_OK);
        assert_eq!((*vfs).xRandomness.unwrap()(vfs, 32, one.as_mut_ptr().cast()), 32);
        assert_eq!((*vfs).xRandomness.unwrap()(vfs, 32, two.as_mut_ptr().cast()), 32);
        assert_eq!((*vfs).xRandomness.unwrap()(vfs, -1, two.as_mut_ptr().cast()), 0);
        assert_eq!((*vfs).xSleep.unwrap()(vfs, 20_000), 20_000);
        assert_eq!((*vfs).xSleep.unwrap()(vfs, -5), 0);
    }
    assert!(start.elapsed() >= std::time::Duration::from_millis(20));
    assert_ne!(one, two);
    // The Julian day of 2020-01-01, and the same instant by both clocks.
    assert!(day > 2_458_849.0, "{day}");
    assert!((day * 86_400_000.0 - millis as f64).abs() < 60_000.0);
    let db = open("ffi-time", ":memory:");
    let year: String = db.query_row("SELECT strftime('%Y', 'now')", [], |row| row.get(0)).unwrap();
    assert!(year.parse::<i32>().unwrap() >= 2020);
}

#[test]
fn the_last_error_is_kept_with_its_words() {
    let page = installed("ffi-errors");
    let vfs = found("ffi-errors");
    let mut text = [0x55_u8; 40];
    // SAFETY: the VFS is registered, and the buffer is as large as said.
    let ask = |room: c_int, out: *mut c_char| unsafe { (*vfs).xGetLastError.unwrap()(vfs, room, out) };
    assert_eq!(ask(0, ptr::null_mut()), 0);
    // SAFETY: a C string, in the same way as SQLite calls it.
    let code = unsafe { (*vfs).xDelete.unwrap()(vfs, c"/absent.db".as_ptr(), 0) };
    assert_eq!(code, ffi::SQLITE_IOERR_DELETE_NOENT);
    assert_eq!(ask(40, text.as_mut_ptr().cast()), ffi::SQLITE_IOERR_DELETE_NOENT);
    assert_eq!(CStr::from_bytes_until_nul(&text).unwrap(), c"xDelete: /absent.db does not exist");
    assert_eq!(ask(9, text.as_mut_ptr().cast()), ffi::SQLITE_IOERR_DELETE_NOENT);
    assert_eq!(CStr::from_bytes_until_nul(&text).unwrap(), c"xDelete:");
    assert!(page.vfs().last_error().unwrap().contains("absent.db"));
}

#[test]
fn a_failed_open_leaves_no_methods_behind() {
    let _page = installed("ffi-open");
    let vfs = found("ffi-open");
    // SAFETY: memory of `szOsFile` bytes, aligned for a pointer, filled with what must not survive.
    unsafe {
        let words = usize::try_from((*vfs).szOsFile).unwrap() / size_of::<usize>();
        let mut memory = vec![usize::MAX; words];
        let file = memory.as_mut_ptr().cast::<ffi::sqlite3_file>();
        let flags = ffi::SQLITE_OPEN_MAIN_DB | ffi::SQLITE_OPEN_READWRITE;
        let code = (*vfs).xOpen.unwrap()(vfs, c"/absent.db".as_ptr(), file, flags, ptr::null_mut());
        assert_eq!(code, ffi::SQLITE_CANTOPEN);
        assert!((*file).pMethods.is_null());
        let code = (*vfs).xOpen.unwrap()(vfs, c"/not\xFFutf8".as_ptr(), file, flags, ptr::null_mut());
        assert_eq!(code, ffi::SQLITE_CANTOPEN);
        assert!((*file).pMethods.is_null());
    }
}

#[test]
fn reads_are_zero_filled_and_bad_numbers_are_errors() {
    let page = installed("ffi-io");
    let vfs = found("ffi-io");
    let mut buffer = [0xEE_u8; 16];
    // SAFETY: as SQLite does it: memory of `szOsFile` bytes, buffers of the lengths given, one close at the end.
    unsafe {
        let words = usize::try_from((*vfs).szOsFile).unwrap() / size_of::<usize>();
        let mut memory = vec![0_usize; words];
        let file = memory.as_mut_ptr().cast::<ffi::sqlite3_file>();
        let flags = ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_READWRITE | ffi::SQLITE_OPEN_CREATE;
        let mut out_flags = 0;
        assert_eq!((*vfs).xOpen.unwrap()(vfs, c"/j".as_ptr(), file, flags, &mut out_flags), ffi::SQLITE_OK);
        assert_eq!((out_flags, page.vfs().open_files()), (flags, 1));
        let methods = &*(*file).pMethods;
        let (read, write) = (methods.xRead.unwrap(), methods.xWrite.unwrap());
        assert_eq!(write(file, b"12345".as_ptr().cast(), 5, 0), ffi::SQLITE_OK);
        assert_eq!(read(file, buffer.as_mut_ptr().cast(), 16, 2), ffi::SQLITE_IOERR_SHORT_READ);
        assert_eq!(&buffer, b"345\0\0\0\0\0\0\0\0\0\0\0\0\0");
        assert_eq!(read(file, buffer.as_mut_ptr().cast(), 0, 0), ffi::SQLITE_OK);
        assert_eq!(read(file, buffer.as_mut_ptr().cast(), -1, 0), ffi::SQLITE_IOERR_READ);
        assert_eq!(read(file, buffer.as_mut_ptr().cast(), 1, -1), ffi::SQLITE_IOERR_READ);
        assert_eq!(write(file, buffer.as_ptr().cast(), -1, 0), ffi::SQLITE_IOERR_WRITE);
        let far = (5_i64 << 30) + 7;
        assert_eq!(write(file, b"far".as_ptr().cast(), 3, far), ffi::SQLITE_OK);
        let mut size = 0;
        assert_eq!(methods.xFileSize.unwrap()(file, &mut size), ffi::SQLITE_OK);
        assert_eq!(size, far + 3);
        assert_eq!(methods.xTruncate.unwrap()(file, -1), ffi::SQLITE_IOERR_TRUNCATE);
        assert_eq!(methods.xLock.unwrap()(file, 17), ffi::SQLITE_IOERR_LOCK);
        // Far larger than a payload area, both ways.
        let large: Vec<u8> = (0..1_000_000_u32).map(|i| (i % 251) as u8).collect();
        let mut back = vec![0_u8; large.len()];
        assert_eq!(write(file, large.as_ptr().cast(), large.len() as c_int, 11), ffi::SQLITE_OK);
        assert_eq!(read(file, back.as_mut_ptr().cast(), back.len() as c_int, 11), ffi::SQLITE_OK);
        assert!(large == back);
        assert_eq!(
            (methods.xSectorSize.unwrap()(file), methods.xDeviceCharacteristics.unwrap()(file)),
            (4096, 0)
        );
        assert_eq!(methods.xClose.unwrap()(file), ffi::SQLITE_OK);
        assert!((*file).pMethods.is_null());
    }
    assert_eq!(page.vfs().open_files(), 0);
}

#[test]
fn extensions_are_refused_in_words() {
    let _page = installed("ffi-dl");
    let vfs = found("ffi-dl");
    let mut text = [0_u8; 64];
    // SAFETY: the VFS is registered, and the buffer is as large as said.
    unsafe {
        assert!((*vfs).xDlOpen.unwrap()(vfs, c"x.so".as_ptr()).is_null());
        (*vfs).xDlError.unwrap()(vfs, 64, text.as_mut_ptr().cast());
    }
    assert_eq!(CStr::from_bytes_until_nul(&text).unwrap(), c"this VFS loads no extensions");
}

#[test]
fn names_are_checked_and_taken_once() {
    let page = installed("ffi-name");
    let client = || page.client().unwrap();
    let again = register("ffi-name", client(), VfsOptions::default(), false).unwrap_err();
    assert_eq!(again, RegisterError::NameTaken { name: "ffi-name".to_owned() });
    for bad in ["", "a\0b"] {
        let error = register(bad, client(), VfsOptions::default(), false).unwrap_err();
        assert_eq!(error, RegisterError::BadName { name: bad.to_owned() });
    }
}

#[test]
fn unregistering_waits_for_the_last_file_and_gives_the_client_back() {
    let page = installed("ffi-gone");
    let db = open("ffi-gone", "app.db");
    db.execute_batch("CREATE TABLE t(x)").unwrap();
    let memory = open("ffi-gone", ":memory:");
    let (page, error) = page.uninstall().expect_err("a file is open");
    assert_eq!(error, RegisterError::InUse { name: "ffi-gone".to_owned(), files: 1 });
    db.execute_batch("INSERT INTO t VALUES(1)").unwrap();
    drop(db);
    assert!(page.uninstall().is_ok());
    assert!(found("ffi-gone").is_null());
    // A connection without files still points to the VFS, and may go on doing so.
    memory
        .execute_batch("CREATE TABLE t(x); INSERT INTO t VALUES(random()); SELECT datetime('now')")
        .unwrap();
    let error = memory.execute_batch("ATTACH 'app.db' AS late").unwrap_err();
    assert!(error.to_string().contains("no such vfs: ffi-gone"), "{error}");

    let again = installed("ffi-gone");
    assert!(!found("ffi-gone").is_null());
    memory.execute_batch("ATTACH 'app.db' AS late; CREATE TABLE late.t(x)").unwrap();
    drop(memory);
    assert!(again.uninstall().is_ok());
}

#[test]
fn installing_twice_under_a_name_stops_the_second_worker() {
    let _first = installed("ffi-twice");
    let options =
        InstallOptions { name: "ffi-twice".to_owned(), make_default: false, ..InstallOptions::default() };
    let second = install(MemoryStore::new(), LocalTabs::new(), &options);
    assert!(matches!(second.err(), Some(InstallError::Register(RegisterError::NameTaken { .. }))));
}

#[test]
fn several_threads_may_share_one_vfs() {
    let _page = installed("ffi-threads");
    open("ffi-threads", "app.db").execute_batch("CREATE TABLE t(x)").unwrap();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let db = open("ffi-threads", "app.db");
                db.busy_timeout(std::time::Duration::from_secs(20)).unwrap();
                for n in 0..20 {
                    db.execute("INSERT INTO t VALUES(?1)", [n]).unwrap();
                }
            });
        }
    });
    let db = open("ffi-threads", "app.db");
    let count: i64 = db.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 60);
}

#[test]
fn text_is_cut_to_the_buffer_at_a_character() {
    let mut room = [0x55_u8; 8];
    // SAFETY: eight bytes, as said.
    unsafe { copy_out("größer", room.as_mut_ptr().cast(), 5) };
    assert_eq!(&room[..5], b"gr\xC3\xB6\0");
    // SAFETY: as above; with no room nothing is written.
    unsafe { copy_out("x", room.as_mut_ptr().cast(), 0) };
    assert_eq!(room[0], b'g');
    // SAFETY: null is left alone.
    unsafe { copy_out("x", ptr::null_mut(), 4) };
}

#[test]
fn offsets_beyond_four_gibibytes_are_what_they_say() {
    let _page = installed("ffi-far");
    let db = open("ffi-far", "far.db");
    db.execute_batch("CREATE TABLE t(x); BEGIN EXCLUSIVE; INSERT INTO t VALUES(1)").unwrap();
    let mut file: *mut ffi::sqlite3_file = ptr::null_mut();
    assert_eq!(control(&db, ffi::SQLITE_FCNTL_FILE_POINTER, &mut file), ffi::SQLITE_OK);
    let far = (5 << 30) + 4096;
    let (data, mut near, mut back, mut size) = ([7_u8; 8192], [0_u8; 8192], [0_u8; 8192], 0);
    // SAFETY: the file is the main database's, which is locked for writing, and the buffers are as large as said.
    unsafe {
        let methods = &*(*file).pMethods;
        let bytes = data.len() as c_int;
        assert_eq!(methods.xWrite.unwrap()(file, data.as_ptr().cast(), bytes, far), ffi::SQLITE_OK);
        assert_eq!(methods.xRead.unwrap()(file, back.as_mut_ptr().cast(), bytes, far), ffi::SQLITE_OK);
        assert_eq!(methods.xRead.unwrap()(file, near.as_mut_ptr().cast(), bytes, 4096), ffi::SQLITE_OK);
        assert_eq!(methods.xFileSize.unwrap()(file, &mut size), ffi::SQLITE_OK);
        assert_eq!(methods.xTruncate.unwrap()(file, far), ffi::SQLITE_OK);
        let after = methods.xRead.unwrap()(file, near.as_mut_ptr().cast(), bytes, far - 4096);
        assert_eq!(after, ffi::SQLITE_IOERR_SHORT_READ);
        assert_eq!(methods.xTruncate.unwrap()(file, 8192), ffi::SQLITE_OK);
    }
    assert_eq!((back, near, size), (data, [0; 8192], far + 8192));
    db.execute_batch("COMMIT").unwrap();
    assert_eq!(db.query_row("SELECT x FROM t", [], |row| row.get::<_, i64>(0)).unwrap(), 1);
}
