//! Write-ahead logs: the locks of SQLite's wal-index between the connections of a page, and the index itself between its
//! threads and between tabs.
//!
//! Threads that share no memory keep copies of the index. Whoever takes the first of its locks is told whether its copy is
//! old; whoever has changed it hands it in before the last of its locks goes. Connections of one thread share its copy and
//! have SQLite's locks exactly; those of different threads take turns.
//!
//! Between tabs the index goes with the lease, through a file that ends in `-shm`. It must fit the log (its salts, the
//! checksum of the last frame, no frame behind that) and be there as a whole, or it counts as empty, and SQLite makes it anew
//! out of the log. So it may be lost, old or cut off by a tab that died. After a power cut it proves nothing, since neither the
//! log nor what was copied back need be on the disk: so who opens a database that no other tab has open removes the file.

use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::time::Duration;

use sabrpc::{BulkIn, BulkOut, CallerId};

use super::IoService;
use super::files::Body;
use super::index_locks::{CHECKPOINT, IndexLocks, LOCKS};
use super::loan::{Loan, Recalled};
use super::node::{LOG, Node};
use crate::error::VfsError;
use crate::path::VfsPath;
use crate::platform;
use crate::store::{Store, StoreFile};
use crate::tabs::{TabLock, TabLocks};
use crate::wire::{FileId, IndexLocked};

/// Bytes of one region of the index; SQLite maps no other size.
pub(crate) const REGION: usize = 32 << 10;

/// Regions that an index can have: more would be a log of half a terabyte.
const MOST_REGIONS: u32 = 1 << 15;

/// Bytes of a log's header, and of a frame's.
const LOG_HEADER: u64 = 32;
const FRAME_HEADER: u64 = 24;

/// The index of one database, in the I/O worker.
pub(super) struct Index<F> {
    pub(super) locks: RefCell<IndexLocks>,
    /// Connections that use the log, and whose they are: their SHARED does not keep the lease here.
    pub(super) users: RefCell<Vec<(FileId, Option<CallerId>)>>,
    /// Who has its locks to himself.
    pub(super) loan: RefCell<Option<Loan>>,
    pub(super) regions: RefCell<Vec<Vec<u8>>>,
    /// Whose copy is what is in `regions`.
    fresh: Cell<Option<CallerId>>,
    /// With the newest lock a thread was told that its copy is old.
    told: Cell<bool>,
    /// Where it lies while other tabs have their turn.
    file: RefCell<Option<F>>,
}

impl<F> Default for Index<F> {
    fn default() -> Self {
        Self {
            locks: RefCell::default(),
            users: RefCell::default(),
            loan: RefCell::default(),
            regions: RefCell::default(),
            fresh: Cell::new(None),
            told: Cell::new(false),
            file: RefCell::new(None),
        }
    }
}

impl<F> Index<F> {
    /// Whether no connection is in a transaction on the log. Of one who has the locks to himself that is not known.
    pub(super) fn is_idle(&self) -> bool {
        self.locks.borrow().is_idle() && self.loan.borrow().is_none()
    }

    /// Whether that connection uses the log.
    pub(super) fn is_user(&self, file: FileId) -> bool {
        self.users.borrow().iter().any(|(user, _)| *user == file)
    }

    /// That connection uses the log.
    pub(super) fn add_user(&self, file: FileId, caller: Option<CallerId>) {
        if !self.is_user(file) {
            self.users.borrow_mut().push((file, caller));
        }
    }

    /// Whether that connection may copy the log back.
    pub(super) fn may_copy_back(&self, file: FileId, owner: Option<CallerId>) -> bool {
        self.locks.borrow().holds(file, CHECKPOINT) || self.is_lent_to(owner)
    }

    /// Closes the file.
    pub(super) fn close(&self) {
        drop(self.file.take());
    }

    /// Whether nobody holds a lock because a transaction is about to begin.
    pub(super) fn is_beginning(&self) -> bool {
        self.locks.borrow().is_beginning()
    }

