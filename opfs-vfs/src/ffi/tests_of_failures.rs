//! What a call that fails leaves behind, seen through the VFS's own function pointers.

use std::ffi::c_int;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ffi};

use super::desk::Desk;
use super::tests::{control, open};
use super::*;
use crate::install::InstallOptions;
use crate::install::native::{Installed, install};
use crate::store::MemoryStore;
use crate::store::memory::{Fault, Rule, StoreOp, Which};
use crate::tabs::LocalTabs;
use crate::wire::{FileKind, LockLevel, OpenFlags};

fn installed(name: &str) -> (MemoryStore, Installed) {
    let store = MemoryStore::new();
    let page = tab(name, &store, &LocalTabs::new());
    (store, page)
}

fn tab(name: &str, store: &MemoryStore, tabs: &LocalTabs) -> Installed {
    let options = InstallOptions { name: name.to_owned(), make_default: false, ..InstallOptions::default() };
    install(store.clone(), tabs.clone(), &options).expect("the VFS installs")
}

/// The main database of a connection, as SQLite calls it.
struct Raw {
    file: *mut ffi::sqlite3_file,
}

impl Raw {
    fn of(db: &Connection) -> Self {
        let mut file: *mut ffi::sqlite3_file = ptr::null_mut();
        assert_eq!(control(db, ffi::SQLITE_FCNTL_FILE_POINTER, &mut file), ffi::SQLITE_OK);
        Self { file }
    }

    fn methods(&self) -> &ffi::sqlite3_io_methods {
        // SAFETY: the file is open as long as its connection, which outlives this in each test.
        unsafe { &*(*self.file).pMethods }
    }

    fn size(&self) -> i64 {
        let mut size = 0;
        // SAFETY: an open file, and a number to answer in.
        assert_eq!(unsafe { self.methods().xFileSize.unwrap()(self.file, &mut size) }, ffi::SQLITE_OK);
        size
    }

    fn write(&self, data: &[u8], offset: i64) -> c_int {
        // SAFETY: an open file, and as many bytes as said.
        unsafe {
            self.methods().xWrite.unwrap()(self.file, data.as_ptr().cast(), data.len() as c_int, offset)
        }
    }

    fn shm_lock(&self, flags: c_int) -> c_int {
        // SAFETY: an open file, and the lock of writers.
        unsafe { self.methods().xShmLock.unwrap()(self.file, 0, 1, flags) }
    }
}

#[test]
fn the_size_is_the_files_own_after_a_failure() {
    let (store, _page) = installed("ffi-sizes");
    let db = open("ffi-sizes", "app.db");
    db.execute_batch("CREATE TABLE t(x); INSERT INTO t VALUES(zeroblob(50000)); BEGIN EXCLUSIVE").unwrap();
    let raw = Raw::of(&db);
    let size = raw.size();
    store.inject(Rule::nth(Which::Only(StoreOp::Truncate), 1, Fault::Io));
    // SAFETY: an open file.
    let cut = unsafe { raw.methods().xTruncate.unwrap()(raw.file, 8192) };
    assert_eq!((cut, raw.size()), (ffi::SQLITE_IOERR_TRUNCATE, size));
    // A write that is gathered, and fails when it is sent.
    store.inject(Rule::nth(Which::Only(StoreOp::Write), 1, Fault::Full));
    assert_eq!(raw.write(&[7; 4096], size + 40_960), ffi::SQLITE_OK);
    // SAFETY: an open file.
    let synced = unsafe { raw.methods().xSync.unwrap()(raw.file, 0) };
    assert_eq!((synced, raw.size()), (ffi::SQLITE_FULL, size));
    db.execute_batch("ROLLBACK").unwrap();
    assert_eq!(db.query_row("SELECT length(x) FROM t", [], |row| row.get::<_, i64>(0)).unwrap(), 50_000);
}

