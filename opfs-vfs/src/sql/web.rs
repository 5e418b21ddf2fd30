//! The SQLite worker of a page: starting it, and what it does for the page beside connections.

use std::rc::Rc;

use sabrpc::web::WorkerHandle;
use sabrpc::{Channel, ChannelConfig, OpMetrics};
use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::*;

use super::connector::Connector;
use super::copy;
use super::database::{Database, Error};
use super::engine::{self, Engine};
use super::service::{FileEntry, OpenOptions, SqlAsyncClient, SqlOp};
use crate::install::web::{from_start_error, install, to_wire};
use crate::install::{InstallError, InstallOptions, Sizes, watch_page};
use crate::platform;
use crate::web::probe;

/// The exported function that runs in the SQLite worker.
const ENTRY: &str = "opfs_vfs_sql_worker";

/// How the SQLite worker is started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SqlOptions {
    /// How the VFS is installed in the worker.
    pub install: InstallOptions,
    /// Sizes of the channel between page and worker.
    #[serde(with = "Sizes")]
    pub channel: ChannelConfig,
}

impl Default for SqlOptions {
    fn default() -> Self {
        Self {
            install: InstallOptions::default(),
            // The page is the only caller; its pages of rows are a little smaller than this.
            channel: ChannelConfig { mailboxes: 2, ..ChannelConfig::default() },
        }
    }
}

/// A worker that runs SQLite over the origin private file system, for a thread that may not block.
///
/// ```no_run
/// use opfs_vfs::sql::{OpenOptions, SqlOptions, SqlWorker};
///
/// # async fn page() -> Result<(), Box<dyn std::error::Error>> {
/// let worker = SqlWorker::start(&SqlOptions::default()).await?;
/// let database = worker.open("/notes.db", OpenOptions::default()).await?;
/// database.exec("CREATE TABLE IF NOT EXISTS note (text)").await?;
/// database.execute("INSERT INTO note VALUES (?)", opfs_vfs::values!["hello"]).await?;
/// let notes = database.query("SELECT text FROM note", Vec::new()).await?;
/// assert!(!notes.rows.is_empty());
/// # Ok(())
/// # }
/// ```
pub struct SqlWorker {
    connector: Rc<Connector>,
    worker: WorkerHandle,
}

impl SqlWorker {
    /// Starts the SQLite worker, and in it the I/O worker; installs the VFS there.
    ///
    /// # Errors
    /// The reason for which the VFS cannot be had here; nothing is left behind then.
    pub async fn start(options: &SqlOptions) -> Result<Self, InstallError> {
        // Asked here as well, because without shared memory there would be no channel to hear the worker's reason by.
        probe::shared_memory()?;
        let channel = Channel::create(options.channel)?;
        let mut options = options.clone();
        if options.install.page.is_none() {
            let mut tag = [0; 8];
            platform::random(&mut tag);
            let page = format!("{:016x}", u64::from_le_bytes(tag));
            watch_page(&page);
            options.install.page = Some(page);
        }
        let worker = sabrpc::web::spawn(ENTRY, &channel, SqlOp::SERVICE, &options)
            .await
            .map_err(|error| from_start_error(error, "SQLite"))?;
        match SqlAsyncClient::attach(&channel) {
            Ok(client) => Ok(Self { connector: Connector::new(client), worker }),
            Err(error) => {
                worker.terminate();
                Err(error.into())
            }
        }
    }

    /// What opens databases; it gives the generated client too, for what has no function here.
    pub fn connector(&self) -> &Rc<Connector> {
        &self.connector
    }

    /// Opens a connection to the database at `path`.
    ///
    /// # Errors
    /// What SQLite says about the path and the options.
    pub async fn open(&self, path: &str, options: OpenOptions) -> Result<Database, Error> {
        Database::open(&self.connector, path, options).await
    }

    /// The files of the store.
    ///
    /// # Errors
    /// What the store says.
    pub async fn list(&self) -> Result<Vec<FileEntry>, Error> {
        self.connector.list().await
    }

    /// Deletes a database that nobody has open, and its journals.
    ///
    /// # Errors
    /// Where there is none, and where it is open.
    pub async fn delete(&self, path: &str) -> Result<(), Error> {
        self.connector.delete(path).await
    }

    /// Copies a database out, as the bytes of a file that any SQLite opens.
    ///
    /// # Errors
    /// Where SQLite cannot read it.
    pub async fn export(&self, path: &str) -> Result<Vec<u8>, Error> {
        copy::export(&self.connector, path).await
    }

    /// Copies a database in, under a path that is free.
    ///
    /// # Errors
    /// Where there is a file of that name, and what the store says; then nothing is left of it.
    pub async fn import(&self, path: &str, bytes: &[u8]) -> Result<(), Error> {
        copy::import(&self.connector, path, bytes).await
    }

    /// What each operation cost this thread: its calls to the SQLite worker.
    pub async fn metrics(&self) -> Vec<OpMetrics> {
        self.connector.caller().metrics().await
    }

    /// What each file operation cost the SQLite worker: its calls to the I/O worker.
    ///
    /// # Errors
    /// Where the worker does not answer.
    pub async fn vfs_metrics(&self) -> Result<Vec<OpMetrics>, Error> {
        self.connector.vfs_metrics().await
    }

    /// What each file operation cost the I/O worker.
    ///
    /// # Errors
    /// Where a worker does not answer.
    pub async fn io_metrics(&self) -> Result<Vec<OpMetrics>, Error> {
        self.connector.io_metrics().await
    }

    /// Ends both workers at once, as leaving the page does: what was not committed is rolled back by whoever comes next.
    pub fn terminate(self) {
        self.worker.terminate();
    }

    /// Closes every connection, and ends both workers.
    ///
    /// # Errors
    /// What could not be closed in order; the workers are gone all the same.
    pub async fn shutdown(self) -> Result<(), Error> {
        let closed = self.connector.shutdown().await;
        self.worker.terminate();
        closed
    }
}

/// The SQLite worker's side; called by the worker that [`SqlWorker::start`] starts.
#[doc(hidden)]
#[wasm_bindgen]
pub fn opfs_vfs_sql_worker(init: JsValue) {
    sabrpc::web::serve_with(init, async |options: SqlOptions, channel| {
        let installed = install(&options.install).await.map_err(|reason| to_wire(&reason))?;
        let engine = Engine::new(installed).map_err(|error| to_wire(&error))?;
        Ok(engine::server(&channel, engine))
    });
}
