//! The caller's side: one call from its first phase to its last, for the blocking and the async client alike.
//!
//! The code is written once, as futures over a way to [`Wait`]. The blocking way never leaves a future pending: it
//! blocks in its only poll, see [`without_pause`].

mod answer;
mod link;
mod request;

use std::{
    task::{Context, Poll, Waker},
    time::Duration,
};

use serde::{Serialize, de::DeserializeOwned};

pub(crate) use self::link::{Answer, LIVENESS_SLICE, Link, Never};
use self::link::{Clock, Exchange, Expects, Next};

use crate::{CallError, OpInfo, Region, RpcError, layout::status};

/// How a client waits until its mailbox's response word differs from what it was.
pub(crate) trait Wait {
    /// Polls before going to sleep, at most this many times.
    fn polls(budget: u32) -> u32;

    /// Waits while the word is `old`, at most `timeout`; may return early.
    async fn sleep<R: Region>(region: &R, word: u32, old: i32, timeout: Duration);
}

impl<R: Region> Link<R> {
    fn now(&self) -> Duration {
        self.channel.region.now()
    }

    /// When a call that begins now has to be over; `None` for never.
    pub(crate) fn until(&self) -> Option<Duration> {
        self.deadline.and_then(|deadline| self.now().checked_add(deadline))
    }

    /// Sends what was gathered, and waits for the answer of everything that was sent.
    pub(crate) async fn drain<W: Wait>(&mut self, until: Option<Duration>) -> Result<(), RpcError> {
        if self.has_gathered() {
            self.send_gathered::<W>(until).await?;
        }
        self.wait_for_outstanding::<W>(until).await
    }

    /// Sends the one-way calls that were gathered, as soon as what was sent before is answered.
    pub(crate) async fn send_gathered<W: Wait>(&mut self, until: Option<Duration>) -> Result<(), RpcError> {
        self.wait_for_outstanding::<W>(until).await?;
        self.publish_batch();
        Ok(())
    }

    async fn wait_for_outstanding<W: Wait>(&mut self, until: Option<Duration>) -> Result<(), RpcError> {
        while self.has_outstanding() {
            let (status, len) = self.answer::<W>(until, &mut Clock::default()).await?;
            self.settle(status, len);
        }
        Ok(())
    }

    /// Calls an operation and waits for its answer.
    pub(crate) async fn call<W: Wait, T: DeserializeOwned, E: DeserializeOwned>(
        &mut self,
        op: &'static OpInfo,
        args: &impl Serialize,
        ins: &[&[u8]],
        outs: &mut [&mut [u8]],
    ) -> Result<Answer<T, E>, RpcError> {
        let until = self.until();
        if self.is_unsettled() {
            self.drain::<W>(until).await?;
            if let Some(error) = self.settled::<E>()? {
                return Ok(Answer::ServiceError(error));
            }
        }
        let mut exchange = self.begin(op, args, ins, outs, Expects::Nothing)?;
        let status = self.converse::<W>(&mut exchange, until).await;
        let result = status.and_then(|status| self.finish(&mut exchange, status, ins, outs));
        self.count(&exchange);
        if !matches!(result, Ok(Answer::Ok(_))) {
            self.meters.error(exchange.op_index);
        }
        result
    }

