//! Write-ahead logs: between connections of a thread, of several threads, and of several tabs.
#![cfg(not(target_family = "wasm"))]
#![expect(unsafe_code, reason = "a file control is a C function")]

mod support;

use std::time::Duration;

use opfs_vfs::ffi::{VfsOptions, register};
use opfs_vfs::io::IoOptions;
use opfs_vfs::store::memory::{Fault, Loss, Rule, StoreOp, Which};
use opfs_vfs::store::{FolderStore, MemoryStore};
use opfs_vfs::tabs::LocalTabs;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use support::{Scratch, Tab, integrity, one, path};

fn log_of(store: &MemoryStore) -> Vec<u8> {
    store.bytes(&path("app.db-wal")).unwrap_or_default()
}

fn begin(tab: &Tab) -> Connection {
    let db = tab.open("app.db");
    assert_eq!(one::<String>(&db, "PRAGMA journal_mode=WAL"), "wal");
    db.execute_batch("PRAGMA synchronous=FULL; CREATE TABLE IF NOT EXISTS t(n INTEGER)").unwrap();
    db
}

#[test]
fn readers_keep_their_snapshot_beside_a_writer() {
    let tab = Tab::new(MemoryStore::new(), &LocalTabs::new());
    let writer = begin(&tab);
    writer.execute_batch("INSERT INTO t VALUES(1)").unwrap();
    let reader = tab.open("app.db");
    reader.execute_batch("BEGIN").unwrap();
    assert_eq!(one::<i64>(&reader, "SELECT count(*) FROM t"), 1);
    writer.execute_batch("INSERT INTO t VALUES(2)").unwrap();
    assert_eq!(one::<i64>(&reader, "SELECT count(*) FROM t"), 1);
    let (busy, _, done): (i64, i64, i64) = writer
        .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap();
    assert_eq!((busy, done > 0), (0, true), "what the reader does not need is copied back beside it");
    assert_eq!(one::<i64>(&reader, "SELECT count(*) FROM t"), 1);
    reader.execute_batch("COMMIT").unwrap();
    assert_eq!(one::<i64>(&reader, "SELECT count(*) FROM t"), 2);
    writer.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    assert_eq!((integrity(&reader), one::<i64>(&reader, "SELECT sum(n) FROM t")), ("ok".to_owned(), 3));
}

#[test]
fn a_commit_is_one_write_and_one_sync_in_a_log_that_is_used_again() {
    let store = MemoryStore::new();
    let tab = Tab::new(store.clone(), &LocalTabs::new());
    let db = begin(&tab);
    db.execute_batch("PRAGMA wal_autocheckpoint=0; INSERT INTO t VALUES(0)").unwrap();
    let count = |op| store.count(Which::Only(op));
    let counts = |db: &Connection| {
        let before = (count(StoreOp::Write), count(StoreOp::Sync));
        for n in 0..25 {
            db.execute("INSERT INTO t VALUES(?1)", [n]).unwrap();
        }
        (count(StoreOp::Write) - before.0, count(StoreOp::Sync) - before.1)
    };
    // Without that claim SQLite fills the sector of the last frame with copies of it.
    assert_eq!(counts(&db), (25, 25));
    let mut powersafe = 1;
    // SAFETY: the connection is open, the name is a C string, and the control asks for an integer.
    unsafe {
        let op = rusqlite::ffi::SQLITE_FCNTL_POWERSAFE_OVERWRITE;
        let arg = std::ptr::from_mut(&mut powersafe).cast();
        rusqlite::ffi::sqlite3_file_control(db.handle(), c"main".as_ptr(), op, arg);
    }
    db.execute_batch("PRAGMA journal_mode=DELETE; PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0")
        .unwrap();
    db.execute_batch("INSERT INTO t VALUES(0)").unwrap();
    assert_eq!(counts(&db), (25, 25));
    let size = log_of(&store).len();
    for _ in 0..5 {
        db.execute_batch("PRAGMA wal_checkpoint(RESTART)").unwrap();
        for n in 0..20 {
            db.execute("INSERT INTO t VALUES(?1)", [n]).unwrap();
        }
    }
    assert_eq!(log_of(&store).len(), size, "the log is written from its start again");
    assert_eq!((one::<i64>(&db, "SELECT count(*) FROM t"), integrity(&db)), (152, "ok".to_owned()));
}

