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
    future::poll_fn,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    thread::{JoinHandle, Thread},
    time::{Duration, Instant},
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

/// A thread that serves a channel. Dropping it stops the server and waits for the thread, which finishes what is under
/// way: a method that never ends keeps it.
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
    spawn_beside(channel, |channel| (make(channel), std::future::pending()))
}

/// Like [`spawn_with`], for a service that has something to do by itself: `make` gives a future too, which runs on the
/// thread beside the server and ends with it.
pub fn spawn_beside<S: Dispatch, F: Future<Output = ()>>(
    channel: &Channel<NativeRegion>,
    make: impl FnOnce(&Channel<NativeRegion>) -> (Server<S, NativeRegion>, F) + Send + 'static,
) -> ServerThread {
    let stopper = Stopper::new(channel);
    let (started, start) = std::sync::mpsc::channel();
    let channel = channel.clone();
    let thread = std::thread::spawn(move || {
        let (mut server, beside) = make(&channel);
        match server.open() {
            Ok(_) => {
                // The receiver may have gone, which does not matter.
                let _ = started.send(());
                let (mut serving, mut beside) = (pin!(server.serve()), Some(Box::pin(beside)));
                block_on(poll_fn(|cx| {
                    if beside.as_mut().is_some_and(|future| future.as_mut().poll(cx).is_ready()) {
                        beside = None;
                    }
                    serving.as_mut().poll(cx)
                }));
            }
            Err(error) => crate::log::log(&format!("sabrpc: a server thread ends at once: {error}")),
        }
    });
    // An error means that the thread ended before it served; it said why, and attaching fails.
    let _ = start.recv();
    ServerThread { stopper, thread: Some(thread) }
}

/// Runs a future to its end on this thread, which sleeps while the future waits.
///
/// ```
/// assert_eq!(sabrpc::native::block_on(async { 1 + 1 }), 2);
/// ```
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let parked = Parked::new();
    let mut cx = Context::from_waker(parked.waker());
    let mut future = std::pin::pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut cx) {
            return value;
        }
        parked.park();
    }
}

/// A thread that sleeps until its waker is woken.
#[derive(Clone)]
pub(crate) struct Parked {
    unpark: Arc<Unpark>,
    waker: Waker,
}

/// The thread's own unpark token would not do: whatever parks inside a poll eats it.
struct Unpark(Thread, AtomicBool);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Release: pairs with the Acquire in `was_woken`, so that what was done before the wake is seen after it.
        self.1.store(true, Ordering::Release);
        self.0.unpark();
    }
}

impl Parked {
    /// For this thread.
    fn new() -> Self {
        let unpark = Arc::new(Unpark(std::thread::current(), AtomicBool::new(false)));
        Self { waker: Waker::from(Arc::clone(&unpark)), unpark }
    }

    /// Runs `f` with one that is kept for this thread's blocking waits, one after the other. A wake-up that comes late may
    /// end the next of them early.
    pub(crate) fn with<T>(f: impl FnOnce(&Self) -> T) -> T {
        thread_local! {
            static KEPT: Parked = Parked::new();
        }
        // A thread that is about to end has none any more.
        let kept = KEPT.try_with(Self::clone).unwrap_or_else(|_| Self::new());
        f(&kept)
    }

    pub(crate) fn waker(&self) -> &Waker {
        &self.waker
    }

    fn was_woken(&self) -> bool {
        self.unpark.1.swap(false, Ordering::Acquire)
    }

    fn park(&self) {
        while !self.was_woken() {
            std::thread::park();
        }
    }

    /// What comes from here on is for the next sleep.
    pub(crate) fn forget_wake_ups(&self) {
        self.was_woken();
    }

    /// Sleeps until it is woken, that long at most.
    pub(crate) fn park_timeout(&self, timeout: Duration) {
        let until = Instant::now().checked_add(timeout);
        while !self.was_woken() {
            // A time that the clock does not reach never comes.
            let left = until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return;
            }
            std::thread::park_timeout(left);
        }
    }
}
