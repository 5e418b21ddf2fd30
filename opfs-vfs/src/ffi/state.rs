//! An open file as this thread knows it, and what its callbacks do.

use std::cell::Cell;
use std::ffi::c_int;

use rusqlite::ffi;

use super::codes::Failure;
use super::commit::{Commit, Then};
use super::shell::Shell;
use super::shm;
use super::writes::Group;
use crate::error::VfsError;
use crate::wire::{FileId, FileKind, LockLevel};

/// The largest part of the database that SQLite reads before it takes any lock: the header, when it opens the file.
const HEADER: usize = 100;

/// An open file as this thread knows it.
pub(super) struct State {
    pub(super) shell: &'static Shell,
    pub(super) file: FileId,
    pub(super) kind: FileKind,
    /// The files that it belongs to.
    pub(super) group: Group,
    /// SQLite's own name of the file, which lives until xClose.
    pub(super) name: ffi::sqlite3_filename,
    /// What this connection holds; the worker's table says the same.
    pub(super) level: Cell<LockLevel>,
    /// By `SQLITE_FCNTL_CHUNK_SIZE`: the file grows and shrinks in pieces of that size.
    pub(super) chunk: Cell<u64>,
    pub(super) persist_wal: Cell<bool>,
    pub(super) powersafe_overwrite: Cell<bool>,
    /// Of a log: its newest transaction.
    commit: Cell<Commit>,
    /// The wal-index is mapped.
    pub(super) maps_index: Cell<bool>,
    /// The I/O worker knows that this connection uses the log.
    pub(super) on_log: Cell<bool>,
}

impl State {
    pub(super) fn new(
        shell: &'static Shell,
        name: ffi::sqlite3_filename,
        kind: FileKind,
        file: FileId,
        group: Group,
    ) -> Self {
        Self {
            shell,
            file,
            kind,
            group,
            name,
            level: Cell::new(LockLevel::None),
            chunk: Cell::new(0),
            persist_wal: Cell::new(false),
            powersafe_overwrite: Cell::new(shell.powersafe_overwrite()),
            commit: Cell::default(),
            maps_index: Cell::new(false),
            on_log: Cell::new(false),
        }
    }

    /// Works on a main database under SHARED even where SQLite has taken no lock: it reads the header when it opens a file.
    fn under_shared<T>(&self, work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
        if self.kind != FileKind::MainDb || self.level.get() > LockLevel::None {
            return work();
        }
        self.raise(LockLevel::Shared)?;
        let answer = work();
        self.lower(LockLevel::None)?;
        answer
    }

    pub(super) fn read(&self, out: &mut [u8], offset: u64) -> Result<c_int, Failure> {
        let answer = self.under_shared(|| {
            self.shell.at_desk(|desk| match self.kind {
                FileKind::MainDb => desk.read_database(self.group, self.file, out, offset),
                FileKind::Wal => desk.read_log(self.group, self.file, out, offset),
                _ => desk.read(self.group, self.file, out, offset),
            })
        });
        let count = match answer {
            Ok(count) => count,
            // A header read without a lock is a guess at the page size, which SQLite makes good once it has SHARED. With
            // a writer at work it gets no guess rather than an error, since opening a database must not fail for that.
            Err(failure) if failure.is_busy() && offset == 0 && out.len() <= HEADER => 0,
            Err(failure) => return Err(failure),
        };
        let Some(rest) = out.get_mut(count..).filter(|rest| !rest.is_empty()) else {
            return Ok(ffi::SQLITE_OK);
        };
        rest.fill(0);
        Ok(ffi::SQLITE_IOERR_SHORT_READ)
    }

