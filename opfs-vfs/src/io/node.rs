//! What the connections of a page share about one path: the handle, the lock table, the tab lock. A node is there while a
//! file is open under its path; the last one to leave closes what is still open.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use sabrpc::{BulkOut, CallerId};

use super::gate::Gate;
use super::lease::{Lease, Mark};
use super::locks::LockTable;
use super::nodes::User;
use super::wal::Index;
use crate::path::VfsPath;
use crate::store::StoreFile;
use crate::wire::{FileId, LockLevel};
use crate::{Locked, VfsError};

/// What lies beside a database under its name, and is kept with it.
pub(super) const COMPANIONS: [&str; 2] = ["-journal", "-wal"];

/// Which of them is the journal.
pub(super) const JOURNAL: usize = 0;

/// Which of them is the log.
pub(super) const LOG: usize = 1;

/// The shared state of one path in use.
pub(super) struct Node<F, G> {
    pub(super) path: VfsPath,
    /// A main database is locked; any other file is protected by the lock of its database.
    pub(super) main: bool,
    pub(super) gate: Gate,
    pub(super) locks: RefCell<LockTable<FileId>>,
    /// Who has the path to itself, and lets nobody else of this page have it open.
    pub(super) alone: Option<CallerId>,
    /// The last user deletes the file.
    pub(super) delete_on_close: Cell<bool>,
    /// How long the tab lock has been here, and who would like it.
    pub(super) lease: Lease,
    /// The callers whose cached copies of the file are what is in it.
    fresh: RefCell<Vec<CallerId>>,
    // The order of these is the order of their drop: other tabs get their turn after the handles are closed, and may delete
    // the file after that.
    handle: RefCell<Option<F>>,
    /// The journal and the log of a main database, kept between its transactions.
    companions: RefCell<[Companion<F, G>; 2]>,
    /// The wal-index of a main database.
    pub(super) index: Index<F>,
    guard: RefCell<Option<G>>,
    /// The guard is here, and it is known what others have done meanwhile.
    arrived: Cell<bool>,
    opened: RefCell<Option<G>>,
    pub(super) users: Cell<u32>,
    /// The size, as long as nobody else can change it.
    size: Cell<Option<u64>>,
}

/// What is known of a journal or a log.
struct Companion<F, G> {
    kept: Option<User<F, G>>,
    /// There is none, or an empty one, and nobody else can have made one since.
    absent: bool,
}

impl<F, G> Default for Companion<F, G> {
    fn default() -> Self {
        Self { kept: None, absent: false }
    }
}

impl<F, G> Node<F, G> {
    pub(super) fn new(path: VfsPath, main: bool, alone: Option<CallerId>) -> Self {
        Self {
            path,
            main,
            alone,
            delete_on_close: Cell::new(false),
            gate: Gate::default(),
            locks: RefCell::default(),
            lease: Lease::default(),
            fresh: RefCell::default(),
            handle: RefCell::new(None),
            companions: RefCell::default(),
            index: Index::default(),
            guard: RefCell::new(None),
            arrived: Cell::new(false),
            opened: RefCell::new(None),
            users: Cell::new(0),
            size: Cell::new(None),
        }
    }

    /// Whether this page has the tab lock, and may believe what it knows.
    pub(super) fn is_ours(&self) -> bool {
        self.arrived.get()
    }

    /// What other tabs have changed is known: it is ours.
    pub(super) fn has_arrived(&self) {
        self.arrived.set(self.guard.borrow().is_some());
    }

    /// Whether no connection of this page is in a transaction, or about to be.
    pub(super) fn is_idle(&self) -> bool {
        let locks = self.locks.borrow();
        let wal = |id, level| level == LockLevel::Shared && self.index.is_user(id);
        locks.all(wal) && self.index.is_idle() && !self.lease.is_busy()
    }

    /// Whether a handle is open.
    pub(super) fn is_open(&self) -> bool {
        self.handle.borrow().is_some()
    }

