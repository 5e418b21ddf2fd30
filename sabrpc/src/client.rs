//! The blocking client side: what a generated client calls.

use std::{cell::RefCell, time::Duration};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    CallError, CallerId, Channel, DefaultRegion, Note, OpInfo, OpMetrics, Region, RpcError, ServiceInfo,
    call::{Answer, Link, Never, Wait, without_pause},
    metrics::Meters,
};

/// One caller of a service, attached to a mailbox of a channel; its calls block the thread.
///
/// Generated clients wrap it. It is not `Sync`: a thread that wants to call attaches a client of its own. Dropping it
/// waits for an outstanding one-way call (at most a second) and gives the mailbox back.
pub struct Caller<R: Region = DefaultRegion> {
    pub(crate) link: RefCell<Link<R>>,
}

/// Polls, then blocks.
pub(crate) struct Blocking;

impl Wait for Blocking {
    const BLOCKS: bool = true;

    fn polls(budget: u32) -> u32 {
        budget
    }

    async fn sleep<R: Region>(region: &R, word: u32, old: i32, timeout: Duration) {
        region.wait(word, old, timeout);
    }
}

impl<R: Region> Caller<R> {
    /// Claims a mailbox of `channel` to call `service`. Does not wait for anything.
    ///
    /// # Errors
    /// [`RpcError::CannotBlock`] on a page's main thread, [`RpcError::Gone`] if nobody serves the channel,
    /// [`RpcError::SchemaMismatch`] if somebody serves something else, [`RpcError::NoMailbox`] if all are taken.
    pub fn attach(channel: &Channel<R>, service: &'static ServiceInfo) -> Result<Self, RpcError> {
        if !channel.region.can_block() {
            return Err(RpcError::CannotBlock);
        }
        Ok(Self { link: RefCell::new(Link::attach(channel, service)?) })
    }

    /// Sets how long a call may take before it ends in [`RpcError::TimedOut`], whatever the operation or the service say.
    /// `None`, the default, leaves that to them; where they say nothing either, a call waits as long as the server lives.
    /// [`Duration::MAX`] never passes.
    pub fn set_deadline(&self, deadline: Option<Duration>) {
        self.link.borrow_mut().set_deadline(deadline);
    }