#[test]
fn tabs_see_each_others_commits_and_checkpoints() {
    for store in [MemoryStore::new(), MemoryStore::exclusive()] {
        let tabs = LocalTabs::new();
        let pages = [Tab::new(store.clone(), &tabs), Tab::new(store.clone(), &tabs)];
        let [a, b] = [begin(&pages[0]), begin(&pages[1])];
        for round in 1..=60 {
            let (writer, reader) = if round % 2 == 0 { (&a, &b) } else { (&b, &a) };
            writer.execute("INSERT INTO t VALUES(?1)", [round]).unwrap();
            if round % 7 == 0 {
                writer.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
            }
            if round % 10 == 0 {
                reader.execute_batch("PRAGMA wal_checkpoint(PASSIVE)").unwrap();
            }
            assert_eq!(one::<i64>(reader, "SELECT sum(n) FROM t"), round * (round + 1) / 2);
        }
        assert_eq!((integrity(&a), integrity(&b)), ("ok".to_owned(), "ok".to_owned()));
    }
}

/// A log that is empty looks like one that was filled and emptied meanwhile; the connections must not take it for that.
#[test]
fn every_connection_notices_a_log_that_was_filled_and_emptied_elsewhere() {
    for store in [MemoryStore::new(), MemoryStore::exclusive()] {
        let tabs = LocalTabs::new();
        let (first, second) = (Tab::new(store.clone(), &tabs), Tab::new(store.clone(), &tabs));
        let (a, b, other) = (begin(&first), begin(&first), begin(&second));
        for n in 1..=5 {
            other.execute("INSERT INTO t VALUES(?1)", [n]).unwrap();
            other.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
            assert_eq!(log_of(&store).len(), 0);
            for db in [&a, &b] {
                assert_eq!(one::<i64>(db, "SELECT count(*) FROM t"), n);
            }
        }
    }
}

#[test]
fn the_mode_changes_back_only_when_no_other_tab_has_the_database() {
    let (store, tabs) = (MemoryStore::new(), LocalTabs::new());
    let (first, second) = (Tab::new(store.clone(), &tabs), Tab::new(store.clone(), &tabs));
    let (a, b) = (begin(&first), begin(&second));
    b.execute_batch("INSERT INTO t VALUES(7)").unwrap();
    a.busy_timeout(Duration::ZERO).unwrap();
    let refused = a.query_row("PRAGMA journal_mode=DELETE", [], |_| Ok(())).unwrap_err();
    assert_eq!(refused.sqlite_error_code(), Some(ErrorCode::DatabaseBusy));
    drop(b);
    assert!(!log_of(&store).is_empty(), "whoever is not the last leaves the log");
    drop(second);
    assert_eq!(one::<String>(&a, "PRAGMA journal_mode=DELETE"), "delete");
    assert_eq!(one::<i64>(&a, "SELECT n FROM t"), 7);
    assert_eq!(one::<String>(&a, "PRAGMA journal_mode=WAL"), "wal");
    a.execute_batch("INSERT INTO t VALUES(8)").unwrap();
    drop(a);
    let left = first.installed.client().unwrap().list().unwrap();
    assert_eq!(left.len(), 1, "the last one copies the log back and removes it: {left:?}");
    assert_eq!(one::<i64>(&first.open("app.db"), "SELECT sum(n) FROM t"), 15);
}

#[test]
fn connections_of_two_threads_of_a_page_take_turns() {
    let store = MemoryStore::new();
    let tab = Tab::new(store, &LocalTabs::new());
    let other =
        register("wal-second", tab.installed.client().unwrap(), VfsOptions::default(), false).unwrap();
    let a = begin(&tab);
    let b = Connection::open_with_flags_and_vfs("app.db", OpenFlags::default(), "wal-second").unwrap();
    b.busy_timeout(Duration::from_secs(20)).unwrap();
    for round in 1..=40 {
        let (writer, reader) = if round % 2 == 0 { (&a, &b) } else { (&b, &a) };
        writer.execute("INSERT INTO t VALUES(?1)", [round]).unwrap();
        if round % 9 == 0 {
            reader.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        }
        assert_eq!(one::<i64>(reader, "SELECT sum(n) FROM t"), round * (round + 1) / 2);
    }
    a.execute_batch("BEGIN IMMEDIATE; INSERT INTO t VALUES(1000)").unwrap();
    b.busy_timeout(Duration::ZERO).unwrap();
    let refused = b.query_row("SELECT sum(n) FROM t", [], |_| Ok(())).unwrap_err();
    assert_eq!(refused.sqlite_error_code(), Some(ErrorCode::DatabaseBusy));
    a.execute_batch("ROLLBACK").unwrap();
    assert_eq!((one::<i64>(&b, "SELECT sum(n) FROM t"), integrity(&b)), (820, "ok".to_owned()));
    drop(b);
    drop(other);
}