    /// Whether the other tabs know that this page has the database open.
    pub(super) fn is_announced(&self) -> bool {
        self.opened.borrow().is_some()
    }

    /// Whether nobody but its one user, or its database, uses the node.
    pub(super) fn is_last_use(&self) -> bool {
        self.users.get() <= 1
    }

    /// Whether one file uses the node, beside the database that keeps it.
    pub(super) fn is_kept_for_one(&self) -> bool {
        self.users.get() == 2
    }

    /// Keeps what says that this page has the database open, as long as the node lives.
    pub(super) fn announce(&self, opened: G) {
        *self.opened.borrow_mut() = Some(opened);
    }

    /// Takes over the tab lock of a main database; nothing is known of the file yet.
    pub(super) fn take_over(&self, guard: G) {
        self.forget_size();
        for kept in self.companions.borrow().iter().filter_map(|companion| companion.kept.as_deref()) {
            kept.forget_size();
        }
        *self.guard.borrow_mut() = Some(guard);
    }

    /// Somebody else may have changed the file.
    pub(super) fn forget_size(&self) {
        self.size.set(None);
    }

    /// Takes over a handle.
    pub(super) fn keep(&self, handle: F) {
        self.size.set(None);
        *self.handle.borrow_mut() = Some(handle);
    }

    /// Works on the handle; `None` says that there is none.
    pub(super) fn with_handle<T>(&self, work: impl FnOnce(&F) -> T) -> Option<T> {
        self.handle.borrow().as_ref().map(work)
    }

    /// Lets other tabs have a main database, and with `close` also its files.
    pub(super) fn let_go(&self, close: bool) {
        self.size.set(None);
        for companion in self.companions.borrow_mut().iter_mut() {
            companion.absent = false;
            if let Some(kept) = &companion.kept {
                kept.size.set(None);
                if close {
                    kept.close();
                }
            }
        }
        if close {
            self.close();
            self.index.close();
        }
        self.arrived.set(false);
        drop(self.guard.take());
    }

    /// Closes the handle.
    pub(super) fn close(&self) {
        self.size.set(None);
        drop(self.handle.take());
    }

    /// Keeps the journal or the log of this database open until the database is closed.
    pub(super) fn keep_companion(&self, index: usize, user: User<F, G>) {
        if self.companion(index).is_none() {
            // It may have been open since the database was another tab's.
            user.forget_size();
        }
        let kept = Companion { kept: Some(user), absent: false };
        let before = std::mem::replace(&mut self.companions.borrow_mut()[index], kept);
        drop(before);
    }

    /// The journal or log that is kept.
    pub(super) fn companion(&self, index: usize) -> Option<Rc<Node<F, G>>> {
        self.companions.borrow()[index].kept.as_ref().map(|user| Rc::clone(&user.node))
    }

    /// Gives up what is kept of the journal or the log.
    pub(super) fn drop_companion(&self, index: usize) {
        let companion = std::mem::take(&mut self.companions.borrow_mut()[index]);
        drop(companion);
    }

    /// Gives up what is kept of both.
    pub(super) fn drop_companions(&self) {
        let companions = self.companions.take();
        drop(companions);
    }

    /// Notes that the journal or log is not there, or is again.
    pub(super) fn set_absent(&self, index: usize, absent: bool) {
        self.companions.borrow_mut()[index].absent = absent;
    }

    /// Whether the journal or log is known not to be there.
    pub(super) fn is_absent(&self, index: usize) -> bool {
        self.companions.borrow()[index].absent
    }

    /// Nobody's cached copies are sure to be what is in the file.
    pub(super) fn forget_copies(&self) {
        self.fresh.borrow_mut().clear();
    }

    /// Notes a change of the file by `caller`, whose own copies it knows of.
    pub(super) fn changed_by(&self, caller: Option<CallerId>) {
        self.fresh.borrow_mut().retain(|known| Some(*known) == caller);
    }

