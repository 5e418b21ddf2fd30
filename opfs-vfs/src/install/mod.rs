//! Putting the parts together: an I/O worker, a client, the sanity check, the VFS. What the web and native installers
//! share is here; how a worker comes to be is theirs.

#[cfg(not(target_arch = "wasm32"))]
pub mod native;
mod unavailable;
#[cfg(target_arch = "wasm32")]
pub mod web;

use sabrpc::{ChannelConfig, ChannelError, RpcError};
use serde::{Deserialize, Serialize};

#[cfg(not(target_arch = "wasm32"))]
pub use native::Installed;
pub use unavailable::Unavailable;
#[cfg(target_arch = "wasm32")]
pub use web::{Installed, install};

#[cfg(target_arch = "wasm32")]
pub use crate::web::page::watch_page;

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
    /// In a browser: the folder of the origin private file system that all paths begin at, made where it is missing.
    /// Without one they begin at its root.
    pub folder: Option<String>,
    /// In a browser: the name under which the page tells of itself, see `install::watch_page`. The SQL
    /// worker of `sql` gives one by itself.
    pub page: Option<String>,
    /// Sizes of the channel to the I/O worker.
    #[serde(with = "Sizes")]
    pub channel: ChannelConfig,
}

impl Default for InstallOptions {
    fn default() -> Self {
        Self {
            name: "opfs".to_owned(),
            make_default: true,
            sanity_check: true,
            vfs: VfsOptions::default(),
            io: IoOptions::default(),
            folder: None,
            page: None,
            channel: ChannelConfig::default(),
        }
    }
}

/// [`ChannelConfig`] as it travels to the worker that makes the channel.
#[derive(Serialize, Deserialize)]
#[serde(remote = "ChannelConfig")]
pub(crate) struct Sizes {
    mailboxes: u32,
    area: u32,
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
    #[error("the {which} worker could not be started: {cause}")]
    Worker {
        /// Which of the workers.
        which: String,
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
