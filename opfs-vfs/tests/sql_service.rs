//! The SQL service natively: a page's client, a SQLite thread and an I/O thread, over the memory store.
#![cfg(not(target_family = "wasm"))]

mod sql_suite;

use std::rc::Rc;
use std::time::{Duration, Instant};

use opfs_vfs::install::native::install;
use opfs_vfs::sql::{self, Connector, Database, Engine, OpenOptions, SqlAsyncClient, SqlClient, SqlError};
use opfs_vfs::store::MemoryStore;
use opfs_vfs::tabs::{LocalTabs, TabLock, TabLocks};
use opfs_vfs::{InstallOptions, VfsPath};
use sabrpc::native::{ServerThread, block_on, spawn_with};
use sabrpc::{CallError, Channel, ChannelConfig, RpcError};

/// The SQLite thread and its channel; `name` is the VFS's, which the tests of this process share.
fn start(name: &str) -> (Channel, ServerThread) {
    start_over(name, MemoryStore::exclusive(), LocalTabs::new())
}

fn start_over(name: &str, store: MemoryStore, tabs: LocalTabs) -> (Channel, ServerThread) {
    let channel = Channel::native(ChannelConfig::default()).expect("a channel");
    let options = InstallOptions { name: name.to_owned(), make_default: false, ..InstallOptions::default() };
    let thread = spawn_with(&channel, move |channel| {
        let installed = install(store, tabs, &options).expect("the VFS installs");
        sql::server(channel, Engine::new(installed).expect("the engine starts"))
    });
    (channel, thread)
}

fn connector(channel: &Channel) -> Rc<Connector> {
    Connector::new(SqlAsyncClient::attach(channel).expect("a client"))
}

fn path(text: &str) -> VfsPath {
    VfsPath::parse(text).expect("a path")
}

#[test]
fn the_suite_passes() {
    let (channel, _thread) = start("suite");
    let client = connector(&channel);
    block_on(sql_suite::run(&client));
    block_on(client.shutdown()).expect("everything was closed");
    let gone = block_on(client.list());
    assert!(matches!(gone, Err(CallError::Rpc(RpcError::Gone { .. }))), "{gone:?}");
}

#[test]
fn a_caller_that_goes_leaves_no_transaction_behind() {
    let (channel, _thread) = start("leaving");
    let leaving = SqlClient::attach(&channel).expect("a client");
    let db = 7;
    leaving.open(db, "/app.db", OpenOptions::default()).expect("it opens");
    leaving.exec(db, "CREATE TABLE t(a); BEGIN IMMEDIATE; INSERT INTO t VALUES (1)").expect("a script");
    let other = SqlClient::attach(&channel).expect("a client");
    let foreign = other.exec(db, "COMMIT");
    assert_eq!(foreign, Err(CallError::Service(SqlError::NotOpen { db })), "connections are their caller's");
    drop(leaving);
    let own = 3;
    other.open(own, "/app.db", OpenOptions::default()).expect("it opens");
    other.exec(own, "INSERT INTO t VALUES (2)").expect("the other's lock is gone");
    let rows = other.query(own, 4, "SELECT a FROM t", Vec::new()).expect("rows").rows;
    assert_eq!(rows, [opfs_vfs::values![2]]);
}

#[test]
fn shutting_down_closes_what_is_open() {
    let (channel, _thread) = start("shutdown");
    let client = connector(&channel);
    block_on(async {
        let db = Database::open(&client, "/app.db", OpenOptions::default()).await.expect("it opens");
        db.exec("CREATE TABLE t(a); BEGIN; INSERT INTO t VALUES (1)").await.expect("a script");
        client.shutdown().await.expect("nothing stands against it");
        assert!(db.exec("COMMIT").await.is_err());
    });
}

