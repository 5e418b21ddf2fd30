//! The way back: an answer is taken in, whole or in pieces, and taken apart.

use serde::de::DeserializeOwned;

use super::link::{Answer, Deferred, Exchange, Expects, Link, Next, Outstanding, Raw};
use crate::{
    OpInfo, Region, RpcError, ServerState,
    batch::{self, Sent},
    codec::{self, Bulk, Cursor},
    layout::{INLINE, request_flags as flag, status},
};

impl<R: Region> Link<R> {
    /// Takes in the answer of the outstanding request, of which nobody but a one-way call's error wants to hear; returns
    /// whether it goes on.
    pub(crate) fn settle(&mut self, code: i32, len: i32) -> bool {
        if std::mem::take(&mut self.given_up) {
            // Before the next request is published, which is another: its number publishes this too.
            self.channel.region.store(self.words.given_up, 0);
        }
        let Some(Outstanding { op, expects, result_at, begun }) = &mut self.outstanding else {
            return false;
        };
        let (op, expects, begun) = (*op, *expects, std::mem::replace(begun, true));
        let nothing = match expects {
            Expects::Nothing => true,
            // Told to go on with pieces that nobody sends any more: the caller was told so when he gave up.
            Expects::Failure(_) => code == status::OK || code == status::GO_ON,
            Expects::Failures => code == status::OK && len == 0,
        };
        if nothing {
            self.outstanding = None;
            return false;
        }
        let at = answer_at(*result_at, code);
        if !begun {
            self.staging.clear();
        }
        let taken = self.take_in(at, code, len);
        if taken.is_ok() && code & status::MORE != 0 {
            self.publish(op.id, flag::CONTINUE, 0);
            return true;
        }
        self.outstanding = None;
        let bytes = std::mem::take(&mut self.staging);
        match (taken, expects) {
            (Ok(()), Expects::Failures) if code & !status::MORE == status::OK => self.defer_each(&bytes),
            (Ok(()), Expects::Failure(error_type)) => self.defer(Sent { op, error_type }, code, &bytes),
            (Ok(()), _) => self.defer(Sent { op, error_type: "" }, code, &bytes),
            (Err(error), _) => {
                self.count_error(op);
                self.deferred.push(Deferred::Rpc(error));
            }
        }
        self.staging = bytes;
        false
    }

    /// Keeps the error of a one-way call for a later one.
    fn defer(&mut self, call: Sent, code: i32, error: &[u8]) {
        self.count_error(call.op);
        self.deferred.push(match code & !status::MORE {
            status::SERVICE_ERROR => {
                Deferred::Service { op: call.op, error_type: call.error_type, bytes: error.to_vec() }
            }
            code => Deferred::Rpc(framework_error(code, error)),
        });
    }

    /// Keeps the errors of a batch, of each call at most one.
    fn defer_each(&mut self, mut failures: &[u8]) {
        let mut first = 0;
        while !failures.is_empty() {
            let failure = batch::next_failure(&mut failures).filter(|(entry, ..)| *entry as usize >= first);
            let call = failure.and_then(|(entry, ..)| self.in_batch.get(entry as usize).copied());
            if let (Some((entry, code, error)), Some(call)) = (failure, call) {
                first = entry as usize + 1;
                self.defer(call, code, error);
                continue;
            }
            let error = RpcError::malformed("answer", "failures that no call of the batch had");
            self.deferred.push(Deferred::Rpc(error));
            return;
        }
    }

    fn count_error(&mut self, op: &OpInfo) {
        if let Some(index) = self.service.position(op.id) {
            self.meters.error(index);
        }
    }

    /// Takes in an answer that is whole at once.
    #[inline]
    pub(super) fn take_whole(&mut self, exchange: &Exchange, code: i32, len: i32) -> Result<i32, RpcError> {
        self.is_in_mail = len as u32 as usize <= INLINE;
        if self.is_in_mail {
            return Ok(code);
        }
        self.staging.clear();
        self.take_in(answer_at(exchange.result_at, code), code, len).map(|()| code)
    }

    /// Takes in an answer: publishes the next piece of the request, asks for the next piece of the answer, or says
    /// that it is whole.
    pub(crate) fn advance(&mut self, exchange: &mut Exchange, code: i32, len: i32) -> Result<Next, RpcError> {
        if exchange.stream.is_some() {
            if code == status::GO_ON {
                self.send_piece(exchange);
                return Ok(Next::Wait);
            }
            // The server refused the rest.
            exchange.stream = None;
        }
        self.is_in_mail = false;
        if !std::mem::replace(&mut exchange.answering, true) {
            self.staging.clear();
        }
        let taken = self.take_in(answer_at(exchange.result_at, code), code, len);
        if taken.is_ok() && code & status::MORE != 0 {
            self.publish(exchange.op.id, flag::CONTINUE, 0);
            return Ok(Next::Wait);
        }
        self.outstanding = None;
        taken.map(|()| Next::Finish(code))
    }

