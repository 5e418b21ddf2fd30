//! The store over the browser's origin private file system: one synchronous access handle per open file.
//!
//! Where the browser knows handle modes (Chromium), a file has a handle in each tab that uses it, opened once and kept.
//! Elsewhere (Firefox) handles are exclusive: while one is open no other tab, and no other worker, can open the file. A file
//! with an open handle can be deleted nowhere. Both are [`VfsError::InUse`]. What keeps tabs from writing at the same time is
//! the tab lock, never the handle. Reads and writes go straight between the handle and the memory that the caller shares with this
//! worker.

use js_sys::Promise;
use sabrpc::{BulkIn, BulkOut};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};

use super::{Store, StoreFile};
use crate::error::VfsError;
use crate::path::VfsPath;
use crate::web::exception::Attempt;
use crate::web::js::{
    AccessHandle, At, Create, Directory, FileEntry, HandleMode, STORAGE, Snapshot, StorageManager,
};
use crate::web::probe;

/// The files of one directory of the origin private file system.
pub struct OpfsStore {
    root: Directory,
    /// Whether a handle bars every other one.
    exclusive: bool,
    mode: HandleMode,
}

impl OpfsStore {
    /// The store whose files lie in `folder`, which is made where it is missing; without one, in the origin's whole
    /// file system.
    pub async fn open(folder: Option<&VfsPath>) -> Result<Self, VfsError> {
        let whole = VfsPath::parse("/opfs")?;
        let attempt = Attempt { op: "navigator.storage.getDirectory", path: folder.unwrap_or(&whole) };
        let root = STORAGE
            .with(|storage| storage.as_ref().map(StorageManager::get_directory))
            .ok_or_else(|| attempt.because("navigator.storage is missing"))?;
        let root = settle(root, attempt).await?;
        let root = match folder {
            Some(folder) => walk(&root, folder.segments(), true, folder).await?,
            None => root,
        };
        Ok(Self { root, exclusive: !probe::shared_handles(), mode: HandleMode::shared() })
    }

    async fn entry(&self, path: &VfsPath, create: bool) -> Result<FileEntry, VfsError> {
        let attempt = Attempt { op: "getFileHandle", path };
        let found = async {
            let parent = walk(&self.root, path.folders(), create, path).await?;
            settle(parent.file(path.file_name(), &Create::new(create)), attempt).await
        };
        match found.await {
            // What is made where it is missing can only be missed where the store's own folder is gone.
            Err(VfsError::NotFound { .. }) if create => {
                Err(attempt.because("the site's storage was cleared; install again, or reload the page"))
            }
            answer => answer,
        }
    }
}

impl Store for OpfsStore {
    type File = OpfsFile;

    async fn open(&self, path: &VfsPath, create: bool) -> Result<OpfsFile, VfsError> {
        let entry = self.entry(path, create).await?;
        let attempt = Attempt { op: "createSyncAccessHandle", path };
        let promise = entry.open(&self.mode).map_err(|thrown| attempt.failed(&thrown))?;
        let mut opening = Opening { promise: Some(promise.clone()) };
        let handle = settle(Ok(promise), attempt).await;
        opening.promise = None;
        let handle = handle?;
        Ok(OpfsFile { path: path.clone(), handle, at: At::new() })
    }

