//! The store in memory: the reference for what a store does, and the one that fails on order. Clones share one disk, so
//! several I/O services over clones are several tabs of one origin.

mod disk;
mod faults;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sabrpc::{BulkIn, BulkOut};

use super::{Store, StoreFile};
use crate::error::VfsError;
use crate::path::VfsPath;
use disk::Disk;

pub use disk::Loss;
pub use faults::{Fault, Rule, StoreOp, Which};

/// Files in memory, with faults on order.
#[derive(Clone, Default)]
pub struct MemoryStore {
    disk: Arc<Mutex<Disk>>,
}

impl MemoryStore {
    /// An empty disk, on which a file can have several handles.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty disk on which an open handle bars every other one, as Firefox has it.
    pub fn exclusive() -> Self {
        let store = Self::default();
        store.disk().exclusive = true;
        store
    }

    /// Orders a fault.
    pub fn inject(&self, rule: Rule) {
        self.disk().faults.add(rule);
    }

    /// Takes back all orders.
    pub fn clear_faults(&self) {
        self.disk().faults.clear();
    }

    /// How many operations there have been.
    pub fn count(&self, which: Which) -> u64 {
        self.disk().faults.count(which)
    }

    /// Limits what all files may hold together.
    pub fn set_quota(&self, bytes: Option<u64>) {
        self.disk().quota = bytes;
    }

    /// What all files hold together.
    pub fn used(&self) -> u64 {
        self.disk().used()
    }

    /// The power goes and comes back: every handle is dead, orders are forgotten, and changes that no sync has made
    /// durable fare as `loss` says.
    pub fn crash(&self, loss: Loss) {
        self.disk().crash(loss);
    }

    /// A disk of its own that starts with the files of this one, without its handles, faults and quota.
    pub fn fork(&self) -> Self {
        let disk = self.disk().fork();
        Self { disk: Arc::new(Mutex::new(disk)) }
    }

    /// The bytes of a file as they are now.
    pub fn bytes(&self, path: &VfsPath) -> Option<Vec<u8>> {
        self.disk().pages_of(path).map(crate::store::pages::Pages::to_vec)
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        lock(&self.disk)
    }

    async fn enter(&self, op: StoreOp, path: &VfsPath) -> Result<(), VfsError> {
        let fault = self.disk().enter(op, path)?;
        if let Some(Fault::Delay(time)) = fault {
            sabrpc::sleep(time).await;
        }
        Ok(())
    }
}

/// A fault on order must not hide behind a panic of another thread: the disk's state is whole between its methods.
fn lock(disk: &Mutex<Disk>) -> MutexGuard<'_, Disk> {
    disk.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Store for MemoryStore {
    type File = MemoryFile;

    async fn open(&self, path: &VfsPath, create: bool) -> Result<MemoryFile, VfsError> {
        self.enter(StoreOp::Open, path).await?;
        let mut disk = self.disk();
        if create {
            disk.create(path)?;
        }
        let inode = disk.open(path)?;
        Ok(MemoryFile { disk: Arc::clone(&self.disk), inode, path: path.clone(), epoch: disk.epoch })
    }

    async fn exists(&self, path: &VfsPath) -> Result<bool, VfsError> {
        self.enter(StoreOp::Exists, path).await?;
        Ok(self.disk().exists(path))
    }

    async fn size_of(&self, path: &VfsPath) -> Result<Option<u64>, VfsError> {
        self.enter(StoreOp::Exists, path).await?;
        Ok(self.disk().pages_of(path).map(crate::store::pages::Pages::size))
    }

    async fn create(&self, path: &VfsPath) -> Result<bool, VfsError> {
        self.enter(StoreOp::Create, path).await?;
        let mut disk = self.disk();
        let made = disk.create(path)?;
        disk.leave(StoreOp::Create, path).map(|()| made)
    }

    async fn delete(&self, path: &VfsPath) -> Result<(), VfsError> {
        self.enter(StoreOp::Delete, path).await?;
        let mut disk = self.disk();
        disk.delete(path)?;
        disk.leave(StoreOp::Delete, path)
    }

    async fn sync_folder(&self, path: &VfsPath) -> Result<(), VfsError> {
        self.enter(StoreOp::Sync, path).await?;
        self.disk().sync_names();
        Ok(())
    }

    async fn list(&self) -> Result<Vec<(VfsPath, u64)>, VfsError> {
        let fault = self.disk().faults.next(StoreOp::List);
        match fault {
            None => Ok(self.disk().list()),
            Some(_) => Err(VfsError::Unsupported { what: "listing under a fault on order".to_owned() }),
        }
    }

    fn exclusive_handles(&self) -> bool {
        self.disk().exclusive
    }
}