    /// Appends `len` bytes of the area, which an answer with status `code` has there, to `staging`.
    fn take_in(&mut self, at: u32, code: i32, len: i32) -> Result<(), RpcError> {
        let room = self.channel.geometry.area_size() - at;
        let Some(len) = u32::try_from(len).ok().filter(|&len| len <= room) else {
            return Err(RpcError::malformed("answer", format!("{len} bytes in an area of {room}")));
        };
        if len == 0 && code & status::MORE != 0 {
            return Err(RpcError::malformed("answer", "a piece without bytes"));
        }
        if len as usize <= INLINE {
            self.staging.extend_from_slice(self.mail.bytes());
        } else {
            let from = self.staging.len();
            codec::grow(&mut self.staging, from + len as usize)?;
            self.channel.region.copy_out(self.area_at + at, &mut self.staging[from..]);
        }
        Ok(())
    }

    /// Takes the whole answer apart: the result, and the bulk outputs into `outs`.
    pub(crate) fn finish<T: DeserializeOwned, E: DeserializeOwned>(
        &mut self,
        exchange: &mut Exchange,
        code: i32,
        ins: &[&[u8]],
        outs: &mut [&mut [u8]],
    ) -> Result<Answer<T, E>, RpcError> {
        let name = exchange.op.name;
        let bytes = self.answer_bytes();
        exchange.answer_len = bytes.len() as u64;
        match code {
            status::OK => {}
            status::SERVICE_ERROR => return codec::decode(bytes, name).map(Answer::ServiceError),
            other => return Err(self.framework_error(other)),
        }
        if outs.is_empty() {
            return codec::decode(bytes, name).map(Answer::Ok);
        }
        let mut cursor = Cursor::after_args(exchange.args_len);
        for bytes in ins {
            cursor.place(Bulk::of(bytes)?);
        }
        let mut lens = bytes;
        let mut rest = lens;
        for out in outs.iter() {
            let (filled, behind) = codec::decode_front::<u32>(rest, name)?;
            rest = behind;
            if filled as usize > out.len() {
                let detail = format!("{filled} bytes filled of a bulk output of {}", out.len());
                return Err(RpcError::malformed(name, detail));
            }
        }
        let (value, mut rest) = codec::decode_front(rest, name)?;
        for out in outs.iter_mut() {
            let place = cursor.place(Bulk::of(out)?) as u32;
            let (filled, behind) = codec::decode_front::<u32>(lens, name)?;
            lens = behind;
            let filled = filled as usize;
            let target = &mut out[..filled];
            if exchange.outs_in_place {
                if !target.is_empty() {
                    exchange.answer_len += filled as u64;
                    self.channel.region.copy_out(self.area_at + place, target);
                }
            } else if let Some((bytes, behind)) = rest.split_at_checked(filled) {
                target.copy_from_slice(bytes);
                rest = behind;
            } else {
                return Err(RpcError::malformed(name, "bulk output is cut short"));
            }
        }
        if !rest.is_empty() {
            return Err(RpcError::malformed(name, format!("{} bytes are left over", rest.len())));
        }
        Ok(Answer::Ok(value))
    }

    /// The bytes of the answer, once it is whole.
    fn answer_bytes(&self) -> &[u8] {
        if self.is_in_mail { self.mail.bytes() } else { &self.staging }
    }

    /// The framework's error that the answer stands for, whose status is `code`.
    pub(super) fn framework_error(&self, code: i32) -> RpcError {
        framework_error(code, self.answer_bytes())
    }

    /// Takes in the response of a raw request; returns its length.
    pub(super) fn take_raw(&mut self, raw: &Raw, len: i32, response: &mut [u8]) -> Result<usize, RpcError> {
        let room = (self.channel.geometry.area_size() - raw.response_at) as usize;
        let max = response.len().min(room.max(INLINE));
        let len = len as u32 as usize;
        match response.get_mut(..len).filter(|_| len <= max) {
            Some([]) => {}
            Some(response) if len <= INLINE => response.copy_from_slice(self.mail.bytes()),
            Some(response) => self.channel.region.copy_out(self.area_at + raw.response_at, response),
            None => return Err(RpcError::TooLarge { len: len as u64, max: max as u64 }),
        }
        Ok(len)
    }
}

/// Where in the area an answer is: the framework's errors are always at the start.
fn answer_at(result_at: u32, code: i32) -> u32 {
    if code & !status::MORE == status::RPC_ERROR { 0 } else { result_at }
}

/// The framework's error that an answer with status `code` and these bytes stands for.
fn framework_error(code: i32, bytes: &[u8]) -> RpcError {
    match code {
        status::LOST => RpcError::Gone { state: ServerState::Replaced },
        status::RPC_ERROR => codec::decode(bytes, "error").unwrap_or_else(|error| error),
        other => RpcError::malformed("answer", format!("unknown status {other:#x}")),
    }
}
