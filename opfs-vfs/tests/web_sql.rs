//! The SQL service in a real browser: a SQLite worker, the I/O worker inside it, and files in OPFS.
#![cfg(target_family = "wasm")]

mod sql_suite;

use opfs_vfs::sql::{OpenOptions, SqlOptions, SqlWorker, Value};
use opfs_vfs::{InstallError, InstallOptions, Unavailable};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

/// Options for a folder that no other test, and no earlier run, has used.
fn options(test: &str) -> SqlOptions {
    let folder = Some(format!("sql-tests/{test}-{}", js_sys::Date::now()));
    SqlOptions { install: InstallOptions { folder, ..InstallOptions::default() }, ..SqlOptions::default() }
}

async fn start(options: &SqlOptions) -> SqlWorker {
    SqlWorker::start(options).await.unwrap_or_else(|error| panic!("the worker starts: {error}"))
}

#[wasm_bindgen_test]
async fn the_suite_passes() {
    let worker = start(&options("suite")).await;
    sql_suite::run(worker.connector()).await;
    worker.shutdown().await.expect("everything was closed");
}

#[wasm_bindgen_test]
async fn rows_outlive_their_worker() {
    let options = options("outlive");
    let worker = start(&options).await;
    let db = worker.open("/notes.db", OpenOptions::default()).await.expect("it opens");
    db.exec("CREATE TABLE note(text); INSERT INTO note VALUES ('kept'); BEGIN; DELETE FROM note")
        .await
        .expect("rows");
    // Not closed, and in the middle of a transaction: as when the page is left.
    worker.terminate();
    let worker = start(&options).await;
    let db = worker.open("/notes.db", OpenOptions::default()).await.expect("it opens");
    let rows = db.query("SELECT text FROM note", Vec::new()).await.expect("rows");
    assert_eq!(rows.scalar(), Some(&Value::from("kept")));
    worker.shutdown().await.expect("it ends");
}

#[wasm_bindgen_test]
async fn the_reason_of_the_innermost_worker_reaches_the_page() {
    let mut options = options("reason");
    options.install.folder = Some("a//b".to_owned());
    let error = SqlWorker::start(&options).await.err().expect("that is no folder");
    let InstallError::Unavailable(Unavailable::NoFolder { cause }) = &error else {
        panic!("another reason: {error}");
    };
    assert!(cause.contains("empty segment"), "{cause}");
}
