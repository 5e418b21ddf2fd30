//! What every store must do, as async functions over the `Store` trait: the memory and folder stores run them natively,
//! the OPFS store in a browser (include this file there with `#[path]`). Each function starts on paths of its own, so that
//! they can share a store, and cleans up after itself.

use opfs_vfs::store::{Store, StoreFile};
use opfs_vfs::{VfsError, VfsPath};
use sabrpc::{BulkIn, BulkOut};

/// Runs the whole suite; panics with what does not hold.
pub(crate) async fn run<S: Store>(store: &S) {
    opening_and_making(store).await;
    folders_come_by_themselves(store).await;
    reading_and_writing(store).await;
    reading_past_the_end(store).await;
    sizes(store).await;
    large_pieces(store).await;
    far_offsets(store).await;
    deleting(store).await;
    contents_outlive_their_handle(store).await;
    names_stand_in_each_others_way(store).await;
    listing(store).await;
    exclusive_or_shared(store).await;
}

fn path(text: &str) -> VfsPath {
    VfsPath::parse(text).expect("a valid path")
}

fn read(file: &impl StoreFile, offset: u64, room: usize) -> Vec<u8> {
    let mut buffer = vec![0xEE; room];
    let count = {
        let mut out = BulkOut::from_slice(&mut buffer);
        let count = file.read(&mut out, offset).expect("the read works");
        assert_eq!(out.filled(), count, "what was counted was filled");
        count
    };
    buffer.truncate(count);
    buffer
}

fn write(file: &impl StoreFile, offset: u64, bytes: &[u8]) {
    file.write(&BulkIn::from_slice(bytes), offset).expect("the write works");
}

async fn open<S: Store>(store: &S, path: &VfsPath) -> S::File {
    store.open(path, true).await.unwrap_or_else(|error| panic!("{path} opens: {error}"))
}

async fn opening_and_making<S: Store>(store: &S) {
    let file = path("open.db");
    assert!(!store.exists(&file).await.unwrap());
    assert_eq!(store.open(&file, false).await.err(), Some(VfsError::NotFound { path: file.clone() }));
    assert!(!store.exists(&file).await.unwrap(), "a failed open leaves nothing");
    assert!(store.create(&file).await.unwrap(), "it was absent");
    assert!(!store.create(&file).await.unwrap(), "it is there");
    assert!(store.exists(&file).await.unwrap());
    let handle = store.open(&file, false).await.unwrap();
    assert_eq!(handle.size().unwrap(), 0);
    drop(handle);
    drop(open(store, &file).await);
    store.delete(&file).await.unwrap();
}

async fn folders_come_by_themselves<S: Store>(store: &S) {
    let (opened, created) = (path("x/y/z.db"), path("x/w/z.db"));
    drop(open(store, &opened).await);
    assert!(store.create(&created).await.unwrap());
    assert!(!store.exists(&path("x/y")).await.unwrap(), "a folder is no file");
    assert!(!store.exists(&path("x/q/z.db")).await.unwrap());
    assert!(matches!(store.open(&path("x/q/z.db"), false).await, Err(VfsError::NotFound { .. })));
    assert!(matches!(store.delete(&path("x/q/z.db")).await, Err(VfsError::NotFound { .. })));
    store.delete(&opened).await.unwrap();
    store.delete(&created).await.unwrap();
}

async fn reading_and_writing<S: Store>(store: &S) {
    let file = path("rw.db");
    let handle = open(store, &file).await;
    write(&handle, 0, b"hello world");
    write(&handle, 6, b"there");
    assert_eq!(read(&handle, 0, 11), b"hello there");
    assert_eq!(read(&handle, 4, 3), b"o t");
    write(&handle, 20, b"!");
    assert_eq!(read(&handle, 9, 100), b"re\0\0\0\0\0\0\0\0\0!", "a gap is zeros");
    write(&handle, 3, b"");
    write(&handle, 500, b"");
    assert_eq!(handle.size().unwrap(), 21, "writing nothing changes nothing");
    handle.sync().unwrap();
    drop(handle);
    store.delete(&file).await.unwrap();
}

async fn reading_past_the_end<S: Store>(store: &S) {
    let file = path("past.db");
    let handle = open(store, &file).await;
    assert_eq!(read(&handle, 0, 10), b"");
    write(&handle, 0, b"12345");
    assert_eq!(read(&handle, 3, 10), b"45");
    assert_eq!(read(&handle, 5, 10), b"");
    assert_eq!(read(&handle, 1 << 40, 10), b"");
    assert_eq!(read(&handle, 0, 0), b"");
    drop(handle);
    store.delete(&file).await.unwrap();
}

