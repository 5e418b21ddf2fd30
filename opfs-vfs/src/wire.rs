//! The small types that travel with the operations of the file service: file numbers, open flags, lock levels. They know
//! nothing of SQLite's integers; `ffi/` translates.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Number of an open file, given out by [`open`](crate::service::Opfs::open). Means something only to the connection that
/// opened it, and nothing any more after its close.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FileId(pub u32);

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What SQLite wants a file for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FileKind {
    /// A database: the only kind that is locked.
    MainDb,
    /// The rollback journal of a main database.
    MainJournal,
    /// The journal of a transaction over several databases.
    SuperJournal,
    /// A write-ahead log.
    Wal,
    /// A temporary or transient database.
    TempDb,
    /// The journal of a temporary database.
    TempJournal,
    /// A statement journal.
    SubJournal,
}

/// How to open a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OpenFlags {
    /// What the file is for.
    pub kind: FileKind,
    /// Writes are allowed.
    pub write: bool,
    /// Make the file if it is absent.
    pub create: bool,
    /// With `create`: fail if the file is there.
    pub exclusive: bool,
    /// Delete the file when the last connection of the page closes it. SQLite asks for that with temporary files only,
    /// which have no name; a named file whose owner dies stays.
    pub delete_on_close: bool,
    /// Have a main database for oneself: fail with [`VfsError::InUse`](crate::VfsError::InUse) while any other connection
    /// or tab has it open, and let nobody open it until the close.
    pub alone: bool,
}

impl OpenFlags {
    /// A database for reading and writing that must exist.
    pub const MAIN_DB: Self = Self {
        kind: FileKind::MainDb,
        write: true,
        create: false,
        exclusive: false,
        delete_on_close: false,
        alone: false,
    };

    /// The same flags for another kind of file.
    pub const fn kind(mut self, kind: FileKind) -> Self {
        self.kind = kind;
        self
    }

    /// The same flags, making the file where it is absent.
    pub const fn create(mut self) -> Self {
        self.create = true;
        self
    }

    /// The same flags, failing where the file is there.
    pub const fn exclusive(mut self) -> Self {
        self.exclusive = true;
        self
    }

    /// The same flags, for reading only.
    pub const fn read_only(mut self) -> Self {
        self.write = false;
        self
    }

    /// The same flags, with nobody else at the database.
    pub const fn alone(mut self) -> Self {
        self.alone = true;
        self
    }

    /// The same flags, deleting the file at its close.
    pub const fn delete_on_close(mut self) -> Self {
        self.delete_on_close = true;
        self
    }
}

/// The answer to an open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// The file's number in all later calls.
    pub file: FileId,
    /// The file can only be read, whatever was asked for.
    pub read_only: bool,
}

/// What a page may keep of the databases that it has locked, once it is in no transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Keep {
    /// Nothing: it is about to be frozen, or to go, and nobody could ask it for anything then.
    Nothing,
    /// What it has used within a second: it is hidden, and may be frozen before its worker hears of that.
    Used,
    /// Everything, until another tab asks.
    All,
}

/// SQLite's five lock states, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum LockLevel {
    /// No lock: the file is neither read nor written.
    None,
    /// Reading, together with other readers.
    Shared,
    /// Reading, about to write; one at a time, beside readers.
    Reserved,
    /// Waiting for the readers to leave; no new reader comes in.
    Pending,
    /// Writing, alone.
    Exclusive,
}

/// What a connection is told that was given SHARED: what nobody else can change as long as it holds that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Locked {
    /// Copies of the file that this client has kept from before may be old.
    pub changed: bool,
    /// The size of the file.
    pub size: u64,
    /// Whether there is a rollback journal with something in it, where that is known.
    pub journal: Option<bool>,
    /// Whether there is a write-ahead log with something in it, where that is known.
    pub wal: Option<bool>,
}

/// What a connection is told that was given a lock of the wal-index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexLocked {
    /// With the first of its locks: what holds until the last one is given up.
    pub facts: Option<Locked>,
    /// The thread's copy of the index is old: how many regions there are to be fetched. None means that it is empty.
    pub regions: Option<u32>,
    /// From now on the thread has the locks to itself, as long as a note says so.
    pub lent: Option<Lent>,
}

/// A loan, see [`loan`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lent {
    /// The number of the note.
    pub note: u32,
    /// What stands in the note besides the bits. Each loan has its own: a note is used again, and who has not noticed yet
    /// that it lost a loan must not take the next one, of another database, for it.
    pub mark: i32,
}

/// What a note says of a loan, in its low bits; 0 says that nothing is lent.
pub mod loan {
    /// The thread has the locks of the wal-index to itself.
    pub const LENT: i32 = 1;
    /// It holds some of them.
    pub const BUSY: i32 = 2;
    /// They are to be returned with the last of them.
    pub const WANTED: i32 = 4;
    /// The thread has changed the index and not handed it in.
    pub const CHANGED: i32 = 8;

    /// How far the number of a loan is shifted to be its mark.
    pub const SHIFT: u32 = 4;

    /// How many loans a thread can have.
    pub const NOTES: u32 = 8;
}

/// What the file service can be asked about a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Access {
    /// Is it there?
    Exists,
    /// Is it there, and can it be read and written?
    ReadWrite,
}

/// One file of a listing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The file.
    pub path: crate::path::VfsPath,
    /// Its size in bytes.
    pub size: u64,
}
