//! What the SQL service must do, as async functions over its client: over the memory store natively, over OPFS in a
//! browser. Each function works on databases of its own.

use std::rc::Rc;
use std::task::{Context, Waker};
use std::time::Duration;

use opfs_vfs::sql::{Connector, Database, Error, OpenOptions, SqlError, Value, copy};
use opfs_vfs::{VfsError, values};
use sabrpc::{CallError, Region};

/// Runs the whole suite; panics with what does not hold.
pub(crate) async fn run<R: Region>(client: &Rc<Connector<R>>) {
    values_come_back_as_they_went(client).await;
    transactions_commit_and_roll_back(client).await;
    long_results_come_in_pages(client).await;
    large_values_travel(client).await;
    errors_keep_their_codes(client).await;
    connections_are_apart(client).await;
    what_is_dropped_is_given_up(client).await;
    options_hold(client).await;
    databases_go_out_and_come_in(client).await;
    metrics_count(client).await;
}

async fn open<R: Region>(client: &Rc<Connector<R>>, path: &str) -> Database<R> {
    Database::open(client, path, OpenOptions::default())
        .await
        .unwrap_or_else(|error| panic!("{path} opens: {error}"))
}

async fn number<R: Region>(db: &Database<R>, sql: &str) -> i64 {
    let table = db.query(sql, Vec::new()).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    table.scalar().and_then(Value::as_integer).expect("a number")
}

fn refused<T: std::fmt::Debug>(outcome: Result<T, Error>) -> SqlError {
    match outcome {
        Err(CallError::Service(error)) => error,
        other => panic!("expected an error of the service, got {other:?}"),
    }
}

async fn values_come_back_as_they_went<R: Region>(client: &Rc<Connector<R>>) {
    let db = open(client, "/values.db").await;
    db.exec("CREATE TABLE t(id INTEGER PRIMARY KEY, v)").await.expect("a table");
    let sent = values![
        None::<i64>,
        i64::MIN,
        i64::MAX,
        -0.5,
        "Größe 寸法 📏",
        "",
        vec![0_u8, 255],
        Vec::<u8>::new()
    ];
    let rows = sent.iter().map(|value| vec![value.clone()]);
    let done = db.execute_many("INSERT INTO t(v) VALUES (?1)", rows).await.expect("rows");
    assert_eq!((done.changes, done.last_insert_rowid), (8, 8));
    let back =
        db.query("SELECT id, v AS value FROM t WHERE id > ?1 ORDER BY id", values![0]).await.expect("rows");
    assert_eq!(back.columns, ["id", "value"]);
    let values: Vec<Value> = back.rows.iter().map(|row| row[1].clone()).collect();
    assert_eq!(values, sent);
    db.close().await.expect("it closes");
}

async fn transactions_commit_and_roll_back<R: Region>(client: &Rc<Connector<R>>) {
    let db = open(client, "/folder/transactions.db").await;
    db.exec("CREATE TABLE t(a); BEGIN; INSERT INTO t VALUES (1), (2); COMMIT").await.expect("a script");
    let done = db.exec("BEGIN; DELETE FROM t").await.expect("a script");
    assert_eq!(done.changes, 2);
    assert_eq!(number(&db, "SELECT count(*) FROM t").await, 0);
    db.exec("ROLLBACK").await.expect("a rollback");
    db.exec("BEGIN; DELETE FROM t").await.expect("a script");
    db.close().await.expect("it closes, and rolls back");
    let db = open(client, "/folder/transactions.db").await;
    assert_eq!(number(&db, "SELECT count(*) FROM t").await, 2);
    db.close().await.expect("it closes");
}

const COUNT: &str = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < ?1) \
                     SELECT i, 'this is row ' || i FROM n";

