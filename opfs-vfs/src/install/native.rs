//! The native installer: the I/O worker is a thread of this process. For programs that want the same stack outside a
//! browser, and for the tests that drive all of it.

use sabrpc::Channel;
use sabrpc::native::{NativeRegion, ServerThread, spawn_beside};

use super::{InstallError, InstallOptions, finish};
use crate::ffi::{RegisterError, Registered};
use crate::io::{IoService, serve};
use crate::service::OpfsClient;
use crate::store::Store;
use crate::tabs::TabLocks;

/// An installed VFS with its I/O thread. Dropping it takes both down.
pub struct Installed {
    // The VFS goes before the thread that it calls.
    registered: Registered,
    channel: Channel<NativeRegion>,
    thread: ServerThread,
}

/// Starts an I/O thread over `store` and `tabs`, and registers the VFS.
pub fn install<S: Store + Send, L: TabLocks + Send>(
    store: S,
    tabs: L,
    options: &InstallOptions,
) -> Result<Installed, InstallError> {
    let channel = Channel::native(options.channel)?;
    let io = options.io;
    let thread =
        spawn_beside(&channel, move |channel| serve::server(channel, IoService::new(store, tabs, io)));
    let registered = finish(OpfsClient::attach(&channel)?, options)?;
    Ok(Installed { registered, channel, thread })
}

impl Installed {
    /// The VFS.
    pub fn vfs(&self) -> &Registered {
        &self.registered
    }

    /// Where the I/O thread serves.
    pub fn channel(&self) -> &Channel<NativeRegion> {
        &self.channel
    }

    /// Another client of the same I/O thread: for export, import and listing, or for a VFS of another thread.
    pub fn client(&self) -> Result<OpfsClient, InstallError> {
        Ok(OpfsClient::attach(&self.channel)?)
    }

    /// Takes the VFS away, then stops the I/O thread. Refused while files are open.
    pub fn uninstall(self) -> Result<(), (Self, RegisterError)> {
        let Self { registered, channel, thread } = self;
        match registered.unregister() {
            Ok(()) => {
                thread.stop();
                Ok(())
            }
            Err((registered, error)) => Err((Self { registered, channel, thread }, error)),
        }
    }

    /// Stops the I/O thread at once, as the death of a tab would: connections get errors from then on.
    pub fn kill(self) -> Registered {
        self.thread.stop();
        self.registered
    }
}
