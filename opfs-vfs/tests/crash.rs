//! Power cuts and I/O errors at every operation of the store in turn: afterwards the database is whole, and holds either
//! what was there before the transaction or what the transaction made of it, never a mix.
#![cfg(not(target_family = "wasm"))]
#![expect(unsafe_code, reason = "a file control is a C function")]

mod support;

use std::ffi::c_int;

use opfs_vfs::store::MemoryStore;
use opfs_vfs::store::memory::{Fault, Loss, Rule, StoreOp, Which};
use opfs_vfs::tabs::LocalTabs;
use rusqlite::{Connection, OpenFlags, ffi};
use support::{Tab, integrity, one};

const ROWS: i64 = 48;

/// A store with a finished database of `old` rows, all of it synced.
fn prepared(files: &[&str]) -> MemoryStore {
    let store = MemoryStore::new();
    let tab = Tab::new(store.clone(), &LocalTabs::new());
    for file in files {
        let db = tab.open(file);
        db.execute_batch("PRAGMA page_size=512; PRAGMA synchronous=EXTRA; CREATE TABLE t(id INTEGER PRIMARY KEY, state TEXT, pad BLOB); BEGIN").unwrap();
        for id in 0..ROWS {
            db.execute("INSERT INTO t VALUES(?1, 'old', zeroblob(100 + ?1))", [id]).unwrap();
        }
        db.execute_batch("COMMIT").unwrap();
    }
    store
}

/// Changes every row, makes the file longer, and spills out of the cache before the commit.
fn transaction(db: &Connection, setting: &str) -> rusqlite::Result<()> {
    db.execute_batch(setting)?;
    db.execute_batch(
        "PRAGMA cache_size=4; BEGIN; UPDATE t SET state = 'new', pad = zeroblob(150);
         INSERT INTO t SELECT id + 1000, 'new', zeroblob(100) FROM t; COMMIT",
    )
}

/// What the rows say, after the checks that hold whatever happened.
fn state(db: &Connection, what: &str) -> String {
    assert_eq!(integrity(db), "ok", "{what}");
    let states: Vec<(String, i64)> = db
        .prepare("SELECT state, count(*) FROM t GROUP BY state")
        .and_then(|mut rows| rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect())
        .unwrap_or_else(|error| panic!("{what}: {error}"));
    match &states[..] {
        [(state, count)] if state == "old" && *count == ROWS => "old".to_owned(),
        [(state, count)] if state == "new" && *count == 2 * ROWS => "new".to_owned(),
        mixed => panic!("{what}: a mix of old and new: {mixed:?}"),
    }
}

/// Losses that the cuts take in turn.
const LOSSES: [Loss; 4] = [Loss::Everything, Loss::Random(1), Loss::Nothing, Loss::Random(2)];

/// Cuts the power at the first, second, third… changing operation until a transaction gets through. `reopen` is what a
/// connection says first afterwards; `lasting`, that a commit that was reported must be there.
fn cut_everywhere(setting: &str, reopen: &str, lasting: bool) {
    let (mut cuts, mut old, mut new) = (0, 0, 0);
    let start = prepared(&["app.db"]);
    for (nth, loss) in (1..).zip(LOSSES.into_iter().cycle()) {
        let what = format!("{setting}, cut at operation {nth}, {loss:?}");
        let store = start.fork();
        let tab = Tab::new(store.clone(), &LocalTabs::new());
        let db = tab.open("app.db");
        let before = store.count(Which::Changing);
        store.inject(Rule::nth(Which::Changing, nth, Fault::PowerOff));
        let answer = transaction(&db, setting);
        drop((db, tab));
        let through = store.count(Which::Changing) - before < nth;
        store.crash(loss);

        if nth % 3 == 0 {
            // Another cut during the recovery, at an operation that moves along with the first.
            let recovering = Tab::new(store.clone(), &LocalTabs::new());
            store.inject(Rule::nth(Which::Changing, 2 + nth % 7, Fault::PowerOff));
            let db = recovering.open("app.db");
            let _ = db.execute_batch(reopen).and_then(|()| db.execute_batch("SELECT count(*) FROM t"));
            drop((db, recovering));
            store.crash(loss);
        }

        let tab = Tab::new(store.clone(), &LocalTabs::new());
        let db = tab.open("app.db");
        db.execute_batch(reopen).unwrap();
        let found = state(&db, &what);
        if answer.is_ok() && lasting {
            assert_eq!(found, "new", "{what}: a commit that was reported is lost");
        }
        *if found == "old" { &mut old } else { &mut new } += 1;
        cuts += 1;
        db.execute_batch("DELETE FROM t WHERE id % 2").unwrap();
        assert_eq!(integrity(&db), "ok", "{what}: the database can be written again");
        if through {
            break;
        }
    }
    println!("{setting}: {cuts} cuts, {old} times the old rows, {new} times the new ones");
    assert!(
        cuts > 30 && old > 20 && (new > 0 || !lasting),
        "the cuts met the transaction: {cuts}, {old}, {new}"
    );
}

