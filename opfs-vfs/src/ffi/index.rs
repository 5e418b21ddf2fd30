//! The wal-index on SQLite's side: memory that SQLite maps, shared by the connections of this thread, and its locks.
//!
//! The I/O worker knows who else there is. It says with the first lock of a transaction whether another thread or tab has
//! changed the index meanwhile; then its regions are fetched. Before the last lock of a transaction goes that has changed
//! something, the regions are handed in. Other threads and tabs hold none of the locks meanwhile.
//!
//! A thread that is alone on a log gets the locks lent (`io/loan.rs`): then they are in a table of this thread's, no call is
//! made for them, and the regions are handed in when the locks are wanted back.

use std::ffi::c_void;
use std::ptr;

use sabrpc::{DefaultRegion, Note};

use super::codes::Failure;
use crate::io::index_locks::IndexLocks;
use crate::io::wal::REGION;
use crate::wire::loan::{BUSY, CHANGED, LENT, WANTED};

/// The lock of whoever writes to the log.
pub(super) const WRITE_LOCK: u32 = 0;

/// The lock of the index that nobody takes without one of the others.
pub(super) const LAST_LOCK: u32 = 7;

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
    pub(super) users: u32,
    /// A lock was held that allows changes, since the regions were handed in.
    pub(super) changed: bool,
    /// Locks that connections of this thread hold.
    pub(super) locks: IndexLocks,
    /// They are lent to this thread, as long as this note has the mark of the loan.
    pub(super) loan: Option<(Note<DefaultRegion>, i32)>,
}

impl Index {
    /// Whether a connection of this thread has the lock of writers.
    pub(super) fn has_writer(&self) -> bool {
        self.locks.is_held(WRITE_LOCK)
    }

    /// A pointer to region `number`; without `extend` null where there is none.
    pub(super) fn map(&mut self, number: usize, extend: bool) -> *mut c_void {
        while extend && self.regions.len() <= number {
            self.regions.push(Region::new());
        }
        self.regions.get(number).map_or(ptr::null_mut(), |region| region.0.cast())
    }

    /// Another thread or tab has the log now. What is here will be old; made invalid, it has SQLite say so (BUSY, to its busy
    /// handler) rather than try again and again on its own. While a connection of this thread holds a lock it is not old.
    pub(super) fn spoil(&mut self) {
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
    pub(super) fn fetch(
        &mut self,
        count: u32,
        mut read: impl FnMut(u32, &mut [u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut bytes = vec![0; REGION];
        for number in 0..count {
            self.map(number as usize, true);
            // Without the rest what is here already would be half of one index and half of another.
            read(number, &mut bytes).inspect_err(|_| self.distrust())?;
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
    pub(super) fn begin(&mut self) -> bool {
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
    pub(super) fn end(&self) -> bool {
        let Some((note, mark)) = &self.loan else {
            return false;
        };
        let idle = mark | if self.changed { LENT | CHANGED } else { LENT };
        let busy = mark | LENT | BUSY;
        let found = note.compare_exchange(busy, idle);
        found == busy || found == busy | CHANGED && note.compare_exchange(found, idle) == found
    }

    /// Hands in the regions that differ from what is known of them.
    pub(super) fn hand_in(
        &mut self,
        mut write: impl FnMut(u32, &[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
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

    #[test]
    fn half_of_what_is_fetched_is_not_believed() {
        let mut index = Index::default();
        index.map(0, true);
        let fails = |number, out: &mut [u8]| {
            out.fill(9);
            if number == 0 { Ok(()) } else { Err(Failure::Busy) }
        };
        assert!(index.fetch(2, fails).is_err());
        let mut header = [1; BELIEVED];
        index.regions[0].copy_out(&mut header);
        assert_eq!((header, index.changed), ([0; BELIEVED], true));
    }
}
