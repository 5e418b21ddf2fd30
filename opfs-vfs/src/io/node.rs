//! What the connections of a page share about one path: the handle, the lock table, the tab lock. A node is there while a
//! file is open under its path; the last one to leave closes what is still open.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

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
    // The order of these two is the order of their drop: other tabs get their turn after the handle is closed.
    handle: RefCell<Option<F>>,
    guard: RefCell<Option<G>>,
    users: Cell<u32>,
}

impl<F, G> Node<F, G> {
    fn new(path: VfsPath, main: bool) -> Self {
        Self {
            path,
            main,
            gate: Gate::default(),
            locks: RefCell::default(),
            handle: RefCell::new(None),
            guard: RefCell::new(None),
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
    /// Joins the users of `path`; `None` says that it is open as another kind of file.
    pub(super) fn join(&self, path: VfsPath, main: bool) -> Option<User<F, G>> {
        let mut nodes = self.by_path.borrow_mut();
        let node = nodes.entry(path).or_insert_with_key(|path| Rc::new(Node::new(path.clone(), main)));
        if node.main != main {
            return None;
        }
        node.users.set(node.users.get() + 1);
        Some(User { node: Rc::clone(node), nodes: Rc::clone(&self.by_path) })
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
