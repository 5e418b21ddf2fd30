//! The blocking client side: what a generated client calls.

use std::{cell::RefCell, time::Duration};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    CallError, Channel, DefaultRegion, OpInfo, OpMetrics, Region, RpcError, ServiceInfo,
    link::{Answer, Exchange, LIVENESS_SLICE, Link, Never, Next},
};

/// One caller of a service, attached to a mailbox of a channel; its calls block the thread.
///
/// Generated clients wrap it. It is not `Sync`: a thread that wants to call attaches a client of its own. Dropping it
/// waits for an outstanding one-way call (at most a second) and gives the mailbox back.
pub struct Caller<R: Region = DefaultRegion> {
    state: RefCell<State<R>>,
}

struct State<R: Region> {
    link: Link<R>,
    deadline: Option<Duration>,
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
        let link = Link::attach(channel, service)?;
        Ok(Self { state: RefCell::new(State { link, deadline: None }) })
    }

    /// Sets how long a call may take before it ends in [`RpcError::TimedOut`]; `None`, the default, waits as long as
    /// the server lives.
    pub fn set_deadline(&self, deadline: Option<Duration>) {
        self.state.borrow_mut().deadline = deadline;
    }

    /// What was counted for every operation of the service, in the order of the trait.
    pub fn metrics(&self) -> Vec<OpMetrics> {
        self.state.borrow().link.meters.snapshot()
    }

    /// Waits until the one-way calls made so far are executed. An error of the service's own stays for the next call
    /// that can carry it.
    ///
    /// # Errors
    /// The framework's error of a one-way call, or of the wait.
    pub fn flush(&self) -> Result<(), RpcError> {
        let mut state = self.state.borrow_mut();
        state.drain()?;
        state.link.settled::<Never>().map(|_| ())
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
        match self.state.borrow_mut().call::<T, E>(op, args, ins, outs)? {
            Answer::Ok(value) => Ok(value),
            Answer::ServiceError(error) => Err(CallError::Service(error)),
        }
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
        match self.state.borrow_mut().call::<T, Never>(op, args, ins, outs)? {
            Answer::Ok(value) => Ok(value),
            Answer::ServiceError(never) => match never {},
        }
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
        self.state.borrow_mut().send::<E>(op, args, ins)
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
        self.state.borrow_mut().send::<Never>(op, args, ins).map_err(|error| match error {
            CallError::Rpc(error) => error,
            CallError::Service(never) => match never {},
        })
    }
}

impl<R: Region> Drop for Caller<R> {
    fn drop(&mut self) {
        let state = self.state.get_mut();
        state.deadline = Some(Duration::from_secs(1));
        // Whoever drops a client does not ask any more; what cannot be told is logged.
        let owed = state.link.owes_an_error();
        let undrained = state.drain().err().filter(|_| owed).map(|error| error.to_string());
        if let Some(lost) = state.link.take_deferred().or(undrained) {
            crate::log(&format!("sabrpc: a client of {} was dropped with {lost}", state.link.service.name));
        }
        state.link.detach();
    }
}

impl<R: Region> State<R> {
    fn now(&self) -> Duration {
        self.link.channel.region.now()
    }

    /// Waits for the request that is still outstanding, if there is one.
    fn drain(&mut self) -> Result<(), RpcError> {
        if self.link.has_outstanding() {
            let until = self.deadline.map(|deadline| self.now() + deadline);
            let (status, len) = self.answer(until)?;
            self.link.settle(status, len);
        }
        Ok(())
    }

    fn call<T: DeserializeOwned, E: DeserializeOwned>(
        &mut self,
        op: &'static OpInfo,
        args: &impl Serialize,
        ins: &[&[u8]],
        outs: &mut [&mut [u8]],
    ) -> Result<Answer<T, E>, RpcError> {
        self.drain()?;
        if let Some(error) = self.link.settled::<E>()? {
            return Ok(Answer::ServiceError(error));
        }
        let start = self.now();
        let mut exchange = self.link.begin(op, args, ins, outs, None)?;
        let mut wait = Duration::ZERO;
        let result = self
            .converse(&mut exchange, start, &mut wait)
            .and_then(|status| self.link.finish(&mut exchange, status, ins, outs));
        let time = self.now().saturating_sub(start + wait);
        let meters = &mut self.link.meters;
        meters.call(exchange.op_index, time, wait, exchange.request_len, exchange.answer_len);
        if !matches!(result, Ok(Answer::Ok(_))) {
            meters.error(exchange.op_index);
        }
        result
    }

    /// Waits and answers until the server's answer is whole; returns its status.
    fn converse(
        &mut self,
        exchange: &mut Exchange,
        start: Duration,
        wait: &mut Duration,
    ) -> Result<i32, RpcError> {
        let until = self.deadline.map(|deadline| start + deadline);
        loop {
            let asleep = self.now();
            let answer = self.answer(until);
            *wait += self.now() - asleep;
            let (status, len) = answer?;
            if let Next::Finish(status) = self.link.advance(exchange, status, len)? {
                return Ok(status);
            }
        }
    }

    fn send<E: DeserializeOwned>(
        &mut self,
        op: &'static OpInfo,
        args: &impl Serialize,
        ins: &[&[u8]],
    ) -> Result<(), CallError<E>> {
        self.drain()?;
        if let Some(error) = self.link.settled::<E>()? {
            return Err(CallError::Service(error));
        }
        let start = self.now();
        let mut exchange = self.link.begin(op, args, ins, &[], Some(std::any::type_name::<E>()))?;
        let mut wait = Duration::ZERO;
        let mut result = Ok(());
        while exchange.is_sending() {
            let until = self.deadline.map(|deadline| start + deadline);
            let asleep = self.now();
            let (status, len) = self.answer(until)?;
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

    /// Waits for the answer to the newest request: polls, then sleeps. Returns its status and length.
    fn answer(&mut self, until: Option<Duration>) -> Result<(i32, i32), RpcError> {
        let link = &mut self.link;
        let (response, seq) = (link.words.response, link.seq);
        let region = link.channel.region.clone();
        let (value, status, len) = region.await_change(response, seq.wrapping_sub(1), link.spin.budget());
        if value == seq {
            link.spin.hit();
            return Ok((status, len));
        }
        link.spin.missed();
        region.store(link.words.caller_sleeps, 1);
        let woken = loop {
            let value = region.load(response);
            if value == seq {
                break Ok((region.load(response + 4), region.load(response + 8)));
            }
            let mut slice = LIVENESS_SLICE;
            if let Some(until) = until {
                let left = until.saturating_sub(region.now());
                if left.is_zero() {
                    break Err(RpcError::TimedOut(self.deadline.unwrap_or_default()));
                }
                slice = slice.min(left);
            }
            if let Err(gone) = link.channel.serving() {
                break Err(gone);
            }
            region.wait(response, value, slice);
        };
        region.store(link.words.caller_sleeps, 0);
        woken
    }
}
