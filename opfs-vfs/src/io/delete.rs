//! Removing files, and being alone with a database for that.
//!
//! A journal or a log goes at once: SQLite removes those while it holds their database, and does so in nearly every
//! transaction. It is emptied rather than removed, and counts as absent then: its handle is kept, other tabs may have one
//! too, and a name in use can't be removed. The emptying is flushed before it is reported, or after a power cut the old
//! journal could come back with parts of a newer one in it. The name goes with the last connection. The journal of a
//! transaction over several databases is emptied first and then removed: that is the moment when the transaction counts, and
//! no browser says how lasting a removal is.
//!
//! Any other name is a database. It goes as a whole, with its journal and its log, and only while neither a connection of
//! this page nor another tab has it open.

use std::time::Duration;

use super::IoService;
use super::fetch::HANDLE_PAUSE;
use super::node::COMPANIONS;
use crate::error::VfsError;
use crate::path::VfsPath;
use crate::store::{Store, StoreFile};
use crate::tabs::{TabLock, TabLocks};

/// Whether the name is one that SQLite gives to a file beside a database.
pub(super) fn is_companion(path: &VfsPath) -> bool {
    let name = path.file_name();
    // The journal of a transaction over several databases is called `-mj` and hexadecimal digits.
    let digits = name.rsplit_once("-mj").map(|(_, digits)| digits);
    COMPANIONS.iter().any(|suffix| name.ends_with(suffix))
        || digits
            .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

impl<S: Store, L: TabLocks> IoService<S, L> {
    /// Takes the lock that tells other tabs who has a database open.
    pub(super) async fn announce(&self, path: &VfsPath, lock: TabLock) -> Result<L::Guard, VfsError> {
        // Also who wants to be alone waits for a moment: a lock that another tab has just let go, or that of a page which has
        // just died, is there a little longer.
        let got = self.tabs.acquire(path, lock, self.options.lock_wait).await?;
        got.ok_or_else(|| VfsError::InUse { path: path.clone() })
    }

    /// Removes a journal or a log, or a database as a whole.
    pub(super) async fn remove(&self, path: &VfsPath) -> Result<(), VfsError> {
        if let Some(emptied) = self.empty(path) {
            return emptied;
        }
        let in_use = || VfsError::InUse { path: path.clone() };
        let main = !is_companion(path);
        // Whoever opens the path from now on waits at its gate.
        let own = self.nodes.rejoin(path, sabrpc::current_caller());
        let node = own.or_else(|| self.nodes.claim(path, main, None)).ok_or_else(in_use)?;
        let _inside = node.gate.enter().await;
        if !main {
            let handle = self.open_handle(path, false).await?;
            handle.truncate(0)?;
            handle.sync()?;
            drop(handle);
            return self.unlink(path).await;
        }
        // Whoever is alone with a database may have it open itself.
        node.drop_companions();
        node.let_go(true);
        let _alone = match node.is_announced() {
            true => None,
            false => Some(self.announce(path, TabLock::Alone).await?),
        };
        let turn = self.tabs.acquire(path, TabLock::Turn, self.options.lock_wait).await?;
        let _turn = turn.ok_or_else(|| VfsError::Busy { path: path.clone() })?;
        // The database goes first: should this page die in between, SQLite drops a journal that has no database, while a
        // database without its hot journal would be corrupt.
        self.unlink(path).await?;
        for suffix in [COMPANIONS[0], COMPANIONS[1], "-shm"] {
            let Ok(companion) = path.with_suffix(suffix) else {
                continue;
            };
            match self.unlink(&companion).await {
                Ok(()) | Err(VfsError::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Empties the journal or log of a database that this page has and keeps its handle; `None` says that it is no such file.
    fn empty(&self, path: &VfsPath) -> Option<Result<(), VfsError>> {
        let (database, index) = self.nodes.database_of(path)?;
        let kept = database.companion(index).filter(|_| database.is_ours())?;
        let emptied = kept.with_handle(|handle| {
            handle.truncate(0)?;
            handle.sync()
        })?;
        Some(kept.resized(emptied, |_| 0))
    }

    /// Asks the store to remove a file, waiting a little for a handle that is still held elsewhere.
    pub(super) async fn unlink(&self, path: &VfsPath) -> Result<(), VfsError> {
        let mut waited = Duration::ZERO;
        loop {
            match self.store.delete(path).await {
                Err(VfsError::InUse { .. }) if waited < self.options.handle_wait => {
                    sabrpc::sleep(HANDLE_PAUSE).await;
                    waited += HANDLE_PAUSE;
                }
                answer => return answer,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn journals_and_logs_are_told_by_their_names() {
        for (name, companion) in [
            ("a.db-journal", true),
            ("a.db-wal", true),
            ("a.db-mj0123ABCDEF", true),
            ("a.db", false),
            ("a-mj", false),
            ("a-mjolnir", false),
            ("a-journal.db", false),
        ] {
            assert_eq!(is_companion(&VfsPath::parse(name).unwrap()), companion, "{name}");
        }
    }
}
