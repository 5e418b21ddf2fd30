//! Services between native threads: for tests of a service without a browser, and for programs of their own.
//!
//! ```
//! use sabrpc::{Channel, ChannelConfig, sab_service};
//!
//! #[sab_service]
//! trait Greeter {
//!     fn greet(&self, name: &str) -> String;
//! }
//!
//! struct Polite;
//! impl Greeter for Polite {
//!     fn greet(&self, name: &str) -> String {
//!         format!("Good day, {name}")
//!     }
//! }
//!
//! let channel = Channel::native(ChannelConfig::default())?;
//! let server = sabrpc::native::spawn(&channel, || GreeterServer::new(Polite));
//! let client = GreeterClient::attach(&channel)?;
//! assert_eq!(client.greet("Ada")?, "Good day, Ada");
//! # drop(client);
//! # drop(server);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::{
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{JoinHandle, Thread},
};

pub use crate::region::native::NativeRegion;
use crate::{Channel, ChannelConfig, ChannelError, Dispatch, Server, Stopper};

impl Channel<NativeRegion> {
    /// A new channel between threads of this process.
    ///
    /// # Errors
    /// [`ChannelError::Config`] if the sizes are out of bounds.
    pub fn native(config: ChannelConfig) -> Result<Self, ChannelError> {
        let geometry = Self::geometry_of(config)?;
        Ok(Self::lay_out(NativeRegion::new(geometry.region_size()), geometry))
    }
}

/// A thread that serves a channel. Dropping it stops the server and waits for the thread.
pub struct ServerThread {
    stopper: Stopper<NativeRegion>,
    thread: Option<JoinHandle<()>>,
}

impl ServerThread {
    /// What stops the server.
    pub fn stopper(&self) -> Stopper<NativeRegion> {
        self.stopper.clone()
    }

    /// Stops the server and waits until what is under way is finished.
    pub fn stop(self) {}
}

impl Drop for ServerThread {
    fn drop(&mut self) {
        self.stopper.stop();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was printed when it happened, and callers have got `Gone`.
            drop(thread.join());
        }
    }
}

/// Serves `channel` on a new thread with the service that `make` makes there; returns when callers can attach.
pub fn spawn<S: Dispatch>(
    channel: &Channel<NativeRegion>,
    make: impl FnOnce() -> S + Send + 'static,
) -> ServerThread {
    spawn_with(channel, |channel| Server::new(channel, make()))
}

/// Like [`spawn`], for a server with settings of its own, such as [`Server::on_disconnect`].
pub fn spawn_with<S: Dispatch>(
    channel: &Channel<NativeRegion>,
    make: impl FnOnce(&Channel<NativeRegion>) -> Server<S, NativeRegion> + Send + 'static,
) -> ServerThread {
    let stopper = Stopper::new(channel);
    let (started, start) = std::sync::mpsc::channel();
    let channel = channel.clone();
    let thread = std::thread::spawn(move || {
        let server = make(&channel);
        let mut server = std::pin::pin!(server.run());
        let mut started = Some(started);
        block_on(std::future::poll_fn(|cx| {
            let polled = server.as_mut().poll(cx);
            // After the first poll callers can attach; the receiver may have gone, which does not matter.
            let _ = started.take().map(|started| started.send(()));
            polled
        }));
    });
    // An error means that the thread panicked before it served: attaching tells.
    let _ = start.recv();
    ServerThread { stopper, thread: Some(thread) }
}

/// Runs a future to its end on this thread, which sleeps while the future waits.
///
/// ```
/// assert_eq!(sabrpc::native::block_on(async { 1 + 1 }), 2);
/// ```
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut cx = Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut cx) {
            return value;
        }
        std::thread::park();
    }
}
