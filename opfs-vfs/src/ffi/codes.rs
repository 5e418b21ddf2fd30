//! The one table from errors to SQLite's extended result codes.

use std::ffi::c_int;

use rusqlite::ffi;
use sabrpc::{CallError, RpcError};

use crate::error::VfsError;

/// The callbacks that can fail, by the name that SQLite's documentation gives them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::enum_variant_names, reason = "the names are SQLite's")]
pub(crate) enum Callback {
    XOpen,
    XClose,
    XRead,
    XWrite,
    XTruncate,
    XSync,
    XFileSize,
    XLock,
    XUnlock,
    XCheckReservedLock,
    XFileControl,
    XAccess,
    XDelete,
    XFullPathname,
    XSleep,
}

impl Callback {
    /// The code of a failure that has no better one.
    pub(crate) fn failed(self) -> c_int {
        match self {
            Self::XOpen => ffi::SQLITE_CANTOPEN,
            Self::XClose => ffi::SQLITE_IOERR_CLOSE,
            Self::XRead => ffi::SQLITE_IOERR_READ,
            Self::XWrite => ffi::SQLITE_IOERR_WRITE,
            Self::XTruncate => ffi::SQLITE_IOERR_TRUNCATE,
            Self::XSync => ffi::SQLITE_IOERR_FSYNC,
            Self::XFileSize => ffi::SQLITE_IOERR_FSTAT,
            Self::XLock => ffi::SQLITE_IOERR_LOCK,
            Self::XUnlock => ffi::SQLITE_IOERR_UNLOCK,
            Self::XCheckReservedLock => ffi::SQLITE_IOERR_CHECKRESERVEDLOCK,
            Self::XAccess => ffi::SQLITE_IOERR_ACCESS,
            Self::XDelete => ffi::SQLITE_IOERR_DELETE,
            Self::XFullPathname => ffi::SQLITE_CANTOPEN_FULLPATH,
            Self::XFileControl | Self::XSleep => ffi::SQLITE_IOERR,
        }
    }

    /// The code for an error of the file service.
    pub(crate) fn code(self, error: &VfsError) -> c_int {
        match (self, error) {
            (_, VfsError::Busy { .. }) => ffi::SQLITE_BUSY,
            // Somebody else's handle goes away in time, so SQLite may try again; a file that is to be deleted is no such
            // case, since there a retry belongs to whoever wanted it gone.
            (Self::XOpen | Self::XLock | Self::XRead | Self::XFileSize, VfsError::InUse { .. }) => {
                ffi::SQLITE_BUSY
            }
            (_, VfsError::StorageFull { .. }) => ffi::SQLITE_FULL,
            (_, VfsError::ReadOnly { .. }) => ffi::SQLITE_READONLY,
            (Self::XDelete, VfsError::NotFound { .. }) => ffi::SQLITE_IOERR_DELETE_NOENT,
            (Self::XOpen, VfsError::WrongKind { .. }) => ffi::SQLITE_CANTOPEN_ISDIR,
            (Self::XOpen, VfsError::Path(_)) => ffi::SQLITE_CANTOPEN_FULLPATH,
            _ => self.failed(),
        }
    }
}

/// Why a callback failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The file service said no.
    Service(VfsError),
    /// The call did not come through.
    Rpc(RpcError),
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
            Self::Rpc(_) | Self::Unregistered | Self::Misuse(_) => callback.failed(),
        }
    }

    /// Whether another connection or tab stands in the way.
    pub(crate) fn is_busy(&self) -> bool {
        matches!(self, Self::Service(VfsError::Busy { .. } | VfsError::InUse { .. }))
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Service(error) => error.fmt(f),
            Self::Rpc(error) => write!(f, "the I/O worker could not be asked: {error}"),
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
        assert_eq!(of(Callback::XLock, VfsError::Busy { path: path.clone() }), ffi::SQLITE_BUSY);
        assert_eq!(of(Callback::XLock, VfsError::InUse { path: path.clone() }), ffi::SQLITE_BUSY);
        assert_eq!(of(Callback::XDelete, VfsError::InUse { path: path.clone() }), ffi::SQLITE_IOERR_DELETE);
        assert_eq!(of(Callback::XWrite, VfsError::StorageFull { path: path.clone() }), ffi::SQLITE_FULL);
        assert_eq!(of(Callback::XTruncate, VfsError::StorageFull { path: path.clone() }), ffi::SQLITE_FULL);
        assert_eq!(
            of(Callback::XDelete, VfsError::NotFound { path: path.clone() }),
            ffi::SQLITE_IOERR_DELETE_NOENT
        );
        assert_eq!(of(Callback::XOpen, VfsError::NotFound { path: path.clone() }), ffi::SQLITE_CANTOPEN);
        assert_eq!(of(Callback::XOpen, VfsError::Path(PathError::DotSegment)), ffi::SQLITE_CANTOPEN_FULLPATH);
        assert_eq!(of(Callback::XWrite, VfsError::ReadOnly { path: path.clone() }), ffi::SQLITE_READONLY);
        assert_eq!(of(Callback::XRead, VfsError::io("read", &path, "x")), ffi::SQLITE_IOERR_READ);
    }

    #[test]
    fn a_failed_callback_never_looks_like_a_success() {
        use Callback::*;
        for callback in [
            XOpen,
            XClose,
            XRead,
            XWrite,
            XTruncate,
            XSync,
            XFileSize,
            XLock,
            XUnlock,
            XCheckReservedLock,
            XFileControl,
            XAccess,
            XDelete,
            XFullPathname,
            XSleep,
        ] {
            assert!(callback.failed() & 0xFF != ffi::SQLITE_OK, "{callback:?}");
            let primary = callback.failed() & 0xFF;
            assert!(primary == ffi::SQLITE_IOERR || primary == ffi::SQLITE_CANTOPEN, "{callback:?}");
        }
    }
}