/// A handle on a file in memory.
pub struct MemoryFile {
    disk: Arc<Mutex<Disk>>,
    inode: u64,
    path: VfsPath,
    epoch: u64,
}

impl MemoryFile {
    /// Counts the operation and gives the disk, with what the operation meets.
    fn enter(&self, op: StoreOp) -> Result<(MutexGuard<'_, Disk>, Option<Fault>), VfsError> {
        let mut disk = lock(&self.disk);
        let fault = disk.enter(op, &self.path)?;
        if let Some(Fault::Delay(time)) = fault {
            drop(disk);
            pause(time);
            disk = lock(&self.disk);
        }
        if disk.epoch != self.epoch {
            return Err(VfsError::io("use", &self.path, "the handle is from before a power cut"));
        }
        Ok((disk, fault))
    }
}

/// An operation on an open handle blocks its thread while it lasts; the web has no such thing for its threads.
fn pause(time: Duration) {
    #[cfg(not(target_arch = "wasm32"))]
    std::thread::sleep(time);
    #[cfg(target_arch = "wasm32")]
    let _ = time;
}

impl StoreFile for MemoryFile {
    fn read(&self, out: &mut BulkOut<'_>, offset: u64) -> Result<usize, VfsError> {
        let (disk, _) = self.enter(StoreOp::Read)?;
        let Some(pages) = disk.pages(self.inode) else {
            return Err(VfsError::NotFound { path: self.path.clone() });
        };
        Ok(pages.read(offset, out.capacity(), |done, bytes| out.write_at(done, bytes)))
    }

    fn write(&self, data: &BulkIn<'_>, offset: u64) -> Result<(), VfsError> {
        let (mut disk, fault) = self.enter(StoreOp::Write)?;
        let mut bytes = data.to_vec();
        if let Some(Fault::Torn(kept)) = fault {
            bytes.truncate(kept);
            disk.write(self.inode, &self.path, offset, bytes)?;
            return Err(VfsError::io("write", &self.path, format!("only {kept} bytes were written")));
        }
        disk.write(self.inode, &self.path, offset, bytes)?;
        disk.leave(StoreOp::Write, &self.path)
    }

    fn truncate(&self, size: u64) -> Result<(), VfsError> {
        let (mut disk, _) = self.enter(StoreOp::Truncate)?;
        disk.truncate(self.inode, &self.path, size)?;
        disk.leave(StoreOp::Truncate, &self.path)
    }

    fn sync(&self) -> Result<(), VfsError> {
        let (mut disk, _) = self.enter(StoreOp::Sync)?;
        disk.sync(self.inode);
        Ok(())
    }

    fn size(&self) -> Result<u64, VfsError> {
        let (disk, _) = self.enter(StoreOp::Size)?;
        Ok(disk.pages(self.inode).map_or(0, crate::store::pages::Pages::size))
    }
}

impl Drop for MemoryFile {
    fn drop(&mut self) {
        let mut disk = lock(&self.disk);
        if disk.epoch == self.epoch {
            disk.close(self.inode);
        }
    }
}