#[test]
fn a_number_is_taken_until_it_is_given_up() {
    let (channel, _thread) = start("numbers");
    let client = SqlClient::attach(&channel).expect("a client");
    let other = SqlClient::attach(&channel).expect("a client");
    client.open(1, "/app.db", OpenOptions::default()).expect("it opens");
    other.open(1, "/app.db", OpenOptions::default()).expect("numbers are their caller's");
    let taken = client.open(1, "/else.db", OpenOptions::default());
    assert_eq!(taken, Err(CallError::Service(SqlError::NumberTaken { number: 1 })));
    let count =
        "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT i FROM n";
    assert!(client.query(1, 2, count, Vec::new()).expect("rows").more);
    let taken = client.query(1, 2, count, Vec::new());
    assert_eq!(taken, Err(CallError::Service(SqlError::NumberTaken { number: 2 })));
    client.release(&[2, 99]).expect("it is sent");
    assert_eq!(client.fetch(1, 2), Err(CallError::Service(SqlError::NoCursor { cursor: 2 })));
    client.release(&[1]).expect("it is sent");
    assert_eq!(client.exec(1, "SELECT 1"), Err(CallError::Service(SqlError::NotOpen { db: 1 })));
    other.exec(1, "SELECT 1").expect("the other's is open");
}

#[test]
fn rows_that_nobody_reads_any_more_hold_no_lock() {
    let tabs = LocalTabs::new();
    let (channel, _thread) = start_over("unread", MemoryStore::exclusive(), tabs.clone());
    let client = connector(&channel);
    block_on(async {
        let db = Database::open(&client, "/app.db", OpenOptions::default()).await.expect("it opens");
        db.exec(
            "CREATE TABLE t(a); WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 20000) \
             INSERT INTO t SELECT i FROM n",
        )
        .await
        .expect("rows");
        let mut pages = db.pages("SELECT a FROM t", Vec::new()).await.expect("rows");
        pages.next().await.expect("a page");
        assert!(!tabs.could_have(&path("/app.db"), Duration::from_millis(100)));
        drop((pages, db));
        client.list().await.expect("any call comes after what was given up");
        assert!(tabs.could_have(&path("/app.db"), Duration::from_secs(20)));
    });
}

#[test]
fn a_connection_does_not_keep_the_worker_from_another_ones_commit() {
    let (channel, _thread) = start("commit");
    let (one, two) = (connector(&channel), connector(&channel));
    block_on(async {
        let a = Database::open(&one, "/app.db", OpenOptions::default()).await.expect("it opens");
        let b = Database::open(&two, "/app.db", OpenOptions::default()).await.expect("it opens");
        a.exec("CREATE TABLE t(a); BEGIN IMMEDIATE; INSERT INTO t VALUES (1)").await.expect("a script");
        let start = Instant::now();
        let busy = b.exec("INSERT INTO t VALUES (2)").await;
        assert!(matches!(&busy, Err(CallError::Service(error)) if error.code() == Some(5)), "{busy:?}");
        a.exec("COMMIT").await.expect("a commit");
        assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
        b.exec("INSERT INTO t VALUES (2)").await.expect("a row");
        // A transaction on another database is no reason to give up.
        let elsewhere = Database::open(&one, "/else.db", OpenOptions::default()).await.expect("it opens");
        elsewhere.exec("BEGIN IMMEDIATE").await.expect("a transaction");
        b.exec("INSERT INTO t VALUES (3)").await.expect("a row");
    });
}

#[test]
fn a_busy_timeout_goes_by_the_clock() {
    let (tabs, file) = (LocalTabs::new(), path("/app.db"));
    let (channel, _thread) = start_over("clock", MemoryStore::exclusive(), tabs.clone());
    let client = SqlClient::attach(&channel).expect("a client");
    let options = OpenOptions { busy_timeout: Duration::from_secs(1), ..OpenOptions::default() };
    client.open(1, file.as_str(), options).expect("it opens");
    client.exec(1, "CREATE TABLE t(a)").expect("a table");
    let other_tab = block_on(tabs.acquire(&file, TabLock::Turn, Duration::from_secs(20)))
        .expect("locks work")
        .expect("it is free");
    let start = Instant::now();
    let busy = client.exec(1, "INSERT INTO t VALUES (1)");
    assert!(matches!(&busy, Err(CallError::Service(error)) if error.code() == Some(5)), "{busy:?}");
    // Each try stands in line for 300 ms, of which SQLite's own handler would not know.
    let waited = start.elapsed();
    assert!((900..3000).contains(&waited.as_millis()), "{waited:?}");
    drop(other_tab);
    client.exec(1, "INSERT INTO t VALUES (1)").expect("the lock is free");
}
