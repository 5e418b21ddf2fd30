//! The operations, one by one: each finds its file, checks that the caller may do this, and asks the store.

use std::time::Duration;

use sabrpc::{BulkIn, BulkOut, OpMetrics};

use super::IoService;
use super::delete::is_companion;
use super::files::{Body, OpenFile};
use super::node::{LOG, Node};
use super::refuse;
use crate::error::VfsError;
use crate::path::VfsPath;
use crate::service::Opfs;
use crate::store::{Store, StoreFile};
use crate::tabs::TabLocks;
use crate::wire::{Access, Entry, FileId, IndexLocked, Keep, LockLevel, Locked, OpenFlags, Opened};

/// Longest sleep of one call, so that a worker told to stop is not kept by a sleeper.
const MAX_SLEEP: Duration = Duration::from_secs(60);

impl<S: Store, L: TabLocks> Opfs for IoService<S, L> {
    async fn open(&self, path: &str, flags: OpenFlags) -> Result<Opened, VfsError> {
        if path.is_empty() {
            return self.open_temporary(flags).await;
        }
        let path = VfsPath::parse(path)?;
        self.open_stored(path, flags).await
    }

    async fn close(&self, file: FileId) -> Result<(), VfsError> {
        let open = self.file(file)?;
        self.tidy(&open).await;
        drop(open);
        match self.close_now(file, sabrpc::current_caller())? {
            // Another connection of the page may still have it open, whether or not it asked for this; the last one
            // deletes it.
            Some(path) if !self.nodes.is_used(&path) => match self.remove(&path).await {
                Err(VfsError::NotFound { .. }) => Ok(()),
                answer => answer,
            },
            _ => Ok(()),
        }
    }

