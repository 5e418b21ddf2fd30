//! The SQL service natively: a page's client, a SQLite thread and an I/O thread, over the memory store.
#![cfg(not(target_family = "wasm"))]

mod sql_suite;

use std::rc::Rc;

use opfs_vfs::InstallOptions;
use opfs_vfs::install::native::install;
use opfs_vfs::sql::{self, Database, Engine, OpenOptions, SqlAsyncClient, SqlClient, SqlError};
use opfs_vfs::store::MemoryStore;
use opfs_vfs::tabs::LocalTabs;
use sabrpc::native::{ServerThread, block_on, spawn_with};
use sabrpc::{CallError, Channel, ChannelConfig, RpcError};

/// The SQLite thread and its channel; `name` is the VFS's, which the tests of this process share.
fn start(name: &str) -> (Channel, ServerThread) {
    let channel = Channel::native(ChannelConfig::default()).expect("a channel");
    let options = InstallOptions { name: name.to_owned(), make_default: false, ..InstallOptions::default() };
    let thread = spawn_with(&channel, move |channel| {
        let installed =
            install(MemoryStore::exclusive(), LocalTabs::new(), &options).expect("the VFS installs");
        sql::server(channel, Engine::new(installed).expect("the engine starts"))
    });
    (channel, thread)
}

#[test]
fn the_suite_passes() {
    let (channel, _thread) = start("suite");
    let client = Rc::new(SqlAsyncClient::attach(&channel).expect("a client"));
    block_on(sql_suite::run(&client));
    block_on(client.shutdown()).expect("everything was closed");
    let gone = block_on(client.list());
    assert!(matches!(gone, Err(CallError::Rpc(RpcError::Gone { .. }))), "{gone:?}");
}

#[test]
fn a_caller_that_goes_leaves_no_transaction_behind() {
    let (channel, _thread) = start("leaving");
    let leaving = SqlClient::attach(&channel).expect("a client");
    let db = leaving.open("/app.db", OpenOptions::default()).expect("it opens");
    leaving.exec(db, "CREATE TABLE t(a); BEGIN IMMEDIATE; INSERT INTO t VALUES (1)").expect("a script");
    let other = SqlClient::attach(&channel).expect("a client");
    let foreign = other.exec(db, "COMMIT");
    assert_eq!(foreign, Err(CallError::Service(SqlError::NotOpen { db })), "connections are their caller's");
    drop(leaving);
    let own = other.open("/app.db", OpenOptions::default()).expect("it opens");
    other.exec(own, "INSERT INTO t VALUES (2)").expect("the other's lock is gone");
    let rows = other.query(own, "SELECT a FROM t", Vec::new()).expect("rows").rows;
    assert_eq!(rows, [opfs_vfs::values![2]]);
}

#[test]
fn shutting_down_closes_what_is_open() {
    let (channel, _thread) = start("shutdown");
    let client = Rc::new(SqlAsyncClient::attach(&channel).expect("a client"));
    block_on(async {
        let db = Database::open(&client, "/app.db", OpenOptions::default()).await.expect("it opens");
        db.exec("CREATE TABLE t(a); BEGIN; INSERT INTO t VALUES (1)").await.expect("a script");
        client.shutdown().await.expect("nothing stands against it");
        assert!(db.exec("COMMIT").await.is_err());
    });
}