#[test]
fn power_cuts_with_a_deleted_journal() {
    // The removal of the journal is the commit; at FULL it may come undone by a power cut, which loses the transaction and
    // nothing else. EXTRA makes it last.
    cut_everywhere("PRAGMA journal_mode=DELETE; PRAGMA synchronous=FULL", "", false);
}

#[test]
fn power_cuts_with_a_deleted_journal_and_a_synced_folder() {
    cut_everywhere("PRAGMA journal_mode=DELETE; PRAGMA synchronous=EXTRA", "", true);
}

#[test]
fn power_cuts_with_a_truncated_journal() {
    cut_everywhere("PRAGMA journal_mode=TRUNCATE; PRAGMA synchronous=FULL", "", true);
}

#[test]
fn power_cuts_with_a_kept_journal() {
    cut_everywhere("PRAGMA journal_mode=PERSIST; PRAGMA synchronous=FULL", "", true);
}

#[test]
fn power_cuts_with_a_write_ahead_log() {
    cut_everywhere(
        "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=20",
        // Without shared memory a log is read in exclusive mode only.
        "PRAGMA locking_mode=EXCLUSIVE",
        true,
    );
}

#[test]
fn power_cuts_with_a_write_ahead_log_and_its_index() {
    cut_everywhere(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=20",
        "",
        true,
    );
}

#[test]
fn a_transaction_over_two_databases_survives_whole_or_not_at_all() {
    let mut seen = [0, 0];
    let start = prepared(&["one.db", "two.db"]);
    for nth in 1.. {
        let store = start.fork();
        let tab = Tab::new(store.clone(), &LocalTabs::new());
        let db = tab.open("one.db");
        db.execute_batch("ATTACH 'two.db' AS two; PRAGMA cache_size=4; PRAGMA two.cache_size=4").unwrap();
        let before = store.count(Which::Changing);
        store.inject(Rule::nth(Which::Changing, nth, Fault::PowerOff));
        let answer = db.execute_batch(
            "BEGIN; UPDATE main.t SET state = 'new'; UPDATE two.t SET state = 'new';
             INSERT INTO main.t SELECT id + 1000, 'new', pad FROM main.t;
             INSERT INTO two.t SELECT id + 1000, 'new', pad FROM two.t; COMMIT",
        );
        drop((db, tab));
        let through = store.count(Which::Changing) - before < nth;
        store.crash(if nth % 2 == 0 { Loss::Everything } else { Loss::Random(nth) });
        let tab = Tab::new(store, &LocalTabs::new());
        let what = format!("two databases, cut at operation {nth}");
        let (one, two) = (state(&tab.open("one.db"), &what), state(&tab.open("two.db"), &what));
        assert_eq!(one, two, "{what}: one database has the transaction and the other has not");
        if answer.is_ok() {
            assert_eq!(one, "new", "{what}");
        }
        seen[usize::from(one == "new")] += 1;
        if through {
            break;
        }
    }
    assert!(seen[0] > 30 && seen[1] > 0, "{seen:?}");
}

