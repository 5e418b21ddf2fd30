//! The store in a folder on disk. Owns the mapping of [`VfsPath`]s to files below one root; serves native programs and
//! tests, where the stock SQLite library can open the very same files.

use std::cell::RefCell;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use sabrpc::{BulkIn, BulkOut};

use super::{Store, StoreFile};
use crate::error::VfsError;
use crate::path::VfsPath;

/// Bytes moved at once between a file and the shared region.
const PIECE: usize = 64 * 1024;

/// Files below a folder.
#[derive(Clone, Debug)]
pub struct FolderStore {
    root: PathBuf,
}

impl FolderStore {
    /// Keeps files below `root`, which is made if it is absent.
    pub fn new(root: impl Into<PathBuf>) -> Result<Self, io::Error> {
        let root = root.into();
        fs::create_dir_all(&root)?;
        Ok(Self { root })
    }

    /// Where a file of this store lies on disk.
    pub fn locate(&self, path: &VfsPath) -> PathBuf {
        path.segments().fold(self.root.clone(), |place, name| place.join(name))
    }

    fn make_folders(&self, path: &VfsPath) -> Result<(), VfsError> {
        let folder = path.folders().fold(self.root.clone(), |place, name| place.join(name));
        fs::create_dir_all(folder).map_err(|error| translate("create the folders of", path, &error))
    }

    fn walk(&self, folder: &Path, prefix: &str, found: &mut Vec<(VfsPath, u64)>) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            // A name that is no path here was not made here, and cannot be opened here.
            let Some(name) = entry.file_name().to_str().map(|name| format!("{prefix}/{name}")) else {
                continue;
            };
            let facts = entry.metadata()?;
            if facts.is_dir() {
                self.walk(&entry.path(), &name, found)?;
            } else if let Ok(path) = VfsPath::parse(&name) {
                found.push((path, facts.len()));
            }
        }
        Ok(())
    }
}

impl Store for FolderStore {
    type File = FolderFile;

    async fn open(&self, path: &VfsPath, create: bool) -> Result<FolderFile, VfsError> {
        if create {
            self.make_folders(path)?;
        }
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(create)
            .truncate(false)
            .open(self.locate(path))
            .map_err(|error| translate("open", path, &error))?;
        Ok(FolderFile { file, path: path.clone(), piece: RefCell::new(vec![0; PIECE]) })
    }

    async fn exists(&self, path: &VfsPath) -> Result<bool, VfsError> {
        match fs::metadata(self.locate(path)) {
            Ok(facts) => Ok(facts.is_file()),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(false),
            Err(error) => Err(translate("access", path, &error)),
        }
    }

    async fn size_of(&self, path: &VfsPath) -> Result<Option<u64>, VfsError> {
        match fs::metadata(self.locate(path)) {
            Ok(facts) => Ok(facts.is_file().then_some(facts.len())),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(translate("access", path, &error)),
        }
    }

    async fn create(&self, path: &VfsPath) -> Result<bool, VfsError> {
        self.make_folders(path)?;
        match OpenOptions::new().write(true).create_new(true).open(self.locate(path)) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                if self.locate(path).is_dir() {
                    return Err(VfsError::WrongKind { path: path.clone() });
                }
                Ok(false)
            }
            Err(error) => Err(translate("create", path, &error)),
        }
    }

    async fn delete(&self, path: &VfsPath) -> Result<(), VfsError> {
        fs::remove_file(self.locate(path)).map_err(|error| translate("delete", path, &error))
    }

    async fn sync_folder(&self, path: &VfsPath) -> Result<(), VfsError> {
        // Only Unix lets a program open a folder and sync it; elsewhere there is nothing to tell.
        if cfg!(unix) {
            let place = self.locate(path);
            let folder = place.parent().unwrap_or(&self.root);
            let synced = File::open(folder).and_then(|folder| folder.sync_all());
            return synced.map_err(|error| translate("sync the folder of", path, &error));
        }
        Ok(())
    }

    async fn list(&self) -> Result<Vec<(VfsPath, u64)>, VfsError> {
        let mut found = Vec::new();
        self.walk(&self.root, "", &mut found).map_err(|error| VfsError::Unsupported {
            what: format!("listing {} ({error})", self.root.display()),
        })?;
        Ok(found)
    }

    fn exclusive_handles(&self) -> bool {
        false
    }
}

/// A handle on a file in the folder.
#[derive(Debug)]
pub struct FolderFile {
    file: File,
    path: VfsPath,
    piece: RefCell<Vec<u8>>,
}

impl FolderFile {
    fn seek(&self, op: &str, offset: u64) -> Result<&File, VfsError> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(offset)).map_err(|error| translate(op, &self.path, &error))?;
        Ok(&self.file)
    }
}

impl StoreFile for FolderFile {
    fn read(&self, out: &mut BulkOut<'_>, offset: u64) -> Result<usize, VfsError> {
        let mut file = self.seek("read", offset)?;
        let mut piece = self.piece.borrow_mut();
        let mut done = 0;
        while done < out.capacity() {
            let want = piece.len().min(out.capacity() - done);
            match file.read(&mut piece[..want]) {
                Ok(0) => break,
                Ok(count) => {
                    out.write_at(done, &piece[..count]);
                    done += count;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(translate("read", &self.path, &error)),
            }
        }
        Ok(done)
    }

    fn write(&self, data: &BulkIn<'_>, offset: u64) -> Result<(), VfsError> {
        let mut file = self.seek("write", offset)?;
        let mut piece = self.piece.borrow_mut();
        let mut done = 0;
        while done < data.len() {
            let count = piece.len().min(data.len() - done);
            data.copy_to(done, &mut piece[..count]);
            file.write_all(&piece[..count]).map_err(|error| translate("write", &self.path, &error))?;
            done += count;
        }
        Ok(())
    }

    fn truncate(&self, size: u64) -> Result<(), VfsError> {
        self.file.set_len(size).map_err(|error| translate("truncate", &self.path, &error))
    }

    fn sync(&self) -> Result<(), VfsError> {
        self.file.sync_data().map_err(|error| translate("sync", &self.path, &error))
    }

    fn size(&self) -> Result<u64, VfsError> {
        let facts = self.file.metadata().map_err(|error| translate("size", &self.path, &error))?;
        Ok(facts.len())
    }
}

fn translate(op: &str, path: &VfsPath, error: &io::Error) -> VfsError {
    let path = path.clone();
    match error.kind() {
        ErrorKind::NotFound => VfsError::NotFound { path },
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            VfsError::StorageFull { path }
        }
        ErrorKind::IsADirectory | ErrorKind::NotADirectory => VfsError::WrongKind { path },
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => VfsError::ReadOnly { path },
        _ => VfsError::io(op, &path, error),
    }
}
