//! The client side for threads that may not block: the same calls, awaited.

use std::{
    cell::{Cell, RefCell},
    task::{Poll, Waker},
    time::Duration,
};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    CallError, Channel, DefaultRegion, OpInfo, OpMetrics, Region, RpcError, ServiceInfo,
    link::{Answer, Exchange, LIVENESS_SLICE, Link, Never, Next},
};

/// One caller of a service, attached to a mailbox of a channel; its calls are awaited.
///
/// Generated async clients wrap it. Calls made at the same time are executed one after the other, in the order in
/// which they were first polled. Dropping the future of a call gives the call up: it may still be executed, nobody
/// sees its answer.
pub struct AsyncCaller<R: Region = DefaultRegion> {
    /// Absent while a call is under way.
    link: RefCell<Option<Link<R>>>,
    turns: Turns,
    deadline: Cell<Option<Duration>>,
}

impl<R: Region> AsyncCaller<R> {
    /// Claims a mailbox of `channel` to call `service`. Does not wait for anything.
    ///
    /// # Errors
    /// Those of [`Caller::attach`](crate::Caller::attach), but for `CannotBlock`.
    pub fn attach(channel: &Channel<R>, service: &'static ServiceInfo) -> Result<Self, RpcError> {
        let link = RefCell::new(Some(Link::attach(channel, service)?));
        Ok(Self { link, turns: Turns::default(), deadline: Cell::new(None) })
    }

    /// Sets how long a call may take, from its turn on, before it ends in [`RpcError::TimedOut`]; `None`, the default,
    /// waits as long as the server lives.
    pub fn set_deadline(&self, deadline: Option<Duration>) {
        self.deadline.set(deadline);
    }

    /// What was counted for every operation of the service, in the order of the trait.
    pub async fn metrics(&self) -> Vec<OpMetrics> {
        self.turn().await.link.meters.snapshot()
    }

    /// Waits until the one-way calls made so far are executed. An error of the service's own stays for the next call
    /// that can carry it.
    ///
    /// # Errors
    /// The framework's error of a one-way call, or of the wait.
    pub async fn flush(&self) -> Result<(), RpcError> {
        let mut turn = self.turn().await;
        turn.drain().await?;
        turn.link.settled::<Never>().map(|_| ())
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
        match self.turn().await.call::<T, E>(op, args, ins, outs).await? {
            Answer::Ok(value) => Ok(value),
            Answer::ServiceError(error) => Err(CallError::Service(error)),
        }
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
        match self.turn().await.call::<T, Never>(op, args, ins, outs).await? {
            Answer::Ok(value) => Ok(value),
            Answer::ServiceError(never) => match never {},
        }
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
        self.turn().await.send::<E>(op, args, ins).await
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
        self.turn().await.send::<Never>(op, args, ins).await.map_err(|error| match error {
            CallError::Rpc(error) => error,
            CallError::Service(never) => match never {},
        })
    }

    /// Waits until no other call is under way.
    async fn turn(&self) -> Turn<'_, R> {
        let link = self.turns.wait_for(|| self.link.borrow_mut().take()).await;
        Turn { link: Held(Some(link)), caller: self }
    }
}

impl<R: Region> Drop for AsyncCaller<R> {
    fn drop(&mut self) {
        if let Some(link) = self.link.get_mut() {
            if let Some(lost) = link.take_deferred() {
                crate::log(&format!("sabrpc: a client of {} was dropped with {lost}", link.service.name));
            }
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
        if let Some((_, waker)) = self.waiting.borrow().front() {
            waker.wake_by_ref();
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
struct Turn<'a, R: Region> {
    link: Held<R>,
    caller: &'a AsyncCaller<R>,
}

struct Held<R>(Option<Link<R>>);

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
        *self.caller.link.borrow_mut() = self.link.0.take();
        self.caller.turns.wake_first();
    }
}

impl<R: Region> Turn<'_, R> {
    fn now(&self) -> Duration {
        self.link.channel.region.now()
    }

    fn deadline(&self) -> Option<Duration> {
        self.caller.deadline.get().map(|deadline| self.now() + deadline)
    }

