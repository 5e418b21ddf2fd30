//! Whole databases in and out of the store, as bytes, under the locks that SQLite would take. The bytes are an ordinary
//! SQLite file; nothing in them is changed, so that encrypted databases pass too.

use sabrpc::{CallError, Region};

use crate::error::VfsError;
use crate::io::index_locks::CHECKPOINT;
use crate::path::{PathError, VfsPath};
use crate::service::OpfsClient;
use crate::wire::{Access, FileId, FileKind, LockLevel, OpenFlags};

/// Bytes that travel in one call.
const PIECE: usize = 64 * 1024;

/// The part of a database file without which it is none; an import writes it last.
const HEADER: usize = 100;

/// Why a database could not be exported or imported.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// The path is none.
    #[error("invalid path: {0}")]
    Path(#[from] PathError),
    /// The file service, or the call to it, failed.
    #[error(transparent)]
    Call(#[from] CallError<VfsError>),
    /// A transaction was cut off, or its log not yet copied back; the file alone is not the database.
    #[error("{path} stands beside the database; open the database with SQLite once, then export it")]
    Unfinished {
        /// The journal or log.
        path: VfsPath,
    },
    /// The import would overwrite a database.
    #[error("{path} exists already; delete it first, or import with `replace`")]
    Exists {
        /// The database.
        path: VfsPath,
    },
    /// The bytes cannot become a database here.
    #[error("the bytes to import {why}")]
    Unimportable {
        /// What is wrong with them, and what to do.
        why: &'static str,
    },
}

/// Hands the bytes of a database on, in order and in pieces, and says how many there were. No connection changes the
/// database meanwhile.
pub fn export<R: Region>(
    client: &OpfsClient<R>,
    path: &str,
    mut sink: impl FnMut(&[u8]),
) -> Result<u64, TransferError> {
    let path = VfsPath::parse(path)?;
    let open = Open::new(client, &path, OpenFlags::MAIN_DB.read_only())?;
    client.lock(open.file, LockLevel::Shared)?;
    // A writer of this page that is RESERVED has a journal, but has not touched the database yet.
    if !client.check_reserved_lock(open.file)? {
        is_whole(client, &path.with_suffix("-journal")?, FileKind::MainJournal)?;
    }
    let mut piece = vec![0; PIECE];
    if client.read(open.file, &mut piece[..HEADER], 0)? as usize == HEADER && piece[18..20] == [2, 2] {
        // A log is copied back beside readers, but for whoever holds the lock of that.
        client.lock_index(open.file, CHECKPOINT, 1, true, false)?;
    }
    is_whole(client, &path.with_suffix("-wal")?, FileKind::Wal)?;
    let mut done = 0;
    loop {
        let count = client.read(open.file, &mut piece, done)? as usize;
        let Some(bytes) = piece.get(..count).filter(|bytes| !bytes.is_empty()) else {
            break;
        };
        sink(bytes);
        done += bytes.len() as u64;
    }
    open.close()?;
    Ok(done)
}

/// An empty journal, or one whose header was wiped, is finished; any other is not.
fn is_whole<R: Region>(
    client: &OpfsClient<R>,
    beside: &VfsPath,
    kind: FileKind,
) -> Result<(), TransferError> {
    if !client.access(beside.as_str(), Access::Exists)? {
        return Ok(());
    }
    let open = Open::new(client, beside, OpenFlags::MAIN_DB.kind(kind).read_only())?;
    let mut first = [0];
    client.read(open.file, &mut first, 0)?;
    open.close()?;
    if first == [0] { Ok(()) } else { Err(TransferError::Unfinished { path: beside.clone() }) }
}

/// Puts a database file in place of `path`. With `replace` an existing database goes, otherwise it is refused.
///
/// A tab that dies in the middle leaves a file without its header, which SQLite will not open; never a half of each.
///
/// Replacing is refused ([`VfsError::InUse`]) while any connection of any tab has the database open: one that is idle would go
/// on with pages of the old one. It is for a database of which there is a copy: a replacement that fails in the middle, for
/// want of space say, has ended the old one.
pub fn import<R: Region>(
    client: &OpfsClient<R>,
    path: &str,
    bytes: &[u8],
    replace: bool,
) -> Result<(), TransferError> {
    let path = VfsPath::parse(path)?;
    check(bytes)?;
    let flags = OpenFlags::MAIN_DB.create();
    let open = Open::new(client, &path, if replace { flags.alone() } else { flags })?;
    client.lock(open.file, LockLevel::Shared)?;
    // Nobody else can fill it from here on.
    if !replace && client.file_size(open.file)? > 0 {
        return Err(TransferError::Exists { path });
    }
    client.lock(open.file, LockLevel::Exclusive)?;
    let filled = fill(client, &path, &open, bytes);
    if filled.is_err() {
        // What is there now is no database. An empty file is one, and does not bar another try.
        let _ = client.truncate(open.file, 0);
    }
    filled?;
    open.close()
}

/// Refuses, before anything is touched, what SQLite would not open afterwards.
fn check(bytes: &[u8]) -> Result<(), TransferError> {
    match bytes.get(..HEADER) {
        // An empty file is an empty database.
        _ if bytes.is_empty() => Ok(()),
        // Also in WAL mode: the log that belongs to it has no name here, and so counts as empty.
        Some(header) if header.starts_with(b"SQLite format 3\0") && bytes.len().is_multiple_of(512) => Ok(()),
        _ => Err(TransferError::Unimportable {
            why: "are no SQLite database: give the whole file, unencrypted",
        }),
    }
}

/// Fills a locked file.
fn fill<R: Region>(
    client: &OpfsClient<R>,
    path: &VfsPath,
    open: &Open<'_, R>,
    bytes: &[u8],
) -> Result<(), TransferError> {
    // An empty database comes first and lasts: SQLite then drops a journal of the old one instead of playing it back.
    client.truncate(open.file, 0)?;
    client.sync(open.file)?;
    for suffix in ["-journal", "-wal"] {
        match client.delete(path.with_suffix(suffix)?.as_str(), true) {
            Ok(()) | Err(CallError::Service(VfsError::NotFound { .. })) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let (header, body) = bytes.split_at(HEADER.min(bytes.len()));
    for (piece, offset) in body.chunks(PIECE).zip((header.len() as u64..).step_by(PIECE)) {
        client.write(open.file, piece, offset)?;
    }
    client.sync(open.file)?;
    client.write(open.file, header, 0)?;
    client.sync(open.file)?;
    Ok(())
}

/// An open file that is closed on every way out, which also gives its locks back.
struct Open<'a, R: Region> {
    client: &'a OpfsClient<R>,
    file: FileId,
    closed: bool,
}

impl<'a, R: Region> Open<'a, R> {
    fn new(client: &'a OpfsClient<R>, path: &VfsPath, flags: OpenFlags) -> Result<Self, TransferError> {
        let file = client.open(path.as_str(), flags)?.file;
        Ok(Self { client, file, closed: false })
    }

    fn close(mut self) -> Result<(), TransferError> {
        self.closed = true;
        Ok(self.client.close(self.file)?)
    }
}

impl<R: Region> Drop for Open<'_, R> {
    fn drop(&mut self) {
        if !self.closed {
            // The error that led here is the one that the caller hears.
            let _ = self.client.close(self.file);
        }
    }
}