/// The file of the index is a hint: whatever is in it, what counts is in the log.
#[test]
fn an_old_torn_or_foreign_index_is_not_believed() {
    for damage in 0..4 {
        let (store, tabs) = (MemoryStore::new(), LocalTabs::new());
        // A tab that keeps nothing hands the index in with every transaction.
        let io = IoOptions { keep: false, ..IoOptions::default() };
        let (first, second) = (Tab::with(store.clone(), &tabs, io), Tab::with(store.clone(), &tabs, io));
        let (a, b) = (begin(&first), begin(&second));
        a.execute_batch("INSERT INTO t VALUES(1)").unwrap();
        assert_eq!(one::<i64>(&b, "SELECT sum(n) FROM t"), 1);
        let index = store.bytes(&path("app.db-shm")).expect("it was left for the next tab");
        assert!(!index.is_empty());
        a.execute_batch("INSERT INTO t VALUES(2); INSERT INTO t VALUES(3)").unwrap();
        assert_eq!(one::<i64>(&b, "SELECT sum(n) FROM t"), 6);
        if damage == 1 {
            a.execute_batch("PRAGMA wal_checkpoint(TRUNCATE); INSERT INTO t VALUES(0)").unwrap();
            assert_eq!(one::<i64>(&b, "SELECT count(*) FROM t"), 4);
        }
        drop((a, b));
        // Both tabs die, and what the file has is the index of an earlier time, or nonsense.
        let names = ["app.db", "app.db-wal"];
        drop((first.installed.kill(), second.installed.kill()));
        store.crash(Loss::Nothing);
        let after = MemoryStore::new();
        for name in names {
            write(&after, name, &store.bytes(&path(name)).unwrap_or_default());
        }
        let index = match damage {
            2 => vec![0xA5; index.len()],
            3 => index[..100].to_vec(),
            _ => index,
        };
        let tabs = LocalTabs::new();
        // While another tab has it open the index is looked at.
        let third = Tab::new(after.clone(), &tabs);
        let _open = third.open("app.db");
        write(&after, "app.db-shm", &index);
        let tab = Tab::new(after, &tabs);
        let db = tab.open("app.db");
        assert_eq!((one::<i64>(&db, "SELECT sum(n) FROM t"), integrity(&db)), (6, "ok".to_owned()));
        db.execute_batch("INSERT INTO t VALUES(4)").unwrap();
        assert_eq!(one::<i64>(&db, "SELECT sum(n) FROM t"), 10);
    }
}

/// What was copied back beside a reader is not flushed, and the index says that it was.
#[test]
fn after_a_power_cut_the_index_proves_nothing() {
    let (store, tabs) = (MemoryStore::new(), LocalTabs::new());
    let io = IoOptions { keep: false, ..IoOptions::default() };
    let tab = Tab::with(store.clone(), &tabs, io);
    let (writer, reader) = (begin(&tab), tab.open("app.db"));
    writer.execute_batch("PRAGMA wal_checkpoint(TRUNCATE); INSERT INTO t VALUES(1)").unwrap();
    let before = store.bytes(&path("app.db")).unwrap();
    writer.execute_batch("INSERT INTO t VALUES(2)").unwrap();
    reader.execute_batch("BEGIN").unwrap();
    assert_eq!(one::<i64>(&reader, "SELECT sum(n) FROM t"), 3);
    writer.execute_batch("CREATE TABLE other(x)").unwrap();
    writer.execute_batch("PRAGMA wal_checkpoint(PASSIVE)").unwrap();
    assert_ne!(store.bytes(&path("app.db")).unwrap(), before, "a part was copied back");
    reader.execute_batch("COMMIT").unwrap();
    let start = std::time::Instant::now();
    while tabs.held(&path("app.db")) {
        assert!(start.elapsed() < Duration::from_secs(20), "the index is left when the turn is");
        std::thread::sleep(Duration::from_millis(1));
    }
    let after = MemoryStore::new();
    write(&after, "app.db", &before);
    for name in ["app.db-wal", "app.db-shm"] {
        write(&after, name, &store.bytes(&path(name)).unwrap());
    }
    let tab = Tab::new(after, &LocalTabs::new());
    let db = tab.open("app.db");
    assert_eq!((one::<i64>(&db, "SELECT sum(n) FROM t"), integrity(&db)), (3, "ok".to_owned()));
}

fn write(store: &MemoryStore, name: &str, bytes: &[u8]) {
    use opfs_vfs::store::{Store, StoreFile};
    let file = sabrpc::native::block_on(store.open(&path(name), true)).unwrap();
    file.write(&sabrpc::BulkIn::from_slice(bytes), 0).unwrap();
}