async fn sizes<S: Store>(store: &S) {
    let file = path("size.db");
    let handle = open(store, &file).await;
    handle.truncate(1024).unwrap();
    assert_eq!((handle.size().unwrap(), read(&handle, 0, 2000)), (1024, vec![0; 1024]));
    write(&handle, 1000, &[7; 24]);
    handle.truncate(1010).unwrap();
    handle.truncate(1024).unwrap();
    let mut expected = vec![7; 10];
    expected.resize(24, 0);
    assert_eq!(read(&handle, 1000, 24), expected, "what was cut off comes back as zeros");
    handle.truncate(0).unwrap();
    assert_eq!(handle.size().unwrap(), 0);
    drop(handle);
    store.delete(&file).await.unwrap();
}

async fn large_pieces<S: Store>(store: &S) {
    let file = path("large.db");
    let handle = open(store, &file).await;
    let bytes: Vec<u8> = (0..300_001_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    write(&handle, 13, &bytes);
    assert_eq!(read(&handle, 13, 400_000), bytes);
    assert_eq!(handle.size().unwrap(), 13 + 300_001);
    drop(handle);
    store.delete(&file).await.unwrap();
}

/// A sparse file is cheap wherever the offset is; a store without such files may say that it is full, but not wrap around.
async fn far_offsets<S: Store>(store: &S) {
    let file = path("far.db");
    let handle = open(store, &file).await;
    let far = (4 << 30) + 17;
    match handle.write(&BulkIn::from_slice(b"far"), far) {
        Ok(()) => {
            assert_eq!(handle.size().unwrap(), far + 3);
            assert_eq!(read(&handle, far, 10), b"far");
            assert_eq!(read(&handle, 17, 3), b"\0\0\0", "the offset was not cut to 32 bits");
        }
        Err(error) => assert!(matches!(error, VfsError::StorageFull { .. }), "{error}"),
    }
    drop(handle);
    store.delete(&file).await.unwrap();
}

async fn deleting<S: Store>(store: &S) {
    let file = path("delete.db");
    assert_eq!(store.delete(&file).await, Err(VfsError::NotFound { path: file.clone() }));
    let handle = open(store, &file).await;
    write(&handle, 0, b"old");
    drop(handle);
    store.delete(&file).await.unwrap();
    store.sync_folder(&file).await.unwrap();
    assert!(!store.exists(&file).await.unwrap());
    let handle = open(store, &file).await;
    assert_eq!(handle.size().unwrap(), 0, "a new file of the same name is empty");
    drop(handle);
    store.delete(&file).await.unwrap();
}

async fn contents_outlive_their_handle<S: Store>(store: &S) {
    let file = path("keep.db");
    let handle = open(store, &file).await;
    write(&handle, 0, b"kept");
    handle.sync().unwrap();
    drop(handle);
    let handle = store.open(&file, false).await.unwrap();
    assert_eq!(read(&handle, 0, 10), b"kept");
    drop(handle);
    store.delete(&file).await.unwrap();
}

async fn names_stand_in_each_others_way<S: Store>(store: &S) {
    let (folder, inside) = (path("way"), path("way/in.db"));
    drop(open(store, &inside).await);
    assert!(store.create(&folder).await.is_err(), "a folder has the name");
    assert!(store.open(&folder, true).await.is_err());
    store.delete(&inside).await.unwrap();
    let file = path("file-way");
    store.create(&file).await.unwrap();
    assert!(store.create(&path("file-way/below.db")).await.is_err(), "a file has the name of the folder");
    assert!(!store.exists(&path("file-way/below.db")).await.unwrap());
    store.delete(&file).await.unwrap();
}

async fn listing<S: Store>(store: &S) {
    let (first, second) = (path("list/a.db"), path("list/deep/b.db"));
    let handle = open(store, &first).await;
    write(&handle, 0, &[1; 100]);
    drop(handle);
    store.create(&second).await.unwrap();
    let mut found = store.list().await.unwrap();
    found.retain(|(path, _)| path.as_str().starts_with("/list/"));
    found.sort();
    assert_eq!(found, [(first.clone(), 100), (second.clone(), 0)]);
    store.delete(&first).await.unwrap();
    store.delete(&second).await.unwrap();
}

async fn exclusive_or_shared<S: Store>(store: &S) {
    let file = path("twice.db");
    let first = open(store, &file).await;
    let second = store.open(&file, false).await;
    if store.exclusive_handles() {
        assert_eq!(second.err(), Some(VfsError::InUse { path: file.clone() }));
    } else {
        let second = second.unwrap();
        write(&first, 0, b"seen");
        assert_eq!(read(&second, 0, 10), b"seen", "both handles see one file");
    }
    drop(first);
    drop(store.open(&file, false).await.expect("after the close it is free"));
    store.delete(&file).await.unwrap();
}
