//! The SQL service's work: the connections of one SQLite worker, opened through the VFS that is installed there.
//!
//! Everything here blocks, in SQLite and in the calls that its VFS makes to the I/O worker; that is what this worker is
//! for. A connection belongs to the caller that opened it, and is closed when that caller goes.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::rc::Rc;

use rusqlite::{Connection, OpenFlags};
use sabrpc::{BulkIn, BulkOut, CallError, CallerId, Channel, OpMetrics, Region, Server};

use super::busy::InVain;
use super::cursor::{Cursor, bind};
use super::error::SqlError;
use super::service::{Executed, FileEntry, OpenOptions, Page, Sql, SqlServer, Transfer};
use super::value::Value;
use crate::error::VfsError;
use crate::install::{InstallError, Installed};
use crate::service::OpfsClient;
use crate::transfer;
use crate::wire::Access;

/// A server of `engine` on `channel`: callers who go have their connections closed, and `shutdown` stops it.
pub fn server<R: Region>(channel: &Channel<R>, engine: Engine) -> Server<SqlServer<Engine>, R> {
    let shared = SqlServer::new(engine);
    let server = Server::new(channel, shared.clone());
    let stopper = server.stopper();
    shared.service().on_shutdown(move || stopper.stop());
    server.on_disconnect(move |caller| shared.service().disconnect(caller))
}

/// The connections of one SQLite worker.
pub struct Engine {
    vfs: RefCell<Option<Rc<Files>>>,
    databases: RefCell<HashMap<Key, Database>>,
    in_vain: InVain,
    transfers: RefCell<HashMap<u32, Transferring>>,
    next: Cell<u32>,
    on_shutdown: RefCell<Option<Box<dyn FnOnce()>>>,
}

/// Whose connection, and the number that this caller gave it.
type Key = (Option<CallerId>, u32);

struct Database {
    // Cursors hold the connection, so they go first.
    cursors: BTreeMap<u32, Cursor>,
    connection: Rc<Connection>,
}

impl Database {
    /// Whether it holds a lock that ends only with another call.
    fn is_holding(&self) -> bool {
        !self.cursors.is_empty() || !self.connection.is_autocommit()
    }
}

/// The installed VFS, and a client of its I/O worker for what is done beside SQLite.
struct Files {
    // Given back before the worker is stopped.
    client: OpfsClient,
    installed: Installed,
}

/// A database on its way, as a whole.
struct Transferring {
    copy: Copying,
    owner: Option<CallerId>,
}

enum Copying {
    Out(Vec<u8>),
    In { path: String, bytes: Vec<u8> },
}

impl Engine {
    /// An engine without connections, over an installed VFS.
    ///
    /// # Errors
    /// Where its I/O worker has no room for another client.
    pub fn new(installed: Installed) -> Result<Self, InstallError> {
        let client = installed.client()?;
        Ok(Self {
            vfs: RefCell::new(Some(Rc::new(Files { client, installed }))),
            databases: RefCell::default(),
            in_vain: InVain::default(),
            transfers: RefCell::default(),
            next: Cell::new(1),
            on_shutdown: RefCell::default(),
        })
    }

    /// What the `shutdown` operation does after everything is closed, once.
    pub fn on_shutdown(&self, stop: impl FnOnce() + 'static) {
        *self.on_shutdown.borrow_mut() = Some(Box::new(stop));
    }

    /// Closes what a caller that went away has left open.
    pub fn disconnect(&self, caller: CallerId) {
        // Taken out first: closing calls the I/O worker, and no table is borrowed meanwhile.
        let databases = take(&self.databases, |(owner, _), _| *owner == Some(caller));
        let transfers = take(&self.transfers, |_, transfer| transfer.owner == Some(caller));
        drop((transfers, databases));
    }

    fn vfs(&self) -> Result<Rc<Files>, SqlError> {
        self.vfs.borrow().clone().ok_or(SqlError::ShutDown)
    }

