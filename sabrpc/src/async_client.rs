//! The client side for threads that may not block: the same calls, awaited.

use std::{
    cell::{Cell, RefCell},
    task::{Poll, Waker},
    time::Duration,
};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    CallError, CallerId, Channel, DefaultRegion, OpInfo, OpMetrics, Region, RpcError, ServiceInfo,
    call::{Answer, Link, Never, Wait},
    metrics::Meters,
};

/// One caller of a service, attached to a mailbox of a channel; its calls are awaited.
///
/// Generated async clients wrap it. Calls made at the same time are executed one after the other, in the order in
/// which they were first polled. Dropping the future of a call gives the call up: an `async fn` is dropped at its next
/// await, a call that was not begun is not executed, and what is executed all the same nobody sees the answer of. Dropping the client does not wait either: `flush` first, to hear of one-way calls that failed.
pub struct AsyncCaller<R: Region = DefaultRegion> {
    /// Absent while a call is under way.
    link: RefCell<Option<Link<R>>>,
    turns: Turns,
    id: CallerId,
    deadline: Cell<Option<Duration>>,
    batches: Cell<u32>,
    /// Streams that were dropped while a call was under way, and of which the server was not told yet.
    unwanted: RefCell<Vec<(&'static OpInfo, u32)>>,
}

/// Goes to sleep at once: a thread that may not block has other things to do than to poll.
pub(crate) struct Awaiting;

impl Wait for Awaiting {
    const BLOCKS: bool = false;

    fn polls(_: u32) -> u32 {
        1
    }

    async fn sleep<R: Region>(region: &R, word: u32, old: i32, timeout: Duration) {
        region.wait_async(word, old, Some(timeout)).await;
    }
}

impl<R: Region> AsyncCaller<R> {
    /// Claims a mailbox of `channel` to call `service`. Does not wait for anything.
    ///
    /// # Errors
    /// Those of [`Caller::attach`](crate::Caller::attach), but for `CannotBlock`.
    pub fn attach(channel: &Channel<R>, service: &'static ServiceInfo) -> Result<Self, RpcError> {
        let link = Link::attach(channel, service)?;
        let (id, link) = (link.id(), RefCell::new(Some(link)));
        let (deadline, batches, unwanted) = Default::default();
        Ok(Self { link, turns: Turns::default(), id, deadline, batches, unwanted })
    }

    /// Sets how long a call may take, from its turn on, before it ends in [`RpcError::TimedOut`]; see
    /// [`Caller::set_deadline`](crate::Caller::set_deadline). To give up a single call, drop its future.
    pub fn set_deadline(&self, deadline: Option<Duration>) {
        self.deadline.set(deadline);
    }

    /// Who this caller is: to [`Channel::interrupt`], and to the service ([`current_caller`](crate::current_caller)).
    pub fn id(&self) -> CallerId {
        self.id
    }

    /// What was counted for every operation of the service, in the order of the trait.
    pub async fn metrics(&self) -> Vec<OpMetrics> {
        self.turn().await.link.meters.snapshot()
    }

    /// Counts nothing any more, for who does not want to know.
    pub async fn stop_metrics(&self) {
        self.turn().await.link.meters = Meters::off(0);
    }

    /// Waits until the one-way calls made so far are executed. An error of the service's own stays for the next call
    /// that can carry it.
    ///
    /// # Errors
    /// The framework's error of a one-way call, or of the wait.
    pub async fn flush(&self) -> Result<(), RpcError> {
        let mut turn = self.turn().await;
        turn.link.set_out(None);
        turn.link.drain::<Awaiting>().await?;
        turn.link.settled::<Never>().map(|_| ())
    }

    /// Runs `f`; the one-way calls that are made through this caller meanwhile travel together, with one notification of
    /// the server. See [`Caller::batch`](crate::Caller::batch).
    ///
    /// # Errors
    /// The framework's, of sending them. They are then still sent before the next call.
    pub async fn batch<T>(&self, f: impl AsyncFnOnce() -> T) -> Result<T, RpcError> {
        let result = {
            self.batches.set(self.batches.get() + 1);
            let _open = OpenBatch(&self.batches);
            f().await
        };
        let mut turn = self.turn().await;
        if turn.link.batches == 0 && turn.link.has_gathered() {
            turn.link.set_out(None);
            turn.link.send_gathered::<Awaiting>().await?;
        }
        Ok(result)
    }

    /// Calls an operation that returns a `Result<T, E>`.
    ///
    /// # Errors
    /// The method's own error, or the framework's.
    pub async fn call_fallible<T: DeserializeOwned, E: DeserializeOwned>(
        &self,
        op: &'static OpInfo,
        args: &impl Serialize,
        ins: &[&[u8]],
        outs: &mut [&mut [u8]],
    ) -> Result<T, CallError<E>> {
        self.turn().await.link.call::<Awaiting, T, E>(op, args, ins, outs).await?.into_result()
    }

