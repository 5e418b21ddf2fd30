//! SQLite over OPFS in a real browser: installed in a dedicated worker, through an I/O worker of its own.
#![cfg(target_family = "wasm")]

use std::time::Duration;

use opfs_vfs::install::{Installed, install};
use opfs_vfs::io::IoOptions;
use opfs_vfs::sanity;
use opfs_vfs::transfer;
use opfs_vfs::{Access, InstallError, InstallOptions, OpenFlags, Unavailable, VfsError};
use rusqlite::{Connection, ErrorCode, params};
use sabrpc::{CallError, RpcError};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

/// Options for a folder that no other test, and no earlier run, has used.
fn options(test: &str) -> InstallOptions {
    InstallOptions {
        name: test.to_owned(),
        make_default: false,
        sanity_check: false,
        folder: Some(format!("vfs-tests/{test}-{}", js_sys::Date::now())),
        ..InstallOptions::default()
    }
}

async fn installed(options: &InstallOptions) -> Installed {
    install(options).await.unwrap_or_else(|error| panic!("the VFS installs: {error}"))
}

fn connect(vfs: &Installed, path: &str) -> Connection {
    Connection::open_with_flags_and_vfs(path, rusqlite::OpenFlags::default(), vfs.vfs().name())
        .expect("it opens")
}

fn number(db: &Connection, sql: &str) -> i64 {
    db.query_row(sql, [], |row| row.get(0)).unwrap_or_else(|error| panic!("{sql}: {error}"))
}

fn uninstall(vfs: Installed) {
    vfs.uninstall().map_err(|(_, error)| error).expect("no file is open");
}

#[wasm_bindgen_test]
async fn the_sanity_check_passes_and_leaves_nothing() {
    let vfs = installed(&InstallOptions { sanity_check: true, ..options("sanity") }).await;
    let client = vfs.client().expect("there is room for a client");
    let steps = sanity::check(&client).expect("it passes again");
    assert!(steps.len() >= 10, "{steps:?}");
    assert!(client.list().expect("files can be listed").is_empty());
    drop(client);
    uninstall(vfs);
}

#[wasm_bindgen_test]
async fn what_is_committed_stays_and_what_is_rolled_back_does_not() {
    let options = options("commit");
    let vfs = installed(&options).await;
    let db = connect(&vfs, "/app.db");
    db.execute_batch("CREATE TABLE t(a, b); BEGIN").expect("a table");
    for i in 0..1000 {
        db.execute("INSERT INTO t VALUES (?1, ?2)", params![i, format!("row {i}")]).expect("a row");
    }
    db.execute_batch("COMMIT; BEGIN; DELETE FROM t WHERE a % 2; UPDATE t SET b = 'x'; ROLLBACK")
        .expect("both");
    assert_eq!(number(&db, "SELECT count(*) FROM t WHERE b = 'row ' || a"), 1000);
    db.close().map_err(|(_, error)| error).expect("it closes");
    uninstall(vfs);

    let vfs = installed(&options).await;
    let db = connect(&vfs, "/app.db");
    assert_eq!(number(&db, "SELECT sum(a) FROM t"), 499_500);
    let checked: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("a check");
    assert_eq!(checked, "ok");
    drop(db);
    uninstall(vfs);
}

