//! What the connections of a page share about one path: the handle, the lock table, the tab lock. A node is there while a
//! file is open under its path; the last one to leave closes what is still open.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use sabrpc::CallerId;

use super::gate::Gate;
use super::locks::LockTable;
use crate::path::VfsPath;
use crate::wire::FileId;

/// The shared state of one path in use.
pub(super) struct Node<F, G> {
    pub(super) path: VfsPath,
    /// A main database is locked, and its handle lives only as long as the tab lock; the handle of any other file lives as
    /// long as the file is open.
    pub(super) main: bool,
    pub(super) gate: Gate,
    pub(super) locks: RefCell<LockTable<FileId>>,
    /// Who has the path to itself, and lets nobody else of this page have it open.
    pub(super) alone: Option<CallerId>,
    /// The last user deletes the file.
    pub(super) delete_on_close: Cell<bool>,
    // The order of these is the order of their drop: other tabs get their turn after the handle is closed, and may delete
    // the file after that.
    handle: RefCell<Option<F>>,
    guard: RefCell<Option<G>>,
    opened: RefCell<Option<G>>,
    users: Cell<u32>,
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
            handle: RefCell::new(None),
            guard: RefCell::new(None),
            opened: RefCell::new(None),
            users: Cell::new(0),
        }
    }

    /// Whether this page has the tab lock.
    pub(super) fn is_ours(&self) -> bool {
        self.guard.borrow().is_some()
    }

    /// Whether a handle is open.
    pub(super) fn is_open(&self) -> bool {
        self.handle.borrow().is_some()
    }

    /// Whether the other tabs know that this page has the database open.
    pub(super) fn is_announced(&self) -> bool {
        self.opened.borrow().is_some()
    }

    /// Keeps what says that this page has the database open, as long as the node lives.
    pub(super) fn announce(&self, opened: G) {
        *self.opened.borrow_mut() = Some(opened);
    }

    /// Takes over what was fetched for a main database.
    pub(super) fn take_over(&self, handle: F, guard: G) {
        *self.guard.borrow_mut() = Some(guard);
        *self.handle.borrow_mut() = Some(handle);
    }

    /// Takes over the handle of any other file.
    pub(super) fn keep(&self, handle: F) {
        *self.handle.borrow_mut() = Some(handle);
    }

    /// Works on the handle; `None` says that there is none.
    pub(super) fn with_handle<T>(&self, work: impl FnOnce(&F) -> T) -> Option<T> {
        self.handle.borrow().as_ref().map(work)
    }

    /// Lets other tabs have a main database that no connection of this page holds any more.
    pub(super) fn let_go_if_idle(&self) {
        if self.main && self.locks.borrow().is_idle() {
            drop(self.handle.take());
            drop(self.guard.take());
        }
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
        (caller.is_some() && node.alone == caller && !node.is_ours()).then(|| self.enter(node))
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
