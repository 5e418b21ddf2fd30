//! The I/O worker's side of the file service, over any store and any tab locks. Owns who has which file open and who holds
//! which lock; everything else is asked of the store.
//!
//! A main database is one page's at a time. The first connection that takes SHARED fetches the tab lock; from then on the page
//! keeps it as a lease, until another tab asks for it while no connection here holds a lock (`lease.rs`). Between the
//! connections of the page SQLite's five states hold (`locks.rs`). Journals and logs have no lock of their own: their
//! database's lock protects them. Handles are opened once and kept as long as a database is open, or, where a handle bars
//! other tabs, as long as the lease (`fetch.rs`).
//!
//! Beside that a page tells the others of each database that it has open at all, by a lock that is shared: who deletes or
//! replaces a database must be alone with it, or a connection that is only idle would go on with pages of a file that is
//! no more (`delete.rs`).

mod delete;
mod fetch;
mod files;
mod gate;
pub(crate) mod index_locks;
mod lease;
mod loan;
mod locks;
mod node;
mod nodes;
mod ops;
pub mod serve;
pub(crate) mod wal;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use sabrpc::{CallerId, OpMetrics};

use crate::error::VfsError;
use crate::path::VfsPath;
use crate::store::Store;
use crate::tabs::TabLocks;
use crate::wire::{FileId, FileKind, Keep, LockLevel, OpenFlags, Opened};
use files::{Body, FileTable, OpenFile};
use lease::Bell;
use locks::Refused;
use nodes::Nodes;

/// How the I/O worker deals with other tabs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct IoOptions {
    /// Longest wait in line for another tab's lock before SQLite hears BUSY; its busy handler then decides.
    pub lock_wait: Duration,
    /// Longest wait for a handle that another page is about to close: browsers close those of a page that has just died
    /// a little late.
    pub handle_wait: Duration,
    /// Keep what was locked after it was unlocked, until another tab asks for it.
    pub keep: bool,
    /// How long a tab that is at work keeps a database which another tab waits for. Shorter is fairer, longer is faster: handing
    /// over takes some milliseconds, and more where handles are exclusive (Firefox) and have to be closed and opened.
    pub quantum: Duration,
}

impl Default for IoOptions {
    fn default() -> Self {
        Self {
            lock_wait: Duration::from_millis(300),
            handle_wait: Duration::from_secs(1),
            keep: true,
            quantum: Duration::from_millis(20),
        }
    }
}

type ReadMetrics = Box<dyn Fn() -> Vec<OpMetrics>>;

type Notes = Box<dyn Fn(CallerId, u32) -> Option<loan::Exchange>>;

type File<S, L> = OpenFile<<S as Store>::File, <L as TabLocks>::Guard>;

/// Serves [`Opfs`](crate::service::Opfs) over a store and tab locks.
pub struct IoService<S: Store, L: TabLocks> {
    store: S,
    tabs: L,
    options: IoOptions,
    files: RefCell<FileTable<S::File, L::Guard>>,
    nodes: Nodes<S::File, L::Guard>,
    /// Opens under way, by ticket, so that one whose caller has gone leaves nothing behind.
    opening: RefCell<HashMap<u64, CallerId>>,
    next_ticket: Cell<u64>,
    /// Wakes the task that hands leases over.
    bell: Bell,
    /// Which leases are kept for now.
    keep: Cell<Keep>,
    /// The server has gone.
    left: Cell<bool>,
    /// How often a lease was let go.
    handed_over: Cell<u64>,
    on_shutdown: RefCell<Option<Box<dyn FnOnce()>>>,
    read_metrics: RefCell<Option<ReadMetrics>>,
    notes: RefCell<Option<Notes>>,
    /// How many loans there were.
    loans: Cell<i32>,
}

impl<S: Store, L: TabLocks> IoService<S, L> {
    /// A service with nothing open.
    pub fn new(store: S, tabs: L, options: IoOptions) -> Self {
        Self {
            store,
            tabs,
            options,
            files: RefCell::default(),
            nodes: Nodes::default(),
            opening: RefCell::default(),
            next_ticket: Cell::new(0),
            bell: Bell::default(),
            keep: Cell::new(Keep::All),
            left: Cell::new(false),
            handed_over: Cell::new(0),
            on_shutdown: RefCell::new(None),
            read_metrics: RefCell::new(None),
            notes: RefCell::new(None),
            loans: Cell::new(0),
        }
    }

    /// What the `shutdown` operation does, once.
    pub fn on_shutdown(&self, stop: impl FnOnce() + 'static) {
        *self.on_shutdown.borrow_mut() = Some(Box::new(stop));
    }

