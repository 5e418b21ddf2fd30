//! The conformance suite on the stores that a host has, and what only the memory store does.
#![cfg(not(target_family = "wasm"))]

mod conformance;
mod support;

use opfs_vfs::VfsError;
use opfs_vfs::store::memory::{Fault, Loss, Rule, StoreOp, Which};
use opfs_vfs::store::{FolderStore, MemoryStore, Store, StoreFile};
use sabrpc::BulkIn;
use sabrpc::native::block_on;
use support::{Scratch, path};

#[test]
fn the_memory_store_conforms() {
    block_on(conformance::run(&MemoryStore::new()));
}

#[test]
fn the_memory_store_with_exclusive_handles_conforms() {
    block_on(conformance::run(&MemoryStore::exclusive()));
}

#[test]
fn the_folder_store_conforms() {
    let scratch = Scratch::new();
    block_on(conformance::run(&FolderStore::new(scratch.path()).unwrap()));
}

#[test]
fn an_open_file_of_the_memory_store_cannot_be_deleted() {
    let store = MemoryStore::new();
    let file = path("a.db");
    let handle = block_on(store.open(&file, true)).unwrap();
    assert_eq!(block_on(store.delete(&file)), Err(VfsError::InUse { path: file.clone() }));
    drop(handle);
    block_on(store.delete(&file)).unwrap();
}

fn write(file: &impl StoreFile, bytes: &[u8]) -> Result<(), VfsError> {
    file.write(&BulkIn::from_slice(bytes), 0)
}

#[test]
fn a_power_cut_loses_what_was_not_synced_and_kills_the_handles() {
    let store = MemoryStore::new();
    let file = path("a.db");
    let handle = block_on(store.open(&file, true)).unwrap();
    write(&handle, b"synced").unwrap();
    handle.sync().unwrap();
    write(&handle, b"losing").unwrap();
    assert_eq!(store.bytes(&file).unwrap(), b"losing");
    store.crash(Loss::Everything);
    assert_eq!(store.bytes(&file).unwrap(), b"synced");
    assert!(write(&handle, b"dead").is_err());
    drop(handle);
    drop(block_on(store.open(&file, false)).unwrap());
}

#[test]
fn names_survive_with_the_next_sync_of_any_file() {
    let store = MemoryStore::new();
    let (a, b) = (path("a.db"), path("b.db"));
    let handle = block_on(store.open(&a, true)).unwrap();
    handle.sync().unwrap();
    block_on(store.create(&b)).unwrap();
    store.crash(Loss::Everything);
    assert!(!block_on(store.exists(&b)).unwrap(), "no sync since it was made");

    let handle = block_on(store.open(&a, false)).unwrap();
    block_on(store.create(&b)).unwrap();
    handle.sync().unwrap();
    block_on(store.delete(&b)).unwrap();
    store.crash(Loss::Everything);
    assert!(block_on(store.exists(&b)).unwrap(), "the removal came undone");
    block_on(store.delete(&b)).unwrap();
    block_on(store.sync_folder(&b)).unwrap();
    store.crash(Loss::Everything);
    assert!(!block_on(store.exists(&b)).unwrap());
}

#[test]
fn a_random_loss_tears_a_write_at_sectors_and_is_the_same_for_the_same_seed() {
    let after = |seed| {
        let store = MemoryStore::new();
        let handle = block_on(store.open(&path("a.db"), true)).unwrap();
        write(&handle, &[1; 8192]).unwrap();
        handle.sync().unwrap();
        for _ in 0..4 {
            write(&handle, &[2; 8192]).unwrap();
        }
        drop(handle);
        store.crash(Loss::Random(seed));
        store.bytes(&path("a.db")).unwrap()
    };
    let torn =
        (0..40).map(after).find(|bytes| bytes.contains(&1) && bytes.contains(&2)).expect("a torn write");
    assert!(torn.chunks(512).all(|sector| sector.iter().all(|byte| *byte == sector[0])));
    assert_eq!(after(3), after(3));
}

#[test]
fn faults_strike_the_operation_they_were_ordered_for() {
    let store = MemoryStore::new();
    let handle = block_on(store.open(&path("a.db"), true)).unwrap();
    store.inject(Rule::nth(Which::Only(StoreOp::Write), 2, Fault::Torn(2)));
    write(&handle, b"first").unwrap();
    assert!(write(&handle, b"SECOND").unwrap_err().to_string().contains("only 2 bytes"));
    assert_eq!(store.bytes(&path("a.db")).unwrap(), b"SErst");
    store.set_quota(Some(6));
    assert!(matches!(handle.truncate(7), Err(VfsError::StorageFull { .. })));
    handle.truncate(6).unwrap();
    let start = std::time::Instant::now();
    store.inject(Rule::nth(
        Which::Only(StoreOp::Sync),
        1,
        Fault::Delay(std::time::Duration::from_millis(20)),
    ));
    handle.sync().unwrap();
    assert!(start.elapsed() >= std::time::Duration::from_millis(20));
}