/// How often the VFS of a tab has called the I/O worker for locks of the index.
fn calls(tab: &Tab) -> u64 {
    let metrics = tab.installed.vfs().metrics();
    let locks = ["xShmLock", "xShmUnlock", "shmWrite", "shmRead", "shmReturn"];
    metrics.iter().filter(|op| locks.contains(&op.name.as_str())).map(|op| op.count).sum()
}

#[test]
fn a_thread_that_is_alone_on_a_log_takes_its_locks_without_a_call() {
    let (store, tabs) = (MemoryStore::new(), LocalTabs::new());
    let tab = Tab::new(store.clone(), &tabs);
    let (a, b) = (begin(&tab), begin(&tab));
    a.execute_batch("INSERT INTO t VALUES(0)").unwrap();
    assert_eq!(one::<i64>(&b, "SELECT count(*) FROM t"), 1);
    let before = calls(&tab);
    for n in 1..=50 {
        a.execute("INSERT INTO t VALUES(?1)", [n]).unwrap();
        assert_eq!(one::<i64>(&b, "SELECT sum(n) FROM t"), n * (n + 1) / 2);
    }
    b.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    assert_eq!(calls(&tab), before);

    // Its connections still have SQLite's locks among themselves.
    b.busy_timeout(Duration::ZERO).unwrap();
    a.execute_batch("BEGIN IMMEDIATE; INSERT INTO t VALUES(1000)").unwrap();
    let refused = b.execute_batch("BEGIN IMMEDIATE").unwrap_err();
    assert_eq!(refused.sqlite_error_code(), Some(ErrorCode::DatabaseBusy));
    assert_eq!(one::<i64>(&b, "SELECT count(*) FROM t"), 51, "a reader beside the writer");
    a.execute_batch("ROLLBACK").unwrap();

    // What is lent and idle goes to another tab without the thread being asked, and also to another thread.
    let other = Tab::new(store, &tabs);
    let c = begin(&other);
    let second =
        register("wal-third", tab.installed.client().unwrap(), VfsOptions::default(), false).unwrap();
    let d = Connection::open_with_flags_and_vfs("app.db", OpenFlags::default(), "wal-third").unwrap();
    d.busy_timeout(Duration::from_secs(20)).unwrap();
    for round in 0..30_i64 {
        let rows = 51 + round;
        for db in [&a, &b, &c, &d] {
            assert_eq!(one::<i64>(db, "SELECT count(*) FROM t"), rows, "round {round}");
        }
        [&a, &b, &c, &d][round as usize % 4].execute("INSERT INTO t VALUES(?1)", [round]).unwrap();
        if round % 7 == 3 {
            [&d, &c, &a][round as usize % 3].execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        }
    }
    drop(c);
    assert_eq!((integrity(&a), integrity(&d)), ("ok".to_owned(), "ok".to_owned()));
    drop(d);
    drop(second);
    // Alone again, from the next transaction on.
    a.execute("INSERT INTO t VALUES(0)", []).unwrap();
    let before = calls(&tab);
    a.execute("INSERT INTO t VALUES(0)", []).unwrap();
    assert_eq!(calls(&tab), before);
}

/// A connection that has not used the log yet asks for EXCLUSIVE beside one of another tab, which holds SHARED on it.
#[test]
fn nobody_is_exclusive_beside_another_tab_on_a_log() {
    for store in [MemoryStore::new(), MemoryStore::exclusive()] {
        let tabs = LocalTabs::new();
        let (first, second) = (Tab::new(store.clone(), &tabs), Tab::new(store.clone(), &tabs));
        let a = begin(&first);
        a.execute_batch("INSERT INTO t VALUES(1)").unwrap();
        let alone = || {
            let db = second.open("app.db");
            db.busy_timeout(Duration::ZERO).unwrap();
            db.execute_batch("PRAGMA locking_mode=EXCLUSIVE").unwrap();
            db
        };
        let refused = alone().query_row("SELECT count(*) FROM t", [], |_| Ok(())).unwrap_err();
        assert_eq!(refused.sqlite_error_code(), Some(ErrorCode::DatabaseBusy));
        a.execute_batch("INSERT INTO t VALUES(2)").unwrap();
        drop((a, first));
        let b = alone();
        assert_eq!(one::<i64>(&b, "SELECT sum(n) FROM t"), 3);
        b.execute_batch("INSERT INTO t VALUES(3)").unwrap();
        assert_eq!((one::<i64>(&b, "SELECT sum(n) FROM t"), integrity(&b)), (6, "ok".to_owned()));
    }
}