    /// Works on a copy of the caller's.
    fn transferring<T>(
        &self,
        number: u32,
        work: impl FnOnce(&mut Copying) -> Option<T>,
    ) -> Result<T, SqlError> {
        let mut transfers = self.transfers.borrow_mut();
        let own = transfers.get_mut(&number).filter(|transfer| transfer.owner == sabrpc::current_caller());
        own.and_then(|transfer| work(&mut transfer.copy)).ok_or(SqlError::NoTransfer { transfer: number })
    }

    fn begin(&self, copy: Copying, size: u64) -> Transfer {
        let transfer = self.number();
        let owner = sabrpc::current_caller();
        self.transfers.borrow_mut().insert(transfer, Transferring { copy, owner });
        Transfer { transfer, size }
    }

    /// A number that no copy had before.
    fn number(&self) -> u32 {
        let number = self.next.get();
        self.next.set(number.wrapping_add(1));
        number
    }

    /// One of the caller's connections, to be used now.
    fn connection(&self, db: u32) -> Result<Rc<Connection>, SqlError> {
        let key = (sabrpc::current_caller(), db);
        let databases = self.databases.borrow();
        let own = databases.get(&key).ok_or(SqlError::NotOpen { db })?;
        // A connection of this worker that holds a lock cannot let it go while another one waits here.
        let others: Vec<_> =
            databases.iter().filter(|(other, database)| **other != key && database.is_holding()).collect();
        let in_vain = !others.is_empty() && {
            let own = files(&own.connection)?;
            let shared = |other: &Database| {
                files(&other.connection).map(|files| files.iter().any(|file| own.contains(file)))
            };
            others.into_iter().map(|(_, other)| shared(other)).collect::<Result<Vec<_>, _>>()?.contains(&true)
        };
        self.in_vain.set(in_vain);
        Ok(Rc::clone(&own.connection))
    }

    /// A cursor of one of the caller's connections, taken out of its table.
    fn take_cursor(&self, db: u32, cursor: u32) -> Result<Cursor, SqlError> {
        self.connection(db)?;
        self.databases
            .borrow_mut()
            .get_mut(&(sabrpc::current_caller(), db))
            .and_then(|database| database.cursors.remove(&cursor))
            .ok_or(SqlError::NoCursor { cursor })
    }

    /// The next page of `cursor`, which is kept where there is more.
    fn advance(&self, db: u32, number: u32, mut cursor: Cursor) -> Result<Page, SqlError> {
        let (mut page, more) = cursor.advance()?;
        let key = (sabrpc::current_caller(), db);
        if more && let Some(database) = self.databases.borrow_mut().get_mut(&key) {
            database.cursors.insert(number, cursor);
            page.more = true;
        }
        Ok(page)
    }
}

/// The files that a connection has attached.
fn files(connection: &Connection) -> Result<Vec<String>, SqlError> {
    // As a pragma it takes no lock. A database in memory has no file.
    let mut list = connection.prepare_cached("PRAGMA database_list")?;
    let files = list.query_map([], |row| row.get::<_, Option<String>>("file"))?;
    Ok(files.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().filter(|file| !file.is_empty()).collect())
}

/// What `work` changed on `connection`.
fn counted(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<(), SqlError>,
) -> Result<Executed, SqlError> {
    let before = connection.total_changes();
    work(connection)?;
    Ok(Executed {
        changes: connection.total_changes() - before,
        last_insert_rowid: connection.last_insert_rowid(),
    })
}

