//! Several tabs on one database: I/O services of their own over one store and one set of tab locks.
#![cfg(not(target_family = "wasm"))]

mod support;

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use opfs_vfs::io::IoOptions;
use opfs_vfs::store::{FolderStore, MemoryStore, Store};
use opfs_vfs::tabs::LocalTabs;
use rusqlite::{Connection, ErrorCode};
use support::{Scratch, Tab, integrity, one, path};

fn set_up(tab: &Tab) {
    tab.open("app.db")
        .execute_batch(
            "CREATE TABLE counter(n INTEGER); INSERT INTO counter VALUES(0); CREATE TABLE log(tab, n)",
        )
        .unwrap();
}

/// Each round reads the counter, adds one and notes it, in one transaction that begins as a writer.
fn hammer(db: &Connection, tab: usize, rounds: usize) {
    for _ in 0..rounds {
        db.execute_batch("BEGIN IMMEDIATE").unwrap();
        let n: i64 = one(db, "SELECT n FROM counter");
        db.execute("UPDATE counter SET n = ?1", [n + 1]).unwrap();
        db.execute("INSERT INTO log VALUES(?1, ?2)", (tab as i64, n + 1)).unwrap();
        db.execute_batch("COMMIT").unwrap();
    }
}

fn two_tabs_hammer(store: impl Store + Send + Clone) {
    two_tabs_hammer_in(store, "PRAGMA journal_mode=DELETE");
}

fn two_tabs_hammer_in(store: impl Store + Send + Clone, setting: &str) {
    const ROUNDS: usize = 150;
    let tabs = LocalTabs::new();
    set_up(&Tab::new(store.clone(), &tabs));
    thread::scope(|scope| {
        for number in 0..2 {
            let (store, tabs) = (store.clone(), &tabs);
            scope.spawn(move || {
                let tab = Tab::new(store, tabs);
                let db = tab.open("app.db");
                db.execute_batch(setting).unwrap();
                hammer(&db, number, ROUNDS);
            });
        }
    });
    let tab = Tab::new(store, &tabs);
    let db = tab.open("app.db");
    assert_eq!(integrity(&db), "ok");
    assert_eq!(one::<i64>(&db, "SELECT n FROM counter"), 2 * ROUNDS as i64);
    assert_eq!(one::<i64>(&db, "SELECT count(DISTINCT n) FROM log"), 2 * ROUNDS as i64, "no row is lost");
    for number in 0..2 {
        let own = format!("SELECT count(*) FROM log WHERE tab = {number}");
        assert_eq!(one::<i64>(&db, &own), ROUNDS as i64);
    }
    assert!(
        tabs.could_have(&path("app.db"), Duration::from_secs(20)),
        "no connection reads or writes, so another tab can have the database"
    );
}

#[test]
fn two_tabs_lose_no_row_with_shared_handles() {
    two_tabs_hammer(MemoryStore::new());
}

#[test]
fn two_tabs_lose_no_row_with_exclusive_handles() {
    two_tabs_hammer(MemoryStore::exclusive());
}

#[test]
fn two_tabs_lose_no_row_in_a_folder() {
    let scratch = Scratch::new();
    two_tabs_hammer(FolderStore::new(scratch.path()).unwrap());
}

#[test]
fn two_tabs_with_two_connections_each() {
    const ROUNDS: usize = 60;
    let (store, tabs) = (MemoryStore::exclusive(), LocalTabs::new());
    set_up(&Tab::new(store.clone(), &tabs));
    thread::scope(|scope| {
        for number in 0..2 {
            let (store, tabs) = (store.clone(), &tabs);
            scope.spawn(move || {
                let tab = Tab::new(store, tabs);
                let (a, b) = (tab.open("app.db"), tab.open("app.db"));
                for _ in 0..ROUNDS {
                    hammer(&a, number, 1);
                    hammer(&b, number, 1);
                }
            });
        }
    });
    let tab = Tab::new(store, &tabs);
    let db = tab.open("app.db");
    assert_eq!(
        (one::<i64>(&db, "SELECT n FROM counter"), integrity(&db)),
        (4 * ROUNDS as i64, "ok".to_owned())
    );
}

#[test]
fn a_tab_sees_what_another_has_committed() {
    let (store, tabs) = (MemoryStore::exclusive(), LocalTabs::new());
    let (first, second) = (Tab::new(store.clone(), &tabs), Tab::new(store, &tabs));
    set_up(&first);
    let (a, b) = (first.open("app.db"), second.open("app.db"));
    for round in 1..=20 {
        let (writer, reader) = if round % 2 == 0 { (&a, &b) } else { (&b, &a) };
        writer.execute("UPDATE counter SET n = ?1", [round]).unwrap();
        assert_eq!(one::<i64>(reader, "SELECT n FROM counter"), round);
    }
}

