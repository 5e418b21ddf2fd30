//! SQLite itself on the VFS: the whole stack over native threads, with the memory and the folder store.
#![cfg(not(target_family = "wasm"))]

mod support;

use opfs_vfs::store::memory::{StoreOp, Which};
use opfs_vfs::store::{FolderStore, MemoryStore};
use opfs_vfs::tabs::LocalTabs;
use rusqlite::{Connection, OpenFlags, params};
use support::{Scratch, Tab, integrity, one, path};

fn memory_tab() -> (MemoryStore, Tab) {
    let store = MemoryStore::new();
    (store.clone(), Tab::new(store, &LocalTabs::new()))
}

/// Rows with a checksum over all of them, so that a mix of old and new is seen.
fn fill(db: &Connection, rows: i64) {
    db.execute_batch("CREATE TABLE t(id INTEGER PRIMARY KEY, text TEXT, data BLOB)").unwrap();
    let mut insert = db.prepare("INSERT INTO t VALUES(?1, ?2, randomblob(?3))").unwrap();
    for id in 0..rows {
        insert.execute(params![id, format!("row {id}"), id % 300]).unwrap();
    }
}

#[test]
fn a_transaction_is_committed_and_another_rolled_back() {
    let (store, tab) = memory_tab();
    let db = tab.open("app.db");
    db.execute_batch("BEGIN").unwrap();
    fill(&db, 500);
    db.execute_batch("COMMIT; BEGIN; DELETE FROM t WHERE id >= 100; UPDATE t SET text = 'gone'; ROLLBACK")
        .unwrap();
    assert_eq!(one::<i64>(&db, "SELECT count(*) FROM t WHERE text = 'row ' || id"), 500);
    assert_eq!(integrity(&db), "ok");
    drop(db);

    let again = tab.open("app.db");
    assert_eq!(one::<i64>(&again, "SELECT sum(id) FROM t"), 499 * 500 / 2);
    assert!(store.bytes(&path("app.db")).unwrap().starts_with(b"SQLite format 3\0"));
    assert!(store.bytes(&path("app.db-journal")).is_none(), "the journal is gone after the commit");
}

#[test]
fn every_journal_mode_commits_and_rolls_back() {
    for mode in ["DELETE", "TRUNCATE", "PERSIST", "MEMORY", "OFF"] {
        let (_, tab) = memory_tab();
        let db = tab.open("app.db");
        let answer: String =
            db.query_row(&format!("PRAGMA journal_mode={mode}"), [], |row| row.get(0)).unwrap();
        assert_eq!(answer, mode.to_lowercase());
        db.execute_batch("BEGIN").unwrap();
        fill(&db, 300);
        db.execute_batch("COMMIT").unwrap();
        if mode != "OFF" {
            db.execute_batch("PRAGMA cache_size=5; BEGIN; UPDATE t SET data = zeroblob(400); ROLLBACK")
                .unwrap();
            assert_eq!(one::<i64>(&db, "SELECT max(length(data)) FROM t"), 299, "{mode}");
        }
        assert_eq!(integrity(&db), "ok", "{mode}");
        drop(db);
        let again = tab.open("app.db");
        assert_eq!(one::<i64>(&again, "SELECT count(*) FROM t"), 300, "{mode}");
    }
}

#[test]
fn a_write_ahead_log_works_in_exclusive_locking_mode() {
    let (store, tab) = memory_tab();
    let db = tab.open("app.db");
    assert_eq!(one::<String>(&db, "PRAGMA locking_mode=EXCLUSIVE"), "exclusive");
    assert_eq!(one::<String>(&db, "PRAGMA journal_mode=WAL"), "wal");
    db.execute_batch("BEGIN").unwrap();
    fill(&db, 300);
    db.execute_batch("COMMIT").unwrap();
    assert!(!store.bytes(&path("app.db-wal")).unwrap().is_empty());
    db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    assert_eq!(integrity(&db), "ok");
    assert_eq!(one::<String>(&db, "PRAGMA journal_mode=DELETE"), "delete");
    drop(db);
    assert_eq!(one::<i64>(&tab.open("app.db"), "SELECT count(*) FROM t"), 300);
}