    /// Runs `f`, with this deadline for the calls that it makes through this caller: the way to give one call its own.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use sabrpc::{Channel, ChannelConfig, native, sab_service};
    /// # #[sab_service]
    /// # trait Clock {
    /// #     fn hour(&self) -> u32;
    /// # }
    /// # struct Noon;
    /// # impl Clock for Noon {
    /// #     fn hour(&self) -> u32 {
    /// #         12
    /// #     }
    /// # }
    /// # let channel = Channel::native(ChannelConfig::default())?;
    /// # let server = native::spawn(&channel, || ClockServer::new(Noon));
    /// let client = ClockClient::attach(&channel)?;
    /// let hour = client.caller().within(Duration::from_secs(5), || client.hour())?;
    /// # assert_eq!(hour, 12);
    /// # drop(client);
    /// # drop(server);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn within<T>(&self, deadline: Duration, f: impl FnOnce() -> T) -> T {
        let _before =
            Before { link: &self.link, deadline: self.link.borrow_mut().set_deadline(Some(deadline)) };
        f()
    }

    /// Runs `f`, whose calls are known to take a few times as long as it costs to sleep and be woken (about 50 µs), such as one
    /// that waits for a disk: their answers are polled for up to `times` as long as any other's before the thread sleeps.
    /// Where polling is worth nothing, as on one core, it changes nothing.
    pub fn patiently<T>(&self, times: u32, f: impl FnOnce() -> T) -> T {
        let _before = Calm { link: &self.link, patience: self.link.borrow_mut().spin.set_patience(times) };
        f()
    }

    /// Who this caller is: to [`Channel::interrupt`], and to the service ([`current_caller`](crate::current_caller)).
    pub fn id(&self) -> CallerId {
        self.link.borrow().id()
    }

    /// A word that this caller shares with its service; `None` beyond the last one.
    pub fn note(&self, index: u32) -> Option<Note<R>> {
        let link = self.link.borrow();
        Note::new(&link.channel.region, link.words.notes, index)
    }

    /// What was counted for every operation of the service, in the order of the trait.
    pub fn metrics(&self) -> Vec<OpMetrics> {
        self.link.borrow().meters.snapshot()
    }

    /// Counts nothing any more, for who does not want to know.
    pub fn stop_metrics(&self) {
        self.link.borrow_mut().meters = Meters::off(0);
    }

    /// Waits until the one-way calls made so far are executed. An error of the service's own stays for the next call
    /// that can carry it.
    ///
    /// # Errors
    /// The framework's error of a one-way call, or of the wait.
    pub fn flush(&self) -> Result<(), RpcError> {
        let mut link = self.link.borrow_mut();
        link.set_out(None);
        without_pause(link.drain::<Blocking>())?;
        link.settled::<Never>().map(|_| ())
    }

    /// Runs `f`; the one-way calls that it makes through this caller travel together, with one notification of the
    /// server, when it is done. They are sent earlier when the area is full of them, or when a call in between waits for
    /// an answer. Their order stays, and their errors are kept as those of any one-way call.
    ///
    /// ```
    /// # use std::cell::Cell;
    /// use sabrpc::{Channel, ChannelConfig, native, sab_service};
    ///
    /// #[sab_service]
    /// trait Tally {
    ///     #[op(oneway)]
    ///     fn add(&self, number: u32);
    ///     fn sum(&self) -> u32;
    /// }
    /// # struct Sum(Cell<u32>);
    /// # impl Tally for Sum {
    /// #     fn add(&self, number: u32) {
    /// #         self.0.set(self.0.get() + number);
    /// #     }
    /// #     fn sum(&self) -> u32 {
    /// #         self.0.get()
    /// #     }
    /// # }
    /// # let channel = Channel::native(ChannelConfig::default())?;
    /// # let server = native::spawn(&channel, || TallyServer::new(Sum(Cell::new(0))));
    ///
    /// let client = TallyClient::attach(&channel)?;
    /// client.caller().batch(|| (1..=100).try_for_each(|number| client.add(number)))??;
    /// assert_eq!(client.sum()?, 5050);
    /// # drop(client);
    /// # drop(server);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The framework's, of sending them. They are then still sent before the next call.
    pub fn batch<T>(&self, f: impl FnOnce() -> T) -> Result<T, RpcError> {
        let result = {
            self.link.borrow_mut().batches += 1;
            let _open = OpenBatch(&self.link);
            f()
        };
        let mut link = self.link.borrow_mut();
        if link.batches == 0 && link.has_gathered() {
            link.set_out(None);
            without_pause(link.send_gathered::<Blocking>())?;
        }
        Ok(result)
    }

    /// Calls an operation that returns a `Result<T, E>`.
    ///
    /// # Errors
    /// The method's own error, or the framework's.
    pub fn call_fallible<T: DeserializeOwned, E: DeserializeOwned>(
        &self,
        op: &'static OpInfo,
        args: &impl Serialize,
        ins: &[&[u8]],
        outs: &mut [&mut [u8]],
    ) -> Result<T, CallError<E>> {
        self.link.borrow_mut().call_now::<Blocking, T, E>(op, args, ins, outs)?.into_result()
    }

    /// Calls an operation that returns a plain `T`.
    ///
    /// # Errors
    /// The framework's.
    pub fn call_plain<T: DeserializeOwned>(
        &self,
        op: &'static OpInfo,
        args: &impl Serialize,
        ins: &[&[u8]],
        outs: &mut [&mut [u8]],
    ) -> Result<T, RpcError> {
        self.link.borrow_mut().call_now::<Blocking, T, Never>(op, args, ins, outs).map(Answer::into_value)
    }

    /// Calls a raw operation (see [`OpInfo::raw`]): `request` crosses as it is, and what comes back is written to
    /// `response`. Returns how many bytes of it were filled.
    ///
    /// # Errors
    /// The framework's. [`RpcError::TooLarge`] if the request or the response does not fit into the area, or the response
    /// not into `response`: raw messages are not cut into pieces.
    pub fn call_raw(
        &self,
        op: &'static OpInfo,
        request: &[u8],
        response: &mut [u8],
    ) -> Result<usize, RpcError> {
        self.link.borrow_mut().call_raw::<Blocking>(op, request, response)
    }

    /// Makes a one-way call of an operation that returns `Result<(), E>`: does not wait until it is executed.
    ///
    /// # Errors
    /// Its own error comes with a later call. What comes here is the error of an earlier one-way call of the same
    /// error type (this one is then not made), or the framework's.
    pub fn send_fallible<E: DeserializeOwned>(
        &self,
        op: &'static OpInfo,
        args: &impl Serialize,
        ins: &[&[u8]],
    ) -> Result<(), CallError<E>> {
        without_pause(self.link.borrow_mut().send::<Blocking, E>(op, args, ins))
    }

    /// Makes a one-way call of an operation that returns nothing.
    ///
    /// # Errors
    /// The framework's, of this call or of an earlier one-way call.
    pub fn send_plain(
        &self,
        op: &'static OpInfo,
        args: &impl Serialize,
        ins: &[&[u8]],
    ) -> Result<(), RpcError> {
        without_pause(self.link.borrow_mut().send::<Blocking, Never>(op, args, ins))
            .map_err(Never::cannot_happen)
    }
}

/// The deadline before [`Caller::within`]; it holds again afterwards, also when the code in between panics.
struct Before<'a, R: Region> {
    link: &'a RefCell<Link<R>>,
    deadline: Option<Duration>,
}

impl<R: Region> Drop for Before<'_, R> {
    fn drop(&mut self) {
        self.link.borrow_mut().set_deadline(self.deadline);
    }
}

/// The patience before [`Caller::patiently`], as above.
struct Calm<'a, R: Region> {
    link: &'a RefCell<Link<R>>,
    patience: u32,
}

impl<R: Region> Drop for Calm<'_, R> {
    fn drop(&mut self) {
        self.link.borrow_mut().spin.set_patience(self.patience);
    }
}

/// Closes a batch, also when the code in it panics.
struct OpenBatch<'a, R: Region>(&'a RefCell<Link<R>>);

impl<R: Region> Drop for OpenBatch<'_, R> {
    fn drop(&mut self) {
        self.0.borrow_mut().batches -= 1;
    }
}

impl<R: Region> Drop for Caller<R> {
    fn drop(&mut self) {
        let link = self.link.get_mut();
        if link.owes_an_error() {
            link.set_deadline(Some(Duration::from_secs(1)));
            link.set_out(None);
            // What it could not hear of in that time, `detach` logs.
            let _ = without_pause(link.drain::<Blocking>());
        }
        link.detach();
    }
}
