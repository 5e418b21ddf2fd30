//! Write-ahead logs: the locks of SQLite's wal-index between the connections of a page, and the index itself between its
//! threads and between tabs.
//!
//! Threads that share no memory keep copies of the index. Whoever takes the first of its locks is told whether its copy is
//! old; whoever has changed it hands it in before the last of its locks goes. Connections of one thread share its copy and
//! have SQLite's locks exactly; those of different threads take turns.
//!
//! Between tabs the index goes with the lease, through a file that ends in `-shm`. It is never trusted: it must fit the log
//! (its salts, the checksum of the last frame, no frame behind that), or it counts as empty, and SQLite makes it anew out of
//! the log. So it may be lost, old or torn, by a tab that died or a power cut.

use std::cell::{Cell, RefCell};

use sabrpc::{BulkIn, BulkOut, CallerId};

use super::IoService;
use super::files::Body;
use super::node::Node;
use crate::error::VfsError;
use crate::platform;
use crate::store::{Store, StoreFile};
use crate::tabs::TabLocks;
use crate::wire::{FileId, IndexLocked};

/// Bytes of one region of the index; SQLite maps no other size.
pub(crate) const REGION: usize = 32 << 10;

/// Regions that an index can have: more would be a log of half a terabyte.
const MOST_REGIONS: u32 = 1 << 15;

/// Locks of an index.
const LOCKS: u32 = 8;

/// The one under which the log is copied back.
const CHECKPOINT: u32 = 1;

/// Bytes of a log's header, and of a frame's.
const LOG_HEADER: u64 = 32;
const FRAME_HEADER: u64 = 24;

struct Held {
    file: FileId,
    caller: Option<CallerId>,
    lock: u32,
    exclusive: bool,
}

/// The index of one database, in the I/O worker.
pub(super) struct Index<F> {
    held: RefCell<Vec<Held>>,
    /// No lock is held, and one will be in a moment.
    beginning: Cell<bool>,
    /// Connections that use the log: their SHARED does not keep the lease here.
    users: RefCell<Vec<FileId>>,
    regions: RefCell<Vec<Vec<u8>>>,
    /// Whose copy is what is in `regions`.
    fresh: Cell<Option<CallerId>>,
    /// Where it lies while other tabs have their turn.
    file: RefCell<Option<F>>,
}

impl<F> Default for Index<F> {
    fn default() -> Self {
        Self {
            held: RefCell::default(),
            beginning: Cell::new(false),
            users: RefCell::default(),
            regions: RefCell::default(),
            fresh: Cell::new(None),
            file: RefCell::new(None),
        }
    }
}

impl<F> Index<F> {
    /// Whether no connection is in a transaction on the log.
    pub(super) fn is_idle(&self) -> bool {
        self.held.borrow().is_empty()
    }

    /// Whether that connection uses the log.
    pub(super) fn is_user(&self, file: FileId) -> bool {
        self.users.borrow().contains(&file)
    }

    /// Whether that connection copies the log back.
    pub(super) fn is_checkpointing(&self, file: FileId) -> bool {
        let held = self.held.borrow();
        held.iter().any(|held| held.file == file && held.lock == CHECKPOINT && held.exclusive)
    }

    /// Closes the file.
    pub(super) fn close(&self) {
        drop(self.file.take());
    }

    fn lock(
        &self,
        file: FileId,
        caller: Option<CallerId>,
        locks: std::ops::Range<u32>,
        exclusive: bool,
    ) -> bool {
        let mut held = self.held.borrow_mut();
        let stands = |other: &Held| {
            let clash = locks.contains(&other.lock) && other.file != file && (exclusive || other.exclusive);
            clash || other.caller != caller
        };
        if held.iter().any(stands) {
            return false;
        }
        self.beginning.set(false);
        held.retain(|mine| mine.file != file || !locks.contains(&mine.lock));
        held.extend(locks.map(|lock| Held { file, caller, lock, exclusive }));
        true
    }

    /// Whether another thread holds a lock.
    fn is_foreign(&self, caller: Option<CallerId>) -> bool {
        self.held.borrow().iter().any(|held| held.caller != caller)
    }

    /// Gives locks up. What goes with the last one is a transaction, if it is a reader's or the one of a checkpoint; otherwise
    /// SQLite has only set a reader's mark, or made the index anew, and is about to begin.
    fn unlock(&self, file: FileId, locks: std::ops::Range<u32>) {
        let mut held = self.held.borrow_mut();
        let goes = |held: &Held| held.file == file && locks.contains(&held.lock);
        let ends = |held: &Held| goes(held) && (held.lock == CHECKPOINT || !held.exclusive);
        let over = held.iter().any(ends);
        held.retain(|held| !goes(held));
        self.beginning.set(held.is_empty() && !over);
    }