    /// A connection is gone. One that was changing the index has left it half changed.
    pub(super) fn leave(&self, file: FileId) {
        self.users.borrow_mut().retain(|(user, _)| *user != file);
        let borrower = self.loan.borrow().as_ref().map(|loan| loan.caller);
        if borrower.is_some() && !self.users.borrow().iter().any(|(_, user)| *user == borrower) {
            self.end_loan(false);
        }
        // What is lent is still noted with whom it was lent to; it is the thread that knows who changes what.
        if self.locks.borrow_mut().leave(file) && self.loan.borrow().is_none() {
            self.forget();
        }
    }

    /// SQLite makes the index anew out of the log.
    pub(super) fn forget(&self) {
        self.regions.borrow_mut().clear();
        self.fresh.set(None);
    }
}

/// A number in the byte order of this machine, as SQLite keeps them in an index.
fn word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|word| word.try_into().ok()).map_or(0, u32::from_ne_bytes)
}

/// Frames that are listed in one region; the first one begins with the header.
const LISTED: u64 = 4096;
const HEADER: u64 = 136;

/// How many regions an index with this one at its beginning has.
fn regions_of(first: &[u8]) -> u64 {
    (u64::from(word(first, 16)) + HEADER / 4).div_ceil(LISTED)
}

/// Whether an index, by its first bytes, is one of this log: 48 bytes of header, of which SQLite itself checks the copy and the
/// checksum.
fn fits<F: StoreFile>(index: &[u8], log: &Node<F, impl Sized>) -> bool {
    let read = |at: u64, room: &mut [u8]| {
        log.with_handle(|handle| handle.read(&mut BulkOut::from_slice(room), at)) == Some(Ok(room.len()))
    };
    let (frames, salts) = (u64::from(word(index, 16)), index.get(32..40));
    let Some(size) = log.size().ok().filter(|_| frames > 0) else {
        // A log without frames looks like any other one, also like one that was filled and emptied meanwhile.
        return false;
    };
    let page = match index.get(14..16).and_then(|page| page.try_into().ok()).map_or(0, u16::from_ne_bytes) {
        1 => 65_536,
        page => u64::from(page),
    };
    let at = |frame: u64| LOG_HEADER + (frame - 1) * (FRAME_HEADER + page);
    let (mut header, mut last, mut next) = ([0; 32], [0; 24], [0; 24]);
    let sums = [word(index, 24).to_be_bytes(), word(index, 28).to_be_bytes()].concat();
    read(0, &mut header)
        && header.get(16..24) == salts
        && size >= at(frames + 1)
        && read(at(frames), &mut last)
        && last.get(8..16) == salts
        && last.get(16..24) == Some(&sums[..])
        && (!read(at(frames + 1), &mut next) || next.get(8..16) != salts)
}

/// Version of the index's layout, and what stands for a reader's mark that is not used.
const VERSION: u32 = 3_007_000;
const UNUSED: u32 = u32::MAX;

/// The index of an empty log, as SQLite makes it, but for the count of changes: that is one that no connection has seen, so
/// that all of them forget what they have cached. Two empty logs would be the same to them.
fn index_of_nothing() -> Vec<u8> {
    let mut change = [0; 4];
    platform::random(&mut change);
    // Version, nothing, changes; then the bytes "initialised", byte order of checksums, and a page size yet unknown.
    let mut words =
        [VERSION, 0, u32::from_ne_bytes(change), u32::from_ne_bytes([1, 0, 0, 0]), 0, 0, 0, 0, 0, 0, 0, 0];
    let (mut a, mut b) = (0_u32, 0_u32);
    for pair in words[..10].chunks_exact(2) {
        a = a.wrapping_add(pair[0]).wrapping_add(b);
        b = b.wrapping_add(pair[1]).wrapping_add(a);
    }
    (words[10], words[11]) = (a, b);
    // Twice, then how much was copied back, and the marks of the readers.
    let marks = [0, 0, 0, UNUSED, UNUSED, UNUSED];
    let mut region: Vec<u8> =
        words.iter().chain(&words).chain(&marks).flat_map(|word| word.to_ne_bytes()).collect();
    region.resize(REGION, 0);
    region
}

