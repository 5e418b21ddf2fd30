//! Where files are kept. Owns the two small traits that the I/O worker is written against; behind them stand OPFS, a
//! folder on disk, and memory with fault injection. A store knows nothing of SQLite, of locks, or of other callers.

use std::future::Future;

use sabrpc::{BulkIn, BulkOut};

use crate::error::VfsError;
use crate::path::VfsPath;

#[cfg(not(target_arch = "wasm32"))]
pub mod folder;
pub mod memory;
#[cfg(target_family = "wasm")]
pub mod opfs;
pub(crate) mod pages;

#[cfg(not(target_arch = "wasm32"))]
pub use folder::FolderStore;
pub use memory::MemoryStore;

/// A place where files are kept.
///
/// Whatever may take long (walking folders, opening handles) is `async`; what happens on an open handle is not.
pub trait Store: 'static {
    /// An open handle; dropping it closes the file.
    type File: StoreFile;

    /// Opens a handle for reading and writing.
    ///
    /// With `create`, an absent file and its folders are made; without, it is [`VfsError::NotFound`]. A handle held
    /// elsewhere that bars this one is [`VfsError::InUse`], which the caller may try again. An open whose future is dropped
    /// leaves no handle: one that comes later is closed, soon if not at once.
    fn open(&self, path: &VfsPath, create: bool) -> impl Future<Output = Result<Self::File, VfsError>>;

    /// Says whether there is a file of that name; a folder is none.
    fn exists(&self, path: &VfsPath) -> impl Future<Output = Result<bool, VfsError>>;

    /// The size of a file as it is now, also while it is open; `None` where there is no file of that name.
    fn size_of(&self, path: &VfsPath) -> impl Future<Output = Result<Option<u64>, VfsError>>;

    /// Makes an empty file and its folders, without a handle; `true` says that it was absent.
    fn create(&self, path: &VfsPath) -> impl Future<Output = Result<bool, VfsError>>;

    /// Removes a file. Absent is [`VfsError::NotFound`], open is [`VfsError::InUse`].
    fn delete(&self, path: &VfsPath) -> impl Future<Output = Result<(), VfsError>>;

    /// Makes the removal or making of `path` survive a crash, where the store has something to be told. OPFS has not: how
    /// lasting a removed entry is, is left to the browser.
    fn sync_folder(&self, path: &VfsPath) -> impl Future<Output = Result<(), VfsError>> {
        let _ = path;
        async { Ok(()) }
    }

    /// Every file with its size, in any order.
    fn list(&self) -> impl Future<Output = Result<Vec<(VfsPath, u64)>, VfsError>>;

    /// Whether an open handle bars other tabs from the file, so that it must be closed before they get their turn.
    fn exclusive_handles(&self) -> bool;
}

/// An open file.
pub trait StoreFile: 'static {
    /// Reads from `offset` into `out`, at most its capacity, and says how many bytes came; fewer only at the file's end.
    fn read(&self, out: &mut BulkOut<'_>, offset: u64) -> Result<usize, VfsError>;

    /// Writes all of `data` at `offset`; a gap before it becomes zeros. Fewer bytes written than given is an error.
    fn write(&self, data: &BulkIn<'_>, offset: u64) -> Result<(), VfsError>;

    /// Sets the size; growing adds zeros.
    fn truncate(&self, size: u64) -> Result<(), VfsError>;

    /// Makes everything written so far survive a crash.
    fn sync(&self) -> Result<(), VfsError>;

    /// The size now.
    fn size(&self) -> Result<u64, VfsError>;
}
