//! Bad input, through the client and through SQLite: each gets its typed error or code, loses nothing, and the server goes
//! on serving.
#![cfg(not(target_family = "wasm"))]

mod support;

use opfs_vfs::store::MemoryStore;
use opfs_vfs::tabs::LocalTabs;
use opfs_vfs::{Access, FileId, FileKind, LockLevel, OpenFlags, OpfsClient, PathError, VfsError};
use rusqlite::{ErrorCode, ffi};
use sabrpc::CallError;
use support::{Tab, one, path};

/// A page with a database, and a client beside the VFS.
struct Page {
    store: MemoryStore,
    client: OpfsClient,
    tab: Tab,
}

impl Page {
    fn new() -> Self {
        let store = MemoryStore::new();
        let tab = Tab::new(store.clone(), &LocalTabs::new());
        tab.open("app.db").execute_batch("CREATE TABLE t(x); INSERT INTO t VALUES(7)").unwrap();
        Self { store, client: tab.installed.client().unwrap(), tab }
    }

    /// Nothing was lost, and the server serves.
    fn still_serves(self) {
        assert_eq!(self.client.full_pathname("x").unwrap(), "/x");
        assert_eq!(one::<i64>(&self.tab.open("app.db"), "SELECT x FROM t"), 7);
        self.tab.open("app.db").execute_batch("INSERT INTO t VALUES(8)").unwrap();
    }

    /// Opens a file that is not locked.
    fn plain(&self, path: &str) -> FileId {
        self.client.open(path, OpenFlags::MAIN_DB.kind(FileKind::MainJournal).create()).unwrap().file
    }
}

fn service<T: std::fmt::Debug>(answer: Result<T, CallError<VfsError>>) -> VfsError {
    match answer {
        Err(CallError::Service(error)) => error,
        other => panic!("expected an error of the service, got {other:?}"),
    }
}

#[test]
fn paths_that_are_none() {
    let page = Page::new();
    let long = "x".repeat(5000);
    for (text, reason) in [
        ("a/../b", PathError::DotSegment),
        ("../a", PathError::DotSegment),
        ("a//b", PathError::EmptySegment),
        ("a/", PathError::EmptySegment),
        ("a\0b", PathError::Forbidden { character: '\0' }),
        (long.as_str(), PathError::TooLong { bytes: 5001 }),
    ] {
        let path = VfsError::Path(reason);
        assert_eq!(service(page.client.open(text, OpenFlags::MAIN_DB.create())), path);
        assert_eq!(service(page.client.access(text, Access::Exists)), path);
        assert_eq!(service(page.client.delete(text, false)), path);
        assert_eq!(service(page.client.full_pathname(text)), path);
        if !text.contains('\0') {
            let error = page.tab.try_open(text, rusqlite::OpenFlags::default()).unwrap_err();
            assert_eq!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen), "{text:.20}: {error}");
        }
    }
    assert_eq!(page.client.list().unwrap().len(), 1, "nothing was made");
    page.still_serves();
}

#[test]
fn a_name_without_room_for_its_journal_is_refused_at_open() {
    let page = Page::new();
    let error = page.tab.try_open(&"n".repeat(250), rusqlite::OpenFlags::default()).unwrap_err();
    assert_eq!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen));
    let longest = "n".repeat(242);
    page.tab.open(&longest).execute_batch("CREATE TABLE t(x)").unwrap();
    page.still_serves();
}

#[test]
fn a_read_past_the_end() {
    let page = Page::new();
    let file = page.plain("short");
    page.client.write(file, b"12345", 0).unwrap();
    let mut out = [0xEE; 8];
    assert_eq!(page.client.read(file, &mut out, 3).unwrap(), 2);
    assert_eq!(&out, b"45\xEE\xEE\xEE\xEE\xEE\xEE", "the rest stays as it was; the VFS fills it with zeros");
    assert_eq!(page.client.read(file, &mut out, 5).unwrap(), 0);
    assert_eq!(page.client.read(file, &mut out, u64::MAX).unwrap(), 0);
    assert_eq!(page.client.read(file, &mut [], 0).unwrap(), 0);
    page.still_serves();
}