/// Meets every operation of a transaction with `fault` in turn. The connection goes on with the next transaction.
fn fail_everywhere(setting: &str, which: Which, fault: Fault) {
    let mut failed = 0;
    let start = prepared(&["app.db"]);
    for nth in 1.. {
        let what = format!("{setting}: {fault:?} at operation {nth} of {which:?}");
        let store = start.fork();
        let tab = Tab::new(store.clone(), &LocalTabs::new());
        let db = tab.open("app.db");
        db.execute_batch(setting).unwrap();
        let before = store.count(which);
        store.inject(Rule::nth(which, nth, fault));
        let answer = transaction(&db, "");
        let through = store.count(which) - before < nth;
        store.clear_faults();
        if answer.is_err() {
            failed += 1;
            let _ = db.execute_batch("ROLLBACK");
        }
        // An error after the commit point leaves the new rows, with the journal to be rolled back or not at all.
        let found = state(&db, &what);
        if answer.is_ok() {
            assert_eq!(found, "new", "{what}");
        }
        let late = tab.try_open("app.db", OpenFlags::default()).unwrap();
        assert_eq!(state(&late, &what), found, "{what}: both connections see the same");
        if found == "old" {
            transaction(&db, "").unwrap_or_else(|error| panic!("{what}: the next transaction: {error}"));
        }
        assert_eq!(state(&late, &what), "new");
        if through {
            break;
        }
    }
    assert!(failed > 3, "{setting}: {fault:?} of {which:?} met {failed} transactions");
}

#[test]
fn an_error_at_any_changing_operation_harms_nothing() {
    fail_everywhere("", Which::Changing, Fault::Io);
}

#[test]
fn a_full_disk_at_any_changing_operation_harms_nothing() {
    fail_everywhere("", Which::Changing, Fault::Full);
}

#[test]
fn a_write_that_stops_short_harms_nothing() {
    fail_everywhere("", Which::Only(StoreOp::Write), Fault::Torn(100));
}

#[test]
fn an_error_at_any_read_harms_nothing() {
    fail_everywhere("", Which::Only(StoreOp::Read), Fault::Io);
}

#[test]
fn an_error_without_any_sync_is_told_before_the_commit_counts() {
    fail_everywhere("PRAGMA synchronous=OFF", Which::Only(StoreOp::Write), Fault::Io);
}

#[test]
fn an_error_in_a_write_ahead_log_is_told_before_the_commit_counts() {
    for setting in ["PRAGMA synchronous=OFF", "PRAGMA synchronous=NORMAL", "PRAGMA synchronous=FULL"] {
        let setting = format!("PRAGMA journal_mode=WAL; {setting}; PRAGMA wal_autocheckpoint=10");
        fail_everywhere(&setting, Which::Only(StoreOp::Write), Fault::Io);
    }
}

#[test]
fn after_the_quota_is_reached_the_database_is_as_before_and_goes_on_with_more_room() {
    let store = prepared(&["app.db"]);
    let tab = Tab::new(store.clone(), &LocalTabs::new());
    let db = tab.open("app.db");
    store.set_quota(Some(store.used() + 4000));
    let error = transaction(&db, "").unwrap_err();
    assert_eq!(error.sqlite_error_code(), Some(rusqlite::ErrorCode::DiskFull), "{error}");
    assert!(tab.installed.vfs().last_error().is_some_and(|text| text.contains("no storage left")));
    let _ = db.execute_batch("ROLLBACK");
    assert_eq!(state(&db, "after the quota"), "old");
    store.set_quota(None);
    transaction(&db, "").unwrap();
    assert_eq!((state(&db, "with more room"), one::<i64>(&db, "SELECT 1")), ("new".to_owned(), 1));
}

/// Frames that were written before the cache was full are changed by the second statement: SQLite writes their pages in
/// place, and then makes the checksums of all frames from there on anew.
#[test]
fn a_commit_that_has_changed_its_own_frames_survives_a_power_cut() {
    for (claimed, commits) in [(true, 1), (true, 2), (true, 3), (false, 1), (false, 2)] {
        let store = prepared(&["app.db"]);
        let tab = Tab::new(store.clone(), &LocalTabs::new());
        let mut powersafe = c_int::from(claimed);
        let db = tab.open("app.db");
        // SAFETY: the connection is open, the name is a C string, and the control asks for an integer.
        unsafe {
            let op = ffi::SQLITE_FCNTL_POWERSAFE_OVERWRITE;
            ffi::sqlite3_file_control(db.handle(), c"main".as_ptr(), op, (&raw mut powersafe).cast());
        }
        db.execute_batch("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=4").unwrap();
        db.execute_batch("UPDATE t SET pad = zeroblob(120)").unwrap();
        for _ in 0..commits {
            db.execute_batch("BEGIN; UPDATE t SET pad = zeroblob(130)").unwrap();
            db.execute_batch("UPDATE t SET state = state || 'er'; COMMIT").unwrap();
        }
        store.crash(Loss::Everything);
        drop((db, tab));
        let db = Tab::new(store, &LocalTabs::new());
        let db = db.open("app.db");
        let (shortest, expected) = (one::<String>(&db, "SELECT min(state) FROM t"), "er".repeat(commits));
        assert_eq!(shortest, format!("old{expected}"), "{claimed}: what was reported is lost");
        assert_eq!(integrity(&db), "ok");
    }
}

