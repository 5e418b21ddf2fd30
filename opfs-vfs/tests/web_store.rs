//! The OPFS store and the Web Locks alone, in a real browser: the suite that every store passes, and what the browser
//! says when it says no.
#![cfg(target_family = "wasm")]

mod conformance;

use std::time::Duration;

use opfs_vfs::store::opfs::OpfsStore;
use opfs_vfs::store::{Store, StoreFile};
use opfs_vfs::tabs::web::WebLocks;
use opfs_vfs::tabs::{TabLock, TabLocks};
use opfs_vfs::{VfsError, VfsPath};
use sabrpc::BulkIn;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

fn path(text: &str) -> VfsPath {
    VfsPath::parse(text).expect("a valid path")
}

/// A store whose folder no other test, and no earlier run, has used.
async fn store(test: &str) -> OpfsStore {
    let folder = path(&format!("store-tests/{test}-{}", js_sys::Date::now()));
    OpfsStore::open(Some(&folder)).await.expect("the folder opens")
}

#[wasm_bindgen_test]
async fn the_opfs_store_conforms() {
    conformance::run(&store("conformance").await).await;
}

#[wasm_bindgen_test]
async fn a_handle_bars_the_removal_and_where_it_is_exclusive_another_one() {
    let store = store("handles").await;
    let file = path("/folder/held.db");
    let handle = store.open(&file, true).await.expect("it opens");
    let second = store.open(&file, false).await.map(drop);
    let barred = Err(VfsError::InUse { path: file.clone() });
    assert_eq!(second, if store.exclusive_handles() { barred } else { Ok(()) });
    assert_eq!(store.delete(&file).await, Err(VfsError::InUse { path: file.clone() }));
    drop(handle);
    let handle = store.open(&file, false).await.expect("closing gave the file back at once");
    drop(handle);
    store.delete(&file).await.expect("it can be removed");
    assert_eq!(store.delete(&file).await, Err(VfsError::NotFound { path: file }));
}

#[wasm_bindgen_test]
async fn a_size_beyond_the_quota_is_storage_full_and_loses_nothing() {
    let store = store("quota").await;
    let file = path("/full.db");
    let handle = store.open(&file, true).await.expect("it opens");
    handle.write(&BulkIn::from_slice(b"kept"), 0).expect("there is room for four bytes");
    // Larger than a quota, smaller than what a file system takes for a wrong number.
    let error = handle.truncate(1 << 42).expect_err("no browser gives four terabytes");
    assert_eq!(error, VfsError::StorageFull { path: file.clone() });
    assert_eq!(handle.size(), Ok(4));
    handle.write(&BulkIn::from_slice(b"more"), 4).expect("the handle still works");
    drop(handle);
    store.delete(&file).await.expect("it can be removed");
}

const SHORT: Duration = Duration::from_millis(60);

#[wasm_bindgen_test]
async fn a_lock_is_held_until_its_guard_goes() {
    let locks = WebLocks::new("lock-test:", None);
    let name = path("/held");
    let guard = locks.acquire(&name, TabLock::Turn, SHORT).await.expect("locks work").expect("it is free");
    assert!(
        locks.acquire(&name, TabLock::Turn, Duration::ZERO).await.expect("locks work").is_none(),
        "without waiting"
    );
    assert!(locks.acquire(&name, TabLock::Turn, SHORT).await.expect("locks work").is_none(), "after waiting");
    assert!(
        locks.acquire(&path("/other"), TabLock::Turn, SHORT).await.expect("locks work").is_some(),
        "names are apart"
    );
    drop(guard);
    assert!(locks.acquire(&name, TabLock::Turn, SHORT).await.expect("locks work").is_some());
}

#[wasm_bindgen_test]
async fn who_waits_gets_the_lock_when_it_is_let_go() {
    let locks = WebLocks::new("lock-test:", None);
    let name = path("/waited-for");
    let guard = locks.acquire(&name, TabLock::Turn, SHORT).await.expect("locks work").expect("it is free");
    wasm_bindgen_futures::spawn_local(async move {
        // Longer than a second, so that the waiting request also asks the browser about the lock's holder.
        sabrpc::sleep(Duration::from_millis(1300)).await;
        drop(guard);
    });
    let waited = locks.acquire(&name, TabLock::Turn, Duration::from_secs(20)).await.expect("locks work");
    assert!(waited.is_some());
}