impl<F: StoreFile, G> Node<F, G> {
    /// The lease goes: leaves the index for the next tab.
    pub(super) fn leave_index(&self) {
        let regions = self.index.regions.borrow();
        let file = self.index.file.borrow();
        let Some(file) = file.as_ref().filter(|_| !regions.is_empty()) else {
            return;
        };
        let all = regions.concat();
        // What cannot be left is made anew by the next tab.
        let left = file.truncate(0).and_then(|()| file.write(&BulkIn::from_slice(&all), 0));
        if left.is_err() {
            let _ = file.truncate(0);
        }
    }

    /// The lease has come: takes the index that the last tab has left, if it fits the log.
    pub(super) fn take_index(&self) {
        let mut regions = self.index.regions.borrow_mut();
        let log = self.companion(LOG).filter(|log| log.is_open());
        let fits = |first: &[u8]| log.as_ref().is_some_and(|log| fits(first, log));
        if let Some(file) = self.index.file.borrow().as_ref() {
            regions.clear();
            self.index.fresh.set(None);
            let region = |number: u64| {
                let mut bytes = vec![0; REGION];
                let read = file.read(&mut BulkOut::from_slice(&mut bytes), number * REGION as u64);
                (read == Ok(REGION)).then_some(bytes)
            };
            if let Some(first) = region(0).filter(|first| fits(first)) {
                // No more than the log has frames for.
                let count = regions_of(&first);
                regions.push(first);
                regions.extend((1..count).map_while(region));
            }
        }
        let whole = |first: &Vec<u8>| regions.len() as u64 >= regions_of(first) && fits(first);
        if !regions.first().is_some_and(whole) {
            regions.clear();
            self.index.fresh.set(None);
            if log.is_some_and(|log| log.size() == Ok(0)) {
                regions.push(index_of_nothing());
            }
        }
    }
}

impl<S: Store, L: TabLocks> IoService<S, L> {
    /// Before a database is opened here: removes the index that is left from a time since which every tab has gone. While
    /// another tab has it open the index is one that was left since.
    pub(super) async fn remove_old_index(&self, path: &VfsPath) -> Result<(), VfsError> {
        let Ok(index) = path.with_suffix("-shm") else {
            return Ok(());
        };
        if self.store.exclusive_handles() || self.store.size_of(&index).await?.unwrap_or(0) == 0 {
            return Ok(());
        }
        let Some(_alone) = self.tabs.acquire(path, TabLock::Alone, Duration::ZERO).await? else {
            return Ok(());
        };
        match self.unlink(&index).await {
            Err(VfsError::NotFound { .. }) => Ok(()),
            removed => removed,
        }
    }