/// At NORMAL the header of a log that begins anew is synced, and no commit is.
#[test]
fn an_error_of_a_commit_to_a_log_that_began_anew_is_told() {
    let store = prepared(&["app.db"]);
    let tab = Tab::new(store.clone(), &LocalTabs::new());
    let db = tab.open("app.db");
    db.execute_batch("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL").unwrap();
    db.execute_batch("CREATE TABLE n(x); INSERT INTO n VALUES(1)").unwrap();
    for round in 1..4 {
        db.execute_batch("PRAGMA wal_checkpoint(RESTART)").unwrap();
        for _ in 0..round {
            db.execute_batch("INSERT INTO n VALUES(1)").unwrap();
        }
        let rows: i64 = one(&db, "SELECT count(*) FROM n");
        store.inject(Rule::nth(Which::Only(StoreOp::Write), 1, Fault::Io));
        let failed = db.execute_batch("INSERT INTO n VALUES(2)").is_err();
        store.clear_faults();
        assert!(failed, "{round}: the commit counts, and is not in the log");
        assert_eq!((one::<i64>(&db, "SELECT count(*) FROM n"), integrity(&db)), (rows, "ok".to_owned()));
    }
}

/// A checkpoint that a reader stops syncs nothing, so that nothing asks how its writes went before it notes how far it came.
#[test]
fn an_error_of_a_checkpoint_beside_a_reader_loses_nothing() {
    for nth in 1..4 {
        let store = prepared(&["app.db"]);
        let tab = Tab::new(store.clone(), &LocalTabs::new());
        let (db, reader) = (tab.open("app.db"), tab.open("app.db"));
        db.execute_batch("PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0").unwrap();
        db.execute_batch("UPDATE t SET state = 'new' WHERE id % 3").unwrap();
        reader.execute_batch("BEGIN").unwrap();
        let new = "SELECT count(*) FROM t WHERE state = 'new'";
        assert_eq!(one::<i64>(&reader, new), 32);
        db.execute_batch("CREATE TABLE other(x)").unwrap();
        store.inject(Rule::nth(Which::Only(StoreOp::Write), nth, Fault::Io));
        let _ = db.execute_batch("PRAGMA wal_checkpoint(PASSIVE)");
        store.clear_faults();
        assert_eq!(one::<i64>(&reader, new), 32);
        reader.execute_batch("COMMIT").unwrap();
        let _ = db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
        db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        drop((db, reader));
        let db = tab.open("app.db");
        assert_eq!((one::<i64>(&db, new), integrity(&db)), (32, "ok".to_owned()), "write {nth}");
    }
}

/// A transaction so large that SQLite writes to the log long before its end, which is not waited for.
#[test]
fn an_error_far_before_the_end_of_a_large_transaction_is_told_by_its_commit() {
    for nth in [1, 2, 5, 9] {
        let store = prepared(&["app.db"]);
        let tab = Tab::new(store.clone(), &LocalTabs::new());
        let db = tab.open("app.db");
        db.execute_batch("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=4").unwrap();
        db.execute_batch("CREATE TABLE big(x); INSERT INTO big VALUES(1)").unwrap();
        store.inject(Rule::nth(Which::Only(StoreOp::Write), nth, Fault::Io));
        let rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
             INSERT INTO big SELECT randomblob(500) FROM n";
        let failed = db.execute_batch(&format!("BEGIN; {rows}; COMMIT")).is_err();
        assert!(failed, "write {nth} failed, and the transaction counts");
        let _ = db.execute_batch("ROLLBACK");
        store.clear_faults();
        assert_eq!((one::<i64>(&db, "SELECT count(*) FROM big"), integrity(&db)), (1, "ok".to_owned()));
        db.execute_batch(rows).unwrap();
        drop(db);
        let db = tab.open("app.db");
        assert_eq!((one::<i64>(&db, "SELECT count(*) FROM big"), integrity(&db)), (2501, "ok".to_owned()));
    }
}