impl Sql for Engine {
    fn open(&self, db: u32, path: &str, options: OpenOptions) -> Result<(), SqlError> {
        let key = (sabrpc::current_caller(), db);
        if self.databases.borrow().contains_key(&key) {
            return Err(SqlError::NumberTaken { number: db });
        }
        let mut flags = OpenFlags::SQLITE_OPEN_NO_MUTEX;
        flags |= if options.read_only {
            OpenFlags::SQLITE_OPEN_READ_ONLY
        } else {
            OpenFlags::SQLITE_OPEN_READ_WRITE
        };
        flags.set(OpenFlags::SQLITE_OPEN_CREATE, options.create && !options.read_only);
        let vfs = self.vfs()?;
        let vfs = vfs.installed.vfs().name();
        let mut connection = Connection::open_with_flags_and_vfs(path, flags, vfs)?;
        self.in_vain.handle(&mut connection, options.busy_timeout, vfs)?;
        let database = Database { cursors: BTreeMap::new(), connection: Rc::new(connection) };
        self.databases.borrow_mut().insert(key, database);
        Ok(())
    }

    fn exec(&self, db: u32, sql: &str) -> Result<Executed, SqlError> {
        counted(&*self.connection(db)?, |connection| Ok(connection.execute_batch(sql)?))
    }

    fn execute(&self, db: u32, sql: &str, params: Vec<Value>) -> Result<Executed, SqlError> {
        self.execute_many(db, sql, vec![params])
    }

    fn execute_many(&self, db: u32, sql: &str, rows: Vec<Vec<Value>>) -> Result<Executed, SqlError> {
        counted(&*self.connection(db)?, |connection| {
            let mut statement = connection.prepare(sql)?;
            for row in &rows {
                bind(&mut statement, row)?;
                statement.raw_execute()?;
            }
            Ok(())
        })
    }

    fn query(&self, db: u32, cursor: u32, sql: &str, params: Vec<Value>) -> Result<Page, SqlError> {
        let connection = self.connection(db)?;
        let taken = |database: &Database| database.cursors.contains_key(&cursor);
        if self.databases.borrow().get(&(sabrpc::current_caller(), db)).is_some_and(taken) {
            return Err(SqlError::NumberTaken { number: cursor });
        }
        self.advance(db, cursor, Cursor::new(connection, sql, params))
    }

    fn fetch(&self, db: u32, cursor: u32) -> Result<Page, SqlError> {
        let taken = self.take_cursor(db, cursor)?;
        self.advance(db, cursor, taken)
    }

    fn finish(&self, db: u32, cursor: u32) -> Result<(), SqlError> {
        self.take_cursor(db, cursor).map(drop)
    }

    fn close(&self, db: u32) -> Result<(), SqlError> {
        self.connection(db)?;
        let Some(database) = self.databases.borrow_mut().remove(&(sabrpc::current_caller(), db)) else {
            return Err(SqlError::NotOpen { db });
        };
        drop(database.cursors);
        match Rc::try_unwrap(database.connection) {
            Ok(connection) => connection.close().map_err(|(_, error)| error.into()),
            Err(_) => Err(SqlError::Misuse("the connection is in use; close it after the call".to_owned())),
        }
    }

    fn release(&self, numbers: &[u32]) {
        let caller = sabrpc::current_caller();
        // Taken out first, as in `disconnect`; and cursors before connections, which they hold.
        let mut databases = self.databases.borrow_mut();
        let cursors: Vec<_> = databases
            .iter_mut()
            .filter(|((owner, _), _)| *owner == caller)
            .flat_map(|(_, database)| {
                numbers.iter().filter_map(|number| database.cursors.remove(number)).collect::<Vec<_>>()
            })
            .collect();
        let gone: Vec<_> = numbers.iter().filter_map(|number| databases.remove(&(caller, *number))).collect();
        drop(databases);
        drop(cursors);
        drop(gone);
    }

    fn list(&self) -> Result<Vec<FileEntry>, SqlError> {
        let entries = self.vfs()?.client.list().map_err(file_error)?;
        Ok(entries.into_iter().map(|entry| FileEntry { path: entry.path.into(), size: entry.size }).collect())
    }

    fn delete(&self, path: &str) -> Result<(), SqlError> {
        let vfs = self.vfs()?;
        vfs.client.delete(path, true).map_err(file_error)
    }

