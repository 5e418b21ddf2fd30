//! Installing in a browser: look whether this thread can run the VFS, start the I/O worker, register.
//!
//! The I/O worker is started from this very module: a worker that imports the same glue and calls
//! [`opfs_vfs_io_worker`]. Nothing here blocks before that worker is ready, because in Chromium a worker that blocks keeps
//! its nested workers from starting.

use sabrpc::web::{StartError, WorkerHandle};
use sabrpc::{Channel, ChannelError, Server};
use wasm_bindgen::prelude::*;

use super::{InstallError, InstallOptions, Unavailable, finish};
use crate::error::VfsError;
use crate::ffi::{RegisterError, Registered};
use crate::io::{IoService, serve};
use crate::path::VfsPath;
use crate::service::{OpfsClient, OpfsOp, OpfsServer};
use crate::store::opfs::OpfsStore;
use crate::tabs::web::WebLocks;
use crate::web::probe;

/// The exported function that runs in the I/O worker.
const ENTRY: &str = "opfs_vfs_io_worker";

/// An installed VFS with its I/O worker. Dropping it takes the VFS out of SQLite where no file is open, and leaves the
/// worker to the end of its page.
pub struct Installed {
    registered: Registered,
    channel: Channel,
    worker: WorkerHandle,
}

/// Installs the VFS in this worker: starts an I/O worker and registers the VFS in SQLite.
///
/// # Errors
/// The reason for which the VFS cannot be had here; nothing is left behind then.
pub async fn install(options: &InstallOptions) -> Result<Installed, InstallError> {
    probe::shared_memory()?;
    probe::dedicated_worker()?;
    probe::storage()?;
    let channel = Channel::create(options.channel)?;
    let worker = sabrpc::web::spawn(ENTRY, &channel, OpfsOp::SERVICE, options)
        .await
        .map_err(|error| from_start_error(error, "I/O"))?;
    let finished = match OpfsClient::attach(&channel) {
        Ok(client) => finish(client, options),
        Err(error) => Err(error.into()),
    };
    match finished {
        Ok(registered) => Ok(Installed { registered, channel, worker }),
        Err(error) => {
            worker.terminate();
            Err(error)
        }
    }
}

impl Installed {
    /// The VFS.
    pub fn vfs(&self) -> &Registered {
        &self.registered
    }

    /// Another client of the same I/O worker: for export, import and listing.
    ///
    /// # Errors
    /// Where the worker is gone, or has clients enough.
    pub fn client(&self) -> Result<OpfsClient, InstallError> {
        Ok(OpfsClient::attach(&self.channel)?)
    }

    /// Ends the I/O worker at once, as the death of a tab would: connections get errors from then on.
    pub fn kill(self) -> Registered {
        self.worker.terminate();
        self.registered
    }

    /// Takes the VFS away, then stops the I/O worker. Refused while files are open.
    ///
    /// # Errors
    /// With the VFS as it was, where files are open.
    pub fn uninstall(self) -> Result<(), (Self, RegisterError)> {
        let Self { registered, channel, worker } = self;
        match registered.unregister() {
            Ok(()) => {
                // A worker that is gone already needs no goodbye.
                if let Ok(client) = OpfsClient::attach(&channel) {
                    let _ = client.shutdown();
                }
                worker.terminate();
                Ok(())
            }
            Err((registered, error)) => Err((Self { registered, channel, worker }, error)),
        }
    }
}

/// The I/O worker's side; called by the worker that [`install`] starts.
#[doc(hidden)]
#[wasm_bindgen]
pub fn opfs_vfs_io_worker(init: JsValue) {
    sabrpc::web::serve_with(init, async |options: InstallOptions, channel| {
        io_server(&options, &channel).await.map_err(|reason| to_wire(&reason.into()))
    });
}

type IoServer = Server<OpfsServer<IoService<OpfsStore, WebLocks>>>;

/// The service of the I/O worker over OPFS and Web Locks.
async fn io_server(options: &InstallOptions, channel: &Channel) -> Result<IoServer, Unavailable> {
    let folder = folder_of(options)?;
    let store = OpfsStore::open(folder.as_ref()).await.map_err(|error| match error {
        VfsError::Io { cause, .. } => Unavailable::NoOpfs { cause },
        other => Unavailable::NoOpfs { cause: other.to_string() },
    })?;
    // The folder is part of the names, so that the same path in two folders is two locks.
    let prefix = format!("opfs-vfs:{}", folder.as_ref().map_or("", VfsPath::as_str));
    let locks = WebLocks::new(prefix, options.page.as_deref());
    let (server, beside) = serve::server(channel, IoService::new(store, locks, options.io));
    wasm_bindgen_futures::spawn_local(beside);
    // SQLite takes some 30 µs between two commits, and more for larger ones.
    Ok(server.patient(3))
}

fn folder_of(options: &InstallOptions) -> Result<Option<VfsPath>, Unavailable> {
    let parsed = options.folder.as_deref().map(VfsPath::parse).transpose();
    parsed.map_err(|error| Unavailable::NoFolder { cause: error.to_string() })
}

/// What a worker that did not start says; `which` worker it is.
pub(crate) fn from_start_error(error: StartError, which: &str) -> InstallError {
    match error {
        StartError::Unavailable(reason) => match Unavailable::from_code(&reason.code, &reason.message) {
            Some(known) => known.into(),
            None => InstallError::Worker { which: which.to_owned(), cause: reason.message },
        },
        StartError::Channel(ChannelError::NotCrossOriginIsolated) => {
            Unavailable::NotCrossOriginIsolated.into()
        }
        other => InstallError::Worker { which: which.to_owned(), cause: other.to_string() },
    }
}

/// The reason as a worker tells it to the thread that started it.
pub(crate) fn to_wire(error: &InstallError) -> sabrpc::web::Unavailable {
    let (code, message) = match error {
        InstallError::Unavailable(reason) => (reason.code(), reason.cause().to_owned()),
        InstallError::Sanity(error) => ("sanity-failed", error.to_string()),
        other => ("failed", other.to_string()),
    };
    sabrpc::web::Unavailable { code: code.to_owned(), message }
}