#[wasm_bindgen_test]
async fn every_page_size_and_journal_mode_keeps_its_rows() {
    let vfs = installed(&options("pages")).await;
    for (page_size, journal) in
        [(512, "delete"), (1024, "truncate"), (4096, "persist"), (16384, "memory"), (65536, "delete")]
    {
        let path = format!("/pages/{page_size}.db");
        let db = connect(&vfs, &path);
        db.pragma_update(None, "page_size", page_size).expect("a page size");
        let mode: String =
            db.query_row(&format!("PRAGMA journal_mode = {journal}"), [], |row| row.get(0)).expect("a mode");
        assert_eq!(mode, journal);
        db.execute_batch("PRAGMA cache_size = 4; CREATE TABLE t(b)").expect("a table");
        // Larger than one mailbox's area, so that it also travels in pieces; and many times the cache, so that it spills.
        let blob: Vec<u8> = (0..300_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        db.execute("INSERT INTO t VALUES (?1)", [&blob]).expect("a blob");
        db.execute_batch("BEGIN; UPDATE t SET b = zeroblob(500000); ROLLBACK").expect("a rollback");
        drop(db);
        let db = connect(&vfs, &path);
        let back: Vec<u8> = db.query_row("SELECT b FROM t", [], |row| row.get(0)).expect("the blob");
        assert!(back == blob, "page size {page_size}, journal {journal}");
        assert_eq!(number(&db, "PRAGMA page_size"), page_size);
    }
    uninstall(vfs);
}

#[wasm_bindgen_test]
async fn two_io_workers_on_one_database_play_two_tabs() {
    let first = options("tab-one");
    let wait = IoOptions { lock_wait: Duration::from_millis(50), ..IoOptions::default() };
    let second = InstallOptions { name: "tab-two".into(), io: wait, ..first.clone() };
    let (a, b) = (installed(&first).await, installed(&second).await);
    let (one, two) = (connect(&a, "/shared.db"), connect(&b, "/shared.db"));
    for db in [&one, &two] {
        db.busy_timeout(Duration::ZERO).expect("a timeout");
    }
    one.execute_batch("CREATE TABLE t(tab)").expect("a table");

    // While one writes, the other is told so, and loses nothing by it.
    one.execute_batch("BEGIN IMMEDIATE; INSERT INTO t VALUES (1)").expect("a row");
    let busy = two.execute_batch("INSERT INTO t VALUES (2)").expect_err("the other tab writes");
    assert_eq!(busy.sqlite_error_code(), Some(ErrorCode::DatabaseBusy), "{busy}");
    one.execute_batch("COMMIT").expect("a commit");

    // In turns, each sees what the other has done.
    for round in 1..=20 {
        two.execute_batch("INSERT INTO t VALUES (2)").expect("a row");
        one.execute_batch("INSERT INTO t VALUES (1)").expect("a row");
        for db in [&one, &two] {
            assert_eq!(number(db, "SELECT count(*) FROM t"), 2 * round + 1);
        }
    }
    let checked: String = two.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("a check");
    assert_eq!(checked, "ok");
    drop((one, two));
    uninstall(a);
    uninstall(b);
}

#[wasm_bindgen_test]
async fn a_hot_journal_of_a_tab_that_died_is_rolled_back_by_one_that_was_open_all_along() {
    let first = options("dying");
    let second = InstallOptions { name: "surviving".into(), ..first.clone() };
    let (a, b) = (installed(&first).await, installed(&second).await);
    let survivor = connect(&b, "/hot.db");
    survivor
        .execute_batch(
            "CREATE TABLE t(n, pad); WITH RECURSIVE i(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM i WHERE n < 2000) \
             INSERT INTO t SELECT n, hex(randomblob(100)) FROM i",
        )
        .expect("rows");
    let before = number(&survivor, "SELECT sum(n) FROM t");

    let dying = connect(&a, "/hot.db");
    dying.execute_batch("PRAGMA cache_size = 2; BEGIN; UPDATE t SET n = -n, pad = ''").expect("an update");
    let journal = b.client().expect("a client").access("/hot.db-journal", Access::Exists).expect("an answer");
    assert!(journal, "pages were spilled, so the journal is there");
    // Its I/O worker goes at once, with all that it holds, as when the tab is closed.
    let vfs = a.kill();

    assert_eq!(number(&survivor, "SELECT sum(n) FROM t"), before);
    let checked: String =
        survivor.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("a check");
    assert_eq!(checked, "ok");
    let journal = b.client().expect("a client").access("/hot.db-journal", Access::Exists).expect("an answer");
    assert!(!journal, "the journal was played back and removed");
    let dead = dying.execute_batch("COMMIT").expect_err("its worker is gone");
    assert!(dead.sqlite_error_code().is_some(), "{dead}");
    drop((dying, survivor, vfs));
    uninstall(b);
}

#[wasm_bindgen_test]
async fn bad_input_gets_its_error_and_the_worker_goes_on() {
    let vfs = installed(&options("bad-input")).await;
    let client = vfs.client().expect("a client");
    let long = "a".repeat(5000);
    for path in ["a/../b", "a//b", "", long.as_str()] {
        let asked = client.access(path, Access::Exists);
        assert!(matches!(asked, Err(CallError::Service(VfsError::Path(_)))), "{path:.10}: {asked:?}");
        let deleted = client.delete(path, false);
        assert!(matches!(deleted, Err(CallError::Service(VfsError::Path(_)))), "{path:.10}: {deleted:?}");
    }
    for path in ["/a/../b.db", "/a//b.db", long.as_str()] {
        let flags = rusqlite::OpenFlags::default();
        let error = Connection::open_with_flags_and_vfs(path, flags, vfs.vfs().name()).expect_err("no path");
        assert_eq!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen), "{path:.10}: {error}");
    }
    let missing = client.delete("/missing.db", false);
    assert!(matches!(missing, Err(CallError::Service(VfsError::NotFound { .. }))), "{missing:?}");

    let file = client.open("/short.db", OpenFlags::MAIN_DB.create().exclusive()).expect("it opens").file;
    let again = client.open("/short.db", OpenFlags::MAIN_DB.create().exclusive());
    assert!(matches!(again, Err(CallError::Service(VfsError::AlreadyExists { .. }))), "{again:?}");
    client.lock(file, opfs_vfs::LockLevel::Shared).expect("a lock");
    let mut room = [7; 16];
    assert_eq!(client.read(file, &mut room, 1 << 40), Ok(0), "nothing is there past the end");
    assert_eq!(room, [7; 16], "and nothing is written where nothing was read");
    client.close(file).expect("it closes");
    let closed = client.read(file, &mut room, 0);
    assert!(matches!(closed, Err(CallError::Service(VfsError::BadFile { .. }))), "{closed:?}");

    assert_eq!(client.list().expect("still serving").len(), 1);
    drop(client);
    uninstall(vfs);
}