#[test]
fn a_busy_tab_is_waited_for_and_then_reported() {
    let (store, tabs) = (MemoryStore::new(), LocalTabs::new());
    let io = IoOptions { lock_wait: Duration::from_millis(100), ..IoOptions::default() };
    let (first, second) = (Tab::with(store.clone(), &tabs, io), Tab::with(store, &tabs, io));
    set_up(&first);
    let (a, b) = (first.open("app.db"), second.open("app.db"));
    a.execute_batch("BEGIN IMMEDIATE").unwrap();
    b.busy_timeout(Duration::ZERO).unwrap();
    let start = Instant::now();
    let refused = b.query_row("SELECT n FROM counter", [], |_| Ok(())).unwrap_err();
    assert_eq!(refused.sqlite_error_code(), Some(ErrorCode::DatabaseBusy));
    assert!(start.elapsed() >= Duration::from_millis(100), "it waited in line first");
    a.execute_batch("COMMIT").unwrap();
    assert_eq!(one::<i64>(&b, "SELECT n FROM counter"), 0);
    assert_eq!(first.installed.vfs().last_error(), None, "BUSY is no error to remember");
}

/// Leaves `tab` in the middle of a transaction that has reached the database file, and lets it die there.
fn die_in_a_transaction(tab: Tab) {
    let db = tab.open("app.db");
    db.execute_batch(
        "PRAGMA cache_size=2; PRAGMA cache_spill=ON;
         BEGIN; UPDATE big SET data = 'new'; UPDATE counter SET n = 99; SELECT 1",
    )
    .unwrap();
    let registered = tab.installed.kill();
    let error = db.execute_batch("COMMIT").unwrap_err();
    assert!(error.to_string().contains("I/O") || error.to_string().contains("open"), "{error}");
    assert!(
        registered.last_error().is_some_and(|text| text.contains("no server")),
        "{:?}",
        registered.last_error()
    );
    drop(db);
}

fn fill_big(tab: &Tab) {
    set_up(tab);
    tab.open("app.db")
        .execute_batch(
            "CREATE TABLE big(id INTEGER PRIMARY KEY, data);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
             INSERT INTO big SELECT i, 'old' || hex(zeroblob(100)) FROM n",
        )
        .unwrap();
}

fn is_old(db: &Connection) {
    assert_eq!(one::<i64>(db, "SELECT count(*) FROM big WHERE data LIKE 'old%'"), 2000);
    assert_eq!(one::<i64>(db, "SELECT n FROM counter"), 0);
    assert_eq!(integrity(db), "ok");
}

#[test]
fn the_hot_journal_of_a_dead_tab_is_rolled_back_by_a_tab_that_had_the_database_open() {
    for store in [MemoryStore::new(), MemoryStore::exclusive()] {
        let tabs = LocalTabs::new();
        let survivor = Tab::new(store.clone(), &tabs);
        fill_big(&survivor);
        let open_all_along = survivor.open("app.db");
        is_old(&open_all_along);
        let whole = store.bytes(&path("app.db")).unwrap();
        die_in_a_transaction(Tab::new(store.clone(), &tabs));
        let journal = store.bytes(&path("app.db-journal")).expect("a journal was left");
        assert!(journal.first().is_some_and(|byte| *byte != 0), "the journal is hot");
        assert_ne!(store.bytes(&path("app.db")).unwrap(), whole, "the transaction had reached the file");
        is_old(&open_all_along);
        assert!(store.bytes(&path("app.db-journal")).is_none_or(|journal| journal.is_empty()));
    }
}

#[test]
fn the_hot_journal_of_a_dead_tab_is_rolled_back_by_a_new_tab() {
    for store in [MemoryStore::new(), MemoryStore::exclusive()] {
        let tabs = LocalTabs::new();
        fill_big(&Tab::new(store.clone(), &tabs));
        die_in_a_transaction(Tab::new(store.clone(), &tabs));
        assert!(store.bytes(&path("app.db-journal")).is_some());
        is_old(&Tab::new(store.clone(), &tabs).open("app.db"));
    }
}

