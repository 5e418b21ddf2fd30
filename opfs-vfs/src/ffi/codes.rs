//! The one table from errors to SQLite's extended result codes.

use std::ffi::c_int;

use rusqlite::ffi;
use sabrpc::{CallError, RpcError};

use crate::error::VfsError;

/// The callbacks that can fail, by the name that SQLite's documentation gives them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Callback {
    Open,
    Close,
    Read,
    Write,
    Truncate,
    Sync,
    FileSize,
    Lock,
    Unlock,
    CheckReservedLock,
    FileControl,
    Access,
    Delete,
    FullPathname,
    Sleep,
    ShmMap,
    ShmLock,
}

impl Callback {
    /// The code of a failure that has no better one.
    pub(crate) fn failed(self) -> c_int {
        match self {
            Self::Open => ffi::SQLITE_CANTOPEN,
            Self::Close => ffi::SQLITE_IOERR_CLOSE,
            Self::Read => ffi::SQLITE_IOERR_READ,
            Self::Write => ffi::SQLITE_IOERR_WRITE,
            Self::Truncate => ffi::SQLITE_IOERR_TRUNCATE,
            Self::Sync => ffi::SQLITE_IOERR_FSYNC,
            Self::FileSize => ffi::SQLITE_IOERR_FSTAT,
            Self::Lock => ffi::SQLITE_IOERR_LOCK,
            Self::Unlock => ffi::SQLITE_IOERR_UNLOCK,
            Self::CheckReservedLock => ffi::SQLITE_IOERR_CHECKRESERVEDLOCK,
            Self::Access => ffi::SQLITE_IOERR_ACCESS,
            Self::Delete => ffi::SQLITE_IOERR_DELETE,
            Self::FullPathname => ffi::SQLITE_CANTOPEN_FULLPATH,
            Self::ShmMap => ffi::SQLITE_IOERR_SHMMAP,
            Self::ShmLock => ffi::SQLITE_IOERR_SHMLOCK,
            Self::FileControl | Self::Sleep => ffi::SQLITE_IOERR,
        }
    }

    /// The code for an error of the file service.
    pub(crate) fn code(self, error: &VfsError) -> c_int {
        match (self, error) {
            (_, VfsError::Busy { .. }) => ffi::SQLITE_BUSY,
            // Somebody else's handle goes away in time, so SQLite may try again; a file that is to be deleted is no such
            // case, since there a retry belongs to whoever wanted it gone.
            (
                Self::Open | Self::Lock | Self::ShmLock | Self::Read | Self::FileSize,
                VfsError::InUse { .. },
            ) => ffi::SQLITE_BUSY,
            (_, VfsError::StorageFull { .. }) => ffi::SQLITE_FULL,
            (_, VfsError::ReadOnly { .. }) => ffi::SQLITE_READONLY,
            (Self::Delete, VfsError::NotFound { .. }) => ffi::SQLITE_IOERR_DELETE_NOENT,
            (Self::Open, VfsError::WrongKind { .. }) => ffi::SQLITE_CANTOPEN_ISDIR,
            (Self::Open, VfsError::Path(_)) => ffi::SQLITE_CANTOPEN_FULLPATH,
            _ => self.failed(),
        }
    }
}

impl std::fmt::Display for Callback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "x{self:?}")
    }
}

/// Why a callback failed.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// The file service said no.
    Service(VfsError),
    /// The call did not come through.
    Rpc(RpcError),
    /// Another connection of this thread stands in the way.
    Busy,
    /// The VFS was unregistered, and a connection is still using it.
    Unregistered,
    /// SQLite handed over something that its documentation rules out.
    Misuse(&'static str),
}

impl Failure {
    /// The code that SQLite hears.
    pub(crate) fn code(&self, callback: Callback) -> c_int {
        match self {
            Self::Service(error) => callback.code(error),
            Self::Busy => ffi::SQLITE_BUSY,
            Self::Rpc(_) | Self::Unregistered | Self::Misuse(_) => callback.failed(),
        }
    }

    /// Whether another connection or tab stands in the way.
    pub(crate) fn is_busy(&self) -> bool {
        matches!(self, Self::Busy | Self::Service(VfsError::Busy { .. } | VfsError::InUse { .. }))
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Service(error) => error.fmt(f),
            Self::Rpc(error) => write!(f, "the I/O worker could not be asked: {error}"),
            Self::Busy => f.write_str("the database is locked by another connection of this thread"),
            Self::Unregistered => f.write_str("the VFS was unregistered; register it again to use it"),
            Self::Misuse(what) => f.write_str(what),
        }
    }
}

impl From<CallError<VfsError>> for Failure {
    fn from(error: CallError<VfsError>) -> Self {
        match error {
            CallError::Service(error) => Self::Service(error),
            CallError::Rpc(error) => Self::Rpc(error),
        }
    }
}

impl From<RpcError> for Failure {
    fn from(error: RpcError) -> Self {
        Self::Rpc(error)
    }
}

impl From<VfsError> for Failure {
    fn from(error: VfsError) -> Self {
        Self::Service(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::{PathError, VfsPath};

    #[test]
    fn codes_that_sqlite_acts_upon() {
        let path = VfsPath::parse("a").unwrap();
        let of = |callback: Callback, error: VfsError| callback.code(&error);
        assert_eq!(of(Callback::Lock, VfsError::Busy { path: path.clone() }), ffi::SQLITE_BUSY);
        assert_eq!(of(Callback::Lock, VfsError::InUse { path: path.clone() }), ffi::SQLITE_BUSY);
        assert_eq!(of(Callback::Delete, VfsError::InUse { path: path.clone() }), ffi::SQLITE_IOERR_DELETE);
        assert_eq!(of(Callback::Write, VfsError::StorageFull { path: path.clone() }), ffi::SQLITE_FULL);
        assert_eq!(of(Callback::Truncate, VfsError::StorageFull { path: path.clone() }), ffi::SQLITE_FULL);
        assert_eq!(
            of(Callback::Delete, VfsError::NotFound { path: path.clone() }),
            ffi::SQLITE_IOERR_DELETE_NOENT
        );
        assert_eq!(of(Callback::Open, VfsError::NotFound { path: path.clone() }), ffi::SQLITE_CANTOPEN);
        assert_eq!(of(Callback::Open, VfsError::Path(PathError::DotSegment)), ffi::SQLITE_CANTOPEN_FULLPATH);
        assert_eq!(of(Callback::Write, VfsError::ReadOnly { path: path.clone() }), ffi::SQLITE_READONLY);
        assert_eq!(of(Callback::Read, VfsError::io("read", &path, "x")), ffi::SQLITE_IOERR_READ);
    }

    #[test]
    fn a_failed_callback_never_looks_like_a_success() {
        use Callback::*;
        for callback in [
            Open,
            Close,
            Read,
            Write,
            Truncate,
            Sync,
            FileSize,
            Lock,
            Unlock,
            CheckReservedLock,
            FileControl,
            Access,
            Delete,
            FullPathname,
            Sleep,
            ShmMap,
            ShmLock,
        ] {
            assert!(callback.failed() & 0xFF != ffi::SQLITE_OK, "{callback:?}");
            let primary = callback.failed() & 0xFF;
            assert!(primary == ffi::SQLITE_IOERR || primary == ffi::SQLITE_CANTOPEN, "{callback:?}");
        }
    }
}
