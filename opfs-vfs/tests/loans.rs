//! Loans: one thread has the locks of a log's index to itself, and what becomes of that when others come, or it goes.
#![cfg(not(target_family = "wasm"))]

mod support;

use std::time::{Duration, Instant};

use opfs_vfs::service::OpfsClient;
use opfs_vfs::store::MemoryStore;
use opfs_vfs::tabs::LocalTabs;
use opfs_vfs::{FileId, OpenFlags, VfsError};
use sabrpc::CallError;
use support::{Tab, integrity, one};

/// The lock of writers, and that of a reader.
const WRITE: u32 = 0;
const READ: u32 = 3;

/// Bytes of a region of the index.
const REGION: usize = 32 << 10;

/// A tab with a database in WAL mode, and two clients that play two workers of SQLite's, with the database open.
fn two_threads() -> (Tab, [(OpfsClient, FileId); 2]) {
    let tab = Tab::new(MemoryStore::new(), &LocalTabs::new());
    tab.open("app.db").execute_batch("PRAGMA journal_mode=WAL; CREATE TABLE t(n INTEGER)").unwrap();
    let threads = [(); 2].map(|()| {
        let client = tab.installed.client().unwrap();
        let file = client.open("app.db", OpenFlags::MAIN_DB).unwrap().file;
        (client, file)
    });
    (tab, threads)
}

/// Waits until `client` gets a reader's lock.
fn gets_a_lock(client: &OpfsClient, file: FileId) {
    let start = Instant::now();
    while client.lock_index(file, READ, 1, false, false).is_err() {
        assert!(start.elapsed() < Duration::from_secs(10), "nobody returns what was lent");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A thread learns only when it next begins that a loan was taken back, and by then its note may stand for another one.
#[test]
fn a_loan_of_one_database_is_not_taken_for_that_of_another() {
    for store in [MemoryStore::new(), MemoryStore::exclusive()] {
        let tabs = LocalTabs::new();
        let (first, second) = (Tab::new(store.clone(), &tabs), Tab::new(store.clone(), &tabs));
        let open = |tab: &Tab, name: &str| {
            let db = tab.open(name);
            db.execute_batch("PRAGMA journal_mode=WAL; CREATE TABLE IF NOT EXISTS t(n INTEGER)").unwrap();
            db
        };
        let (a, b) = (open(&first, "a.db"), open(&first, "b.db"));
        let (other_a, other_b) = (open(&second, "a.db"), open(&second, "b.db"));
        for round in 1..=4 {
            for db in [&a, &b, &other_a, &other_b] {
                db.execute("INSERT INTO t VALUES(1)", []).unwrap();
            }
            // Lent again, with the first note that is free: the one that `a` had.
            assert_eq!(one::<i64>(&b, "SELECT count(*) FROM t"), 2 * round);
            assert_eq!(one::<i64>(&a, "SELECT count(*) FROM t"), 2 * round);
        }
        assert_eq!((integrity(&a), integrity(&b)), ("ok".to_owned(), "ok".to_owned()));
    }
}

/// Two workers of SQLite's share an I/O worker, and one of them is terminated in a transaction.
#[test]
fn a_loan_ends_with_the_thread_that_has_it() {
    let (_tab, [(first, a), (second, b)]) = two_threads();
    assert!(first.lock_index(a, READ, 1, false, true).unwrap().lent.is_some());
    assert!(second.lock_index(b, READ, 1, false, true).is_err(), "the other thread is in a transaction");
    drop(first);
    gets_a_lock(&second, b);
}

/// Who exports a database knows nothing of loans.
#[test]
fn who_does_not_ask_gets_nothing_lent() {
    let (_tab, [(first, a), (second, b)]) = two_threads();
    assert_eq!(first.lock_index(a, READ, 1, false, false).unwrap().lent, None);
    assert!(second.lock_index(b, READ, 1, false, true).is_err(), "threads take turns");
    first.unlock_index(a, READ, 1).unwrap();
    gets_a_lock(&second, b);
}

/// One of a thread's connections goes, which held a lock for changes when the loan began; the thread hands in what has changed
/// since then only.
#[test]
fn an_index_that_is_lent_outlives_a_connection() {
    let (_tab, [(first, a), (second, b)]) = two_threads();
    let again = first.open("app.db", OpenFlags::MAIN_DB).unwrap().file;
    assert!(first.lock_index(a, WRITE, 1, true, true).unwrap().lent.is_some());
    for region in 0..2 {
        first.write_index(a, region, &[1; REGION]).unwrap();
    }
    first.join_index(again).unwrap();
    first.unmap_index(a).unwrap();
    first.write_index(again, 1, &[2; REGION]).unwrap();
    first.return_index(again, true, false).unwrap();
    assert_eq!(second.lock_index(b, READ, 1, false, false).unwrap().regions, Some(2));
    let mut found = [[0; REGION]; 2];
    for (region, found) in (0..).zip(&mut found) {
        second.read_index(b, region, found).unwrap();
    }
    assert_eq!(found, [[1; REGION], [2; REGION]]);
}

/// Of an index whose beginning is not known here a later region would be of no use, and what lies between would be made up.
#[test]
fn an_index_is_handed_in_from_its_beginning_on() {
    let (_tab, [(first, a), _]) = two_threads();
    first.lock_index(a, WRITE, 1, true, false).unwrap();
    let refused = first.write_index(a, 1000, &[1; REGION]).unwrap_err();
    assert!(matches!(refused, CallError::Service(VfsError::Unsupported { .. })), "{refused}");
    for region in [0, 1, 0] {
        first.write_index(a, region, &[1; REGION]).unwrap();
    }
}
