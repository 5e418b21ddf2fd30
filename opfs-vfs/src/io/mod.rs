//! The I/O worker's side of the file service, over any store and any tab locks. Owns who has which file open and who holds
//! which lock; everything else is asked of the store.
//!
//! A main database is one page's at a time: the first connection that takes SHARED fetches the tab lock and opens the
//! handle, the last one that goes back to NONE closes the handle and lets the tab lock go. Between the connections of the
//! page SQLite's five states hold (`locks.rs`). Journals and logs have no lock of their own: their database's lock
//! protects them, and their handles live from open to close.
//!
//! Beside that a page tells the others of each database that it has open at all, by a lock that is shared: who deletes or
//! replaces a database must be alone with it, or a connection that is only idle would go on with pages of a file that is
//! no more (`delete.rs`).

mod delete;
mod files;
mod gate;
mod locks;
mod node;
mod ops;
pub mod serve;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use sabrpc::{CallerId, OpMetrics};

use crate::error::VfsError;
use crate::path::VfsPath;
use crate::store::Store;
use crate::tabs::{TabLock, TabLocks};
use crate::wire::{FileId, FileKind, LockLevel, OpenFlags, Opened};
use files::{Body, FileTable, OpenFile};
use locks::Refused;
use node::{Nodes, User};

/// How long the I/O worker waits for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct IoOptions {
    /// Longest wait in line for another tab's lock before SQLite hears BUSY; its busy handler then decides.
    pub lock_wait: Duration,
    /// Longest wait for a handle that another page is about to close: browsers close those of a page that has just died
    /// a little late.
    pub handle_wait: Duration,
}

impl Default for IoOptions {
    fn default() -> Self {
        Self { lock_wait: Duration::from_millis(300), handle_wait: Duration::from_secs(1) }
    }
}

/// Pause between two tries to open a handle that is still held elsewhere.
const HANDLE_PAUSE: Duration = Duration::from_millis(10);

type ReadMetrics = Box<dyn Fn() -> Vec<OpMetrics>>;

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
    on_shutdown: RefCell<Option<Box<dyn FnOnce()>>>,
    read_metrics: RefCell<Option<ReadMetrics>>,
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
            on_shutdown: RefCell::new(None),
            read_metrics: RefCell::new(None),
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

    /// Gives back all that a caller held who has gone: its locks, its files, its place in line.
    pub fn disconnect(&self, caller: CallerId) {
        self.opening.borrow_mut().retain(|_, owner| *owner != caller);
        let owned = self.files.borrow().owned_by(Some(caller));
        for id in owned {
            // A number from the table is open. A file to be deleted at its close stays: by the time that is done, its name
            // may be somebody else's.
            let _ = self.close_now(id, Some(caller));
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
        node.let_go_if_idle();
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
        if flags.delete_on_close {
            node.delete_on_close.set(true);
        }
        let file = OpenFile { owner, write: flags.write, body: Body::Stored(node) };
        let file = self.files.borrow_mut().insert(file)?;
        Ok(Opened { file, read_only: !flags.write })
    }

    /// Makes sure that the file is there and, unless it is a main database, that its handle is open.
    async fn reach(&self, node: &User<S::File, L::Guard>, flags: OpenFlags) -> Result<(), VfsError> {
        let _inside = node.gate.enter().await;
        let path = &node.path;
        if node.main && !node.is_announced() {
            let lock = if node.alone.is_some() { TabLock::Alone } else { TabLock::Open };
            node.announce(self.announce(path, lock).await?);
        }
        if flags.create && flags.exclusive && !self.store.create(path).await? {
            return Err(VfsError::AlreadyExists { path: path.clone() });
        }
        if node.main {
            if flags.create && !flags.exclusive {
                self.store.create(path).await?;
            } else if !self.store.exists(path).await? {
                return Err(VfsError::NotFound { path: path.clone() });
            }
        } else if !node.is_open() {
            node.keep(self.open_handle(path, flags.create).await?);
        }
        Ok(())
    }

    /// Opens a handle, waiting a little for one that is still held elsewhere.
    async fn open_handle(&self, path: &VfsPath, create: bool) -> Result<S::File, VfsError> {
        let mut waited = Duration::ZERO;
        loop {
            match self.store.open(path, create).await {
                Err(VfsError::InUse { .. }) if waited < self.options.handle_wait => {
                    sabrpc::sleep(HANDLE_PAUSE).await;
                    waited += HANDLE_PAUSE;
                }
                answer => return answer,
            }
        }
    }

    /// Raises the lock of `id`, fetching the tab lock and the handle for the first connection of this page.
    async fn raise(&self, id: FileId, level: LockLevel) -> Result<(), VfsError> {
        let caller = sabrpc::current_caller();
        let file = self.file(id)?;
        let Body::Stored(node) = &file.body else {
            return Ok(());
        };
        if !node.main {
            return Ok(());
        }
        if !node.is_ours() && level > LockLevel::None {
            // Refused before anything is fetched: only a step that the table would take is worth it.
            let answer = node.locks.borrow().check(id, level);
            answer.map_err(|refused| refuse(refused, &node.path, level))?;
            let _inside = node.gate.enter().await;
            if !node.is_ours() {
                let (handle, guard) = self.fetch(&node.path).await?;
                node.take_over(handle, guard);
            }
            // The caller may have gone during the wait; then nobody holds what was fetched.
            if self.files.borrow().get(id, caller).is_err() {
                node.let_go_if_idle();
                return Err(VfsError::BadFile { file: id });
            }
        }
        let answer = node.locks.borrow_mut().raise(id, level);
        node.let_go_if_idle();
        answer.map_err(|refused| refuse(refused, &node.path, level))
    }

    /// Gets the tab lock, then the handle. An error at the handle lets the lock go, or no tab would ever get it again.
    async fn fetch(&self, path: &VfsPath) -> Result<(S::File, L::Guard), VfsError> {
        let guard = self.tabs.acquire(path, TabLock::Turn, self.options.lock_wait).await?;
        let guard = guard.ok_or_else(|| VfsError::Busy { path: path.clone() })?;
        let handle = self.open_handle(path, false).await?;
        Ok((handle, guard))
    }
}

fn refuse(refused: Refused, path: &VfsPath, level: LockLevel) -> VfsError {
    match refused {
        Refused::Busy => VfsError::Busy { path: path.clone() },
        Refused::Order { from } => VfsError::LockOrder { from, to: level },
    }
}