/// One that is in no log's mode any more is written to as before, whoever else has it open.
#[test]
fn a_log_that_is_over_bars_nobody() {
    for store in [MemoryStore::new(), MemoryStore::exclusive()] {
        let tabs = LocalTabs::new();
        let (first, second) = (Tab::new(store.clone(), &tabs), Tab::new(store.clone(), &tabs));
        let a = begin(&first);
        a.execute_batch("INSERT INTO t VALUES(0)").unwrap();
        assert_eq!(one::<String>(&a, "PRAGMA journal_mode=DELETE"), "delete");
        let b = second.open("app.db");
        for n in 1..=6 {
            [&a, &b][n as usize % 2].execute("INSERT INTO t VALUES(?1)", [n]).unwrap();
        }
        assert_eq!(
            (one::<i64>(&a, "SELECT sum(n) FROM t"), one::<i64>(&b, "SELECT sum(n) FROM t")),
            (21, 21)
        );
    }
}

#[test]
fn a_tab_that_closes_leaves_the_log_to_the_others() {
    let scratch = Scratch::new();
    let (store, tabs) = (FolderStore::new(scratch.path()).unwrap(), LocalTabs::new());
    let [first, second, third] = [(); 3].map(|()| Tab::new(store.clone(), &tabs));
    let (a, b) = (begin(&first), begin(&second));
    b.execute_batch("INSERT INTO t VALUES(1)").unwrap();
    a.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    drop(a);
    b.execute_batch("INSERT INTO t VALUES(2)").unwrap();
    let c = third.open("app.db");
    assert_eq!((one::<i64>(&c, "SELECT sum(n) FROM t"), integrity(&c)), (3, "ok".to_owned()));
}

/// The file of the index is a hint also in that it need not be there.
#[test]
fn a_log_works_without_room_for_its_index() {
    let (store, tabs) = (MemoryStore::new(), LocalTabs::new());
    let tab = Tab::new(store.clone(), &tabs);
    drop(begin(&tab));
    let client = tab.installed.client().unwrap();
    let file = client.open("app.db", opfs_vfs::OpenFlags::MAIN_DB).unwrap().file;
    store.inject(Rule::nth(Which::Only(StoreOp::Open), 1, Fault::Full));
    client.lock_index(file, 3, 1, false, false).unwrap();
    client.close(file).unwrap();
    let (a, other) = (begin(&tab), Tab::new(store.clone(), &tabs));
    let b = begin(&other);
    for n in 1..=6 {
        [&a, &b][n as usize % 2].execute("INSERT INTO t VALUES(?1)", [n]).unwrap();
    }
    assert_eq!((one::<i64>(&a, "SELECT sum(n) FROM t"), one::<i64>(&b, "SELECT sum(n) FROM t")), (21, 21));
}

#[test]
fn a_change_of_mode_that_was_cut_off_is_rolled_back_beside_other_tabs() {
    for (from, to) in [("DELETE", "WAL"), ("WAL", "DELETE")] {
        let start = MemoryStore::new();
        {
            let tab = Tab::new(start.clone(), &LocalTabs::new());
            let db = tab.open("app.db");
            db.execute_batch(&format!(
                "PRAGMA journal_mode={from}; CREATE TABLE t(n); INSERT INTO t VALUES (7)"
            ))
            .unwrap();
        }
        for nth in 1.. {
            let store = start.fork();
            let tab = Tab::new(store.clone(), &LocalTabs::new());
            let db = tab.open("app.db");
            let before = store.count(Which::Changing);
            store.inject(Rule::nth(Which::Changing, nth, Fault::PowerOff));
            let _ = db.execute_batch(&format!("PRAGMA journal_mode={to}"));
            drop((db, tab));
            let through = store.count(Which::Changing) - before < nth;
            store.crash(if nth % 2 == 0 { Loss::Nothing } else { Loss::Everything });

            let tabs = LocalTabs::new();
            let (first, second) = (Tab::new(store.clone(), &tabs), Tab::new(store.clone(), &tabs));
            let (a, b) = (first.open("app.db"), second.open("app.db"));
            let found = a.query_row("SELECT n FROM t", [], |row| row.get(0));
            assert_eq!(found, Ok(7), "{from} to {to}, cut at operation {nth}");
            assert_eq!((one::<i64>(&b, "SELECT n FROM t"), integrity(&b)), (7, "ok".to_owned()));
            if through {
                assert!(nth > 3, "there were operations to cut at");
                break;
            }
        }
    }
}
