//! The caller's side: one call from its first phase to its last, for the blocking and the async client alike.
//!
//! The code is written once, as futures over a way to [`Wait`]. The blocking way never leaves a future pending: it
//! blocks in its only poll, see [`without_pause`].

mod answer;
mod link;
mod request;
mod wait;

use std::{
    task::{Context, Poll, Waker},
    time::Duration,
};

use serde::{Serialize, de::DeserializeOwned};

pub(crate) use self::link::{Answer, Expects, LIVENESS_SLICE, Link, Never, UNTOLD};
use self::link::{Exchange, Next, Raw};
use crate::{
    CallError, OpInfo, Region, RpcError, codec,
    layout::{INLINE, status},
    trace,
};

/// How a client waits for its answer.
pub(crate) trait Wait {
    /// Polls before going to sleep, at most this many times.
    fn polls(budget: u32) -> u32;

    /// Whether it blocks the thread.
    const BLOCKS: bool;

    /// Waits while the word is `old`, at most `timeout`; may return early.
    async fn sleep<R: Region>(region: &R, word: u32, old: i32, timeout: Duration);
}

impl<R: Region> Link<R> {
    pub(crate) fn now(&self) -> Duration {
        self.channel.region.now()
    }

    /// Begins a call of `op`, or what is no call: it has to be over when the deadline says.
    #[inline]
    pub(crate) fn set_out(&mut self, op: Option<&OpInfo>) {
        self.until = None;
        if op.map_or(self.has_deadlines, |op| self.has_deadline(op)) {
            self.limit = self.deadline_of(op);
            // A time that the clock does not reach never comes.
            self.until = self.limit.and_then(|limit| self.now().checked_add(limit));
        }
    }

    /// Sends what was gathered, and waits for the answer of everything that was sent.
    #[cold]
    pub(crate) async fn drain<W: Wait>(&mut self) -> Result<(), RpcError> {
        if self.has_gathered() {
            self.send_gathered::<W>().await?;
        }
        self.wait_for_outstanding::<W>().await
    }

    /// Sends the one-way calls that were gathered, as soon as what was sent before is answered.
    #[cold]
    pub(crate) async fn send_gathered<W: Wait>(&mut self) -> Result<(), RpcError> {
        self.wait_for_outstanding::<W>().await?;
        self.publish_batch();
        Ok(())
    }

    async fn wait_for_outstanding<W: Wait>(&mut self) -> Result<(), RpcError> {
        while self.has_outstanding() {
            let (status, len) = self.answer::<W>().await?;
            if self.settle(status, len) {
                self.check_time()?;
            }
        }
        Ok(())
    }

    /// Calls an operation and waits for its answer.
    #[inline]
    pub(crate) async fn call<W: Wait, T: DeserializeOwned, E: DeserializeOwned>(
        &mut self,
        op: &'static OpInfo,
        args: &impl Serialize,
        ins: &[&[u8]],
        outs: &mut [&mut [u8]],
    ) -> Result<Answer<T, E>, RpcError> {
        self.set_out(Some(op));
        if self.is_unsettled()
            && let Some(error) = self.see_to_earlier::<W, E>(op).await?
        {
            return Ok(Answer::ServiceError(error));
        }
        let begun = self.begin(op, args, ins, outs, Expects::Nothing);
        let exchange = begun.map_err(|error| self.unsent(op, error))?;
        let early = self.poll::<W>();
        self.end::<W, T, E>(exchange, early, ins, outs).await
    }

    /// Waits for the answer of a request that was published, unless it is there `early`, and takes it apart.
    async fn end<W: Wait, T: DeserializeOwned, E: DeserializeOwned>(
        &mut self,
        mut exchange: Exchange,
        early: Option<(i32, i32)>,
        ins: &[&[u8]],
        outs: &mut [&mut [u8]],
    ) -> Result<Answer<T, E>, RpcError> {
        let status = match early {
            Some((code, len)) if !exchange.is_sending() && code & status::MORE == 0 => {
                self.take_whole(&exchange, code, len)
            }
            early => {
                self.leave(exchange.op, Expects::Nothing, exchange.result_at);
                self.converse::<W>(&mut exchange, early).await
            }
        };
        let result = status.and_then(|status| self.finish(&mut exchange, status, ins, outs));
        let ok = matches!(result, Ok(Answer::Ok(_)));
        self.count(&exchange, ok);
        if !ok {
            self.meters.error(exchange.op_index);
        }
        result
    }