    async fn drain(&mut self) -> Result<(), RpcError> {
        if self.link.has_outstanding() {
            let (status, len) = self.answer(self.deadline()).await?;
            self.link.settle(status, len);
        }
        Ok(())
    }

    async fn call<T: DeserializeOwned, E: DeserializeOwned>(
        &mut self,
        op: &'static OpInfo,
        args: &impl Serialize,
        ins: &[&[u8]],
        outs: &mut [&mut [u8]],
    ) -> Result<Answer<T, E>, RpcError> {
        self.drain().await?;
        if let Some(error) = self.link.settled::<E>()? {
            return Ok(Answer::ServiceError(error));
        }
        let start = self.now();
        let until = self.deadline();
        let mut exchange = self.link.begin(op, args, ins, outs, None)?;
        let mut wait = Duration::ZERO;
        let status = self.converse(&mut exchange, until, &mut wait).await;
        let result = status.and_then(|status| self.link.finish(&mut exchange, status, ins, outs));
        let time = self.now().saturating_sub(start + wait);
        let meters = &mut self.link.meters;
        meters.call(exchange.op_index, time, wait, exchange.request_len, exchange.answer_len);
        if !matches!(result, Ok(Answer::Ok(_))) {
            meters.error(exchange.op_index);
        }
        result
    }

    async fn converse(
        &mut self,
        exchange: &mut Exchange,
        until: Option<Duration>,
        wait: &mut Duration,
    ) -> Result<i32, RpcError> {
        loop {
            let asleep = self.now();
            let answer = self.answer(until).await;
            *wait += self.now() - asleep;
            let (status, len) = answer?;
            if let Next::Finish(status) = self.link.advance(exchange, status, len)? {
                return Ok(status);
            }
        }
    }

    async fn send<E: DeserializeOwned>(
        &mut self,
        op: &'static OpInfo,
        args: &impl Serialize,
        ins: &[&[u8]],
    ) -> Result<(), CallError<E>> {
        self.drain().await?;
        if let Some(error) = self.link.settled::<E>()? {
            return Err(CallError::Service(error));
        }
        let start = self.now();
        let until = self.deadline();
        let mut exchange = self.link.begin(op, args, ins, &[], Some(std::any::type_name::<E>()))?;
        let mut wait = Duration::ZERO;
        let mut result = Ok(());
        while exchange.is_sending() {
            let asleep = self.now();
            let (status, len) = self.answer(until).await?;
            wait += self.now() - asleep;
            if let Next::Finish(status) = self.link.advance(&mut exchange, status, len)? {
                // Refused half-way: the answer is here already.
                result = match self.link.finish::<(), E>(&mut exchange, status, ins, &mut [])? {
                    Answer::Ok(()) => Ok(()),
                    Answer::ServiceError(error) => Err(CallError::Service(error)),
                };
            }
        }
        let time = self.now().saturating_sub(start + wait);
        self.link.meters.call(exchange.op_index, time, wait, exchange.request_len, 0);
        result
    }

    /// Waits for the answer to the newest request. Returns its status and length.
    async fn answer(&mut self, until: Option<Duration>) -> Result<(i32, i32), RpcError> {
        let (words, seq) = (self.link.words, self.link.seq);
        let region = self.link.channel.region.clone();
        let awake = AwakeAgain { region: &region, sleeps: words.caller_sleeps };
        region.store(awake.sleeps, 1);
        loop {
            let value = region.load(words.response);
            if value == seq {
                return Ok((region.load(words.response + 4), region.load(words.response + 8)));
            }
            let mut slice = LIVENESS_SLICE;
            if let Some(until) = until {
                let left = until.saturating_sub(region.now());
                if left.is_zero() {
                    return Err(RpcError::TimedOut(self.caller.deadline.get().unwrap_or_default()));
                }
                slice = slice.min(left);
            }
            self.link.channel.serving()?;
            region.wait_async(words.response, value, Some(slice)).await;
        }
    }
}

/// Clears the sleep flag, also when the call's future is dropped.
struct AwakeAgain<'a, R: Region> {
    region: &'a R,
    sleeps: u32,
}

impl<R: Region> Drop for AwakeAgain<'_, R> {
    fn drop(&mut self) {
        self.region.store(self.sleeps, 0);
    }
}