#[test]
fn every_page_size_works_and_vacuum_changes_it() {
    for size in [512, 1024, 2048, 4096, 8192, 16384, 32768, 65536] {
        let (store, tab) = memory_tab();
        let db = tab.open("app.db");
        db.execute_batch(&format!("PRAGMA page_size={size}; BEGIN")).unwrap();
        fill(&db, 400);
        db.execute_batch("COMMIT").unwrap();
        assert_eq!(one::<i64>(&db, "PRAGMA page_size"), size);
        let other = if size == 4096 { 512 } else { 4096 };
        db.execute_batch(&format!("DELETE FROM t WHERE id % 2; PRAGMA page_size={other}; VACUUM")).unwrap();
        assert_eq!(one::<i64>(&db, "PRAGMA page_size"), other);
        assert_eq!(integrity(&db), "ok");
        drop(db);
        let db = tab.open("app.db");
        assert_eq!(
            (one::<i64>(&db, "PRAGMA page_size"), one::<i64>(&db, "SELECT count(*) FROM t")),
            (other, 200)
        );
        assert_eq!(store.bytes(&path("app.db")).unwrap().len() as i64 % other, 0);
    }
}

#[test]
fn blobs_larger_than_a_payload_area_pass_whole() {
    let (_, tab) = memory_tab();
    let db = tab.open("app.db");
    // With the largest page size a single read or write still fits the area; exports and blobs show the rest.
    db.execute_batch("PRAGMA page_size=65536; CREATE TABLE b(id INTEGER PRIMARY KEY, data BLOB)").unwrap();
    let blob: Vec<u8> = (0..3_000_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    db.execute("INSERT INTO b VALUES(1, ?1)", [&blob]).unwrap();
    drop(db);
    let db = tab.open("app.db");
    assert_eq!(db.query_row("SELECT data FROM b", [], |row| row.get::<_, Vec<u8>>(0)).unwrap(), blob);
}

#[test]
fn two_attached_databases_commit_together() {
    let (store, tab) = memory_tab();
    let db = tab.open("one.db");
    db.execute_batch("ATTACH 'two.db' AS two; CREATE TABLE a(x); CREATE TABLE two.b(x)").unwrap();
    db.execute_batch("BEGIN; INSERT INTO a VALUES(1); INSERT INTO b VALUES(1); COMMIT").unwrap();
    db.execute_batch("BEGIN; INSERT INTO a VALUES(2); INSERT INTO b VALUES(2); ROLLBACK").unwrap();
    assert_eq!(one::<i64>(&db, "SELECT count(*) FROM a, b"), 1);
    drop(db);
    assert_eq!(one::<i64>(&tab.open("two.db"), "SELECT x FROM b"), 1);
    let left: Vec<String> = {
        use opfs_vfs::store::Store;
        let files = sabrpc::native::block_on(store.list()).unwrap();
        files.into_iter().map(|(path, _)| path.to_string()).collect()
    };
    assert_eq!(left, ["/one.db", "/two.db"], "no journal and no super-journal is left");
}

#[test]
fn temporary_tables_and_sorts_stay_out_of_the_store() {
    let (store, tab) = memory_tab();
    let db = tab.open("app.db");
    fill(&db, 2000);
    let before = store.used();
    db.execute_batch(
        "PRAGMA temp_store=FILE; PRAGMA cache_size=5; PRAGMA temp.cache_size=5;
         CREATE TEMP TABLE copy AS SELECT * FROM t; CREATE INDEX temp.by_text ON copy(text, data);
         BEGIN; UPDATE copy SET text = text || 'x'; ROLLBACK; UPDATE copy SET text = text || 'y' WHERE id % 2",
    )
    .unwrap();
    assert_eq!(one::<i64>(&db, "SELECT count(*) FROM copy WHERE text LIKE '%y'"), 1000);
    let ordered: i64 =
        one(&db, "SELECT count(*) FROM (SELECT * FROM t a, (SELECT 1 UNION SELECT 2) ORDER BY a.data)");
    assert_eq!(ordered, 4000);
    assert_eq!(store.used(), before);
    let metrics = tab.installed.client().unwrap().metrics().unwrap();
    let writes = metrics.iter().find(|op| op.name == "xWrite").unwrap();
    assert!(writes.count > 0 && writes.bytes_in > 0, "{writes:?}");
}

#[test]
fn several_connections_of_one_page_share_a_database() {
    let (_, tab) = memory_tab();
    let (a, b) = (tab.open("app.db"), tab.open("app.db"));
    fill(&a, 100);
    a.execute_batch("BEGIN IMMEDIATE; DELETE FROM t").unwrap();
    assert_eq!(
        one::<i64>(&b, "SELECT count(*) FROM t"),
        100,
        "a reader beside a RESERVED writer sees the old rows"
    );
    b.busy_timeout(std::time::Duration::ZERO).unwrap();
    let refused = b.execute_batch("BEGIN IMMEDIATE").unwrap_err();
    assert_eq!(refused.sqlite_error_code(), Some(rusqlite::ErrorCode::DatabaseBusy));
    a.execute_batch("COMMIT").unwrap();
    assert_eq!(one::<i64>(&b, "SELECT count(*) FROM t"), 0);
}

#[test]
fn a_writer_waits_for_a_reader_and_keeps_new_ones_out() {
    let (_, tab) = memory_tab();
    let (writer, reader, third) = (tab.open("app.db"), tab.open("app.db"), tab.open("app.db"));
    fill(&writer, 10);
    for db in [&writer, &third] {
        db.busy_timeout(std::time::Duration::ZERO).unwrap();
    }
    let mut rows = reader.prepare("SELECT id FROM t").unwrap();
    let mut rows = rows.query([]).unwrap();
    rows.next().unwrap().unwrap();
    writer.execute_batch("BEGIN; DELETE FROM t").unwrap();
    assert!(writer.execute_batch("COMMIT").is_err(), "the reader stands against it");
    let refused = third.query_row("SELECT 1 FROM t", [], |_| Ok(())).unwrap_err();
    assert_eq!(
        refused.sqlite_error_code(),
        Some(rusqlite::ErrorCode::DatabaseBusy),
        "PENDING bars a new reader"
    );
    drop(rows);
    writer.execute_batch("COMMIT").unwrap();
    assert_eq!(one::<i64>(&third, "SELECT count(*) FROM t"), 0);
}

#[test]
fn opening_a_database_under_an_exclusive_writer_does_not_fail() {
    let (_, tab) = memory_tab();
    let writer = tab.open("app.db");
    writer.execute_batch("PRAGMA page_size=1024").unwrap();
    fill(&writer, 10);
    writer.execute_batch("BEGIN EXCLUSIVE; DELETE FROM t WHERE id > 4").unwrap();
    let late = tab.open("app.db");
    writer.execute_batch("COMMIT").unwrap();
    assert_eq!(one::<i64>(&late, "SELECT count(*) FROM t"), 5);
    assert_eq!(
        one::<i64>(&late, "PRAGMA page_size"),
        1024,
        "the true page size is found with the first lock"
    );
    late.execute_batch("INSERT INTO t(text) VALUES('x')").unwrap();
    assert_eq!(integrity(&writer), "ok");
}

#[test]
fn a_read_only_connection_reads_and_does_not_write() {
    let (_, tab) = memory_tab();
    fill(&tab.open("app.db"), 10);
    let db = tab.try_open("app.db", OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    assert_eq!(one::<i64>(&db, "SELECT count(*) FROM t"), 10);
    let refused = db.execute_batch("DELETE FROM t").unwrap_err();
    assert_eq!(refused.sqlite_error_code(), Some(rusqlite::ErrorCode::ReadOnly));
    let absent = tab.try_open("absent.db", OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap_err();
    assert_eq!(absent.sqlite_error_code(), Some(rusqlite::ErrorCode::CannotOpen));
}

#[test]
fn the_stock_library_opens_what_was_written_here_and_the_other_way_round() {
    let scratch = Scratch::new();
    let store = FolderStore::new(scratch.path()).unwrap();
    let tab = Tab::new(store.clone(), &LocalTabs::new());
    let db = tab.open("deep/app.db");
    db.execute_batch("BEGIN").unwrap();
    fill(&db, 1000);
    db.execute_batch("COMMIT; CREATE INDEX by_text ON t(text)").unwrap();
    let sum: i64 = one(&db, "SELECT sum(length(data) * id) FROM t");
    drop(db);

    let stock = Connection::open(store.locate(&path("deep/app.db"))).unwrap();
    assert_eq!(integrity(&stock), "ok");
    assert_eq!(one::<i64>(&stock, "SELECT sum(length(data) * id) FROM t"), sum);
    stock.execute_batch("DELETE FROM t WHERE id % 3 = 0; VACUUM").unwrap();
    let left: i64 = one(&stock, "SELECT count(*) FROM t");
    drop(stock);

    let db = tab.open("deep/app.db");
    assert_eq!((one::<i64>(&db, "SELECT count(*) FROM t"), integrity(&db)), (left, "ok".to_owned()));

    let stock = Connection::open(store.locate(&path("stock.db"))).unwrap();
    fill(&stock, 50);
    drop(stock);
    assert_eq!(one::<i64>(&tab.open("stock.db"), "SELECT count(*) FROM t"), 50);
}

#[test]
fn a_backup_goes_through_the_vfs() {
    let (_, tab) = memory_tab();
    let from = tab.open("from.db");
    fill(&from, 500);
    let mut to = tab.open("to.db");
    let backup = rusqlite::backup::Backup::new(&from, &mut to).unwrap();
    backup.run_to_completion(7, std::time::Duration::ZERO, None).unwrap();
    drop(backup);
    assert_eq!((one::<i64>(&to, "SELECT count(*) FROM t"), integrity(&to)), (500, "ok".to_owned()));
}

#[test]
fn uri_parameters_reach_sqlite() {
    let (_, tab) = memory_tab();
    fill(&tab.open("app.db"), 10);
    let db = tab.try_open("file:app.db?mode=ro", OpenFlags::default()).unwrap();
    assert!(db.is_readonly("main").unwrap());
    assert_eq!(one::<i64>(&db, "SELECT count(*) FROM t"), 10);
}

#[test]
fn a_commit_costs_as_many_flushes_as_the_book_says() {
    for (mode, sync, flushes) in [
        ("WAL", "FULL", 1),
        ("WAL", "NORMAL", 0),
        ("DELETE", "FULL", 4),
        ("TRUNCATE", "FULL", 4),
        ("PERSIST", "FULL", 4),
        ("MEMORY", "FULL", 1),
        ("OFF", "FULL", 1),
    ] {
        let (store, tab) = memory_tab();
        let db = tab.open("app.db");
        db.execute_batch(&format!(
            "PRAGMA journal_mode={mode}; PRAGMA synchronous={sync}; CREATE TABLE t(x)"
        ))
        .unwrap();
        db.execute_batch("INSERT INTO t VALUES(1)").unwrap();
        let count = || store.count(Which::Only(StoreOp::Sync));
        let before = count();
        for _ in 0..10 {
            db.execute_batch("INSERT INTO t VALUES(1)").unwrap();
        }
        assert_eq!(count() - before, 10 * flushes, "{mode}, {sync}");
    }
}
