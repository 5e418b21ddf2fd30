//! The file service through its client: sanity check, metrics, shutdown, and whole databases in and out.
#![cfg(not(target_family = "wasm"))]

mod support;

use std::time::{Duration, Instant};

use opfs_vfs::sanity::{self, SanityError};
use opfs_vfs::store::memory::{Fault, Rule, StoreOp, Which};
use opfs_vfs::store::{FolderStore, MemoryStore};
use opfs_vfs::tabs::LocalTabs;
use opfs_vfs::transfer::{TransferError, export, import};
use opfs_vfs::{Access, FileKind, InstallError, InstallOptions, LockLevel, OpenFlags, OpfsOp};
use rusqlite::Connection;
use sabrpc::{CallError, RpcError};
use support::{Scratch, Tab, integrity, one, path};

#[test]
fn the_sanity_check_passes_on_every_store_and_leaves_nothing() {
    let scratch = Scratch::new();
    let tabs = LocalTabs::new();
    let stores = [Tab::new(MemoryStore::new(), &tabs), Tab::new(MemoryStore::exclusive(), &tabs)];
    let folder = Tab::new(FolderStore::new(scratch.path()).unwrap(), &tabs);
    for tab in stores.iter().chain([&folder]) {
        let client = tab.installed.client().unwrap();
        let steps = sanity::check(&client).unwrap();
        for step in
            ["serialization round trip", "truncate", "size", "bytes read", "sleep", "access after delete"]
        {
            assert!(steps.contains(&step), "{steps:?}");
        }
        assert_eq!(client.list().unwrap(), []);
    }
}

#[test]
fn the_sanity_check_names_the_step_that_fails_and_cleans_up() {
    let store = MemoryStore::new();
    let tab = Tab::new(store.clone(), &LocalTabs::new());
    let client = tab.installed.client().unwrap();
    store.inject(Rule::nth(Which::Only(StoreOp::Write), 1, Fault::Io));
    let error = sanity::check(&client).unwrap_err();
    assert!(matches!(error, SanityError::Failed { step: "write", .. }), "{error}");
    assert!(error.to_string().contains("write of /sanity/check/"), "{error}");
    assert_eq!(client.list().unwrap(), [], "the scratch file is gone all the same");
}

#[test]
fn an_installation_that_fails_its_check_registers_nothing() {
    let store = MemoryStore::new();
    store.inject(Rule::always(Which::Only(StoreOp::Sync), Fault::Io));
    let options =
        InstallOptions { name: "insane".to_owned(), make_default: false, ..InstallOptions::default() };
    let error =
        opfs_vfs::install::native::install(store, LocalTabs::new(), &options).err().expect("it fails");
    assert!(matches!(error, InstallError::Sanity(SanityError::Failed { step: "sync", .. })), "{error}");
    let error =
        Connection::open_with_flags_and_vfs("a", rusqlite::OpenFlags::default(), "insane").unwrap_err();
    assert!(error.to_string().contains("no such vfs"), "{error}");
}

#[test]
fn metrics_count_each_operation_at_both_ends() {
    let tab = Tab::new(MemoryStore::new(), &LocalTabs::new());
    let client = tab.installed.client().unwrap();
    let file = client.open("a", OpenFlags::MAIN_DB.kind(FileKind::MainJournal).create()).unwrap().file;
    client.write(file, &[1; 1000], 0).unwrap();
    client.read(file, &mut [0; 600], 0).unwrap();
    client.delete("absent", false).unwrap_err();
    client.sleep(50_000).unwrap();
    for metrics in [client.metrics().unwrap(), client.caller().metrics()] {
        let op = |name: &str| {
            metrics.iter().find(|op| op.name == name).unwrap_or_else(|| panic!("{name} is listed"))
        };
        assert_eq!((op("xOpen").count, op("xWrite").count, op("xRead").count), (1, 1, 1));
        assert!(op("xWrite").bytes_in >= 1000 && op("xRead").bytes_out >= 600);
        assert_eq!((op("xDelete").count, op("xDelete").errors), (1, 1));
        let sleep = op("xSleep");
        assert!(sleep.wait + sleep.time >= Duration::from_millis(50) && sleep.wait > sleep.time, "{sleep:?}");
    }
}

#[test]
fn every_operation_of_the_seed_system_is_there() {
    let names: Vec<&str> = OpfsOp::ALL.iter().map(|op| op.name()).collect();
    for name in [
        "xOpen",
        "xClose",
        "xRead",
        "xWrite",
        "xTruncate",
        "xSync",
        "xFileSize",
        "xLock",
        "xUnlock",
        "xCheckReservedLock",
        "xAccess",
        "xDelete",
        "xFullPathname",
        "xSleep",
        "metrics",
        "shutdown",
    ] {
        assert!(names.contains(&name), "{name} is missing from {names:?}");
    }
}