    fn export_begin(&self, path: &str) -> Result<Transfer, SqlError> {
        let vfs = self.vfs()?;
        // SQLite reads it first, and so rolls back what a tab that died has left half done; a log is copied back.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let name = vfs.installed.vfs().name();
        let mut reader = Connection::open_with_flags_and_vfs(path, flags, name)?;
        self.in_vain.set(self.databases.borrow().values().any(Database::is_holding));
        self.in_vain.handle(&mut reader, OpenOptions::default().busy_timeout, name)?;
        reader.execute_batch("SELECT count(*) FROM sqlite_schema; PRAGMA wal_checkpoint(TRUNCATE)")?;
        drop(reader);
        let mut bytes = Vec::new();
        let size = transfer::export(&vfs.client, path, |piece| bytes.extend_from_slice(piece))?;
        Ok(self.begin(Copying::Out(bytes), size))
    }

    fn export_read(&self, transfer: u32, mut out: BulkOut<'_>, offset: u64) -> Result<u32, SqlError> {
        self.transferring(transfer, |copy| match copy {
            Copying::Out(bytes) => {
                let rest =
                    usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..)).unwrap_or_default();
                let piece = rest.get(..out.capacity()).unwrap_or(rest);
                out.write_at(0, piece);
                u32::try_from(piece.len()).ok()
            }
            Copying::In { .. } => None,
        })
    }

    fn import_begin(&self, path: &str) -> Result<Transfer, SqlError> {
        let vfs = self.vfs()?;
        let path = vfs.client.full_pathname(path).map_err(file_error)?;
        if vfs.client.access(&path, Access::Exists).map_err(file_error)? {
            return Err(SqlError::Exists { path });
        }
        let bytes = Vec::new();
        Ok(self.begin(Copying::In { path, bytes }, 0))
    }

    fn import_write(&self, transfer: u32, data: BulkIn<'_>) -> Result<(), SqlError> {
        self.transferring(transfer, |copy| match copy {
            Copying::In { bytes, .. } => {
                bytes.extend(data.to_vec());
                Some(())
            }
            Copying::Out(_) => None,
        })
    }

    fn transfer_end(&self, transfer: u32, complete: bool) -> Result<(), SqlError> {
        self.transferring(transfer, |_| Some(()))?;
        let ended = self.transfers.borrow_mut().remove(&transfer);
        match ended.map(|ended| ended.copy) {
            Some(Copying::In { path, bytes }) if complete => {
                Ok(transfer::import(&self.vfs()?.client, &path, &bytes, false)?)
            }
            _ => Ok(()),
        }
    }

    fn vfs_metrics(&self) -> Result<Vec<OpMetrics>, SqlError> {
        Ok(self.vfs()?.installed.vfs().metrics())
    }

    fn io_metrics(&self) -> Result<Vec<OpMetrics>, SqlError> {
        self.vfs()?.client.metrics().map_err(SqlError::Io)
    }

    fn shutdown(&self) -> Result<(), SqlError> {
        let open = (self.transfers.take(), self.databases.take());
        drop(open);
        let vfs = self.vfs.take().ok_or(SqlError::ShutDown)?;
        if let Some(stop) = self.on_shutdown.take() {
            stop();
        }
        let in_use = |what: &str| SqlError::Misuse(format!("the VFS stays installed: {what}"));
        let Files { client, installed } = Rc::into_inner(vfs).ok_or_else(|| in_use("a call is using it"))?;
        drop(client);
        installed.uninstall().map_err(|(_, error)| in_use(&error.to_string()))
    }
}

fn file_error(error: CallError<VfsError>) -> SqlError {
    match error {
        CallError::Service(error) => SqlError::File(error),
        CallError::Rpc(error) => SqlError::Io(error),
    }
}

/// Takes what a caller owns out of a table.
fn take<K: Eq + Hash, T>(table: &RefCell<HashMap<K, T>>, owned: impl Fn(&K, &T) -> bool) -> Vec<T> {
    table.borrow_mut().extract_if(|key, entry| owned(key, entry)).map(|(_, entry)| entry).collect()
}