    /// Where the `metrics` operation looks.
    pub fn on_metrics(&self, read: impl Fn() -> Vec<OpMetrics> + 'static) {
        *self.read_metrics.borrow_mut() = Some(Box::new(read));
    }

    /// Where the words are that a caller shares with this service; without them nothing is lent.
    pub fn on_notes(&self, find: impl Fn(CallerId, u32) -> Option<Box<dyn Fn(i32, i32) -> i32>> + 'static) {
        *self.notes.borrow_mut() = Some(Box::new(find));
    }

    /// Gives back all that a caller held who has gone: its locks, its files, its place in line.
    pub fn disconnect(&self, caller: CallerId) {
        self.opening.borrow_mut().retain(|_, owner| *owner != caller);
        let owned = self.files.borrow().owned_by(Some(caller));
        for id in owned {
            // A number from the table is open. A file to be deleted at its close stays: by the time that is done, its name
            // may be somebody else's.
            let _ = self.close_now(id, Some(caller));
        }
        for node in self.nodes.databases() {
            node.forget(caller);
        }
    }

    fn file(&self, id: FileId) -> Result<Rc<File<S, L>>, VfsError> {
        self.files.borrow().get(id, sabrpc::current_caller()).cloned()
    }

    /// Closes a file; gives the path that its last user is to delete.
    fn close_now(&self, id: FileId, caller: Option<CallerId>) -> Result<Option<VfsPath>, VfsError> {
        let file = self.files.borrow_mut().remove(id, caller)?;
        let Body::Stored(node) = &file.body else {
            return Ok(None);
        };
        // Lowering to NONE has no step that could be refused.
        let _ = node.locks.borrow_mut().lower(id, LockLevel::None);
        node.index.leave(id);
        if self.store.exclusive_handles()
            && node.is_kept_for_one()
            && let Some((database, index)) = self.nodes.database_of(&node.path)
            && !database.is_ours()
            && database.companion(index).is_some()
        {
            // Several looked into it at once, so that none could end its being kept: the handle would bar the tab whose turn it is.
            node.close();
        }
        self.settle(node);
        Ok(node.delete_on_close.get().then(|| node.path.clone()))
    }

    async fn open_temporary(&self, flags: OpenFlags) -> Result<Opened, VfsError> {
        let file = OpenFile {
            owner: sabrpc::current_caller(),
            write: flags.write,
            body: Body::Temporary(RefCell::default()),
        };
        let file = self.files.borrow_mut().insert(file)?;
        Ok(Opened { file, read_only: !flags.write })
    }

    async fn open_stored(&self, path: VfsPath, flags: OpenFlags) -> Result<Opened, VfsError> {
        let owner = sabrpc::current_caller();
        let ticket = self.next_ticket.replace(self.next_ticket.get() + 1);
        if let Some(owner) = owner {
            self.opening.borrow_mut().insert(ticket, owner);
        }
        let main = flags.kind == FileKind::MainDb;
        let joined = match owner {
            Some(_) if main && flags.alone => self.nodes.claim(&path, main, owner),
            _ => self.nodes.join(path.clone(), main),
        };
        let reached = match joined {
            Some(node) => self.reach(&node, flags).await.map(|()| node),
            None => Err(VfsError::InUse { path }),
        };
        let there = owner.is_none() || self.opening.borrow_mut().remove(&ticket).is_some();
        let node = reached?;
        if !there {
            // The caller has gone meanwhile; nobody would ever close the file.
            return Err(VfsError::BadFile { file: FileId(u32::MAX) });
        }
        match self.nodes.database_of(&node.path) {
            Some((database, index)) if database.is_ours() => database.keep_companion(index, node.again()),
            // SQLite looks into the journals of databases that it has not locked when it finds the one of several: such a handle
            // may bar the tab whose turn it is, which may also write there.
            Some((database, index)) => {
                node.forget_size();
                if self.store.exclusive_handles() && node.is_kept_for_one() {
                    database.drop_companion(index);
                }
            }
            None => {}
        }
        if flags.delete_on_close {
            node.delete_on_close.set(true);
        }
        let file = OpenFile { owner, write: flags.write, body: Body::Stored(node) };
        let file = self.files.borrow_mut().insert(file)?;
        Ok(Opened { file, read_only: !flags.write })
    }
}

fn refuse(refused: Refused, path: &VfsPath, level: LockLevel) -> VfsError {
    match refused {
        Refused::Busy => VfsError::Busy { path: path.clone() },
        Refused::Order { from } => VfsError::LockOrder { from, to: level },
    }
}