#[test]
fn a_file_opened_twice_exclusively() {
    let page = Page::new();
    let flags = OpenFlags::MAIN_DB.create().exclusive();
    page.client.open("new.db", flags).unwrap();
    assert_eq!(service(page.client.open("new.db", flags)), VfsError::AlreadyExists { path: path("new.db") });
    let journal = flags.kind(FileKind::MainJournal);
    page.client.open("new-journal", journal).unwrap();
    assert_eq!(
        service(page.client.open("new-journal", journal)),
        VfsError::AlreadyExists { path: path("new-journal") }
    );
    page.still_serves();
}

#[test]
fn a_delete_of_a_file_that_is_not_there() {
    let page = Page::new();
    assert_eq!(service(page.client.delete("absent", false)), VfsError::NotFound { path: path("absent") });
    assert_eq!(
        service(page.client.delete("absent/deep", true)),
        VfsError::NotFound { path: path("absent/deep") }
    );
    page.still_serves();
}

#[test]
fn a_delete_of_a_file_that_is_open() {
    let page = Page::new();
    let file = page.plain("open");
    assert_eq!(service(page.client.delete("open", false)), VfsError::InUse { path: path("open") });
    page.client.close(file).unwrap();
    page.client.delete("open", false).unwrap();
    page.still_serves();
}

#[test]
fn storage_that_is_full() {
    let page = Page::new();
    let file = page.plain("big");
    page.store.set_quota(Some(page.store.used() + 10));
    assert_eq!(service(page.client.write(file, &[1; 11], 0)), VfsError::StorageFull { path: path("big") });
    assert_eq!(page.client.file_size(file).unwrap(), 0, "nothing was written");
    assert_eq!(service(page.client.truncate(file, 11)), VfsError::StorageFull { path: path("big") });
    page.client.write(file, &[1; 10], 0).unwrap();
    let db = page.tab.open("app.db");
    let error = db.execute_batch("INSERT INTO t SELECT zeroblob(5000)").unwrap_err();
    assert_eq!(error.sqlite_error_code(), Some(ErrorCode::DiskFull), "{error}");
    drop(db);
    page.store.set_quota(None);
    page.still_serves();
}

#[test]
fn numbers_of_files_that_are_not_open() {
    let page = Page::new();
    let closed = page.plain("closed");
    page.client.close(closed).unwrap();
    let other = page.tab.installed.client().unwrap();
    let foreign = other.open("foreign", OpenFlags::MAIN_DB.create()).unwrap().file;
    for file in [closed, foreign, FileId(99_999), FileId(u32::MAX)] {
        let bad = VfsError::BadFile { file };
        assert_eq!(service(page.client.read(file, &mut [0], 0)), bad);
        assert_eq!(service(page.client.write(file, &[0], 0)), bad);
        assert_eq!(service(page.client.lock(file, LockLevel::Shared)), bad);
        assert_eq!(service(page.client.close(file)), bad);
    }
    other.close(foreign).unwrap();
    page.still_serves();
}

#[test]
fn writes_where_only_reading_was_asked_for() {
    let page = Page::new();
    let file = page.plain("ro");
    page.client.close(file).unwrap();
    let flags = OpenFlags::MAIN_DB.kind(FileKind::MainJournal).read_only();
    let opened = page.client.open("ro", flags).unwrap();
    assert!(opened.read_only);
    assert_eq!(service(page.client.write(opened.file, b"x", 0)), VfsError::ReadOnly { path: path("ro") });
    assert_eq!(service(page.client.truncate(opened.file, 0)), VfsError::ReadOnly { path: path("ro") });
    page.still_serves();
}