async fn long_results_come_in_pages<R: Region>(client: &Rc<Connector<R>>) {
    let db = open(client, "/pages.db").await;
    let all = db.query(COUNT, values![30_000]).await.expect("rows");
    assert_eq!(all.rows.len(), 30_000);
    assert!(all.rows.iter().zip(1..).all(|(row, i)| row[0] == Value::Integer(i)), "in order, none missing");

    // The first page holds the database no longer than wanted.
    db.exec("CREATE TABLE t(a); BEGIN").await.expect("a table");
    db.execute_many("INSERT INTO t VALUES (?1)", (0..20_000).map(|i| values![i])).await.expect("rows");
    db.exec("COMMIT").await.expect("a commit");
    let mut pages = db.pages("SELECT a FROM t", Vec::new()).await.expect("rows");
    let first = pages.next().await.expect("a page").expect("rows");
    assert!(first.len() < 20_000, "{} rows in a page", first.len());
    pages.finish().await.expect("it ends");
    db.exec("DROP TABLE t").await.expect("no statement holds the table");
    assert!(db.query("SELECT 1 WHERE 0", Vec::new()).await.expect("no rows").rows.is_empty());
    db.close().await.expect("it closes");
}

async fn large_values_travel<R: Region>(client: &Rc<Connector<R>>) {
    let db = open(client, "/large.db").await;
    db.exec("CREATE TABLE t(b)").await.expect("a table");
    let blob: Vec<u8> = (0..3_000_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    db.execute("INSERT INTO t VALUES (?1)", values![blob.clone()]).await.expect("a blob of 3 MB");
    let back = db.query("SELECT b FROM t", Vec::new()).await.expect("the blob");
    assert!(back.scalar().and_then(Value::as_blob) == Some(&blob));
    db.close().await.expect("it closes");
}

async fn errors_keep_their_codes<R: Region>(client: &Rc<Connector<R>>) {
    let db = open(client, "/errors.db").await;
    db.exec("CREATE TABLE t(a INTEGER PRIMARY KEY)").await.expect("a table");
    let syntax = refused(db.exec("SELEC 1").await);
    assert!(syntax.code() == Some(1) && syntax.to_string().contains("SELEC"), "{syntax}");
    let twice = refused(db.exec("INSERT INTO t VALUES (1); INSERT INTO t VALUES (1)").await);
    assert_eq!(twice.code(), Some(1555), "the extended code of a primary key's conflict: {twice}");
    let missing = refused(db.execute("INSERT INTO t VALUES (?1)", Vec::new()).await);
    assert_eq!(missing, SqlError::Parameters { expected: 1, given: 0 });
    let rows = refused(db.execute("SELECT a FROM t", Vec::new()).await);
    assert!(matches!(rows, SqlError::Misuse(_)), "{rows}");
    assert_eq!(number(&db, "SELECT count(*) FROM t").await, 1, "what came before an error stays");
    db.close().await.expect("it closes");

    let bad = refused(Database::open(client, "/a/../b.db", OpenOptions::default()).await.map(drop));
    assert_eq!(bad.code().map(|code| code & 0xff), Some(14), "{bad}");
    let gone = refused(client.delete("/missing.db").await);
    assert!(matches!(gone, SqlError::File(VfsError::NotFound { .. })), "{gone}");
    assert_eq!(refused(client.exec(4_000_000, "SELECT 1").await), SqlError::NotOpen { db: 4_000_000 });
    let stale = refused(client.export_read(4_000_000, &mut [0; 8], 0).await);
    assert_eq!(stale, SqlError::NoTransfer { transfer: 4_000_000 });
}

async fn connections_are_apart<R: Region>(client: &Rc<Connector<R>>) {
    let (one, two) = (open(client, "/two.db").await, open(client, "/two.db").await);
    one.exec("CREATE TABLE t(a); BEGIN; INSERT INTO t VALUES (1)").await.expect("a script");
    assert_eq!(number(&two, "SELECT count(*) FROM t").await, 0, "the row is not committed");
    // At once: the transaction could not end while this worker waits for it.
    let busy = refused(two.exec("INSERT INTO t VALUES (2)").await);
    assert_eq!(busy.code(), Some(5), "{busy}");
    one.exec("COMMIT").await.expect("a commit");
    two.exec("INSERT INTO t VALUES (2)").await.expect("a row");
    assert_eq!(number(&one, "SELECT sum(a) FROM t").await, 3);
    one.close().await.expect("it closes");
    two.close().await.expect("it closes");
    client.delete("/two.db").await.expect("nobody has it open");
    let left = client.list().await.expect("files");
    assert!(left.iter().all(|file| !file.path.starts_with("/two.db")), "{left:?}");
}

/// Polls a call once, which is when it is sent, and drops it, or what it brought already.
fn give_up(call: impl Future) {
    let mut call = std::pin::pin!(call);
    drop(call.as_mut().poll(&mut Context::from_waker(Waker::noop())));
}

async fn what_is_dropped_is_given_up<R: Region>(client: &Rc<Connector<R>>) {
    let rows = "CREATE TABLE t(a); WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 20000) \
                INSERT INTO t SELECT i FROM n";
    let db = open(client, "/dropped.db").await;
    db.exec(rows).await.expect("rows");
    let mut pages = db.pages("SELECT a FROM t", Vec::new()).await.expect("rows");
    pages.next().await.expect("a page");
    drop(pages);
    db.exec("DROP TABLE t").await.expect("the statement ended with its pages");
    let mut pages = db.pages(COUNT, values![20_000]).await.expect("rows");
    drop(db);
    while pages.next().await.expect("pages outlive their database").is_some() {}
    drop(pages);
    let db = open(client, "/dropped.db").await;

    db.exec(rows).await.expect("rows");
    give_up(db.query("SELECT a FROM t", Vec::new()));
    db.exec("DROP TABLE t").await.expect("the statement ended with its future");

    give_up(Database::open(client, "/dropped.db", OpenOptions::default()));
    db.exec("BEGIN IMMEDIATE").await.expect("a transaction");
    drop(db);
    let db = open(client, "/dropped.db").await;
    db.exec("BEGIN IMMEDIATE").await.expect("the other transaction ended with its database");
    db.close().await.expect("it closes");
    client.delete("/dropped.db").await.expect("nobody has it open");
}

async fn options_hold<R: Region>(client: &Rc<Connector<R>>) {
    let existing = OpenOptions { create: false, ..OpenOptions::default() };
    let absent = refused(Database::open(client, "/absent.db", existing).await.map(drop));
    assert_eq!(absent.code(), Some(14), "{absent}");
    open(client, "/options.db").await.exec("CREATE TABLE t(a)").await.expect("a table");
    let reading = OpenOptions { read_only: true, ..OpenOptions::default() };
    let db = Database::open(client, "/options.db", reading).await.expect("it opens");
    let patient = OpenOptions { busy_timeout: Duration::MAX, ..OpenOptions::default() };
    Database::open(client, "/options.db", patient)
        .await
        .expect("no timeout is too long")
        .close()
        .await
        .expect("it closes");
    let refusal = refused(db.exec("INSERT INTO t VALUES (1)").await);
    assert_eq!(refusal.code(), Some(8), "{refusal}");
    db.close().await.expect("it closes");
}

async fn databases_go_out_and_come_in<R: Region>(client: &Rc<Connector<R>>) {
    let db = open(client, "/out.db").await;
    db.exec("CREATE TABLE t(b); INSERT INTO t VALUES (zeroblob(400000)), ('end')").await.expect("rows");
    let bytes = copy::export(client, "/out.db").await.expect("an export");
    assert!(bytes.starts_with(b"SQLite format 3\0"));
    let taken = refused(copy::import(client, "/out.db", &bytes).await);
    assert!(matches!(taken, SqlError::Exists { .. }), "{taken}");
    copy::import(client, "/in.db", &bytes).await.expect("an import");
    let back = open(client, "/in.db").await;
    assert_eq!(number(&back, "SELECT count(*) FROM t WHERE b = 'end' OR length(b) = 400000").await, 2);
    let missing = refused(copy::export(client, "/nothing.db").await);
    assert_eq!(missing.code(), Some(14), "{missing}");
    back.close().await.expect("it closes");
    db.close().await.expect("it closes");
}

async fn metrics_count<R: Region>(client: &Rc<Connector<R>>) {
    let named = |metrics: &[sabrpc::OpMetrics], name: &str| {
        metrics.iter().find(|op| op.name == name).map_or(0, |op| op.count)
    };
    assert!(named(&client.caller().metrics().await, "exec") > 0);
    assert!(named(&client.vfs_metrics().await.expect("metrics"), "xWrite") > 0);
    assert!(named(&client.io_metrics().await.expect("metrics"), "xWrite") > 0);
}