    async fn exists(&self, path: &VfsPath) -> Result<bool, VfsError> {
        match self.entry(path, false).await {
            Ok(_) => Ok(true),
            // A folder is no file, and a path below a file leads nowhere.
            Err(VfsError::NotFound { .. } | VfsError::WrongKind { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn size_of(&self, path: &VfsPath) -> Result<Option<u64>, VfsError> {
        let snapshot = async {
            let entry = self.entry(path, false).await?;
            settle::<Snapshot>(entry.snapshot(), Attempt { op: "getFile", path }).await
        };
        match snapshot.await {
            Ok(snapshot) => Ok(Some(snapshot.size() as u64)),
            Err(VfsError::NotFound { .. } | VfsError::WrongKind { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn create(&self, path: &VfsPath) -> Result<bool, VfsError> {
        if self.exists(path).await? {
            return Ok(false);
        }
        self.entry(path, true).await?;
        Ok(true)
    }

    async fn delete(&self, path: &VfsPath) -> Result<(), VfsError> {
        // Looked up first: removing by name alone would also remove an empty folder.
        self.entry(path, false).await?;
        let parent = walk(&self.root, path.folders(), false, path).await?;
        let attempt = Attempt { op: "removeEntry", path };
        settle::<JsValue>(parent.remove(path.file_name()), attempt).await?;
        Ok(())
    }

    async fn list(&self) -> Result<Vec<(VfsPath, u64)>, VfsError> {
        let mut files = Vec::new();
        let mut folders = vec![(None::<VfsPath>, self.root.clone())];
        let whole = VfsPath::parse("/opfs")?;
        while let Some((folder, handle)) = folders.pop() {
            let attempt =
                Attempt { op: "FileSystemDirectoryHandle.values", path: folder.as_ref().unwrap_or(&whole) };
            let entries = handle.values().map_err(|thrown| attempt.failed(&thrown))?;
            loop {
                let next: js_sys::IteratorNext = settle(entries.next(), attempt).await?;
                if next.done() {
                    break;
                }
                let entry: FileEntry = next.value().unchecked_into();
                let prefix = folder.as_ref().map_or("", VfsPath::as_str);
                // A name that is no path of ours was not made by us, and could not be opened either.
                let Ok(path) = VfsPath::parse(&format!("{prefix}/{}", entry.name())) else {
                    continue;
                };
                if entry.kind() == "directory" {
                    folders.push((Some(path), entry.unchecked_into()));
                    continue;
                }
                match settle::<Snapshot>(entry.snapshot(), attempt).await {
                    Ok(snapshot) => files.push((path, snapshot.size() as u64)),
                    // Deleted by another tab since the listing began.
                    Err(VfsError::NotFound { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        files.sort();
        Ok(files)
    }

    fn exclusive_handles(&self) -> bool {
        self.exclusive
    }
}

/// A handle on its way. Dropped before it is there, it is closed as soon as it comes: the browser knows no way back.
///
/// The tab lock may be let go a little before that. Whoever gets it then finds the file in use, and tries again for a
/// while, as with a page that has just died.
struct Opening {
    promise: Option<Promise>,
}

impl Drop for Opening {
    fn drop(&mut self) {
        if let Some(promise) = self.promise.take() {
            spawn_local(async move {
                if let Ok(handle) = JsFuture::from(promise).await {
                    let _ = handle.unchecked_into::<AccessHandle>().close();
                }
            });
        }
    }
}

/// An open file; closed when dropped.
pub struct OpfsFile {
    path: VfsPath,
    handle: AccessHandle,
    at: At,
}

impl OpfsFile {
    fn during(&self, op: &'static str) -> Attempt<'_> {
        Attempt { op, path: &self.path }
    }
}

impl Drop for OpfsFile {
    fn drop(&mut self) {
        // Closing an open handle does not throw, and a handle that is closed already needs nothing.
        let _ = self.handle.close();
    }
}

impl StoreFile for OpfsFile {
    fn read(&self, out: &mut BulkOut<'_>, offset: u64) -> Result<usize, VfsError> {
        self.at.set_at(offset as f64);
        let read = out
            .with_js(|view| self.handle.read(view, &self.at))
            .map_err(|thrown| self.during("read").failed(&thrown))? as usize;
        let read = read.min(out.capacity());
        out.set_filled(read);
        Ok(read)
    }

    fn write(&self, data: &BulkIn<'_>, offset: u64) -> Result<(), VfsError> {
        self.at.set_at(offset as f64);
        let written = data
            .with_js(|view| self.handle.write(view, &self.at))
            .map_err(|thrown| self.during("write").failed(&thrown))?;
        if written as usize == data.len() {
            return Ok(());
        }
        // The specification lets a browser write less than asked for, where something cuts the write short that is no
        // error of the file: that is a full disk.
        Err(VfsError::StorageFull { path: self.path.clone() })
    }

    fn truncate(&self, size: u64) -> Result<(), VfsError> {
        self.handle.truncate(size as f64).map_err(|thrown| self.during("truncate").failed(&thrown))
    }

    fn sync(&self) -> Result<(), VfsError> {
        self.handle.flush().map_err(|thrown| self.during("flush").failed(&thrown))
    }

    fn size(&self) -> Result<u64, VfsError> {
        self.handle
            .get_size()
            .map(|size| size as u64)
            .map_err(|thrown| self.during("getSize").failed(&thrown))
    }
}

/// The folder that the names lead to; `path` is what an error speaks of.
async fn walk<'p>(
    root: &Directory,
    names: impl Iterator<Item = &'p str>,
    create: bool,
    path: &VfsPath,
) -> Result<Directory, VfsError> {
    let attempt = Attempt { op: "getDirectoryHandle", path };
    let create = Create::new(create);
    let mut folder = root.clone();
    for name in names {
        folder = settle(folder.directory(name, &create), attempt).await?;
    }
    Ok(folder)
}

/// What the promise becomes.
async fn settle<T: JsCast>(promise: Result<Promise, JsValue>, attempt: Attempt<'_>) -> Result<T, VfsError> {
    match promise {
        Ok(promise) => JsFuture::from(promise).await,
        Err(thrown) => Err(thrown),
    }
    .map(JsCast::unchecked_into)
    .map_err(|thrown| attempt.failed(&thrown))
}
