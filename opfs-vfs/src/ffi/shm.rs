//! The callbacks of the wal-index: mapping it, and its locks.
//!
//! A failure in the middle leaves no lock behind, neither here nor in the I/O worker, and no half of an index that anybody would
//! believe.

use std::ffi::{c_int, c_void};
use std::sync::atomic::{Ordering, fence};

use rusqlite::ffi;

use super::codes::{Callback, Failure};
use super::file::state_of;
use super::index::{Index, LAST_LOCK, WRITE_LOCK};
use super::state::State;
use crate::io::index_locks::CHECKPOINT;
use crate::io::wal::REGION;
use crate::service::OpfsClient;
use crate::wire::FileId;

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
                if !failure.is_busy() {
                    desk.missed_news(state.group);
                }
                let (index, client) = desk.index_and_client(state.group);
                if failure.is_busy() {
                    index.spoil();
                } else if index.locks.is_idle() {
                    // It may have been done all the same.
                    undo(index, client, state.file, first, count);
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
                undo(index, client, state.file, first, count);
                return fetched;
            }
        }
        index.changed |= exclusive;
        Ok(())
    })
}

/// Gives up the first locks of a transaction, which cannot begin with what is here of the index: that is half an old one.
fn undo(index: &mut Index, client: &OpfsClient, file: FileId, first: u32, count: u32) {
    index.loan = None;
    index.distrust();
    // Whatever these calls say, the error that led here is the one to be heard.
    let _ = client.return_index(file, false, false);
    let _ = client.unlock_index(file, first, count);
}

fn unlock(state: &State, first: u32, count: u32) -> Result<(), Failure> {
    state.shell.at_desk(|desk| {
        if first == WRITE_LOCK {
            desk.transaction_over(state.group);
        } else if (first..first + count).contains(&CHECKPOINT) {
            // One that was stopped by a reader asks for no sync, and has noted already how far it came.
            desk.settle_late(state.group);
        }
        let (index, client) = desk.index_and_client(state.group);
        index.locks.unlock(state.file, first..first + count);
        let last = index.locks.is_idle();
        if index.loan.is_some() {
            return if !last || index.end() { Ok(()) } else { give_back(index, client, state.file) };
        }
        let handed_in = if last { hand_in(index, client, state.file) } else { Ok(()) };
        if handed_in.is_err() {
            // Half of it may be there; what counts is the failure before.
            let _ = client.return_index(state.file, false, false);
        }
        client.unlock_index(state.file, first, count)?;
        handed_in
    })
}

/// Hands the index in, if it was changed.
fn hand_in(index: &mut Index, client: &OpfsClient, file: FileId) -> Result<(), Failure> {
    match std::mem::take(&mut index.changed) {
        true => index.hand_in(|number, bytes| Ok(client.write_index(file, number, bytes)?)),
        false => Ok(()),
    }
}

/// Returns what was lent, with the index as it is now.
fn give_back(index: &mut Index, client: &OpfsClient, file: FileId) -> Result<(), Failure> {
    index.loan = None;
    let handed_in = hand_in(index, client, file);
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
        let (index, client) = desk.index_and_client(state.group);
        index.changed = true;
        if index.locks.is_idle() && index.begin() && !index.end() {
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
        let (index, client) = desk.index_and_client(state.group);
        index.locks.leave(state.file);
        let returned = match index.users == 1 && index.begin() {
            true => give_back(index, client, state.file),
            false => Ok(()),
        };
        let unmapped = client.unmap_index(state.file);
        index.users -= 1;
        if index.users == 0 {
            *index = Index::default();
        }
        unmapped?;
        returned
    })
}
