//! Putting the parts together: an I/O worker, a client, the sanity check, the VFS. What the web and native installers
//! share is here; how a worker comes to be is theirs.

#[cfg(not(target_arch = "wasm32"))]
pub mod native;

use serde::{Deserialize, Serialize};

use sabrpc::{ChannelError, RpcError};

use crate::ffi::{RegisterError, Registered, VfsOptions, register};
use crate::io::IoOptions;
use crate::sanity::{self, SanityError};
use crate::service::OpfsClient;

/// How to install the VFS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct InstallOptions {
    /// Name to open databases with.
    pub name: String,
    /// Whether databases are opened through this VFS when no name is given.
    pub make_default: bool,
    /// Whether the whole path is tried on a scratch file first.
    pub sanity_check: bool,
    /// What the VFS claims of the storage.
    pub vfs: VfsOptions,
    /// How long the I/O worker waits for others.
    pub io: IoOptions,
}

impl Default for InstallOptions {
    fn default() -> Self {
        Self {
            name: "opfs".to_owned(),
            make_default: true,
            sanity_check: true,
            vfs: VfsOptions::default(),
            io: IoOptions::default(),
        }
    }
}

/// Why a place has no such VFS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum Unavailable {
    /// No SharedArrayBuffer.
    #[error(
        "SharedArrayBuffer is missing because the page is not cross-origin isolated; serve it with the headers \
         Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp"
    )]
    NotCrossOriginIsolated,
    /// No Origin Private File System.
    #[error(
        "this browser, or its private mode, has no Origin Private File System with synchronous access handles: {cause}"
    )]
    NoOpfs {
        /// What the browser said, or what is missing.
        cause: String,
    },
    /// The code runs on the page's main thread.
    #[error(
        "SQLite cannot run on the page's main thread, which may not block; install the VFS in a dedicated worker"
    )]
    NotInWorker,
    /// No Web Locks.
    #[error("this browser has no Web Locks, without which two tabs would damage a database")]
    NoWebLocks,
}

/// Why the VFS could not be installed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InstallError {
    /// This place cannot have it.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The shared memory could not be made.
    #[error("the channel to the I/O worker could not be made: {0}")]
    Channel(#[from] ChannelError),
    /// The worker does not answer.
    #[error("the I/O worker does not answer: {0}")]
    Rpc(#[from] RpcError),
    /// The file system does not do what it must.
    #[error(transparent)]
    Sanity(#[from] SanityError),
    /// SQLite did not take the VFS.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// The worker could not be started.
    #[error("the I/O worker could not be started: {cause}")]
    Worker {
        /// What went wrong.
        cause: String,
    },
}

/// The last step of every installer: the check, if wanted, then the VFS.
pub fn finish(client: OpfsClient, options: &InstallOptions) -> Result<Registered, InstallError> {
    if options.sanity_check {
        sanity::check(&client)?;
    }
    Ok(register(&options.name, client, options.vfs, options.make_default)?)
}
