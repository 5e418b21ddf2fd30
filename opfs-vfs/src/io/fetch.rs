//! Fetching: the handle of a file, and for a main database the tab lock, with all that is to be known once it is there.
//!
//! While another tab had its turn it may have changed everything: the database, its size, its journal and its log. So they
//! are asked for anew, of the file system and not of memory, also whether a journal is there which a tab that died in the
//! middle of a transaction has left.

use std::rc::Rc;
use std::time::Duration;

use super::files::Body;
use super::node::{COMPANIONS, LOG, Node};
use super::nodes::User;
use super::{IoService, refuse};
use crate::error::VfsError;
use crate::path::VfsPath;
use crate::store::Store;
use crate::tabs::{TabLock, TabLocks};
use crate::wire::{FileId, LockLevel, Locked, OpenFlags};

/// Pause between two tries to open a handle that is still held elsewhere.
pub(super) const HANDLE_PAUSE: Duration = Duration::from_millis(10);

/// A lease that has come. If it goes before it was looked around, because that failed or since its caller has gone, what other
/// tabs have changed is not known, and nothing that is here may be believed next time.
struct Arrival<'a, S: Store, L: TabLocks> {
    service: &'a IoService<S, L>,
    node: &'a Node<S::File, L::Guard>,
}

impl<S: Store, L: TabLocks> Drop for Arrival<'_, S, L> {
    fn drop(&mut self) {
        if !self.node.is_ours() {
            self.node.forget_copies();
            self.node.index.forget();
            self.service.let_go(self.node);
            self.node.lease.take_mark();
        }
    }
}

impl<S: Store, L: TabLocks> IoService<S, L> {
    /// Makes sure that the file is there and, unless another tab could be barred by it, that its handle is open.
    pub(super) async fn reach(
        &self,
        node: &User<S::File, L::Guard>,
        flags: OpenFlags,
    ) -> Result<(), VfsError> {
        let _inside = node.gate.enter().await;
        let path = &node.path;
        if node.main && !node.is_announced() {
            let lock = if node.alone.is_some() { TabLock::Alone } else { TabLock::Open };
            if lock == TabLock::Open {
                self.remove_old_index(path).await?;
            }
            node.announce(self.announce(path, lock).await?);
        }
        if flags.create && flags.exclusive && !self.make_anew(node).await? {
            return Err(VfsError::AlreadyExists { path: path.clone() });
        }
        if node.is_open() {
            return Ok(());
        }
        if !node.main || !self.store.exclusive_handles() {
            node.keep(self.open_handle(path, flags.create).await?);
        } else if flags.create && !flags.exclusive {
            self.store.create(path).await?;
        } else if !self.store.exists(path).await? {
            return Err(VfsError::NotFound { path: path.clone() });
        }
        Ok(())
    }

    /// Makes the file, if it is not there; a journal that was emptied is not.
    async fn make_anew(&self, node: &Node<S::File, L::Guard>) -> Result<bool, VfsError> {
        if node.is_open() && self.nodes.database_of(&node.path).is_some() {
            return Ok(node.size()? == 0);
        }
        self.store.create(&node.path).await
    }