#[test]
fn a_connection_that_dies_gives_back_its_locks_and_leaves_its_page_serving() {
    let (store, tabs) = (MemoryStore::new(), LocalTabs::new());
    let tab = Tab::new(store.clone(), &tabs);
    fill_big(&tab);
    {
        // A client without a VFS plays an SQLite worker that is terminated.
        use opfs_vfs::{LockLevel, OpenFlags};
        let doomed = tab.installed.client().unwrap();
        let file = doomed.open("app.db", OpenFlags::MAIN_DB).unwrap().file;
        doomed.lock(file, LockLevel::Shared).unwrap();
        doomed.lock(file, LockLevel::Exclusive).unwrap();
        assert!(tabs.held(&path("app.db")));
    }
    let start = Instant::now();
    is_old(&tab.open("app.db"));
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_writer_of_the_same_page_is_not_taken_for_a_dead_one() {
    let (store, tabs) = (MemoryStore::new(), LocalTabs::new());
    let tab = Tab::new(store.clone(), &tabs);
    fill_big(&tab);
    let (writer, reader) = (tab.open("app.db"), tab.open("app.db"));
    writer.execute_batch("BEGIN IMMEDIATE; UPDATE counter SET n = 5").unwrap();
    assert!(store.bytes(&path("app.db-journal")).is_some());
    is_old(&reader);
    writer.execute_batch("COMMIT").unwrap();
    assert_eq!(one::<i64>(&reader, "SELECT n FROM counter"), 5);
}

#[test]
fn a_handle_that_is_closed_a_little_late_is_waited_for() {
    let (store, tabs) = (MemoryStore::exclusive(), LocalTabs::new());
    let tab = Tab::new(store.clone(), &tabs);
    set_up(&tab);
    let late = sabrpc::native::block_on(store.open(&path("app.db"), false)).unwrap();
    let db = tab.open("app.db");
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(200));
            drop(late);
        });
        assert_eq!(one::<i64>(&db, "SELECT n FROM counter"), 0);
    });
}

#[test]
fn a_handle_that_never_comes_is_busy_and_lets_the_tab_lock_go() {
    let (store, tabs) = (MemoryStore::exclusive(), LocalTabs::new());
    let io = IoOptions { handle_wait: Duration::from_millis(50), ..IoOptions::default() };
    let tab = Tab::with(store.clone(), &tabs, io);
    set_up(&tab);
    let kept = sabrpc::native::block_on(store.open(&path("app.db"), false)).unwrap();
    let db = tab.open("app.db");
    db.busy_timeout(Duration::ZERO).unwrap();
    let refused = db.query_row("SELECT n FROM counter", [], |_| Ok(())).unwrap_err();
    assert_eq!(refused.sqlite_error_code(), Some(ErrorCode::DatabaseBusy));
    assert!(!tabs.held(&path("app.db")), "another tab could have its turn");
    drop(kept);
    assert_eq!(one::<i64>(&db, "SELECT n FROM counter"), 0);
}

#[test]
fn tabs_killed_in_the_middle_again_and_again_lose_nothing_that_was_reported() {
    kill_again_and_again(MemoryStore::exclusive(), "DELETE");
    kill_again_and_again(MemoryStore::new(), "TRUNCATE");
}

#[test]
fn tabs_killed_in_the_middle_of_a_log_lose_nothing_that_was_reported() {
    kill_again_and_again(MemoryStore::exclusive(), "WAL");
    kill_again_and_again(MemoryStore::new(), "WAL");
}

