//! What can go wrong in the SQL service.

use sabrpc::{CallError, RpcError};
use serde::{Deserialize, Serialize};

use crate::error::VfsError;
use crate::transfer::TransferError;

/// Why an operation of the [`Sql`](super::Sql) service failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum SqlError {
    /// The bytes to import cannot become a database here.
    #[error("the bytes to import {why}")]
    Unimportable {
        /// What is wrong with them, and what to do.
        why: String,
    },
    /// SQLite said no.
    #[error("{message} (SQLite code {code}, {name})")]
    Sqlite {
        /// SQLite's extended result code.
        code: i32,
        /// The name of the primary code, such as `SQLITE_BUSY`.
        name: String,
        /// SQLite's own message, with the place in the SQL where it knows one.
        message: String,
    },
    /// The statement has another number of parameters than were given.
    #[error("the statement has {expected} parameters, but {given} were given; give one value for each")]
    Parameters {
        /// How many the statement has.
        expected: u64,
        /// How many came.
        given: u64,
    },
    /// The SQL cannot be used in this operation.
    #[error("{0}")]
    Misuse(String),
    /// A text value is not UTF-8.
    #[error("column {column} holds text that is not UTF-8; select it as CAST(… AS BLOB)")]
    NotUtf8 {
        /// The column, counted from 0.
        column: u64,
    },
    /// The connection is closed, or was never open.
    #[error("connection {db} is not open; it was closed, or belongs to another caller")]
    NotOpen {
        /// The connection's number.
        db: u32,
    },
    /// The cursor is finished, or was never open.
    #[error("cursor {cursor} is not open; it was read to its end or finished")]
    NoCursor {
        /// The cursor's number.
        cursor: u32,
    },
    /// Something of this caller has the number.
    #[error("{number} is the number of something that is open; choose another one")]
    NumberTaken {
        /// The number.
        number: u32,
    },
    /// A database cannot be copied out, since a transaction was cut off or its log not yet copied back.
    #[error("{path} stands beside the database; open the database once, then copy it out")]
    Unfinished {
        /// The journal or log.
        path: String,
    },
    /// The copy has ended, or never began.
    #[error("transfer {transfer} has ended; begin it anew")]
    NoTransfer {
        /// The transfer's number.
        transfer: u32,
    },
    /// A database would be overwritten.
    #[error("{path} exists already; delete it first")]
    Exists {
        /// The database.
        path: String,
    },
    /// The service was shut down.
    #[error("the SQL worker was shut down; start a new one")]
    ShutDown,
    /// A file operation beside SQLite failed.
    #[error(transparent)]
    File(VfsError),
    /// The I/O worker could not be asked.
    #[error("the I/O worker could not be asked: {0}")]
    Io(RpcError),
}

impl SqlError {
    /// SQLite's extended result code, where SQLite was what failed.
    pub fn code(&self) -> Option<i32> {
        match self {
            Self::Sqlite { code, .. } => Some(*code),
            _ => None,
        }
    }
}

impl From<rusqlite::Error> for SqlError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error;
        match error {
            Error::SqliteFailure(failure, message) => {
                let message = message.unwrap_or_else(|| failure.to_string());
                sqlite(failure, message)
            }
            Error::SqlInputError { error, msg, sql, offset } => sqlite(error, located(msg, &sql, offset)),
            Error::InvalidParameterCount(given, expected) => {
                Self::Parameters { expected: expected as u64, given: given as u64 }
            }
            Error::Utf8Error(column, _) => Self::NotUtf8 { column: column as u64 },
            Error::MultipleStatement => {
                Self::Misuse("this operation takes one statement; use exec for several".to_owned())
            }
            Error::ExecuteReturnedResults => {
                Self::Misuse("the statement answers rows; use query to read them".to_owned())
            }
            Error::Empty => Self::Misuse("the SQL holds no statement".to_owned()),
            other => Self::Misuse(other.to_string()),
        }
    }
}

impl From<TransferError> for SqlError {
    fn from(error: TransferError) -> Self {
        match error {
            TransferError::Path(error) => Self::File(error.into()),
            TransferError::Call(CallError::Service(error)) => Self::File(error),
            TransferError::Call(CallError::Rpc(error)) => Self::Io(error),
            TransferError::Exists { path } => Self::Exists { path: path.into() },
            TransferError::Unfinished { path } => Self::Unfinished { path: path.into() },
            TransferError::Unimportable { why } => Self::Unimportable { why: why.to_owned() },
        }
    }
}

fn sqlite(failure: rusqlite::ffi::Error, message: String) -> SqlError {
    SqlError::Sqlite { code: failure.extended_code, name: name(failure.extended_code).to_owned(), message }
}

/// The message with the text that SQLite points at.
fn located(message: String, sql: &str, offset: i32) -> String {
    let place = usize::try_from(offset).ok().and_then(|offset| sql.get(offset..));
    match place {
        Some(rest) if !rest.is_empty() => {
            let near: String = rest.chars().take(40).collect();
            format!("{message}, at byte {offset}: {near}")
        }
        _ => message,
    }
}

/// The name of a code's primary code.
fn name(extended: i32) -> &'static str {
    const NAMES: [&str; 27] = [
        "SQLITE_OK",
        "SQLITE_ERROR",
        "SQLITE_INTERNAL",
        "SQLITE_PERM",
        "SQLITE_ABORT",
        "SQLITE_BUSY",
        "SQLITE_LOCKED",
        "SQLITE_NOMEM",
        "SQLITE_READONLY",
        "SQLITE_INTERRUPT",
        "SQLITE_IOERR",
        "SQLITE_CORRUPT",
        "SQLITE_NOTFOUND",
        "SQLITE_FULL",
        "SQLITE_CANTOPEN",
        "SQLITE_PROTOCOL",
        "SQLITE_EMPTY",
        "SQLITE_SCHEMA",
        "SQLITE_TOOBIG",
        "SQLITE_CONSTRAINT",
        "SQLITE_MISMATCH",
        "SQLITE_MISUSE",
        "SQLITE_NOLFS",
        "SQLITE_AUTH",
        "SQLITE_FORMAT",
        "SQLITE_RANGE",
        "SQLITE_NOTADB",
    ];
    usize::try_from(extended & 0xff)
        .ok()
        .and_then(|primary| NAMES.get(primary).copied())
        .unwrap_or("another code")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_sqlite_error_keeps_its_extended_code_and_names_its_primary_one() {
        let failure = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_WRITE);
        let error =
            SqlError::from(rusqlite::Error::SqliteFailure(failure, Some("disk I/O error".to_owned())));
        assert_eq!(error.code(), Some(778));
        assert_eq!(error.to_string(), "disk I/O error (SQLite code 778, SQLITE_IOERR)");
    }

    #[test]
    fn a_syntax_error_shows_where_it_is() {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        let error = SqlError::from(connection.prepare("SELECT 1 FRM t").map(drop).unwrap_err());
        let said = error.to_string();
        assert!(said.contains("syntax error") && said.contains("at byte"), "{said}");
    }
}