    /// Opens a handle, waiting a little for one that is still held elsewhere.
    pub(super) async fn open_handle(&self, path: &VfsPath, create: bool) -> Result<S::File, VfsError> {
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

    /// Raises the lock of `id`, fetching the tab lock and the handle where this page does not have them.
    pub(super) async fn raise(&self, id: FileId, level: LockLevel) -> Result<Locked, VfsError> {
        let caller = sabrpc::current_caller();
        let file = self.file(id)?;
        let Body::Stored(node) = &file.body else {
            return Ok(Locked::default());
        };
        if !node.main {
            return Ok(Locked::default());
        }
        // What is fetched must still be here when the table gives the lock.
        let staying = node.lease.stay();
        if !node.is_ours() && level > LockLevel::None {
            // Refused before anything is fetched: only a step that the table would take is worth it.
            let answer = node.locks.borrow().check(id, level);
            answer.map_err(|refused| refuse(refused, &node.path, level))?;
            let _inside = node.gate.enter().await;
            if !node.is_ours() {
                self.fetch(node).await?;
            }
            // The caller may have gone during the wait; then nobody holds what was fetched.
            if self.files.borrow().get(id, caller).is_err() {
                drop(staying);
                self.settle(node);
                return Err(VfsError::BadFile { file: id });
            }
        }
        if level == LockLevel::Exclusive
            && (node.index.is_user(id) || self.has_log(node).await? && !self.rolls_back(node, id))
            && self.tabs.is_open_elsewhere(&node.path).await?
        {
            // Connections of other tabs that use the log hold SHARED all the time, which is not seen here. One that asks may
            // not have used it yet: SQLite does not with `locking_mode=EXCLUSIVE`.
            drop(staying);
            self.settle(node);
            return Err(VfsError::Busy { path: node.path.clone() });
        }
        node.lease.used();
        let mut facts = if level == LockLevel::Shared { node.facts()? } else { Locked::default() };
        let answer = node.locks.borrow_mut().raise(id, level);
        drop(staying);
        if let Err(refused) = answer {
            self.settle(node);
            return Err(refuse(refused, &node.path, level));
        }
        facts.changed = level == LockLevel::Shared && node.is_news_to(caller);
        Ok(facts)
    }

    /// Whether `id`, which asks for EXCLUSIVE, is about to roll back what somebody has left half done: it says so by coming
    /// straight from SHARED where there is a journal. Nobody is at work on a log then, whatever the header says: who left the
    /// journal had the database to himself, and who came later has to roll back first.
    fn rolls_back(&self, node: &Node<S::File, L::Guard>, id: FileId) -> bool {
        node.locks.borrow().level(id) == LockLevel::Shared && node.has_hot_journal()
    }

    /// Whether the database that is here has a log, by its header or since there is one.
    async fn has_log(&self, node: &Node<S::File, L::Guard>) -> Result<bool, VfsError> {
        if node.is_in_log_mode()? {
            return Ok(true);
        }
        match node.has_companion(LOG)? {
            Some(known) => Ok(known),
            None => {
                let size = self.store.size_of(&node.path.with_suffix(COMPANIONS[LOG])?).await?;
                Ok(size.is_some_and(|size| size > 0))
            }
        }
    }

    /// Gets the tab lock, then the handles. An error at a handle lets the lock go, or no tab would ever get it again.
    pub(super) async fn fetch(&self, node: &Node<S::File, L::Guard>) -> Result<(), VfsError> {
        let path = &node.path;
        let guard = self.tabs.acquire(path, TabLock::Turn, self.options.lock_wait).await?;
        let guard = guard.ok_or_else(|| VfsError::Busy { path: path.clone() })?;
        if !node.is_open() {
            node.keep(self.open_handle(path, false).await?);
        }
        node.take_over(guard);
        self.begin_lease(node);
        let _arrival = Arrival { service: self, node };
        self.look_around(node).await?;
        // From here on the lock goes by the rules of a lease, and with it the handle.
        node.has_arrived();
        self.look_after(node);
        Ok(())
    }

    /// Learns what other tabs may have changed.
    async fn look_around(&self, node: &Node<S::File, L::Guard>) -> Result<(), VfsError> {
        for (suffix, index) in COMPANIONS.iter().zip(0..) {
            let path = node.path.with_suffix(suffix)?;
            let known = match node.companion(index) {
                Some(kept) if kept.is_open() => kept.size()?,
                // The handle went with the lease, and a connection has the file open.
                Some(kept) if !kept.is_last_use() => {
                    kept.keep(self.open_handle(&path, true).await?);
                    kept.size()?
                }
                // A handle that bars nobody tells for the price of a call, so that it pays from the second time on.
                None if node.lease.times() > 1 && !self.store.exclusive_handles() => {
                    self.keep_from_now_on(node, index, path).await?
                }
                _ => self.store.size_of(&path).await?.unwrap_or(0),
            };
            node.set_absent(index, known == 0 && node.companion(index).is_none());
            if known > 0 {
                // Somebody may have died in the middle of a transaction, of which the header knows nothing.
                node.lease.take_mark();
            }
        }
        node.take_index();
        let before = node.lease.take_mark();
        if before.is_none() || before != node.mark() {
            node.forget_copies();
        }
        Ok(())
    }

    /// Opens the journal or log, which is made empty where it is missing: that counts as absent.
    async fn keep_from_now_on(
        &self,
        node: &Node<S::File, L::Guard>,
        index: usize,
        path: VfsPath,
    ) -> Result<u64, VfsError> {
        let Some(user) = self.nodes.join(path, false) else {
            return Ok(0);
        };
        let inside = user.gate.enter().await;
        if !user.is_open() {
            user.keep(self.open_handle(&user.path, true).await?);
        }
        drop(inside);
        let kept = user.again();
        node.keep_companion(index, user);
        kept.size()
    }

    /// Before the last connection of this page closes a database: removes the names of its emptied journals, where no other
    /// tab has them open.
    pub(super) async fn tidy(&self, node: &Rc<super::File<S, L>>) {
        let Body::Stored(node) = &node.body else {
            return;
        };
        if !node.main || !node.is_last_use() || !node.is_ours() {
            return;
        }
        let _staying = node.lease.stay();
        let _inside = node.gate.enter().await;
        if !node.is_last_use() || !node.is_ours() {
            return;
        }
        // Another tab may have them open, and would go on with files that have no name; not every store sees to that.
        if self.tabs.is_open_elsewhere(&node.path).await.unwrap_or(true) {
            return;
        }
        for index in 0..COMPANIONS.len() {
            let Some(kept) = node.companion(index).filter(|kept| kept.is_open() && kept.is_last_use()) else {
                continue;
            };
            if kept.size() == Ok(0) {
                let path = kept.path.clone();
                drop(kept);
                node.drop_companion(index);
                // In use, or gone: both are well.
                let _ = self.store.delete(&path).await;
            }
        }
        node.index.close();
        if let Ok(path) = node.path.with_suffix("-shm") {
            let _ = self.store.delete(&path).await;
        }
    }
}
