//! Deleting databases while connections of this page or of other tabs have them open, idle or not.
#![cfg(not(target_family = "wasm"))]

mod support;

use std::time::Duration;

use opfs_vfs::store::MemoryStore;
use opfs_vfs::tabs::LocalTabs;
use opfs_vfs::{Access, FileKind, OpenFlags, OpfsClient, VfsError};
use sabrpc::CallError;
use support::{Tab, integrity, one, path};

fn in_use(client: &OpfsClient, name: &str) -> bool {
    let path = path(name);
    client.delete(name, true) == Err(CallError::Service(VfsError::InUse { path }))
}

fn two_tabs() -> (MemoryStore, LocalTabs, Tab, Tab) {
    let (store, tabs) = (MemoryStore::exclusive(), LocalTabs::new());
    let (a, b) = (Tab::new(store.clone(), &tabs), Tab::new(store.clone(), &tabs));
    (store, tabs, a, b)
}

#[test]
fn a_database_that_an_idle_connection_of_another_tab_has_open_stays() {
    let (_, tabs, a, b) = two_tabs();
    a.open("app.db").execute_batch("CREATE TABLE t(x); INSERT INTO t VALUES('old')").unwrap();
    let idle = b.open("app.db");
    assert_eq!(one::<String>(&idle, "SELECT x FROM t"), "old");
    assert!(tabs.could_have(&path("app.db"), Duration::from_secs(20)) && tabs.is_open(&path("app.db")));
    let client = a.installed.client().unwrap();
    assert!(in_use(&client, "app.db"));
    idle.execute_batch("INSERT INTO t VALUES('b')").unwrap();
    drop(idle);
    client.delete("app.db", true).unwrap();
    assert!(!tabs.is_open(&path("app.db")));
    let fresh = b.open("app.db");
    fresh.execute_batch("CREATE TABLE v(z); CREATE INDEX vz ON v(z); INSERT INTO v VALUES(1)").unwrap();
    assert_eq!(integrity(&fresh), "ok");
}

#[test]
fn a_database_that_an_idle_connection_of_this_page_has_open_stays() {
    let (_, _, a, _) = two_tabs();
    let idle = a.open("app.db");
    idle.execute_batch("CREATE TABLE t(x)").unwrap();
    let client = a.installed.client().unwrap();
    assert!(in_use(&client, "app.db"));
    drop(idle);
    client.delete("app.db", true).unwrap();
}

#[test]
fn a_database_goes_with_its_journal_and_its_log() {
    let (store, _, a, _) = two_tabs();
    a.open("app.db").execute_batch("CREATE TABLE t(x)").unwrap();
    let client = a.installed.client().unwrap();
    for (name, kind) in [("app.db-journal", FileKind::MainJournal), ("app.db-wal", FileKind::Wal)] {
        let file = client.open(name, OpenFlags::MAIN_DB.kind(kind).create()).unwrap().file;
        client.write(file, b"left behind", 0).unwrap();
        client.close(file).unwrap();
    }
    client.delete("app.db", true).unwrap();
    assert_eq!(client.list().unwrap(), []);
    assert_eq!(store.used(), 0);
}

#[test]
fn a_database_opened_alone_is_opened_by_nobody_else() {
    let (_, _, a, b) = two_tabs();
    a.open("app.db").execute_batch("CREATE TABLE t(x)").unwrap();
    let (here, there) = (a.installed.client().unwrap(), b.installed.client().unwrap());
    let refused = Err(CallError::Service(VfsError::InUse { path: path("app.db") }));
    let idle = there.open("app.db", OpenFlags::MAIN_DB).unwrap().file;
    assert_eq!(here.open("app.db", OpenFlags::MAIN_DB.alone()), refused);
    there.close(idle).unwrap();
    let alone = here.open("app.db", OpenFlags::MAIN_DB.alone()).unwrap().file;
    assert_eq!(there.open("app.db", OpenFlags::MAIN_DB), refused);
    assert_eq!(a.installed.client().unwrap().open("app.db", OpenFlags::MAIN_DB), refused);
    assert!(in_use(&there, "app.db"));
    here.close(alone).unwrap();
    there.open("app.db", OpenFlags::MAIN_DB).unwrap();
}

#[test]
fn a_file_whose_owner_died_is_no_danger_to_the_next_one_of_its_name() {
    let (_, _, a, b) = two_tabs();
    let flags = OpenFlags::MAIN_DB.kind(FileKind::MainJournal).create();
    let dying = a.installed.client().unwrap();
    dying.open("x", flags.delete_on_close()).unwrap();
    drop(dying);
    let next = b.installed.client().unwrap();
    let start = std::time::Instant::now();
    // The store bars the file until the dead owner's handle is closed.
    let file = loop {
        match next.open("x", flags) {
            Ok(opened) => break opened.file,
            Err(error) => assert!(start.elapsed() < std::time::Duration::from_secs(20), "{error}"),
        }
    };
    next.write(file, b"mine", 0).unwrap();
    next.close(file).unwrap();
    a.installed.client().unwrap().access("y", Access::Exists).unwrap();
    assert!(next.access("x", Access::Exists).unwrap());
}