    pub(super) fn write(&self, data: &[u8], offset: u64) -> Result<(), Failure> {
        let written = self.shell.at_desk(|desk| {
            // What makes a commit count is waited for. In a log `Commit` says which write that is; in a journal it is the wiping
            // of its header, which is not always synced.
            let then = match self.kind {
                FileKind::Wal => {
                    let (now, settings) = (desk.log_transaction(self.group), desk.settings(self.group));
                    let mut commit = self.commit.get();
                    let then = commit.writes(data, offset, now, settings);
                    self.commit.set(commit);
                    then
                }
                FileKind::MainJournal if offset == 0 && data.iter().all(|byte| *byte == 0) => Then::Wait,
                _ => Then::Gather,
            };
            desk.write((self.file, self.kind), self.group, data, offset, then)
        });
        written.map_err(|failure| match (self.kind, failure) {
            // What failed may be a write of an earlier statement, and being full would undo only this one.
            (FileKind::Wal, failure) => failure,
            (_, Failure::Service(VfsError::StorageFull { path })) => {
                Failure::Service(VfsError::io("write", &path, "no storage left"))
            }
            (_, failure) => failure,
        })
    }

    pub(super) fn sync(&self) -> Result<(), Failure> {
        self.shell.at_desk(|desk| {
            if self.kind == FileKind::Wal {
                let mut commit = self.commit.get();
                let now = commit.syncs(desk.log_transaction(self.group), desk.settings(self.group));
                self.commit.set(commit);
                if !now {
                    return Ok(());
                }
            }
            // NORMAL, FULL and DATAONLY ask for more or less of what a store has one way to do.
            desk.sync(self.group, self.file)
        })
    }

    pub(super) fn raise(&self, level: LockLevel) -> Result<(), Failure> {
        let held = self.level.get();
        let told = self.shell.at_desk(|desk| {
            let told = desk.client().lock(self.file, level)?;
            if level == LockLevel::Shared {
                desk.locked(self.group, self.file, told);
            }
            Ok(())
        });
        let told = match told {
            // It will use the index without taking its locks.
            Ok(()) if level == LockLevel::Exclusive && self.maps_index.get() => shm::refresh(self),
            told => told,
        };
        match &told {
            Ok(()) => self.level.set(level),
            // The worker left the connection PENDING, so that no reader comes in any more.
            Err(failure)
                if failure.is_busy() && held == LockLevel::Reserved && level == LockLevel::Exclusive =>
            {
                self.level.set(LockLevel::Pending);
            }
            // The worker may have given the lock all the same, and SQLite will not give up what it was not told that it has.
            // From RESERVED on it will, by rolling back.
            Err(failure)
                if held <= LockLevel::Shared && (!failure.is_busy() || level == LockLevel::Exclusive) =>
            {
                self.give_back(held);
            }
            Err(_) => {}
        }
        told
    }

    /// Goes back to what is held here, after a failure which is the one to be heard, whatever this call says.
    fn give_back(&self, held: LockLevel) {
        let _ = self.shell.at_desk(|desk| {
            if held == LockLevel::None {
                desk.missed_news(self.group);
            }
            Ok(desk.client().unlock(self.file, held)?)
        });
    }

    pub(super) fn lower(&self, level: LockLevel) -> Result<(), Failure> {
        let noted = match self.level.get() == LockLevel::Exclusive && self.maps_index.get() {
            true => shm::note_change(self),
            false => Ok(()),
        };
        let ends = self.level.get() >= LockLevel::Reserved;
        self.shell.at_desk(|desk| {
            if ends {
                desk.transaction_over(self.group);
            }
            if level == LockLevel::None {
                desk.unlocked(self.group, self.file);
            }
            Ok(desk.client().unlock(self.file, level)?)
        })?;
        self.level.set(level);
        noted
    }

    /// Sets the size, to whole chunks if the application asked for that.
    pub(super) fn truncate(&self, size: u64) -> Result<c_int, Failure> {
        let size = self.whole_chunks(size);
        self.shell.at_desk(|desk| desk.truncate((self.file, self.kind), self.group, size))?;
        Ok(ffi::SQLITE_OK)
    }

    /// `size` rounded up to whole chunks.
    pub(super) fn whole_chunks(&self, size: u64) -> u64 {
        match self.chunk.get() {
            0 => size,
            chunk => size.div_ceil(chunk).saturating_mul(chunk),
        }
    }

    /// The size now.
    pub(super) fn size(&self) -> Result<u64, Failure> {
        self.under_shared(|| {
            self.shell.at_desk(|desk| match desk.size(self.group, self.file) {
                Some(size) => Ok(size),
                None => Ok(desk.client().file_size(self.file)?),
            })
        })
    }
}
