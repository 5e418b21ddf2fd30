//! The page's main thread, in a real browser: it may not block, so it has SQL through workers only.
#![cfg(target_family = "wasm")]

mod sql_suite;

use opfs_vfs::install::install;
use opfs_vfs::sql::web::{SqlOptions, SqlWorker};
use opfs_vfs::{InstallError, InstallOptions, Unavailable};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen_test]
async fn the_vfs_is_not_installed_in_a_thread_that_may_not_block() {
    let error = install(&InstallOptions::default()).await.err().expect("this is the main thread");
    assert!(matches!(error, InstallError::Unavailable(Unavailable::NotInWorker)), "{error}");
}

#[wasm_bindgen_test]
async fn the_suite_of_the_sql_service_passes() {
    let folder = Some(format!("page-tests/suite-{}", js_sys::Date::now()));
    let install = InstallOptions { folder, ..InstallOptions::default() };
    let worker = SqlWorker::start(&SqlOptions { install, ..SqlOptions::default() })
        .await
        .unwrap_or_else(|error| panic!("the worker starts: {error}"));
    sql_suite::run(worker.connector()).await;
    worker.shutdown().await.expect("everything was closed");
}