    /// Whether the copies of `caller` may differ from the file; from here on they do not.
    pub(super) fn is_news_to(&self, caller: Option<CallerId>) -> bool {
        let mut fresh = self.fresh.borrow_mut();
        match caller {
            Some(caller) if !fresh.contains(&caller) => {
                fresh.push(caller);
                true
            }
            Some(_) => false,
            None => true,
        }
    }

    /// Forgets a caller who has gone.
    pub(super) fn forget(&self, caller: CallerId) {
        self.fresh.borrow_mut().retain(|known| *known != caller);
    }
}

impl<F: StoreFile, G> Node<F, G> {
    /// The size of the file, asked for once and followed from then on.
    pub(super) fn size(&self) -> Result<u64, VfsError> {
        if let Some(size) = self.size.get() {
            return Ok(size);
        }
        let size = self.with_handle(StoreFile::size).ok_or_else(|| self.gone())??;
        self.size.set(Some(size));
        Ok(size)
    }

    /// Notes what a write or a change of size has made of the size; an error leaves it open.
    pub(super) fn resized<T>(
        &self,
        done: Result<T, VfsError>,
        size: impl FnOnce(u64) -> u64,
    ) -> Result<T, VfsError> {
        self.size.set(match &done {
            Ok(_) => self.size.get().map(size),
            Err(_) => None,
        });
        done
    }

    /// Whether there is something in the journal or log; `None` says that the store must be asked.
    pub(super) fn has_companion(&self, index: usize) -> Result<Option<bool>, VfsError> {
        if self.is_absent(index) {
            return Ok(Some(false));
        }
        match self.companion(index).filter(|node| node.is_open()) {
            Some(node) => node.size().map(|size| Some(size > 0)),
            None => Ok(None),
        }
    }

    /// What a caller is told who is about to be given a lock; whether it has to forget its copies is not yet said.
    pub(super) fn facts(&self) -> Result<Locked, VfsError> {
        Ok(Locked {
            changed: false,
            size: self.size()?,
            journal: self.has_companion(0)?,
            wal: self.has_companion(1)?,
        })
    }

    /// Whether the header says that changes go to a write-ahead log; a file without a header says nothing.
    pub(super) fn is_in_log_mode(&self) -> Result<bool, VfsError> {
        let mut header = [0; 24];
        let read = self.with_handle(|handle| handle.read(&mut BulkOut::from_slice(&mut header), 0));
        read.ok_or_else(|| self.gone())??;
        // The last three are the same in every database. Where they are not, the header is encrypted and means nothing here; not
        // all ciphers encrypt this part of it.
        Ok(header[21..] == [64, 32, 32] && header[18..20].contains(&2))
    }

    /// Whether there is a journal that is to be rolled back. SQLite looks at its first byte too, just before it does.
    pub(super) fn has_hot_journal(&self) -> bool {
        let mut first = [0];
        let journal = self.companion(JOURNAL);
        let read = journal
            .and_then(|kept| kept.with_handle(|handle| handle.read(&mut BulkOut::from_slice(&mut first), 0)));
        matches!(read, Some(Ok(1))) && first != [0]
    }

    /// What the file says of its own changes; `None` where it does not tell of all of them.
    pub(super) fn mark(&self) -> Option<Mark> {
        let mut header = [0; 40];
        let read = self.with_handle(|handle| handle.read(&mut BulkOut::from_slice(&mut header), 0))?;
        // Versions of the format for writing and reading: 2 is a write-ahead log, with which changes do not show here.
        if read.ok()? < header.len() || header[18..20] != [1, 1] {
            return None;
        }
        let mut mark = Mark { header: [0; 16], size: self.size().ok()? };
        mark.header.copy_from_slice(&header[24..]);
        Some(mark)
    }

    fn gone(&self) -> VfsError {
        VfsError::io("use", &self.path, "its handle is not open")
    }
}