    /// Calls an operation by a way to wait that never pauses. The shortest way is for calls without bulk arguments that are
    /// short both there and back, and are not timed: the mail is all that they touch.
    #[inline]
    pub(crate) fn call_now<W: Wait, T: DeserializeOwned, E: DeserializeOwned>(
        &mut self,
        op: &'static OpInfo,
        args: &impl Serialize,
        ins: &[&[u8]],
        outs: &mut [&mut [u8]],
    ) -> Result<Answer<T, E>, RpcError> {
        if self.is_unsettled() || self.has_deadline(op) {
            return without_pause(self.call::<W, T, E>(op, args, ins, outs));
        }
        self.until = None;
        let op_index = self.index_of(op).map_err(|error| self.unsent(op, error))?;
        self.start(op_index);
        let args_len = self.encode(op, args, ins, outs).map_err(|error| self.unsent(op, error))?;
        let exchange = Exchange { args_len, ..Exchange::new(op, op_index) };
        if !ins.is_empty() || !outs.is_empty() || args_len > INLINE {
            return self.end_now::<W, T, E>(exchange, ins, outs);
        }
        self.publish(op.id, 0, args_len as i32);
        match self.poll::<W>() {
            Some((status::OK, len)) if len as u32 as usize <= INLINE && self.clock.start.is_none() => {
                let len = len as u32 as usize;
                let value = codec::decode(&self.mail.inline[..len], op.name);
                trace::called(|| self.id(), op, (args_len as u64, len as u64), Duration::ZERO, value.is_ok());
                self.meters.hot(op_index, args_len, len);
                if value.is_err() {
                    self.meters.error(op_index);
                }
                value.map(Answer::Ok)
            }
            early => {
                let exchange = Exchange { request_len: args_len as u64, ..exchange };
                without_pause(self.end::<W, T, E>(exchange, early, &[], &mut []))
            }
        }
    }

    /// The rest of a call with bulk or long arguments, which are encoded.
    #[inline(never)]
    fn end_now<W: Wait, T: DeserializeOwned, E: DeserializeOwned>(
        &mut self,
        exchange: Exchange,
        ins: &[&[u8]],
        outs: &mut [&mut [u8]],
    ) -> Result<Answer<T, E>, RpcError> {
        let op = exchange.op;
        let published = self.publish_request(exchange, ins, outs, Expects::Nothing);
        let exchange = published.map_err(|error| self.unsent(op, error))?;
        let early = self.poll::<W>();
        without_pause(self.end::<W, T, E>(exchange, early, ins, outs))
    }

    /// Calls a raw operation by a way to wait that never pauses; returns how many bytes of `response` it filled.
    #[inline]
    pub(crate) fn call_raw<W: Wait>(
        &mut self,
        op: &'static OpInfo,
        request: &[u8],
        response: &mut [u8],
    ) -> Result<usize, RpcError> {
        self.until = None;
        if self.is_unsettled() || self.has_deadline(op) {
            self.make_way::<W>(op)?;
        }
        let Some(raw) = self.begin_raw(op, request, response) else {
            return Err(self.unsent(op, self.not_raw(op, request)));
        };
        match self.poll::<W>() {
            Some((status::OK, len)) if len as u32 as usize <= response.len().min(INLINE) => {
                let len = len as u32 as usize;
                if len > 0 {
                    response[..len].copy_from_slice(&self.mail.inline[..len]);
                }
                self.meters.tally(raw.op_index, request.len(), len);
                self.trace_raw(&raw, request.len(), &Ok(len));
                Ok(len)
            }
            early => self.finish_raw::<W>(early, &raw, request, response),
        }
    }

    /// Sees to earlier calls, and to the deadline.
    #[cold]
    fn make_way<W: Wait>(&mut self, op: &OpInfo) -> Result<(), RpcError> {
        self.set_out(Some(op));
        without_pause(self.see_to_earlier::<W, Never>(op)).map(|_| ())
    }

    /// Sees to what is left of earlier calls before one of `op` is made: the service's error of a one-way call, if there was
    /// one.
    #[cold]
    async fn see_to_earlier<W: Wait, E: DeserializeOwned>(
        &mut self,
        op: &OpInfo,
    ) -> Result<Option<E>, RpcError> {
        let drained = self.drain::<W>().await;
        let settled = drained.and_then(|()| self.settled::<E>());
        if let Ok(Some(_)) = settled {
            self.trace_unsent(op);
        }
        settled.map_err(|error| self.unsent(op, error))
    }

    /// Tells of a call that is not made; returns why.
    #[cold]
    fn unsent(&self, op: &OpInfo, error: RpcError) -> RpcError {
        self.trace_unsent(op);
        error
    }

    fn trace_unsent(&self, op: &OpInfo) {
        trace::called(|| self.id(), op, (0, 0), Duration::ZERO, false);
    }

    /// Tells of a raw call. How long it slept is not measured.
    #[inline]
    fn trace_raw(&self, raw: &Raw, request_len: usize, result: &Result<usize, RpcError>) {
        let lens = (request_len as u64, *result.as_ref().unwrap_or(&0) as u64);
        trace::called(|| self.id(), raw.op, lens, Duration::ZERO, result.is_ok());
    }

    /// The end of a raw call whose response is long, or not there at once, or none.
    #[inline(never)]
    fn finish_raw<W: Wait>(
        &mut self,
        early: Option<(i32, i32)>,
        raw: &Raw,
        request: &[u8],
        response: &mut [u8],
    ) -> Result<usize, RpcError> {
        let result = match early {
            Some((status::OK, len)) => self.take_raw(raw, len, response),
            early => without_pause(self.finish_raw_slowly::<W>(early, raw, response)),
        };
        match result {
            Ok(len) => self.meters.tally(raw.op_index, request.len(), len),
            Err(_) => {
                self.meters.tally(raw.op_index, request.len(), 0);
                self.meters.error(raw.op_index);
            }
        }
        self.trace_raw(raw, request.len(), &result);
        result
    }