/// SQLite ignores what becomes of a hint, so that a failure told there would be told to nobody.
#[test]
fn a_hint_of_the_size_takes_no_failure_away() {
    let (store, _page) = installed("ffi-hint");
    let db = open("ffi-hint", "app.db");
    db.execute_batch("CREATE TABLE t(x); BEGIN EXCLUSIVE").unwrap();
    assert_eq!(control(&db, ffi::SQLITE_FCNTL_CHUNK_SIZE, &mut 65_536), ffi::SQLITE_OK);
    let raw = Raw::of(&db);
    let size = raw.size();
    store.inject(Rule::nth(Which::Only(StoreOp::Write), 1, Fault::Io));
    assert_eq!(raw.write(&[7; 4096], size), ffi::SQLITE_OK);
    assert_eq!(control(&db, ffi::SQLITE_FCNTL_SIZE_HINT, &mut 60_000_i64), ffi::SQLITE_OK);
    // SAFETY: an open file.
    let synced = unsafe { raw.methods().xSync.unwrap()(raw.file, 0) };
    assert_eq!((synced, raw.size()), (ffi::SQLITE_IOERR_FSYNC, size));
    // Nothing is pending now.
    assert_eq!(control(&db, ffi::SQLITE_FCNTL_SIZE_HINT, &mut 60_000_i64), ffi::SQLITE_OK);
    assert_eq!(raw.size(), 65_536);
    db.execute_batch("ROLLBACK").unwrap();
}

/// A transaction that does not fit the cache, so that hints come between its writes.
#[test]
fn no_commit_in_chunks_lacks_a_page() {
    let mut failed = 0;
    for nth in 1.. {
        let (store, page) = installed("ffi-chunk-faults");
        let db = open("ffi-chunk-faults", "app.db");
        db.execute_batch("PRAGMA cache_size=5; PRAGMA synchronous=OFF; CREATE TABLE t(x)").unwrap();
        assert_eq!(control(&db, ffi::SQLITE_FCNTL_CHUNK_SIZE, &mut 8192), ffi::SQLITE_OK);
        let writes = store.count(Which::Only(StoreOp::Write));
        store.inject(Rule::nth(Which::Only(StoreOp::Write), nth, Fault::Io));
        let many = "WITH n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 40)
                    INSERT INTO t SELECT randomblob(3000) FROM n";
        let done = db.execute(many, []);
        let over = store.count(Which::Only(StoreOp::Write)) < writes + nth;
        store.clear_faults();
        drop(db);
        let db = open("ffi-chunk-faults", "app.db");
        let ok: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        let count: i64 = db.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap();
        assert_eq!((ok.as_str(), count), ("ok", if done.is_ok() { 40 } else { 0 }), "write {nth}: {done:?}");
        failed += u64::from(done.is_err());
        drop(db);
        assert!(page.uninstall().is_ok());
        if over {
            break;
        }
    }
    assert!(failed > 5, "{failed} writes were struck");
}

/// The index says what is in the files, so whoever gets it must find that there.
#[test]
fn what_was_written_is_sent_before_the_index_is() {
    let (store, page) = installed("ffi-order");
    let client = page.client().unwrap();
    let file = client.open("a.db", OpenFlags::MAIN_DB.create()).unwrap().file;
    for level in [LockLevel::Shared, LockLevel::Exclusive] {
        client.lock(file, level).unwrap();
    }
    let mut desk = Desk::new(client, VfsOptions::default());
    let group = desk.opened("/a.db");
    desk.write((file, FileKind::MainDb), group, &[1; 4096], 0, commit::Then::Gather).unwrap();
    let path = crate::VfsPath::parse("a.db").unwrap();
    assert_eq!(store.bytes(&path), Some(Vec::new()), "it is gathered");
    desk.index_and_client(group);
    assert_eq!(store.bytes(&path), Some(vec![1; 4096]));
}