#[wasm_bindgen_test]
async fn a_database_goes_out_and_comes_in_as_bytes() {
    let vfs = installed(&options("transfer")).await;
    let db = connect(&vfs, "/out.db");
    db.execute_batch("CREATE TABLE t(b); INSERT INTO t VALUES (randomblob(200000)), ('end')").expect("rows");
    let client = vfs.client().expect("a client");
    let mut bytes = Vec::new();
    let size =
        transfer::export(&client, "/out.db", |piece| bytes.extend_from_slice(piece)).expect("an export");
    assert_eq!(size, bytes.len() as u64);
    assert!(bytes.starts_with(b"SQLite format 3\0"));
    transfer::import(&client, "/folder/in.db", &bytes, false).expect("an import");
    let copy = connect(&vfs, "/folder/in.db");
    assert_eq!(number(&copy, "SELECT count(*) FROM t WHERE b = 'end' OR length(b) = 200000"), 2);
    drop((db, copy, client));
    uninstall(vfs);
}

#[wasm_bindgen_test]
async fn uninstalling_waits_for_connections_and_then_leaves_nothing() {
    let options = options("uninstall");
    let vfs = installed(&options).await;
    let taken = install(&options).await.err().expect("the name is taken");
    assert!(matches!(taken, InstallError::Register(_)), "{taken}");
    let db = connect(&vfs, "/open.db");
    let (vfs, error) = vfs.uninstall().expect_err("a connection is open");
    assert!(error.to_string().contains("close"), "{error}");
    db.execute_batch("CREATE TABLE t(a)").expect("the VFS still works");
    drop(db);
    let client = vfs.client().expect("a client");
    uninstall(vfs);
    let gone = client.list();
    assert!(matches!(gone, Err(CallError::Rpc(RpcError::Gone { .. }))), "{gone:?}");
    let flags = rusqlite::OpenFlags::default();
    let unknown = Connection::open_with_flags_and_vfs("/open.db", flags, options.name.as_str());
    assert!(unknown.is_err(), "SQLite does not know the VFS any more");
    uninstall(installed(&options).await);
}

#[wasm_bindgen_test]
async fn a_folder_that_is_none_is_refused_by_its_reason() {
    let error = install(&InstallOptions { folder: Some("a/../b".into()), ..options("folder") }).await;
    let reason = error.err().expect("that is no folder");
    assert!(matches!(reason, InstallError::Unavailable(Unavailable::NoFolder { .. })), "{reason}");
}