    fn read(&self, file: FileId, mut out: BulkOut<'_>, offset: u64) -> Result<u32, VfsError> {
        let open = self.file(file)?;
        let count = match &open.body {
            Body::Temporary(pages) => {
                let pages = pages.borrow();
                pages.read(offset, out.capacity(), |done, bytes| out.write_at(done, bytes))
            }
            Body::Stored(_) => {
                on_handle(&open, file, LockLevel::Shared, |handle| handle.read(&mut out, offset))?
            }
        };
        // A buffer of SQLite's is never as large as that; should one be, the answer is "fewer".
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    fn write(&self, file: FileId, data: BulkIn<'_>, offset: u64) -> Result<(), VfsError> {
        let open = self.writable(file)?;
        match &open.body {
            Body::Temporary(pages) => {
                let fits =
                    pages.borrow_mut().write(offset, data.len(), |done, chunk| data.copy_to(done, chunk));
                fits.then_some(()).ok_or_else(no_room_in_memory)
            }
            Body::Stored(node) => {
                self.has_turn(node)?;
                let written =
                    on_handle(&open, file, LockLevel::Exclusive, |handle| handle.write(&data, offset));
                node.changed_by(open.owner);
                node.resized(written, |size| size.max(offset + data.len() as u64))
            }
        }
    }

    fn truncate(&self, file: FileId, size: u64) -> Result<(), VfsError> {
        let open = self.writable(file)?;
        match &open.body {
            Body::Temporary(pages) => {
                pages.borrow_mut().truncate(size).then_some(()).ok_or_else(no_room_in_memory)
            }
            Body::Stored(node) => {
                self.has_turn(node)?;
                let cut = on_handle(&open, file, LockLevel::Exclusive, |handle| handle.truncate(size));
                node.changed_by(open.owner);
                node.resized(cut, |_| size)
            }
        }
    }

    fn sync(&self, file: FileId) -> Result<(), VfsError> {
        let open = self.file(file)?;
        match &open.body {
            Body::Temporary(_) => Ok(()),
            Body::Stored(_) => on_handle(&open, file, LockLevel::Shared, StoreFile::sync),
        }
    }

    fn file_size(&self, file: FileId) -> Result<u64, VfsError> {
        let open = self.file(file)?;
        match &open.body {
            Body::Temporary(pages) => Ok(pages.borrow().size()),
            Body::Stored(node) => {
                // Asked through the node, which knows it already in most cases.
                on_handle(&open, file, LockLevel::Shared, |_| Ok(()))?;
                node.size()
            }
        }
    }

    async fn lock(&self, file: FileId, level: LockLevel) -> Result<Locked, VfsError> {
        self.raise(file, level).await
    }

    fn unlock(&self, file: FileId, level: LockLevel) -> Result<(), VfsError> {
        let open = self.file(file)?;
        let Body::Stored(node) = &open.body else {
            return Ok(());
        };
        let answer = node.locks.borrow_mut().lower(file, level);
        self.settle(node);
        answer.map_err(|refused| refuse(refused, &node.path, level))
    }

    fn check_reserved_lock(&self, file: FileId) -> Result<bool, VfsError> {
        let open = self.file(file)?;
        match &open.body {
            // Other tabs hold nothing while this page has the tab lock, and SQLite asks only then.
            Body::Stored(node) => Ok(node.locks.borrow().is_reserved()),
            Body::Temporary(_) => Ok(false),
        }
    }

    async fn access(&self, path: &str, _what: Access) -> Result<bool, VfsError> {
        let path = VfsPath::parse(path)?;
        // A store has no file that could be read and not written, so both questions have one answer.
        if !is_companion(&path) {
            return self.store.exists(&path).await;
        }
        let database = self.nodes.database_of(&path).filter(|(database, _)| database.is_ours());
        if let Some((database, index)) = &database
            && let Some(known) = database.has_companion(*index)?
        {
            return Ok(known);
        }
        // Without the lock of its database nothing is known of a journal: another tab may have left one behind since.
        Ok(self.store.size_of(&path).await?.is_some_and(|size| size > 0))
    }

    async fn delete(&self, path: &str, sync_dir: bool) -> Result<(), VfsError> {
        let path = VfsPath::parse(path)?;
        self.remove(&path).await?;
        if sync_dir { self.store.sync_folder(&path).await } else { Ok(()) }
    }

    fn full_pathname(&self, path: &str) -> Result<String, VfsError> {
        Ok(VfsPath::parse(path)?.into())
    }

    async fn sleep(&self, micros: u64) {
        sabrpc::sleep(Duration::from_micros(micros).min(MAX_SLEEP)).await;
    }

    fn metrics(&self) -> Vec<OpMetrics> {
        self.read_metrics.borrow().as_ref().map(|read| read()).unwrap_or_default()
    }

    fn shutdown(&self) {
        if let Some(stop) = self.on_shutdown.take() {
            stop();
        }
    }

    async fn list(&self) -> Result<Vec<Entry>, VfsError> {
        let mut files = self.store.list().await?;
        files.sort();
        Ok(files.into_iter().map(|(path, size)| Entry { path, size }).collect())
    }

    fn hand_overs(&self) -> u64 {
        self.handed_over.get()
    }

    fn keep_leases(&self, keep: Keep) {
        self.set_keep(keep);
    }

    async fn lock_index(
        &self,
        file: FileId,
        first: u32,
        count: u32,
        exclusive: bool,
        borrows: bool,
    ) -> Result<IndexLocked, VfsError> {
        IoService::lock_index(self, file, first..first.saturating_add(count), exclusive, borrows).await
    }

    fn unlock_index(&self, file: FileId, first: u32, count: u32) -> Result<(), VfsError> {
        IoService::unlock_index(self, file, first, count)
    }

    fn write_index(&self, file: FileId, region: u32, data: BulkIn<'_>) -> Result<(), VfsError> {
        IoService::write_index(self, file, region, &data)
    }

    fn read_index(&self, file: FileId, region: u32, mut out: BulkOut<'_>) -> Result<(), VfsError> {
        IoService::read_index(self, file, region, &mut out)
    }

    fn unmap_index(&self, file: FileId) -> Result<(), VfsError> {
        IoService::unmap_index(self, file)
    }

    fn write_sync(&self, file: FileId, data: BulkIn<'_>, offset: u64) -> Result<(), VfsError> {
        self.write(file, data, offset)?;
        self.sync(file)
    }

    fn write_ahead(&self, file: FileId, data: BulkIn<'_>, offset: u64) -> Result<(), VfsError> {
        self.write(file, data, offset)
    }

    fn join_index(&self, file: FileId) -> Result<(), VfsError> {
        let open = self.file(file)?;
        if let Body::Stored(node) = &open.body {
            node.index.add_user(file, open.owner);
        }
        Ok(())
    }

    fn return_index(&self, file: FileId, whole: bool, beginning: bool) -> Result<(), VfsError> {
        let open = self.file(file)?;
        if let Body::Stored(node) = &open.body {
            self.return_loan(node, whole, beginning);
        }
        Ok(())
    }
}

impl<S: Store, L: TabLocks> IoService<S, L> {
    /// Refuses to change a log whose database another tab may be at.
    fn has_turn(&self, log: &Node<S::File, L::Guard>) -> Result<(), VfsError> {
        match self.nodes.database_of(&log.path) {
            Some((database, LOG)) if !database.is_ours() => Err(VfsError::NotLocked {
                path: database.path.clone(),
                held: LockLevel::None,
                needed: LockLevel::Shared,
            }),
            _ => Ok(()),
        }
    }

    fn writable(&self, id: FileId) -> Result<std::rc::Rc<super::File<S, L>>, VfsError> {
        let file = self.file(id)?;
        match &file.body {
            Body::Stored(node) if !file.write => Err(VfsError::ReadOnly { path: node.path.clone() }),
            _ => Ok(file),
        }
    }
}

/// Works on the handle of a stored file. A main database is touched only under the lock that SQLite takes for it: then no
/// other tab is at it, and the handle is open.
fn on_handle<F: StoreFile, G, T>(
    file: &OpenFile<F, G>,
    id: FileId,
    needed: LockLevel,
    work: impl FnOnce(&F) -> Result<T, VfsError>,
) -> Result<T, VfsError> {
    let Body::Stored(node) = &file.body else {
        return Err(VfsError::BadFile { file: id });
    };
    if node.main {
        let held = node.locks.borrow().level(id);
        // A checkpoint copies a log back beside readers, under a lock of the index.
        let checkpoint = held >= LockLevel::Shared && node.index.may_copy_back(id, file.owner);
        if held < needed && !checkpoint {
            return Err(VfsError::NotLocked { path: node.path.clone(), held, needed });
        }
    }
    node.with_handle(work).unwrap_or_else(|| Err(VfsError::BadFile { file: id }))
}

fn no_room_in_memory() -> VfsError {
    VfsError::Unsupported { what: "a temporary file of that size".to_owned() }
}
