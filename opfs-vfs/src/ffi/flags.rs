//! SQLite's integers for open flags and lock levels, to this crate's types and back.

use std::ffi::c_int;

use rusqlite::ffi;

use crate::wire::{FileKind, LockLevel, OpenFlags};

/// What xOpen asks for.
pub(super) fn open_flags(flags: c_int) -> OpenFlags {
    let has = |bit: c_int| flags & bit != 0;
    let kinds = [
        (ffi::SQLITE_OPEN_MAIN_DB, FileKind::MainDb),
        (ffi::SQLITE_OPEN_MAIN_JOURNAL, FileKind::MainJournal),
        (ffi::SQLITE_OPEN_SUPER_JOURNAL, FileKind::SuperJournal),
        (ffi::SQLITE_OPEN_WAL, FileKind::Wal),
        (ffi::SQLITE_OPEN_TEMP_JOURNAL, FileKind::TempJournal),
        (ffi::SQLITE_OPEN_SUBJOURNAL, FileKind::SubJournal),
    ];
    let kind = kinds.into_iter().find(|(bit, _)| has(*bit)).map_or(FileKind::TempDb, |(_, kind)| kind);
    OpenFlags {
        kind,
        write: has(ffi::SQLITE_OPEN_READWRITE),
        create: has(ffi::SQLITE_OPEN_CREATE),
        exclusive: has(ffi::SQLITE_OPEN_EXCLUSIVE),
        delete_on_close: has(ffi::SQLITE_OPEN_DELETEONCLOSE),
        alone: false,
    }
}

/// What xOpen reports back: the flags asked for, or those of a file that can only be read.
pub(super) fn out_flags(asked: c_int, read_only: bool) -> c_int {
    if read_only { asked & !ffi::SQLITE_OPEN_READWRITE | ffi::SQLITE_OPEN_READONLY } else { asked }
}

/// A lock level of SQLite's.
pub(super) fn lock_level(level: c_int) -> Option<LockLevel> {
    match level {
        ffi::SQLITE_LOCK_NONE => Some(LockLevel::None),
        ffi::SQLITE_LOCK_SHARED => Some(LockLevel::Shared),
        ffi::SQLITE_LOCK_RESERVED => Some(LockLevel::Reserved),
        ffi::SQLITE_LOCK_PENDING => Some(LockLevel::Pending),
        ffi::SQLITE_LOCK_EXCLUSIVE => Some(LockLevel::Exclusive),
        _ => None,
    }
}

/// SQLite's number for a lock level.
pub(super) fn lock_number(level: LockLevel) -> c_int {
    match level {
        LockLevel::None => ffi::SQLITE_LOCK_NONE,
        LockLevel::Shared => ffi::SQLITE_LOCK_SHARED,
        LockLevel::Reserved => ffi::SQLITE_LOCK_RESERVED,
        LockLevel::Pending => ffi::SQLITE_LOCK_PENDING,
        LockLevel::Exclusive => ffi::SQLITE_LOCK_EXCLUSIVE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lock_levels_go_there_and_back() {
        for number in 0..5 {
            assert_eq!(lock_level(number).map(lock_number), Some(number));
        }
        assert_eq!(lock_level(5), None);
        assert_eq!(lock_level(-1), None);
    }

    #[test]
    fn open_flags_as_sqlite_sets_them() {
        let main =
            open_flags(ffi::SQLITE_OPEN_MAIN_DB | ffi::SQLITE_OPEN_READWRITE | ffi::SQLITE_OPEN_CREATE);
        assert_eq!(main, OpenFlags::MAIN_DB.create());
        let hot = open_flags(ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_READONLY);
        assert_eq!(hot, OpenFlags::MAIN_DB.kind(FileKind::MainJournal).read_only());
        let temporary = ffi::SQLITE_OPEN_TRANSIENT_DB
            | ffi::SQLITE_OPEN_READWRITE
            | ffi::SQLITE_OPEN_CREATE
            | ffi::SQLITE_OPEN_EXCLUSIVE
            | ffi::SQLITE_OPEN_DELETEONCLOSE;
        assert_eq!(
            open_flags(temporary),
            OpenFlags::MAIN_DB.kind(FileKind::TempDb).create().exclusive().delete_on_close()
        );
    }

    #[test]
    fn a_file_that_can_only_be_read_is_reported_so() {
        let asked = ffi::SQLITE_OPEN_MAIN_DB | ffi::SQLITE_OPEN_READWRITE;
        assert_eq!(out_flags(asked, false), asked);
        assert_eq!(out_flags(asked, true), ffi::SQLITE_OPEN_MAIN_DB | ffi::SQLITE_OPEN_READONLY);
    }
}