    /// Calls an operation that returns a plain `T`.
    ///
    /// # Errors
    /// The framework's.
    pub async fn call_plain<T: DeserializeOwned>(
        &self,
        op: &'static OpInfo,
        args: &impl Serialize,
        ins: &[&[u8]],
        outs: &mut [&mut [u8]],
    ) -> Result<T, RpcError> {
        self.turn().await.link.call::<Awaiting, T, Never>(op, args, ins, outs).await.map(Answer::into_value)
    }

    /// Makes a one-way call of an operation that returns `Result<(), E>`: does not wait until it is executed.
    ///
    /// # Errors
    /// Those of [`Caller::send_fallible`](crate::Caller::send_fallible).
    pub async fn send_fallible<E: DeserializeOwned>(
        &self,
        op: &'static OpInfo,
        args: &impl Serialize,
        ins: &[&[u8]],
    ) -> Result<(), CallError<E>> {
        self.turn().await.link.send::<Awaiting, E>(op, args, ins).await
    }

    /// Makes a one-way call of an operation that returns nothing.
    ///
    /// # Errors
    /// The framework's, of this call or of an earlier one-way call.
    pub async fn send_plain(
        &self,
        op: &'static OpInfo,
        args: &impl Serialize,
        ins: &[&[u8]],
    ) -> Result<(), RpcError> {
        let sent = self.turn().await.link.send::<Awaiting, Never>(op, args, ins).await;
        sent.map_err(Never::cannot_happen)
    }

    /// Tells the server that a stream is not wanted any more, as soon as no call is under way.
    pub(crate) fn drop_stream(&self, op: &'static OpInfo, id: u32) {
        let told = self.link.borrow_mut().as_mut().is_some_and(|link| link.drop_stream(op, id));
        if !told {
            self.unwanted.borrow_mut().push((op, id));
        }
    }

    /// Waits until no other call is under way.
    pub(crate) async fn turn(&self) -> Turn<'_, R> {
        let mut link = self.turns.wait_for(|| self.link.borrow_mut().take()).await;
        link.set_deadline(self.deadline.get());
        link.batches = self.batches.get();
        Turn { link: Held(Some(link)), caller: self }
    }
}

/// Closes a batch, also when its future is dropped.
struct OpenBatch<'a>(&'a Cell<u32>);

impl Drop for OpenBatch<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl<R: Region> Drop for AsyncCaller<R> {
    fn drop(&mut self) {
        if let Some(link) = self.link.get_mut() {
            link.detach();
        }
    }
}

/// Futures in line for one thing.
#[derive(Default)]
struct Turns {
    /// Tickets drawn so far, and the one whose turn it is.
    drawn: Cell<u64>,
    waiting: RefCell<std::collections::VecDeque<(u64, Waker)>>,
}

impl Turns {
    /// Waits for its place in line, then until `take` gives something.
    async fn wait_for<T>(&self, mut take: impl FnMut() -> Option<T>) -> T {
        let place = Place { turns: self, ticket: self.drawn.replace(self.drawn.get() + 1) };
        std::future::poll_fn(|cx| {
            let mut waiting = self.waiting.borrow_mut();
            let first = waiting.front().is_none_or(|(ticket, _)| *ticket == place.ticket);
            if first && let Some(value) = take() {
                return Poll::Ready(value);
            }
            match waiting.iter_mut().find(|(ticket, _)| *ticket == place.ticket) {
                Some((_, waker)) => waker.clone_from(cx.waker()),
                None => waiting.push_back((place.ticket, cx.waker().clone())),
            }
            Poll::Pending
        })
        .await
    }

    fn wake_first(&self) {
        // Cloned, since a waker may poll at once, and come here again.
        let first = self.waiting.borrow().front().map(|(_, waker)| waker.clone());
        if let Some(waker) = first {
            waker.wake();
        }
    }
}

/// A place in line, given up when the future ends or is dropped.
struct Place<'a> {
    turns: &'a Turns,
    ticket: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.turns.waiting.borrow_mut().retain(|(ticket, _)| *ticket != self.ticket);
        self.turns.wake_first();
    }
}

/// The link, out of its cell while one call uses it; put back when the call ends or is dropped.
pub(crate) struct Turn<'a, R: Region> {
    pub(crate) link: Held<R>,
    caller: &'a AsyncCaller<R>,
}

pub(crate) struct Held<R>(Option<Link<R>>);

impl<R> std::ops::Deref for Held<R> {
    type Target = Link<R>;

    fn deref(&self) -> &Link<R> {
        match &self.0 {
            Some(link) => link,
            None => unreachable!("a turn holds its link until it is dropped"),
        }
    }
}

impl<R> std::ops::DerefMut for Held<R> {
    fn deref_mut(&mut self) -> &mut Link<R> {
        match &mut self.0 {
            Some(link) => link,
            None => unreachable!("a turn holds its link until it is dropped"),
        }
    }
}

impl<R: Region> Drop for Turn<'_, R> {
    fn drop(&mut self) {
        // The future of a call may have been dropped before its answer came.
        self.link.give_up();
        if let Some(link) = &mut self.link.0 {
            self.caller.unwanted.borrow_mut().retain(|&(op, id)| !link.drop_stream(op, id));
        }
        *self.caller.link.borrow_mut() = self.link.0.take();
        self.caller.turns.wake_first();
    }
}
