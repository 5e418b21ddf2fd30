//! What the connections of a page share about one path: the handle, the lock table, the tab lock. A node is there while a
//! file is open under its path; the last one to leave closes what is still open.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use sabrpc::{BulkOut, CallerId};

use super::gate::Gate;
use super::lease::{Lease, Mark};
use super::locks::LockTable;
use super::wal::Index;
use crate::path::VfsPath;
use crate::store::StoreFile;
use crate::wire::{FileId, LockLevel};
use crate::{Locked, VfsError};

/// What lies beside a database under its name, and is kept with it.
pub(super) const COMPANIONS: [&str; 2] = ["-journal", "-wal"];

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
    opened: RefCell<Option<G>>,
    users: Cell<u32>,
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
    fn new(path: VfsPath, main: bool, alone: Option<CallerId>) -> Self {
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
            opened: RefCell::new(None),
            users: Cell::new(0),
            size: Cell::new(None),
        }
    }

    /// Whether this page has the tab lock.
    pub(super) fn is_ours(&self) -> bool {
        self.guard.borrow().is_some()
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

    /// Keeps what says that this page has the database open, as long as the node lives.
    pub(super) fn announce(&self, opened: G) {
        *self.opened.borrow_mut() = Some(opened);
    }

    /// Takes over the tab lock of a main database; nothing is known of the file yet.
    pub(super) fn take_over(&self, guard: G) {
        self.size.set(None);
        *self.guard.borrow_mut() = Some(guard);
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
        drop(self.guard.take());
    }

    /// Closes the handle.
    pub(super) fn close(&self) {
        self.size.set(None);
        drop(self.handle.take());
    }

    /// Keeps the journal or the log of this database open until the database is closed.
    pub(super) fn keep_companion(&self, index: usize, user: User<F, G>) {
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
        let mut versions = [0; 2];
        let read = self.with_handle(|handle| handle.read(&mut BulkOut::from_slice(&mut versions), 18));
        read.ok_or_else(|| self.gone())??;
        Ok(versions.contains(&2))
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

type Map<F, G> = Rc<RefCell<HashMap<VfsPath, Rc<Node<F, G>>>>>;

/// The nodes of a page by path.
pub(super) struct Nodes<F, G> {
    by_path: Map<F, G>,
}

impl<F, G> Default for Nodes<F, G> {
    fn default() -> Self {
        Self { by_path: Rc::default() }
    }
}

impl<F, G> Nodes<F, G> {
    /// Joins the users of `path`; `None` says that it is open as another kind of file, or that somebody has it to itself.
    pub(super) fn join(&self, path: VfsPath, main: bool) -> Option<User<F, G>> {
        let mut nodes = self.by_path.borrow_mut();
        let node = nodes.entry(path).or_insert_with_key(|path| Rc::new(Node::new(path.clone(), main, None)));
        (node.main == main && node.alone.is_none()).then(|| self.enter(node))
    }

    /// Becomes the first user of `path`, and with a caller in `alone` the only one as long as it stays. `None` says that
    /// there are users already.
    pub(super) fn claim(&self, path: &VfsPath, main: bool, alone: Option<CallerId>) -> Option<User<F, G>> {
        let mut nodes = self.by_path.borrow_mut();
        if nodes.contains_key(path) {
            return None;
        }
        let node = nodes.entry(path.clone()).or_insert(Rc::new(Node::new(path.clone(), main, alone)));
        Some(self.enter(node))
    }

    /// Joins `caller` itself, which has `path` to itself and holds no lock on it now.
    pub(super) fn rejoin(&self, path: &VfsPath, caller: Option<CallerId>) -> Option<User<F, G>> {
        let nodes = self.by_path.borrow();
        let node = nodes.get(path)?;
        let free = node.locks.borrow().is_idle();
        (caller.is_some() && node.alone == caller && free).then(|| self.enter(node))
    }

    /// The database whose journal or log `path` is, with which of them, where it is in use.
    pub(super) fn database_of(&self, path: &VfsPath) -> Option<(Rc<Node<F, G>>, usize)> {
        let nodes = self.by_path.borrow();
        COMPANIONS.iter().zip(0..).find_map(|(suffix, index)| {
            let database = VfsPath::parse(path.as_str().strip_suffix(suffix)?).ok()?;
            let node = nodes.get(&database).filter(|node| node.main)?;
            Some((Rc::clone(node), index))
        })
    }

    /// All that are main databases.
    pub(super) fn databases(&self) -> Vec<Rc<Node<F, G>>> {
        self.by_path.borrow().values().filter(|node| node.main).cloned().collect()
    }

    fn enter(&self, node: &Rc<Node<F, G>>) -> User<F, G> {
        node.users.set(node.users.get() + 1);
        User { node: Rc::clone(node), nodes: Rc::clone(&self.by_path) }
    }

    /// Whether a file is open under `path`.
    pub(super) fn is_used(&self, path: &VfsPath) -> bool {
        self.by_path.borrow().contains_key(path)
    }
}

/// One user of a node; dropping it leaves.
pub(super) struct User<F, G> {
    node: Rc<Node<F, G>>,
    nodes: Map<F, G>,
}

impl<F, G> User<F, G> {
    /// Another user of the same node.
    pub(super) fn again(&self) -> Self {
        self.node.users.set(self.node.users.get() + 1);
        Self { node: Rc::clone(&self.node), nodes: Rc::clone(&self.nodes) }
    }
}

impl<F, G> std::ops::Deref for User<F, G> {
    type Target = Node<F, G>;

    fn deref(&self) -> &Node<F, G> {
        &self.node
    }
}

impl<F, G> Drop for User<F, G> {
    fn drop(&mut self) {
        let users = self.node.users.get().saturating_sub(1);
        self.node.users.set(users);
        if users == 0 {
            // The map's own reference goes first, so that the node and its handle go with this one.
            let node = self.nodes.borrow_mut().remove(&self.node.path);
            drop(node);
        }
    }
}
