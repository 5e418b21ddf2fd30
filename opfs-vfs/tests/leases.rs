//! Leases: what a tab has locked it keeps, until another tab asks for it or the page may keep nothing.
#![cfg(not(target_family = "wasm"))]

mod support;

use std::thread;
use std::time::{Duration, Instant};

use opfs_vfs::io::IoOptions;
use opfs_vfs::service::OpfsClient;
use opfs_vfs::store::memory::{Fault, Rule, StoreOp, Which};
use opfs_vfs::store::{MemoryStore, Store};
use opfs_vfs::tabs::LocalTabs;
use opfs_vfs::{Access, FileKind, Keep, LockLevel, OpenFlags};
use rusqlite::Connection;
use support::{Tab, integrity, one, path};

const LONG: Duration = Duration::from_secs(20);

fn table(db: &Connection) {
    db.execute_batch("CREATE TABLE t(n INTEGER); INSERT INTO t VALUES(0)").unwrap();
}

#[test]
fn a_lone_tab_opens_nothing_again_and_asks_for_no_name() {
    for store in [MemoryStore::new(), MemoryStore::exclusive()] {
        let tab = Tab::new(store.clone(), &LocalTabs::new());
        let db = tab.open("app.db");
        table(&db);
        let asked = || {
            let count = |op| store.count(Which::Only(op));
            count(StoreOp::Open) + count(StoreOp::Exists) + count(StoreOp::Delete) + count(StoreOp::Create)
        };
        let before = asked();
        for _ in 0..20 {
            db.execute("UPDATE t SET n = n + 1", []).unwrap();
            assert_eq!(one::<i64>(&tab.open("app.db"), "SELECT count(*) FROM t"), 1);
        }
        let opens = asked() - before;
        // A second connection of the page asks whether the database is there where handles are opened late.
        assert!(opens <= 20, "{opens} calls for names and handles");
        assert_eq!(one::<i64>(&db, "SELECT n FROM t"), 20);
    }
}

#[test]
fn an_idle_tab_hands_over_at_once_and_a_busy_one_after_its_transaction() {
    let (store, tabs) = (MemoryStore::exclusive(), LocalTabs::new());
    let (first, second) = (Tab::new(store.clone(), &tabs), Tab::new(store, &tabs));
    let (a, b) = (first.open("app.db"), second.open("app.db"));
    table(&a);
    assert!(tabs.held(&path("app.db")), "it is kept");
    let start = Instant::now();
    b.busy_timeout(Duration::ZERO).unwrap();
    assert_eq!(one::<i64>(&b, "SELECT n FROM t"), 0, "no busy handler was needed");
    assert!(start.elapsed() < Duration::from_millis(250), "{:?}", start.elapsed());

    b.busy_timeout(LONG).unwrap();
    a.execute_batch("BEGIN IMMEDIATE; UPDATE t SET n = 1").unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(move || one::<i64>(&b, "SELECT n FROM t"));
        thread::sleep(Duration::from_millis(100));
        assert!(!waiting.is_finished(), "never in the middle of a transaction");
        a.execute_batch("COMMIT").unwrap();
        assert_eq!(waiting.join().unwrap(), 1);
    });
}

#[test]
fn a_page_that_may_keep_nothing_gives_everything_back() {
    let (store, tabs) = (MemoryStore::new(), LocalTabs::new());
    let tab = Tab::new(store, &tabs);
    let db = tab.open("app.db");
    table(&db);
    assert!(tabs.held(&path("app.db")));
    let client = tab.installed.client().unwrap();
    assert_eq!(client.hand_overs().unwrap(), 0);
    client.keep_leases(Keep::Nothing).unwrap();
    assert!(!tabs.held(&path("app.db")), "at once, where it is idle");
    assert_eq!(client.hand_overs().unwrap(), 1);
    db.execute_batch("BEGIN; UPDATE t SET n = 5").unwrap();
    assert!(tabs.held(&path("app.db")));
    db.execute_batch("COMMIT").unwrap();
    let start = Instant::now();
    while tabs.held(&path("app.db")) {
        assert!(start.elapsed() < LONG, "with the end of the transaction");
        thread::sleep(Duration::from_millis(1));
    }
    client.keep_leases(Keep::All).unwrap();
    assert_eq!(one::<i64>(&db, "SELECT n FROM t"), 5);
    assert!(tabs.held(&path("app.db")));
}