/// A thread cannot hand in what it has changed of the index: its lock goes all the same, and nobody believes a half.
#[test]
fn a_lock_of_the_index_goes_also_where_handing_in_fails() {
    let (store, page) = installed("ffi-half");
    let client = page.client().unwrap();
    let caller = client.caller().id();
    let registered = register("ffi-half-2", client, VfsOptions::default(), false).unwrap();
    let db = open("ffi-half-2", "app.db");
    db.execute_batch("PRAGMA journal_mode=WAL; CREATE TABLE t(x)").unwrap();
    // Two threads on the log, so that nothing is lent.
    let other = page.client().unwrap();
    let file = other.open("app.db", OpenFlags::MAIN_DB).unwrap().file;
    other.lock_index(file, 3, 1, false, false).unwrap();
    other.unlock_index(file, 3, 1).unwrap();
    db.execute_batch("INSERT INTO t VALUES(1)").unwrap();

    let raw = Raw::of(&db);
    let exclusive = ffi::SQLITE_SHM_EXCLUSIVE;
    assert_eq!(raw.shm_lock(ffi::SQLITE_SHM_LOCK | exclusive), ffi::SQLITE_OK);
    let mut region = ptr::null_mut();
    // SAFETY: an open file, and a pointer to answer in; the region is 32 KiB large, and nobody else is at it.
    unsafe {
        let map = raw.methods().xShmMap.unwrap();
        assert_eq!(map(raw.file, 0, 32 << 10, 1, &mut region), ffi::SQLITE_OK);
        region.cast::<u8>().add(30_000).write(1);
    }
    // The call by which it is handed in is interrupted while the I/O thread is at something slow.
    store.inject(Rule::nth(Which::Only(StoreOp::Sync), 1, Fault::Delay(Duration::from_millis(500))));
    let slow = page.client().unwrap();
    let journal = slow.open("b.db-journal", OpenFlags::MAIN_DB.kind(FileKind::MainJournal).create()).unwrap();
    let syncs = store.count(Which::Only(StoreOp::Sync));
    let code = thread::scope(|scope| {
        scope.spawn(move || slow.sync(journal.file).unwrap());
        while store.count(Which::Only(StoreOp::Sync)) == syncs {
            thread::yield_now();
        }
        page.channel().interrupt(caller);
        raw.shm_lock(ffi::SQLITE_SHM_UNLOCK | exclusive)
    });
    assert_eq!(code, ffi::SQLITE_IOERR_SHMLOCK);
    let start = Instant::now();
    let told = loop {
        match other.lock_index(file, 3, 1, false, false) {
            Ok(told) => break told,
            Err(error) => assert!(start.elapsed() < Duration::from_secs(10), "{error}"),
        }
    };
    assert_eq!(told.regions, Some(0), "it is made anew");
    other.close(file).unwrap();
    assert_eq!(db.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0)).unwrap(), 1);
    drop(db);
    registered.unregister().map_err(|(_, error)| error).unwrap();
}

/// A caller is interrupted while the I/O worker does the last of what giving a lock takes: there it is given.
#[test]
fn a_lock_that_is_given_unheard_bars_nobody_and_hides_no_change() {
    const SIZE: Which = Which::Only(StoreOp::Size);
    let mut unheard = 0;
    for (mode, nth) in ["DELETE", "WAL"].into_iter().flat_map(|mode| (1..=3).map(move |nth| (mode, nth))) {
        let (store, tabs) = (MemoryStore::new(), LocalTabs::new());
        let (first, second) = (tab("ffi-unheard-1", &store, &tabs), tab("ffi-unheard-2", &store, &tabs));
        let client = first.client().unwrap();
        let caller = client.caller().id();
        let registered = register("ffi-unheard", client, VfsOptions::default(), false).unwrap();
        let write = |sql: &str| {
            let db = open("ffi-unheard-2", "app.db");
            db.busy_timeout(Duration::from_secs(3)).unwrap();
            db.execute_batch(sql).unwrap_or_else(|error| panic!("{mode}, {nth}: {error}"));
        };
        write(&format!("PRAGMA journal_mode={mode}; CREATE TABLE t(x); INSERT INTO t VALUES(1)"));
        let db = open("ffi-unheard", "app.db");
        let read = || db.query_row("SELECT x FROM t", [], |row| row.get::<_, i64>(0));
        assert_eq!(read(), Ok(1));
        write("UPDATE t SET x = 2; PRAGMA wal_checkpoint(TRUNCATE)");

        store.inject(Rule::nth(SIZE, nth, Fault::Delay(Duration::from_millis(200))));
        let (before, over) = (store.count(SIZE), AtomicBool::new(false));
        let told = thread::scope(|scope| {
            scope.spawn(|| {
                while store.count(SIZE) < before + nth {
                    if over.load(Ordering::Relaxed) {
                        return;
                    }
                    thread::yield_now();
                }
                first.channel().interrupt(caller);
            });
            let told = read();
            over.store(true, Ordering::Relaxed);
            told
        });
        store.clear_faults();
        unheard += i32::from(told.is_err());
        // With a log, handing over would make every copy be forgotten.
        if mode == "DELETE" {
            write("BEGIN EXCLUSIVE; COMMIT");
        }
        assert_eq!(read(), Ok(2), "{mode}, {nth}");
        drop(db);
        registered.unregister().map_err(|(_, error)| error).unwrap();
        assert!(first.uninstall().is_ok() && second.uninstall().is_ok());
    }
    assert!(unheard > 1, "{unheard} calls were interrupted");
}