#[test]
fn a_database_touched_without_its_lock() {
    let page = Page::new();
    let file = page.client.open("app.db", OpenFlags::MAIN_DB).unwrap().file;
    let without = |held, needed| VfsError::NotLocked { path: path("app.db"), held, needed };
    use LockLevel::{Exclusive, None as Free, Pending, Reserved, Shared};
    assert_eq!(service(page.client.read(file, &mut [0], 0)), without(Free, Shared));
    assert_eq!(service(page.client.write(file, &[0], 0)), without(Free, Exclusive));
    page.client.lock(file, Shared).unwrap();
    page.client.lock(file, Reserved).unwrap();
    assert_eq!(service(page.client.write(file, &[0], 0)), without(Reserved, Exclusive));
    page.client.unlock(file, Free).unwrap();
    for (from, to) in [(Free, Reserved), (Free, Pending), (Free, Exclusive)] {
        assert_eq!(service(page.client.lock(file, to)), VfsError::LockOrder { from, to });
    }
    assert_eq!(service(page.client.unlock(file, Reserved)), VfsError::LockOrder { from: Free, to: Reserved });
    page.client.close(file).unwrap();
    page.still_serves();
}

#[test]
fn more_files_than_the_table_holds() {
    let page = Page::new();
    let flags = OpenFlags::MAIN_DB.kind(FileKind::TempDb).create();
    let mut open = Vec::new();
    let error = loop {
        match page.client.open("", flags) {
            Ok(opened) => open.push(opened.file),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, CallError::Service(VfsError::TooManyFiles { .. })), "{error}");
    for file in open {
        page.client.close(file).unwrap();
    }
    page.still_serves();
}

#[test]
fn a_file_that_is_no_database() {
    let page = Page::new();
    let file = page.plain("text.db");
    page.client.write(file, &[b'x'; 4096], 0).unwrap();
    page.client.close(file).unwrap();
    let error =
        page.tab.open("text.db").query_row("SELECT * FROM sqlite_schema", [], |_| Ok(())).unwrap_err();
    assert_eq!(error.sqlite_error_code(), Some(ErrorCode::NotADatabase));
    page.still_serves();
}

#[test]
fn extended_codes_reach_the_application() {
    let page = Page::new();
    let error = page.tab.try_open("a/../b", rusqlite::OpenFlags::default()).unwrap_err();
    assert!(matches!(error, rusqlite::Error::SqliteFailure(ffi::Error { .. }, _)));
    let text = page.tab.installed.vfs().last_error().expect("the reason is kept");
    assert!(text.contains("xFullPathname") && text.contains(".."), "{text}");
    page.still_serves();
}

#[test]
fn a_temporary_file_of_any_kind_of_size() {
    let page = Page::new();
    let file = page
        .client
        .open("", OpenFlags::MAIN_DB.kind(FileKind::TempDb).create().delete_on_close())
        .unwrap()
        .file;
    page.client.write(file, b"far", 5 << 30).unwrap();
    assert_eq!(page.client.file_size(file).unwrap(), (5 << 30) + 3);
    assert!(page.client.write(file, b"beyond", u64::MAX).is_err());
    assert!(page.client.truncate(file, u64::MAX).is_err());
    let mut out = [1; 3];
    assert_eq!(page.client.read(file, &mut out, 5 << 30).unwrap(), 3);
    assert_eq!(&out, b"far");
    page.client.close(file).unwrap();
    page.still_serves();
}

#[test]
fn a_file_deleted_at_its_close_by_whoever_closes_last() {
    let page = Page::new();
    let flags = OpenFlags::MAIN_DB.kind(FileKind::TempDb).create();
    let first = page.client.open("scratch", flags.delete_on_close()).unwrap().file;
    let second = page.client.open("scratch", flags).unwrap().file;
    assert!(page.client.access("scratch", Access::ReadWrite).unwrap());
    page.client.close(first).unwrap();
    assert!(page.client.access("scratch", Access::ReadWrite).unwrap());
    page.client.close(second).unwrap();
    assert!(!page.client.access("scratch", Access::ReadWrite).unwrap());
    page.still_serves();
}