fn kill_again_and_again(store: MemoryStore, mode: &str) {
    const KILLS: u64 = 25;
    let tabs = LocalTabs::new();
    let survivor = Tab::new(store.clone(), &tabs);
    set_up(&survivor);
    let watching = survivor.open("app.db");
    watching.execute_batch(&format!("PRAGMA journal_mode={mode}")).unwrap();
    let (mut reported, mut in_doubt) = (0, 0);
    for kill in 0..KILLS {
        let victim = Tab::new(store.clone(), &tabs);
        let db = victim.open("app.db");
        db.execute_batch(&format!("PRAGMA journal_mode={mode}; PRAGMA wal_autocheckpoint=8")).unwrap();
        let (commits, committed) = mpsc::channel();
        let (done, doubt) = thread::scope(|scope| {
            let working = scope.spawn(move || {
                let mut done = 0;
                loop {
                    let begun = db
                        .execute_batch("PRAGMA cache_size=2; BEGIN IMMEDIATE; UPDATE counter SET n = n + 1");
                    let begun =
                        begun.and_then(|()| db.execute_batch("INSERT INTO log SELECT 1, n FROM counter"));
                    if begun.is_err() {
                        return (done, 0);
                    }
                    if db.execute_batch("COMMIT").is_err() {
                        return (done, 1);
                    }
                    done += 1;
                    // Nobody listens any more once the kill is due.
                    let _ = commits.send(());
                }
            });
            // At some moment in the second or third transaction, whatever the speed of this machine.
            for _ in 0..1 + kill % 2 {
                committed.recv_timeout(Duration::from_secs(60)).unwrap();
            }
            thread::sleep(Duration::from_micros(kill * 997 % 5_000));
            let registered = victim.installed.kill();
            let counts = working.join().unwrap();
            drop(registered);
            counts
        });
        reported += done;
        in_doubt += doubt;
        let n: i64 = one(&watching, "SELECT n FROM counter");
        assert!(
            (reported..=reported + in_doubt).contains(&n),
            "{n} of {reported} reported, {in_doubt} in doubt"
        );
        assert_eq!(
            one::<i64>(&watching, "SELECT count(DISTINCT n) FROM log"),
            n,
            "the log agrees with the counter"
        );
        assert_eq!(integrity(&watching), "ok");
        // Those in doubt are decided now.
        (reported, in_doubt) = (n, 0);
    }
    assert!(reported >= KILLS as i64, "the victims got something done: {reported}");
}

#[test]
fn a_connection_that_is_dropped_while_it_waits_in_line_never_gets_the_lock() {
    use opfs_vfs::{LockLevel, OpenFlags, OpfsAsyncClient};
    let (store, tabs) = (MemoryStore::new(), LocalTabs::new());
    let io = IoOptions { lock_wait: Duration::from_secs(30), ..IoOptions::default() };
    let (first, second) = (Tab::with(store.clone(), &tabs, io), Tab::with(store, &tabs, io));
    set_up(&first);
    let holder = first.open("app.db");
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    sabrpc::native::block_on(async {
        let waiting = OpfsAsyncClient::attach(second.installed.channel()).unwrap();
        let file = waiting.open("app.db", OpenFlags::MAIN_DB).await.unwrap().file;
        let mut lock = std::pin::pin!(waiting.lock(file, LockLevel::Shared));
        let mut pause = std::pin::pin!(sabrpc::sleep(Duration::from_millis(100)));
        std::future::poll_fn(|context| {
            assert!(lock.as_mut().poll(context).is_pending(), "the other tab has it");
            pause.as_mut().poll(context)
        })
        .await;
    });
    holder.execute_batch("COMMIT").unwrap();
    let start = Instant::now();
    assert_eq!(one::<i64>(&second.open("app.db"), "SELECT n FROM counter"), 0);
    assert_eq!(one::<i64>(&holder, "SELECT n FROM counter"), 0);
    assert!(start.elapsed() < Duration::from_secs(20), "nobody is in line any more");
}

/// Two tabs move amounts between two databases, each time in one transaction.
#[test]
fn two_tabs_write_two_attached_databases_together() {
    const ROUNDS: i64 = 12;
    for (mode, store) in [
        ("DELETE", MemoryStore::new()),
        ("PERSIST", MemoryStore::exclusive()),
        ("TRUNCATE", MemoryStore::new()),
        ("WAL", MemoryStore::new()),
        ("WAL", MemoryStore::exclusive()),
    ] {
        let tabs = LocalTabs::new();
        let attach = format!(
            "ATTACH 'two.db' AS two; PRAGMA main.journal_mode={mode}; PRAGMA two.journal_mode={mode}"
        );
        let start = Tab::new(store.clone(), &tabs);
        let db = start.open("one.db");
        db.execute_batch(&attach).unwrap();
        db.execute_batch(
            "CREATE TABLE main.a(n); INSERT INTO a VALUES(1000); CREATE TABLE two.b(n); INSERT INTO b VALUES(0)",
        )
        .unwrap();
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let tab = Tab::new(store.clone(), &tabs);
                    let db = tab.open("one.db");
                    db.execute_batch(&attach).unwrap();
                    for _ in 0..ROUNDS {
                        db.execute_batch(
                            "BEGIN IMMEDIATE; UPDATE a SET n = n - 1; UPDATE b SET n = n + 1; COMMIT",
                        )
                        .unwrap();
                        assert_eq!(one::<i64>(&db, "SELECT a.n + b.n FROM a, b"), 1000, "{mode}");
                    }
                });
            }
        });
        assert_eq!(one::<i64>(&db, "SELECT n FROM b"), 2 * ROUNDS, "{mode}");
        assert_eq!(integrity(&db), "ok");
    }
}
