//! The wal-index on SQLite's side: memory that SQLite maps, shared by the connections of this thread, and its locks.
//!
//! The I/O worker knows who else there is. It says with the first lock of a transaction whether another thread or tab has
//! changed the index meanwhile; then its regions are fetched. Before the last lock of a transaction goes that has changed
//! something, the regions are handed in. Other threads and tabs hold none of the locks meanwhile.
//!
//! A thread that is alone on a log gets the locks lent (`io/loan.rs`): then they are in a table of this thread's, no call is
//! made for them, and the regions are handed in when the locks are wanted back.

use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::atomic::{Ordering, fence};

use rusqlite::ffi;
use sabrpc::{DefaultRegion, Note};

use super::codes::{Callback, Failure};
use super::file::state_of;
use super::state::State;
use crate::io::index_locks::{CHECKPOINT, IndexLocks};
use crate::io::wal::REGION;
use crate::service::OpfsClient;
use crate::wire::FileId;
use crate::wire::loan::{BUSY, CHANGED, LENT, WANTED};

/// The lock of whoever writes to the log.
const WRITE_LOCK: u32 = 0;

/// The lock of the index that nobody takes without one of the others.
const LAST_LOCK: u32 = 7;

/// Bytes of the header, twice, with what follows it up to the marks of readers.
const HEADER: usize = 136;

/// Of these, the header and how much of the log was copied back.
const BELIEVED: usize = 100;

/// One region. SQLite reads and writes it through the pointer that it was given, at any time and, natively, from any thread
/// that has a connection, just as it does with a mapped file: by words, with copies, checksums and barriers of its own.
struct Region(*mut u64);

// SAFETY: the pointer is owned, and what lies behind is only reached by raw copies.
unsafe impl Send for Region {}

impl Region {
    fn new() -> Self {
        Self(Box::into_raw(Box::new([0_u64; REGION / 8])).cast())
    }

    fn copy_in(&self, bytes: &[u8]) {
        // SAFETY: the region is `REGION` bytes large, and `bytes` is memory of its own.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), self.0.cast(), bytes.len().min(REGION)) };
    }

    fn copy_out(&self, bytes: &mut [u8]) {
        // SAFETY: as above, the other way.
        unsafe {
            ptr::copy_nonoverlapping(self.0.cast_const().cast(), bytes.as_mut_ptr(), bytes.len().min(REGION));
        };
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: it came from a box of this type, and SQLite has unmapped it.
        drop(unsafe { Box::from_raw(self.0.cast::<[u64; REGION / 8]>()) });
    }
}

/// The index of one database, for all connections of this thread.
#[derive(Default)]
pub(super) struct Index {
    regions: Vec<Region>,
    /// What was handed in or fetched last.
    known: Vec<Vec<u8>>,
    /// Connections that have it mapped.
    users: u32,
    /// A lock was held that allows changes, since the regions were handed in.
    changed: bool,
    /// Locks that connections of this thread hold.
    locks: IndexLocks,
    /// They are lent to this thread, as long as this note has the mark of the loan.
    loan: Option<(Note<DefaultRegion>, i32)>,
}

impl Index {
    /// Whether a connection of this thread has the lock of writers.
    pub(super) fn has_writer(&self) -> bool {
        self.locks.is_held(WRITE_LOCK)
    }

    /// A pointer to region `number`; without `extend` null where there is none.
    fn map(&mut self, number: usize, extend: bool) -> *mut c_void {
        while extend && self.regions.len() <= number {
            self.regions.push(Region::new());
        }
        self.regions.get(number).map_or(ptr::null_mut(), |region| region.0.cast())
    }

    /// Another thread or tab has the log now. What is here will be old; made invalid, it has SQLite say so (BUSY, to its busy
    /// handler) rather than try again and again on its own. While a connection of this thread holds a lock it is not old.
    fn spoil(&mut self) {
        if let Some(first) = self.regions.first().filter(|_| self.locks.is_idle()) {
            first.copy_in(&[0; HEADER]);
            self.known.clear();
        }
    }

    /// What SQLite believes to be written is not: made invalid, the index is made anew out of the log. Readers at work have
    /// their own copy of the header, and keep their marks.
    pub(super) fn distrust(&mut self) {
        if let Some(first) = self.regions.first() {
            first.copy_in(&[0; BELIEVED]);
            self.known.clear();
            self.changed = true;
        }
    }