#[test]
fn a_hidden_page_keeps_what_it_uses_and_nothing_else() {
    for mode in ["DELETE", "WAL"] {
        let (store, tabs) = (MemoryStore::new(), LocalTabs::new());
        let tab = Tab::new(store, &tabs);
        let db = tab.open("app.db");
        table(&db);
        db.execute_batch(&format!("PRAGMA journal_mode={mode}")).unwrap();
        let client = tab.installed.client().unwrap();
        client.keep_leases(Keep::Used).unwrap();
        // It is in use for longer than a second.
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(1300) {
            db.execute_batch("UPDATE t SET n = n + 1").unwrap();
            assert!(
                tabs.held(&path("app.db")) || mode == "WAL",
                "{mode}: kept from one transaction to the next"
            );
            thread::sleep(Duration::from_millis(1));
        }
        let since = Instant::now();
        while tabs.held(&path("app.db")) {
            assert!(since.elapsed() < LONG, "{mode}: let go, as nobody uses it");
            thread::sleep(Duration::from_millis(1));
        }
        let rows = one::<i64>(&db, "SELECT n FROM t");
        assert!(rows > 0 && tabs.held(&path("app.db")), "{mode}: it comes back");
        let since = Instant::now();
        while tabs.held(&path("app.db")) {
            assert!(since.elapsed() < LONG, "{mode}: and goes again");
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Every tab commits as fast as it can: nobody hears BUSY, nobody starves, nothing is lost.
fn share(store: impl Store + Send + Clone, mode: &str) {
    const TABS: usize = 4;
    let tabs = LocalTabs::new();
    let quantum = Duration::from_millis(5);
    let io = IoOptions { lock_wait: LONG, quantum, ..IoOptions::default() };
    {
        let tab = Tab::with(store.clone(), &tabs, io);
        let db = tab.open("app.db");
        table(&db);
        db.execute_batch(&format!("PRAGMA journal_mode={mode}")).unwrap();
    }
    let ready = std::sync::Barrier::new(TABS);
    let counts: Vec<i64> = thread::scope(|scope| {
        let working: Vec<_> = (0..TABS)
            .map(|_| {
                let (store, tabs, ready) = (store.clone(), &tabs, &ready);
                scope.spawn(move || {
                    let tab = Tab::with(store, tabs, io);
                    let db = tab.open("app.db");
                    db.busy_timeout(Duration::ZERO).unwrap();
                    db.execute_batch(&format!("PRAGMA journal_mode={mode}")).unwrap();
                    ready.wait();
                    let (start, mut count) = (Instant::now(), 0);
                    while start.elapsed() < Duration::from_millis(1500) {
                        db.execute_batch("BEGIN IMMEDIATE; UPDATE t SET n = n + 1; COMMIT").unwrap();
                        count += 1;
                    }
                    count
                })
            })
            .collect();
        working.into_iter().map(|tab| tab.join().unwrap()).collect()
    });
    let tab = Tab::new(store, &tabs);
    let db = tab.open("app.db");
    let total: i64 = counts.iter().sum();
    assert_eq!((one::<i64>(&db, "SELECT n FROM t"), integrity(&db)), (total, "ok".to_owned()));
    let least = counts.iter().min().copied().unwrap_or(0);
    // Far below a fair share, since the machine may be at other work; starving tabs have a handful.
    assert!(least * 4 * 4 > total, "{mode}: {counts:?}");
}

#[test]
fn tabs_share_a_journal_evenly_and_nobody_is_busy() {
    share(MemoryStore::new(), "DELETE");
    share(MemoryStore::exclusive(), "PERSIST");
}

#[test]
fn tabs_share_a_log_evenly_and_nobody_is_busy() {
    share(MemoryStore::new(), "WAL");
    share(MemoryStore::exclusive(), "WAL");
}

#[test]
fn copies_are_used_and_forgotten_when_another_tab_has_written() {
    let (store, tabs) = (MemoryStore::new(), LocalTabs::new());
    let (first, second) = (Tab::new(store.clone(), &tabs), Tab::new(store.clone(), &tabs));
    let (a, b) = (first.open("app.db"), second.open("app.db"));
    a.execute_batch(
        "PRAGMA cache_size=2; CREATE TABLE t(id INTEGER PRIMARY KEY, text);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
         INSERT INTO t SELECT i, hex(randomblob(100)) FROM n",
    )
    .unwrap();
    for round in 0..10 {
        let sum: i64 = one(&a, "SELECT sum(length(text)) FROM t");
        let reads = store.count(Which::Only(StoreOp::Read));
        assert_eq!(one::<i64>(&a, "SELECT sum(length(text)) FROM t"), sum);
        assert_eq!(store.count(Which::Only(StoreOp::Read)), reads, "all of it was here");
        b.execute("UPDATE t SET text = text || 'x' WHERE id = ?1", [1 + round * 177]).unwrap();
        assert_eq!(one::<i64>(&a, "SELECT sum(length(text)) FROM t"), sum + 1, "round {round}");
    }
    let (hits, all) = first.installed.vfs().cache_hits();
    assert!(hits > 0 && hits < all, "{hits} of {all}");
}

/// Who rolls a journal back gives the next commit the very number that the cut-off one had.
#[test]
fn copies_are_forgotten_where_a_journal_was_left_behind() {
    let (store, tabs) = (MemoryStore::new(), LocalTabs::new());
    let (first, second) = (Tab::new(store.clone(), &tabs), Tab::new(store, &tabs));
    table(&first.open("app.db"));
    let [a, b] = [&first, &second].map(|tab| tab.installed.client().unwrap());
    let open = |client: &OpfsClient| client.open("app.db", OpenFlags::MAIN_DB).unwrap().file;
    let (file, other) = (open(&a), open(&b));
    let journal = OpenFlags::MAIN_DB.kind(FileKind::MainJournal).create();
    for left in [false, true] {
        a.lock(file, LockLevel::Shared).unwrap();
        a.lock(file, LockLevel::Reserved).unwrap();
        a.lock(file, LockLevel::Exclusive).unwrap();
        a.write(file, &[1; 16], 5000).unwrap();
        if left {
            let journal = a.open("app.db-journal", journal).unwrap().file;
            a.write(journal, &[7; 512], 0).unwrap();
            a.close(journal).unwrap();
        }
        a.unlock(file, LockLevel::None).unwrap();
        b.lock(other, LockLevel::Shared).unwrap();
        b.unlock(other, LockLevel::None).unwrap();
        assert_eq!(a.lock(file, LockLevel::Shared).unwrap().changed, left, "a journal was there: {left}");
        a.unlock(file, LockLevel::None).unwrap();
    }
    // By now it is gone, and the copies are still old.
    b.lock(other, LockLevel::Shared).unwrap();
    b.delete("app.db-journal", false).unwrap();
    b.unlock(other, LockLevel::None).unwrap();
    assert!(a.lock(file, LockLevel::Shared).unwrap().changed);
}

/// SQLite looks into journals of databases that it has not locked, to see whether they belong to a transaction over several.
#[test]
fn a_journal_of_another_tabs_database_is_neither_kept_nor_remembered() {
    for store in [MemoryStore::new(), MemoryStore::exclusive()] {
        let tabs = LocalTabs::new();
        let (first, second) = (Tab::new(store.clone(), &tabs), Tab::new(store.clone(), &tabs));
        table(&first.open("app.db"));
        let [a, b] = [&first, &second].map(|tab| tab.installed.client().unwrap());
        let open = |client: &OpfsClient| client.open("app.db", OpenFlags::MAIN_DB).unwrap().file;
        let journal = OpenFlags::MAIN_DB.kind(FileKind::MainJournal).create();
        let (file, other) = (open(&a), open(&b));
        // One that the first tab has had already, and emptied.
        a.lock(file, LockLevel::Shared).unwrap();
        let own = a.open("app.db-journal", journal).unwrap().file;
        a.write(own, &[7; 512], 0).unwrap();
        a.truncate(own, 0).unwrap();
        a.close(own).unwrap();
        a.unlock(file, LockLevel::None).unwrap();

        b.lock(other, LockLevel::Shared).unwrap();
        let looked_at = a.open("app.db-journal", journal).unwrap().file;
        assert_eq!(a.file_size(looked_at).unwrap(), 0);
        if store.exclusive_handles() {
            a.close(looked_at).unwrap();
        }
        let left = b.open("app.db-journal", journal).unwrap().file;
        b.write(left, &[7; 512], 0).unwrap();
        b.close(left).unwrap();
        b.unlock(other, LockLevel::None).unwrap();
        let told = a.lock(file, LockLevel::Shared).unwrap();
        assert_ne!(told.journal, Some(false), "the other tab has left it");
        assert!(a.access("app.db-journal", Access::Exists).unwrap());
    }
}

/// The same by two connections at once, where what the one has opened must not go before the other has closed it, too.
#[test]
fn a_journal_of_another_tabs_database_bars_nobody_after_two_have_looked_into_it() {
    let (store, tabs) = (MemoryStore::exclusive(), LocalTabs::new());
    let (first, second) = (Tab::new(store.clone(), &tabs), Tab::new(store.clone(), &tabs));
    table(&first.open("app.db"));
    let [a, b] = [&first, &second].map(|tab| tab.installed.client().unwrap());
    let journal = OpenFlags::MAIN_DB.kind(FileKind::MainJournal).create();
    let [file, other] = [&a, &b].map(|client| client.open("app.db", OpenFlags::MAIN_DB).unwrap().file);
    // The first tab keeps it from now on.
    a.lock(file, LockLevel::Shared).unwrap();
    let own = a.open("app.db-journal", journal).unwrap().file;
    a.close(own).unwrap();
    a.unlock(file, LockLevel::None).unwrap();
    b.lock(other, LockLevel::Shared).unwrap();

    store.inject(Rule::nth(Which::Only(StoreOp::Open), 1, Fault::Delay(Duration::from_millis(300))));
    let opens = store.count(Which::Only(StoreOp::Open));
    let look = || {
        let client = first.installed.client().unwrap();
        let file = client.open("app.db-journal", journal).unwrap().file;
        (client, file)
    };
    let (one, two) = thread::scope(|scope| {
        let one = scope.spawn(look);
        while store.count(Which::Only(StoreOp::Open)) == opens {
            thread::yield_now();
        }
        let two = look();
        (one.join().unwrap(), two)
    });
    assert_eq!(store.count(Which::Only(StoreOp::Open)), opens + 1, "the second one came while it was opened");
    one.0.close(one.1).unwrap();
    assert_eq!(two.0.file_size(two.1).unwrap(), 0);
    two.0.close(two.1).unwrap();
    let mine = b.open("app.db-journal", journal).unwrap().file;
    b.write(mine, &[7; 512], 0).unwrap();
    b.close(mine).unwrap();
    b.unlock(other, LockLevel::None).unwrap();
    assert_eq!(a.lock(file, LockLevel::Shared).unwrap().journal, None, "the other tab has left it");
    assert!(a.access("app.db-journal", Access::Exists).unwrap());
}

#[test]
fn nothing_is_believed_of_a_turn_that_came_in_vain() {
    let stores = [MemoryStore::new, MemoryStore::exclusive];
    for (new, mode) in stores.into_iter().flat_map(|new| ["DELETE", "PERSIST", "WAL"].map(|mode| (new, mode)))
    {
        let (store, tabs) = (new(), LocalTabs::new());
        let (first, second) = (Tab::new(store.clone(), &tabs), Tab::new(store.clone(), &tabs));
        let (a, b) = (first.open("app.db"), second.open("app.db"));
        a.execute_batch(&format!("PRAGMA journal_mode={mode}; CREATE TABLE t(n INTEGER, text)")).unwrap();
        a.execute("INSERT INTO t VALUES (0, hex(zeroblob(3000)))", []).unwrap();
        b.execute_batch(&format!("PRAGMA journal_mode={mode}")).unwrap();
        let (mut n, mut failed) = (0, 0);
        for (op, nth) in [StoreOp::Size, StoreOp::Open, StoreOp::Exists, StoreOp::Read]
            .into_iter()
            .flat_map(|op| [1, 2, 3].map(|nth| (op, nth)))
        {
            let what = format!("{mode}, {op:?} {nth}");
            assert_eq!(one::<i64>(&a, "SELECT n FROM t"), n, "{what}");
            b.execute("UPDATE t SET n = n + 1", []).unwrap();
            store.inject(Rule::nth(Which::Only(op), nth, Fault::Io));
            // It may be told of the fault, or not need what failed.
            failed += u32::from(a.query_row("SELECT n FROM t", [], |row| row.get::<_, i64>(0)).is_err());
            store.clear_faults();
            assert_eq!(one::<i64>(&a, "SELECT n FROM t"), n + 1, "{what}: what the other tab has done");
            a.execute("UPDATE t SET n = n + 1", []).unwrap();
            n += 2;
            assert_eq!((one::<i64>(&b, "SELECT n FROM t"), integrity(&b)), (n, "ok".to_owned()), "{what}");
        }
        assert!(failed > 0, "{mode}: a fault met a turn that came");
    }
}