    /// The same, when it was not there at once, or is none.
    #[cold]
    async fn finish_raw_slowly<W: Wait>(
        &mut self,
        early: Option<(i32, i32)>,
        raw: &Raw,
        response: &mut [u8],
    ) -> Result<usize, RpcError> {
        self.leave(raw.op, Expects::Nothing, 0);
        let early = match early {
            Some(early) => early,
            None => self.sleep::<W>().await?,
        };
        match early {
            (status::OK, len) => {
                self.outstanding = None;
                self.take_raw(raw, len, response)
            }
            error => {
                let mut exchange = Exchange::new(raw.op, raw.op_index);
                let code = self.converse::<W>(&mut exchange, Some(error)).await?;
                Err(self.framework_error(code))
            }
        }
    }

    /// Publishes a one-way call. Waits only for an earlier one, and for the pieces of this one to be taken.
    pub(crate) async fn send<W: Wait, E: DeserializeOwned>(
        &mut self,
        op: &'static OpInfo,
        args: &impl Serialize,
        ins: &[&[u8]],
    ) -> Result<(), CallError<E>> {
        self.set_out(Some(op));
        let error_type = std::any::type_name::<E>();
        if self.batches > 0 {
            if let Some(error) = self.settled::<E>().map_err(|error| self.unsent(op, error))? {
                self.trace_unsent(op);
                return Err(CallError::Service(error));
            }
            if self.gather(op, args, ins, error_type).map_err(|error| self.unsent(op, error))? {
                return Ok(());
            }
            // The area is full, or too small for this one.
            self.send_gathered::<W>().await.map_err(|error| self.unsent(op, error))?;
            if self.gather(op, args, ins, error_type).map_err(|error| self.unsent(op, error))? {
                return Ok(());
            }
        }
        if self.is_unsettled()
            && let Some(error) = self.see_to_earlier::<W, E>(op).await?
        {
            return Err(CallError::Service(error));
        }
        let begun = self.begin(op, args, ins, &[], Expects::Failure(error_type));
        let mut exchange = begun.map_err(|error| self.unsent(op, error))?;
        let mut refused = None;
        while exchange.is_sending() && refused.is_none() {
            let next = self.next::<W>(&mut exchange).await.map_err(|error| self.unsent(op, error))?;
            if let Next::Finish(status) = next {
                // The answer is here before everything was sent.
                refused = Some(status);
            }
        }
        let answer = refused.map(|status| self.finish::<(), E>(&mut exchange, status, ins, &mut []));
        let ok = matches!(answer, None | Some(Ok(Answer::Ok(()))));
        self.count(&exchange, ok);
        if !ok {
            self.meters.error(exchange.op_index);
        }
        match answer.transpose()? {
            Some(Answer::ServiceError(error)) => Err(CallError::Service(error)),
            Some(Answer::Ok(())) | None => Ok(()),
        }
    }

    /// Goes on until the server's answer is whole; returns its status. `early` is an answer that is there already.
    #[cold]
    async fn converse<W: Wait>(
        &mut self,
        exchange: &mut Exchange,
        early: Option<(i32, i32)>,
    ) -> Result<i32, RpcError> {
        let (code, len) = match early {
            Some(early) => early,
            None => self.sleep::<W>().await?,
        };
        let mut next = self.advance(exchange, code, len)?;
        loop {
            if let Next::Finish(status) = next {
                return Ok(status);
            }
            next = self.next::<W>(exchange).await?;
        }
    }

    /// Waits for the next answer and takes it in.
    async fn next<W: Wait>(&mut self, exchange: &mut Exchange) -> Result<Next, RpcError> {
        self.check_time()?;
        let (code, len) = self.answer::<W>().await?;
        self.advance(exchange, code, len)
    }

    /// Between two pieces: answers that are there at once would pass the deadline by.
    fn check_time(&mut self) -> Result<(), RpcError> {
        match self.until {
            Some(until) if self.now() >= until => Err(self.timed_out()),
            _ => Ok(()),
        }
    }

    fn timed_out(&mut self) -> RpcError {
        self.give_up();
        RpcError::TimedOut(self.limit.unwrap_or_default())
    }

    /// Waits for the answer to the newest request: polls, then sleeps. Returns its status and length.
    async fn answer<W: Wait>(&mut self) -> Result<(i32, i32), RpcError> {
        match self.poll::<W>() {
            Some(answer) => Ok(answer),
            None => self.sleep::<W>().await,
        }
    }
}

/// The result of a future that is ready at its first poll.
#[inline(always)]
pub(crate) fn without_pause<T>(future: impl Future<Output = T>) -> T {
    let future = std::pin::pin!(future);
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("a blocking wait does not pause its future"),
    }
}