    /// Takes over what another thread or tab has left; nothing, if it is to be made anew.
    fn fetch(
        &mut self,
        count: u32,
        mut read: impl FnMut(u32, &mut [u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut bytes = vec![0; REGION];
        for number in 0..count {
            read(number, &mut bytes)?;
            self.map(number as usize, true);
            self.regions[number as usize].copy_in(&bytes);
        }
        bytes.fill(0);
        for region in self.regions.iter().skip(count as usize) {
            region.copy_in(&bytes);
        }
        self.known.clear();
        self.changed = false;
        Ok(())
    }

    /// Begins a transaction with what is lent; `false` says that nothing is.
    fn begin(&mut self) -> bool {
        let Some((note, mark)) = &self.loan else {
            return false;
        };
        if !self.locks.is_idle() {
            return true;
        }
        let free = mark | LENT;
        let found = note.compare_exchange(free, free | BUSY);
        // Wanted back or not, the end of the transaction will see to it. Without the mark the loan was taken back.
        let idle = found & !(CHANGED | WANTED) == free;
        let begun = found == free || idle && note.compare_exchange(found, found | BUSY) == found;
        if !begun {
            self.loan = None;
        }
        begun
    }

    /// Ends a transaction with what is lent; `false` says that it is to be returned.
    fn end(&self) -> bool {
        let Some((note, mark)) = &self.loan else {
            return false;
        };
        let idle = mark | if self.changed { LENT | CHANGED } else { LENT };
        let busy = mark | LENT | BUSY;
        let found = note.compare_exchange(busy, idle);
        found == busy || found == busy | CHANGED && note.compare_exchange(found, idle) == found
    }

    /// Hands in the regions that differ from what is known of them.
    fn hand_in(&mut self, mut write: impl FnMut(u32, &[u8]) -> Result<(), Failure>) -> Result<(), Failure> {
        let mut bytes = vec![0; REGION];
        for (number, region) in self.regions.iter().enumerate() {
            region.copy_out(&mut bytes);
            if self.known.get(number) != Some(&bytes) {
                write(number as u32, &bytes)?;
                if self.known.len() <= number {
                    self.known.resize_with(number + 1, Vec::new);
                }
                self.known[number].clone_from(&bytes);
            }
        }
        Ok(())
    }
}

pub(super) unsafe extern "C" fn x_shm_map(
    file: *mut ffi::sqlite3_file,
    number: c_int,
    size: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    // SAFETY: SQLite passes a file that xOpen made.
    let state = unsafe { state_of(file) };
    state.shell.run(Callback::ShmMap, || {
        let number = usize::try_from(number).map_err(|_| Failure::Misuse("a region of a negative number"))?;
        if usize::try_from(size) != Ok(REGION) {
            return Err(Failure::Misuse("a region of another size than 32 KiB"));
        }
        let region = state.shell.at_desk(|desk| {
            let index = desk.index(state.group);
            if !state.maps_index.replace(true) {
                index.users += 1;
            }
            Ok(index.map(number, extend != 0))
        })?;
        // SAFETY: SQLite gives a pointer to answer in.
        unsafe { *out = region };
        Ok(ffi::SQLITE_OK)
    })
}

pub(super) unsafe extern "C" fn x_shm_lock(
    file: *mut ffi::sqlite3_file,
    first: c_int,
    count: c_int,
    flags: c_int,
) -> c_int {
    // SAFETY: SQLite passes a file that xOpen made.
    let state = unsafe { state_of(file) };
    state.shell.run(Callback::ShmLock, || {
        let (Ok(first), Ok(count @ 1..)) = (u32::try_from(first), u32::try_from(count)) else {
            return Err(Failure::Misuse("locks of a negative number"));
        };
        if flags & ffi::SQLITE_SHM_UNLOCK != 0 {
            unlock(state, first, count)?;
        } else {
            lock(state, first, count, flags & ffi::SQLITE_SHM_EXCLUSIVE != 0)?;
        }
        Ok(ffi::SQLITE_OK)
    })
}

fn lock(state: &State, first: u32, count: u32, exclusive: bool) -> Result<(), Failure> {
    let locks = first..first + count;
    state.shell.at_desk(|desk| {
        if desk.index(state.group).loan.is_some() && !state.on_log.get() {
            // While the I/O worker does not know that it is on the log, its SHARED keeps the turn here.
            desk.client().join_index(state.file)?;
            state.on_log.set(true);
        }
        let index = desk.index(state.group);
        if index.begin() {
            if !index.locks.lock(state.file, None, locks, exclusive) {
                return Err(Failure::Busy);
            }
            index.changed |= exclusive;
            return Ok(());
        }
        let told = match desk
            .client()
            .lock_index(state.file, first, count, exclusive, true)
            .map_err(Failure::from)
        {
            Ok(told) => told,
            Err(failure) => {
                if failure.is_busy() {
                    desk.index(state.group).spoil();
                }
                return Err(failure);
            }
        };
        if let Some(mut facts) = told.facts {
            // Of these files a connection on the log does not ask; others must not be told what may be old.
            (facts.journal, facts.wal) = (None, None);
            desk.unlocked(state.group, state.file);
            desk.locked(state.group, state.file, facts);
        }
        state.on_log.set(true);
        if told.regions.is_some() {
            desk.forget_log(state.group);
        }
        let (index, client) = desk.index_and_client(state.group);
        index.loan = told.lent.and_then(|lent| Some((client.caller().note(lent.note)?, lent.mark)));
        index.locks.lock(state.file, None, locks.clone(), exclusive);
        if let Some(count) = told.regions {
            let fetched = index.fetch(count, |number, out| Ok(client.read_index(state.file, number, out)?));
            if fetched.is_err() {
                index.locks.unlock(state.file, locks);
                index.loan = None;
                // Whatever that call says, the error that led here is the one to be heard.
                let _ = client.unlock_index(state.file, first, count);
                return fetched;
            }
        }
        index.changed |= exclusive;
        Ok(())
    })
}

fn unlock(state: &State, first: u32, count: u32) -> Result<(), Failure> {
    state.shell.at_desk(|desk| {
        if first == WRITE_LOCK {
            desk.transaction_over(state.group);
        } else if (first..first + count).contains(&CHECKPOINT) {
            // One that was stopped by a reader asks for no sync, and has noted already how far it came.
            desk.settle_late(state.group);
        }
        // Whoever gets the log next has to find everything in it.
        desk.client();
        let (index, client) = desk.index_and_client(state.group);
        index.locks.unlock(state.file, first..first + count);
        let last = index.locks.is_idle();
        if index.loan.is_some() {
            return if !last || index.end() { Ok(()) } else { give_back(index, client, state.file) };
        }
        if last && std::mem::take(&mut index.changed) {
            index.hand_in(|number, bytes| Ok(client.write_index(state.file, number, bytes)?))?;
        }
        Ok(client.unlock_index(state.file, first, count)?)
    })
}

/// Returns what was lent, with the index as it is now.
fn give_back(index: &mut Index, client: &OpfsClient, file: FileId) -> Result<(), Failure> {
    index.loan = None;
    let handed_in = match std::mem::take(&mut index.changed) {
        true => index.hand_in(|number, bytes| Ok(client.write_index(file, number, bytes)?)),
        false => Ok(()),
    };
    client.return_index(file, handed_in.is_ok(), index.locks.is_beginning())?;
    handed_in
}

/// A connection has got the database EXCLUSIVE, and will use the index without taking its locks: brings it up to date.
pub(super) fn refresh(state: &State) -> Result<(), Failure> {
    lock(state, LAST_LOCK, 1, false)?;
    unlock(state, LAST_LOCK, 1)
}

/// A connection gives EXCLUSIVE up: it may have changed the index meanwhile, which is handed in with the next lock.
pub(super) fn note_change(state: &State) -> Result<(), Failure> {
    state.shell.at_desk(|desk| {
        let index = desk.index(state.group);
        index.changed = true;
        if index.locks.is_idle() && index.begin() && !index.end() {
            let (index, client) = desk.index_and_client(state.group);
            give_back(index, client, state.file)?;
        }
        Ok(())
    })
}

pub(super) unsafe extern "C" fn x_shm_barrier(_: *mut ffi::sqlite3_file) {
    fence(Ordering::SeqCst);
}

pub(super) unsafe extern "C" fn x_shm_unmap(file: *mut ffi::sqlite3_file, _delete: c_int) -> c_int {
    // SAFETY: SQLite passes a file that xOpen made.
    let state = unsafe { state_of(file) };
    state.shell.run(Callback::ShmMap, || {
        unmap(state)?;
        Ok(ffi::SQLITE_OK)
    })
}

/// Ends the use of the index by a connection.
pub(super) fn unmap(state: &State) -> Result<(), Failure> {
    if !state.maps_index.replace(false) {
        return Ok(());
    }
    state.on_log.set(false);
    state.shell.at_desk(|desk| {
        desk.client();
        let (index, client) = desk.index_and_client(state.group);
        index.locks.leave(state.file);
        if index.users == 1 && index.begin() {
            give_back(index, client, state.file)?;
        }
        let unmapped = client.unmap_index(state.file);
        index.users -= 1;
        if index.users == 0 {
            *index = Index::default();
        }
        Ok(unmapped?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changed_is_handed_in_and_what_is_fetched_is_there() {
        let mut index = Index::default();
        assert!(index.map(0, false).is_null());
        let first = index.map(0, true);
        index.map(1, true);
        let handed = |index: &mut Index| {
            let mut numbers = Vec::<u32>::new();
            let mut write = |number, _: &[u8]| {
                numbers.push(number);
                Ok(())
            };
            index.hand_in(&mut write).unwrap();
            numbers
        };
        assert_eq!(handed(&mut index), [0, 1]);
        assert!(handed(&mut index).is_empty());
        index.regions[1].copy_in(&[7; 16]);
        assert_eq!(handed(&mut index), [1]);
        let nines = |_, out: &mut [u8]| {
            out.fill(9);
            Ok(())
        };
        index.fetch(1, nines).unwrap();
        let mut bytes = [0; 16];
        index.regions[0].copy_out(&mut bytes);
        assert_eq!((bytes, index.map(0, false)), ([9; 16], first), "the memory stays where it is");
        index.regions[1].copy_out(&mut bytes);
        assert_eq!(bytes, [0; 16], "what nobody left is made anew");
    }
}