    /// Takes locks of the index.
    pub(super) async fn lock_index(
        &self,
        id: FileId,
        locks: Range<u32>,
        exclusive: bool,
        borrows: bool,
    ) -> Result<IndexLocked, VfsError> {
        let caller = sabrpc::current_caller();
        let file = self.file(id)?;
        let Body::Stored(node) = &file.body else {
            return Err(VfsError::BadFile { file: id });
        };
        if locks.is_empty() || locks.end > LOCKS {
            return Err(VfsError::Unsupported { what: "such a lock".to_owned() });
        }
        let busy = || VfsError::Busy { path: node.path.clone() };
        let staying = node.lease.stay();
        if node.index.is_lent_to(caller) {
            // Who has the locks to himself takes none here, so he has given them up.
            node.index.end_loan(false);
        } else if node.index.recall(true) != Recalled::Done {
            // From now on there are two threads on the log.
            node.index.add_user(id, caller);
            return Err(busy());
        }
        if !node.is_ours() {
            let _inside = node.gate.enter().await;
            if !node.is_ours() {
                self.fetch(node).await.inspect_err(|_| node.index.fresh.set(None))?;
            }
            if self.files.borrow().get(id, caller).is_err() {
                drop(staying);
                self.settle(node);
                return Err(VfsError::BadFile { file: id });
            }
        }
        if node.index.file.borrow().is_none() && !self.store.exclusive_handles() {
            let path = node.path.with_suffix("-shm")?;
            // Where there is no room for it, every tab makes the index anew.
            *node.index.file.borrow_mut() = self.open_handle(&path, true).await.ok();
        }
        let index = &node.index;
        if index.is_idle() && (index.users.borrow().is_empty() || index.regions.borrow().is_empty()) {
            node.take_index();
        }
        node.lease.used();
        let begins = !node.index.locks.borrow().is_holder(id);
        let mut facts = if begins { Some(node.facts()?) } else { None };
        if !node.index.locks.borrow_mut().lock(id, caller, locks, exclusive) {
            // Where it is another thread that stands against it, this one has to fetch the index then.
            let foreign = node.index.locks.borrow().is_foreign(caller);
            if begins && node.index.fresh.get() == caller && foreign {
                node.index.fresh.set(None);
            }
            return Err(busy());
        }
        node.index.add_user(id, caller);
        drop(staying);
        if let Some(facts) = &mut facts {
            facts.changed = node.is_news_to(caller);
        }
        let news = caller.is_none() || node.index.fresh.replace(caller) != caller;
        let regions = news.then(|| node.index.regions.borrow().len() as u32);
        node.index.told.set(news);
        Ok(IndexLocked { facts, regions, lent: if borrows { self.lend(node) } else { None } })
    }

    /// Gives locks of the index up.
    pub(super) fn unlock_index(&self, id: FileId, first: u32, count: u32) -> Result<(), VfsError> {
        let file = self.file(id)?;
        if let Body::Stored(node) = &file.body {
            let mut locks = node.index.locks.borrow_mut();
            locks.unlock(id, first..first.saturating_add(count).min(LOCKS));
            // SQLite sees under the lock that the index is not the one that it looked at before, and begins anew. Another tab
            // must not have changed it again by then.
            if node.index.told.take() && locks.is_idle() {
                locks.clear(true);
            }
            drop(locks);
            self.settle(node);
        }
        Ok(())
    }

    /// Takes in one region as a thread has changed it.
    pub(super) fn write_index(&self, id: FileId, region: u32, data: &BulkIn<'_>) -> Result<(), VfsError> {
        let file = self.file(id)?;
        let Body::Stored(node) = &file.body else {
            return Err(VfsError::BadFile { file: id });
        };
        if !node.is_ours() {
            return Ok(());
        }
        let mut regions = node.index.regions.borrow_mut();
        // They come in order, and those that are not known here all do. So what comes is also all that is kept room for.
        if data.len() != REGION || region as usize > regions.len() || region >= MOST_REGIONS {
            return Err(VfsError::Unsupported { what: "a region of that size or number".to_owned() });
        }
        if region as usize == regions.len() {
            regions.push(vec![0; REGION]);
        }
        data.copy_to(0, &mut regions[region as usize]);
        Ok(())
    }

    /// Hands one region out.
    pub(super) fn read_index(&self, id: FileId, region: u32, out: &mut BulkOut<'_>) -> Result<(), VfsError> {
        let file = self.file(id)?;
        if let Body::Stored(node) = &file.body
            && let Some(bytes) = node.index.regions.borrow().get(region as usize)
        {
            out.write_at(0, &bytes[..bytes.len().min(out.capacity())]);
        }
        Ok(())
    }

    /// A connection uses the log no more.
    pub(super) fn unmap_index(&self, id: FileId) -> Result<(), VfsError> {
        let file = self.file(id)?;
        if let Body::Stored(node) = &file.body {
            node.index.leave(id);
            self.settle(node);
        }
        Ok(())
    }
}