    /// Calls a raw operation; returns how many bytes of `response` it filled.
    pub(crate) async fn call_raw<W: Wait>(
        &mut self,
        op: &'static OpInfo,
        request: &[u8],
        response: &mut [u8],
    ) -> Result<usize, RpcError> {
        let until = self.until();
        if self.is_unsettled() {
            self.drain::<W>(until).await?;
            self.settled::<Never>()?;
        }
        let (mut exchange, raw) = self.begin_raw(op, request, response)?;
        let result = match self.answer::<W>(until, &mut exchange.clock).await {
            Ok((status::OK, len)) => self.finish_raw(&mut exchange, raw, len, response),
            Ok((code, len)) => match self.advance(&mut exchange, code, len) {
                Ok(Next::Finish(code)) => Err(self.framework_error(code)),
                Ok(Next::Wait) => match self.converse::<W>(&mut exchange, until).await {
                    Ok(code) => Err(self.framework_error(code)),
                    Err(error) => Err(error),
                },
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        };
        self.count(&exchange);
        if result.is_err() {
            self.meters.error(exchange.op_index);
        }
        result
    }

    /// Publishes a one-way call. Waits only for an earlier one, and for the pieces of this one to be taken.
    pub(crate) async fn send<W: Wait, E: DeserializeOwned>(
        &mut self,
        op: &'static OpInfo,
        args: &impl Serialize,
        ins: &[&[u8]],
    ) -> Result<(), CallError<E>> {
        let until = self.until();
        let error_type = std::any::type_name::<E>();
        if self.batches > 0 {
            if let Some(error) = self.settled::<E>()? {
                return Err(CallError::Service(error));
            }
            if self.gather(op, args, ins, error_type)? {
                return Ok(());
            }
            // The area is full, or too small for this one.
            self.send_gathered::<W>(until).await?;
            if self.gather(op, args, ins, error_type)? {
                return Ok(());
            }
        }
        if self.is_unsettled() {
            self.drain::<W>(until).await?;
            if let Some(error) = self.settled::<E>()? {
                return Err(CallError::Service(error));
            }
        }
        let mut exchange = self.begin(op, args, ins, &[], Expects::Failure(error_type))?;
        let mut refused = None;
        while exchange.is_sending() && refused.is_none() {
            if let Next::Finish(status) = self.next::<W>(&mut exchange, until).await? {
                // The answer is here before everything was sent.
                refused = Some(status);
            }
        }
        self.count(&exchange);
        match refused.map(|status| self.finish::<(), E>(&mut exchange, status, ins, &mut [])).transpose()? {
            Some(Answer::ServiceError(error)) => Err(CallError::Service(error)),
            Some(Answer::Ok(())) | None => Ok(()),
        }
    }

    /// Goes on until the server's answer is whole; returns its status.
    async fn converse<W: Wait>(
        &mut self,
        exchange: &mut Exchange,
        until: Option<Duration>,
    ) -> Result<i32, RpcError> {
        loop {
            if let Next::Finish(status) = self.next::<W>(exchange, until).await? {
                return Ok(status);
            }
        }
    }

    /// Waits for the next answer and takes it in.
    async fn next<W: Wait>(
        &mut self,
        exchange: &mut Exchange,
        until: Option<Duration>,
    ) -> Result<Next, RpcError> {
        let (status, len) = self.answer::<W>(until, &mut exchange.clock).await?;
        let next = self.advance(exchange, status, len)?;
        // Answers that are there at once would pass the deadline by.
        match until {
            Some(until) if matches!(next, Next::Wait) && self.now() >= until => Err(self.timed_out()),
            _ => Ok(next),
        }
    }

    fn timed_out(&self) -> RpcError {
        RpcError::TimedOut(self.deadline.unwrap_or_default())
    }

    /// Waits for the answer to the newest request: polls, then sleeps. Returns its status and length.
    async fn answer<W: Wait>(
        &mut self,
        until: Option<Duration>,
        clock: &mut Clock,
    ) -> Result<(i32, i32), RpcError> {
        let polls = W::polls(self.spin.budget());
        let since = (clock.start.is_some() || self.spin.is_exploring()).then(|| self.now());
        let response = self.words.response;
        let seen = self.channel.region.await_change(response, self.seq.wrapping_sub(1), polls, response);
        let took = since.map(|since| self.now().saturating_sub(since));
        if clock.start.is_some() {
            clock.wait += took.unwrap_or_default();
        }
        if seen.value == self.seq {
            self.spin.hit();
            return Ok((seen.a, seen.b));
        }
        self.spin.missed(took.filter(|_| self.spin.is_exploring()));
        let asleep_since = self.now();
        let answer = self.sleep::<W>(until).await;
        clock.slept += self.now().saturating_sub(asleep_since);
        answer
    }

    /// Sleeps until the answer to the newest request is there.
    ///
    /// Ends with the answer, at `until`, or when the server is gone: who ends a server wakes all callers, and a caller
    /// looks for itself every [`LIVENESS_SLICE`].
    async fn sleep<W: Wait>(&mut self, until: Option<Duration>) -> Result<(i32, i32), RpcError> {
        let (response, seq) = (self.words.response, self.seq);
        let region = self.channel.region.clone();
        let asleep = Asleep { region: &region, flag: self.words.caller_sleeps };
        region.store(asleep.flag, 1);
        loop {
            // A server ends after its last answer: with the state read first, no answer is missed.
            let alive = self.channel.answering();
            // Read after the flag was set: who answers from here on wakes us.
            let value = region.load(response);
            if value == seq {
                return Ok((region.load(response + 4), region.load(response + 8)));
            }
            let mut slice = LIVENESS_SLICE;
            if let Some(until) = until {
                let left = until.saturating_sub(region.now());
                if left.is_zero() {
                    return Err(self.timed_out());
                }
                slice = slice.min(left);
            }
            alive?;
            W::sleep(&region, response, value, slice).await;
        }
    }
}

/// Clears a sleep flag when the wait is over, also when its future is dropped.
struct Asleep<'a, R: Region> {
    region: &'a R,
    flag: u32,
}

impl<R: Region> Drop for Asleep<'_, R> {
    fn drop(&mut self) {
        self.region.store(self.flag, 0);
    }
}

/// The result of a future that is ready at its first poll.
pub(crate) fn without_pause<T>(future: impl Future<Output = T>) -> T {
    let future = std::pin::pin!(future);
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("a blocking wait does not pause its future"),
    }
}