    /// Whether nobody holds a lock because a transaction is about to begin.
    pub(super) fn is_beginning(&self) -> bool {
        self.beginning.get()
    }

    /// A connection is gone. One that was changing the index has left it half changed.
    pub(super) fn leave(&self, file: FileId) {
        if self.held.borrow().iter().any(|held| held.file == file && held.exclusive) {
            self.forget();
        }
        self.held.borrow_mut().retain(|held| held.file != file);
        self.beginning.set(false);
        self.users.borrow_mut().retain(|user| *user != file);
    }

    /// SQLite makes the index anew out of the log.
    fn forget(&self) {
        self.regions.borrow_mut().clear();
        self.fresh.set(None);
    }
}

/// A number in the byte order of this machine, as SQLite keeps them in an index.
fn word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|word| word.try_into().ok()).map_or(0, u32::from_ne_bytes)
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
        if let Some(file) = self.index.file.borrow().as_ref() {
            regions.clear();
            let size = file.size().unwrap_or(0).min(u64::from(MOST_REGIONS) * REGION as u64);
            let mut all = vec![0; size as usize];
            let read = file.read(&mut BulkOut::from_slice(&mut all), 0);
            if read == Ok(all.len()) {
                regions.extend(all.chunks_exact(REGION).map(<[u8]>::to_vec));
            }
            self.index.fresh.set(None);
        }
        let log = self.companion(1).filter(|log| log.is_open());
        let good = regions.first().zip(log.as_ref()).is_some_and(|(first, log)| fits(first, log));
        if !good {
            regions.clear();
            self.index.fresh.set(None);
            if log.is_some_and(|log| log.size() == Ok(0)) {
                regions.push(index_of_nothing());
            }
        }
    }
}

impl<S: Store, L: TabLocks> IoService<S, L> {
    /// Takes locks of the index.
    pub(super) async fn lock_index(
        &self,
        id: FileId,
        first: u32,
        count: u32,
        exclusive: bool,
    ) -> Result<IndexLocked, VfsError> {
        let caller = sabrpc::current_caller();
        let file = self.file(id)?;
        let Body::Stored(node) = &file.body else {
            return Err(VfsError::BadFile { file: id });
        };
        let end = first.checked_add(count).filter(|end| *end <= LOCKS);
        let locks = first..end.ok_or_else(|| VfsError::Unsupported { what: "such a lock".to_owned() })?;
        let busy = || VfsError::Busy { path: node.path.clone() };
        let staying = node.lease.stay();
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
            let handle = self.open_handle(&path, true).await?;
            *node.index.file.borrow_mut() = Some(handle);
        }
        let index = &node.index;
        if index.is_idle() && (index.users.borrow().is_empty() || index.regions.borrow().is_empty()) {
            node.take_index();
        }
        node.lease.used();
        let begins = !node.index.held.borrow().iter().any(|held| held.file == id);
        let mut facts = if begins { Some(node.facts()?) } else { None };
        if !node.index.lock(id, caller, locks, exclusive) {
            // Where it is another thread that stands against it, this one has to fetch the index then.
            if begins && node.index.fresh.get() == caller && node.index.is_foreign(caller) {
                node.index.fresh.set(None);
            }
            return Err(busy());
        }
        if !node.index.is_user(id) {
            node.index.users.borrow_mut().push(id);
        }
        drop(staying);
        if let Some(facts) = &mut facts {
            facts.changed = node.is_news_to(caller);
        }
        let news = caller.is_none() || node.index.fresh.replace(caller) != caller;
        let regions = news.then(|| node.index.regions.borrow().len() as u32);
        Ok(IndexLocked { facts, regions })
    }

    /// Gives locks of the index up.
    pub(super) fn unlock_index(&self, id: FileId, first: u32, count: u32) -> Result<(), VfsError> {
        let file = self.file(id)?;
        if let Body::Stored(node) = &file.body {
            node.index.unlock(id, first..first.saturating_add(count).min(LOCKS));
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
        if data.len() != REGION || region >= MOST_REGIONS {
            return Err(VfsError::Unsupported { what: "a region of that size or number".to_owned() });
        }
        let mut regions = node.index.regions.borrow_mut();
        while regions.len() <= region as usize {
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
