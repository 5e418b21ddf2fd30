//! The nodes of a page by path, and who uses them: a node is there as long as it has a user.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use sabrpc::CallerId;

use super::node::{COMPANIONS, Node};
use crate::path::VfsPath;

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
    pub(super) node: Rc<Node<F, G>>,
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