#[test]
fn shutdown_answers_and_then_nobody_is_there() {
    let tabs = LocalTabs::new();
    let tab = Tab::new(MemoryStore::new(), &tabs);
    let client = tab.installed.client().unwrap();
    let file = client.open("a.db", OpenFlags::MAIN_DB.create()).unwrap().file;
    client.lock(file, LockLevel::Shared).unwrap();
    assert!(tabs.held(&path("a.db")));
    client.shutdown().unwrap();
    let start = Instant::now();
    // A request that comes while the server is about to stop may still be served.
    let gone = loop {
        assert!(start.elapsed() < Duration::from_secs(20), "the worker stops");
        if let Err(gone) = client.access("a.db", Access::Exists) {
            break gone;
        }
    };
    assert!(matches!(gone, CallError::Rpc(RpcError::Gone { .. })), "{gone}");
    drop(client);
    while tabs.held(&path("a.db")) {
        assert!(start.elapsed() < Duration::from_secs(20), "the worker's end gives back its locks");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_reserved_lock_is_reported_when_there_is_one_and_only_then() {
    let tab = Tab::new(MemoryStore::new(), &LocalTabs::new());
    let (writer, reader) = (tab.installed.client().unwrap(), tab.installed.client().unwrap());
    let theirs = writer.open("a.db", OpenFlags::MAIN_DB.create()).unwrap().file;
    let ours = reader.open("a.db", OpenFlags::MAIN_DB).unwrap().file;
    reader.lock(ours, LockLevel::Shared).unwrap();
    for (level, reserved) in [(LockLevel::Shared, false), (LockLevel::Reserved, true)] {
        writer.lock(theirs, level).unwrap();
        assert_eq!(reader.check_reserved_lock(ours).unwrap(), reserved, "{level:?}");
        assert_eq!(writer.check_reserved_lock(theirs).unwrap(), reserved, "{level:?}");
    }
    writer.lock(theirs, LockLevel::Exclusive).unwrap_err();
    assert!(reader.check_reserved_lock(ours).unwrap(), "PENDING comes from RESERVED");
    drop(writer);
    let start = Instant::now();
    while reader.check_reserved_lock(ours).unwrap() {
        assert!(start.elapsed() < Duration::from_secs(20), "a dead writer's lock is given back");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_slow_open_of_one_caller_holds_up_no_other() {
    let store = MemoryStore::new();
    let tab = Tab::new(store.clone(), &LocalTabs::new());
    let (slow, quick) = (tab.installed.client().unwrap(), tab.installed.client().unwrap());
    store.inject(Rule::nth(Which::Only(StoreOp::Open), 1, Fault::Delay(Duration::from_secs(3))));
    let flags = OpenFlags::MAIN_DB.kind(FileKind::MainJournal).create();
    std::thread::scope(|scope| {
        let opening = scope.spawn(move || slow.open("slow", flags).map(|_| slow));
        std::thread::sleep(Duration::from_millis(50));
        let start = Instant::now();
        quick.open("quick", flags).unwrap();
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
        opening.join().unwrap().unwrap();
    });
}

fn bytes_of(client: &opfs_vfs::OpfsClient, file: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let count = export(client, file, |piece| bytes.extend_from_slice(piece)).unwrap();
    assert_eq!(count, bytes.len() as u64);
    bytes
}

#[test]
fn a_database_goes_out_and_comes_in_as_an_ordinary_file() {
    let scratch = Scratch::new();
    let tab = Tab::new(MemoryStore::new(), &LocalTabs::new());
    let client = tab.installed.client().unwrap();
    tab.open("app.db")
        .execute_batch("CREATE TABLE t(x); INSERT INTO t VALUES(zeroblob(200000)), (7)")
        .unwrap();
    let bytes = bytes_of(&client, "app.db");
    let outside = scratch.path().join("out.db");
    std::fs::write(&outside, &bytes).unwrap();
    let stock = Connection::open(&outside).unwrap();
    assert_eq!((integrity(&stock), one::<i64>(&stock, "SELECT count(*) FROM t")), ("ok".to_owned(), 2));

    import(&client, "copy.db", &bytes, false).unwrap();
    let copy = tab.open("copy.db");
    assert_eq!((integrity(&copy), one::<i64>(&copy, "SELECT count(*) FROM t")), ("ok".to_owned(), 2));
    let refused = import(&client, "copy.db", &bytes, false).unwrap_err();
    assert_eq!(refused, TransferError::Exists { path: path("copy.db") });
    stock.execute_batch("INSERT INTO t VALUES(8)").unwrap();
    drop(stock);
    let in_use = import(&client, "copy.db", &std::fs::read(&outside).unwrap(), true).unwrap_err();
    assert!(in_use.to_string().contains("is open elsewhere"), "{in_use}");
    drop(copy);
    import(&client, "copy.db", &std::fs::read(&outside).unwrap(), true).unwrap();
    let copy = tab.open("copy.db");
    assert_eq!(one::<i64>(&copy, "SELECT count(*) FROM t"), 3);
    assert_eq!(bytes_of(&client, "copy.db"), std::fs::read(&outside).unwrap());
}

#[test]
fn an_import_replaces_a_database_with_a_hot_journal() {
    let store = MemoryStore::new();
    let tab = Tab::new(store.clone(), &LocalTabs::new());
    tab.open("app.db").execute_batch("CREATE TABLE t(x); INSERT INTO t VALUES(1)").unwrap();
    let client = tab.installed.client().unwrap();
    let bytes = bytes_of(&client, "app.db");
    let journal =
        client.open("app.db-journal", OpenFlags::MAIN_DB.kind(FileKind::MainJournal).create()).unwrap().file;
    client.write(journal, b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7", 0).unwrap();
    client.close(journal).unwrap();
    let refused = export(&client, "app.db", |_| ()).unwrap_err();
    assert_eq!(refused, TransferError::Unfinished { path: path("app.db-journal") });
    import(&client, "app.db", &bytes, true).unwrap();
    assert!(store.bytes(&path("app.db-journal")).is_none());
    assert_eq!(one::<i64>(&tab.open("app.db"), "SELECT x FROM t"), 1);
}

#[test]
fn an_import_cut_off_at_any_operation_never_leaves_half_a_database() {
    let start = MemoryStore::new();
    let bytes = {
        let tab = Tab::new(start.clone(), &LocalTabs::new());
        tab.open("new.db")
            .execute_batch("CREATE TABLE t(x); INSERT INTO t VALUES(zeroblob(300000)), (2)")
            .unwrap();
        tab.open("app.db").execute_batch("CREATE TABLE t(x); INSERT INTO t VALUES(1)").unwrap();
        bytes_of(&tab.installed.client().unwrap(), "new.db")
    };
    for nth in 1.. {
        let store = start.fork();
        let tab = Tab::new(store.clone(), &LocalTabs::new());
        let client = tab.installed.client().unwrap();
        store.inject(Rule::nth(Which::Changing, nth, Fault::PowerOff));
        let answer = import(&client, "app.db", &bytes, true);
        drop((client, tab));
        let through = store.count(Which::Changing) < nth;
        store.crash(opfs_vfs::store::memory::Loss::Random(nth));
        let tab = Tab::new(store, &LocalTabs::new());
        let db = tab.open("app.db");
        let found =
            db.query_row("SELECT max(x) FROM t WHERE typeof(x) = 'integer'", [], |row| row.get::<_, i64>(0));
        match found {
            Ok(value) => {
                assert!((value == 2 || answer.is_err()) && integrity(&db) == "ok", "cut {nth}: {value}")
            }
            Err(error) => assert!(answer.is_err(), "cut {nth}: {error}"),
        }
        if through {
            break;
        }
    }
}

#[test]
fn a_busy_database_is_not_exported_or_replaced() {
    let tab = Tab::new(MemoryStore::new(), &LocalTabs::new());
    let db = tab.open("app.db");
    db.execute_batch("CREATE TABLE t(x); BEGIN EXCLUSIVE").unwrap();
    let client = tab.installed.client().unwrap();
    let busy = |error: TransferError| error.to_string().contains("locked by another connection");
    assert!(busy(export(&client, "app.db", |_| ()).unwrap_err()));
    assert!(busy(import(&client, "app.db", b"", false).unwrap_err()));
    db.execute_batch("COMMIT").unwrap();
    assert!(export(&client, "app.db", |_| ()).unwrap() > 0);
}

#[test]
fn what_sqlite_would_not_open_is_not_imported() {
    let tab = Tab::new(MemoryStore::new(), &LocalTabs::new());
    let client = tab.installed.client().unwrap();
    let refused = |bytes: &[u8]| import(&client, "in.db", bytes, false).unwrap_err().to_string();
    assert!(refused(b"this is a jpeg").contains("no SQLite database"));
    assert!(
        refused(&[b"SQLite format 3\0".as_slice(), &[0; 600]].concat()).contains("no SQLite database"),
        "cut off"
    );
    assert!(!client.access("in.db", Access::Exists).unwrap(), "nothing was touched");
}

#[test]
fn a_database_with_a_log_is_exported_once_that_is_copied_back_and_comes_in_again() {
    let tab = Tab::new(MemoryStore::new(), &LocalTabs::new());
    let db = tab.open("app.db");
    db.execute_batch("PRAGMA journal_mode=WAL; CREATE TABLE t(x); INSERT INTO t VALUES(1)").unwrap();
    let client = tab.installed.client().unwrap();
    let mut bytes = Vec::new();
    let unfinished = export(&client, "app.db", |_| ()).unwrap_err();
    assert!(matches!(unfinished, TransferError::Unfinished { .. }), "{unfinished}");
    db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    export(&client, "app.db", |piece| bytes.extend_from_slice(piece)).unwrap();
    db.execute_batch("INSERT INTO t VALUES(2)").unwrap();
    import(&client, "copy.db", &bytes, false).unwrap();
    let copy = tab.open("copy.db");
    assert_eq!(
        (support::one::<i64>(&copy, "SELECT sum(x) FROM t"), support::integrity(&copy)),
        (1, "ok".into())
    );
    copy.execute_batch("INSERT INTO t VALUES(3)").unwrap();
    assert_eq!(support::one::<String>(&copy, "PRAGMA journal_mode"), "wal");
}