#[wasm_bindgen_test]
async fn an_open_that_is_dropped_leaves_no_handle() {
    let store = store("dropped").await;
    let file = path("/dropped.db");
    store.create(&file).await.expect("it is made");
    // Dropped at each of its awaits in turn: while the name is looked up, and while the handle is made.
    for polls in 1..=4 {
        let mut opening = Box::pin(store.open(&file, false));
        let mut polled = 0;
        std::future::poll_fn(|context| {
            polled += 1;
            match opening.as_mut().poll(context) {
                std::task::Poll::Pending if polled < polls => std::task::Poll::Pending,
                _ => std::task::Poll::Ready(()),
            }
        })
        .await;
        drop(opening);
        sabrpc::sleep(Duration::from_millis(500)).await;
        // A handle bars the removal everywhere.
        assert_eq!(store.delete(&file).await, Ok(()), "dropped at poll {polls}");
        store.create(&file).await.expect("it is made again");
    }
}

#[wasm_bindgen_test]
async fn a_file_that_cannot_be_made_is_not_called_missing() {
    let folder = format!("cleared-{}", js_sys::Date::now());
    let store = OpfsStore::open(Some(&path(&folder))).await.expect("the folder opens");
    let clear =
        format!("return navigator.storage.getDirectory().then((root) => root.removeEntry('{folder}'))");
    let cleared = js_sys::Function::new_no_args(&clear).call0(&JsValue::UNDEFINED).expect("a promise");
    JsFuture::from(js_sys::Promise::from(cleared)).await.expect("the folder can be removed");
    let error = store.create(&path("/app.db")).await.expect_err("there is no place for it");
    // Chromium says NotFoundError, which is told as what it means; Firefox says UnknownError.
    let VfsError::Io { op, cause, .. } = &error else { panic!("another error: {error}") };
    assert_eq!(op, "getFileHandle");
    assert!(cause.contains("storage was cleared") || cause.contains("UnknownError"), "{error}");
}

#[wasm_bindgen_test]
async fn a_waiter_that_is_dropped_leaves_the_line() {
    let locks = WebLocks::new("lock-test:", None);
    let name = path("/left");
    let guard = locks.acquire(&name, TabLock::Turn, SHORT).await.expect("locks work").expect("it is free");
    let mut waiting = Box::pin(locks.acquire(&name, TabLock::Turn, Duration::from_secs(20)));
    std::future::poll_fn(|context| {
        assert!(waiting.as_mut().poll(context).is_pending());
        std::task::Poll::Ready(())
    })
    .await;
    assert!(in_line("lock-test:/left").await);
    drop(waiting);
    assert!(!in_line("lock-test:/left").await);
    drop(guard);
}

/// Whether the browser has a request for this lock that waits.
async fn in_line(name: &str) -> bool {
    let body = format!(
        "return navigator.locks.query().then(({{pending}}) => pending.some(({{name}}) => name === '{name}'))"
    );
    let asked = js_sys::Function::new_no_args(&body).call0(&JsValue::UNDEFINED).expect("a promise");
    JsFuture::from(js_sys::Promise::from(asked)).await.expect("an answer").is_truthy()
}

#[wasm_bindgen_test]
async fn a_waiter_that_is_dropped_never_holds_the_lock() {
    let locks = WebLocks::new("lock-test:", None);
    let name = path("/given-up");
    let guard = locks.acquire(&name, TabLock::Turn, SHORT).await.expect("locks work").expect("it is free");
    {
        let waiting = locks.acquire(&name, TabLock::Turn, Duration::from_secs(20));
        let mut waiting = std::pin::pin!(waiting);
        // Asked once, so that the request is in line, and then given up.
        std::future::poll_fn(|context| {
            assert!(waiting.as_mut().poll(context).is_pending());
            std::task::Poll::Ready(())
        })
        .await;
    }
    drop(guard);
    assert!(locks.acquire(&name, TabLock::Turn, Duration::from_secs(2)).await.expect("locks work").is_some());
}

#[wasm_bindgen_test]
async fn tabs_that_have_a_database_open_share_and_who_is_alone_does_not() {
    let locks = WebLocks::new("lock-test:", None);
    let name = path("/shared");
    let first = locks.acquire(&name, TabLock::Open, SHORT).await.expect("locks work").expect("it is free");
    let second = locks.acquire(&name, TabLock::Open, SHORT).await.expect("locks work").expect("it is shared");
    assert!(locks.acquire(&name, TabLock::Turn, SHORT).await.expect("locks work").is_some(), "another lock");
    assert!(locks.acquire(&name, TabLock::Alone, SHORT).await.expect("locks work").is_none());
    drop((first, second));
    let alone = locks.acquire(&name, TabLock::Alone, SHORT).await.expect("locks work").expect("it is free");
    assert!(locks.acquire(&name, TabLock::Open, SHORT).await.expect("locks work").is_none());
    drop(alone);
    assert!(locks.acquire(&name, TabLock::Open, SHORT).await.expect("locks work").is_some());
}
