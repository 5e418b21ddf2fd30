//! One attached mailbox, seen from the caller: what the blocking and the async client have in common.
//!
//! A call is four phases: check the operation and what an earlier one-way call left behind ([`Link::settled`]), encode
//! and publish the request ([`Link::begin`]), wait (the client's own affair), and take the answer apart
//! ([`Link::advance`], [`Link::finish`]). Phases two and three repeat for messages larger than the area.
//!
//! A request that was published and not seen answered is *outstanding*, because it was one-way, or its deadline
//! passed, or its future was dropped. The next call waits for it first, so an answer can only ever be taken for the
//! request that it belongs to.

use std::time::Duration;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    CallError, Channel, OpFlags, OpInfo, Region, RpcError, ServerState, ServiceInfo,
    codec::{self, Bulk, Cursor, MAX_MESSAGE},
    layout::{AT_SERVER_SLEEPS, MailboxWords, RawLen, request_flags as flag, status},
    metrics::Meters,
    spin::Spin,
};

/// How often a sleeping caller looks whether the server is still there, when nobody wakes it.
pub(crate) const LIVENESS_SLICE: Duration = Duration::from_millis(250);

pub(crate) struct Link<R> {
    pub(crate) channel: Channel<R>,
    pub(crate) words: MailboxWords,
    pub(crate) service: &'static ServiceInfo,
    pub(crate) spin: Spin,
    pub(crate) meters: Meters,
    /// How long a call may take.
    pub(crate) deadline: Option<Duration>,
    area_at: u32,
    owner: i32,
    /// Sequence number of the newest request.
    pub(crate) seq: i32,
    outstanding: Option<Outstanding>,
    /// In the order in which they failed.
    deferred: Vec<Deferred>,
    /// Encoded arguments on the way out, the answer on the way back; kept to allocate nothing.
    staging: Vec<u8>,
}

/// What to do with the answer of an outstanding request.
#[derive(Clone, Copy)]
struct Outstanding {
    op: &'static OpInfo,
    /// Type of the service's error, for a one-way call; its failure has to be told. Else nobody asks any more.
    oneway_error: Option<&'static str>,
    result_at: u32,
    /// A piece of its answer was taken in.
    begun: bool,
}

/// A failed one-way call that no later call could report yet.
enum Deferred {
    Service { op: &'static OpInfo, error_type: &'static str, bytes: Vec<u8> },
    Rpc(RpcError),
}

/// A call under way.
pub(crate) struct Exchange {
    pub(crate) op: &'static OpInfo,
    pub(crate) op_index: usize,
    args_len: usize,
    /// Where the answer will be in the area.
    result_at: u32,
    /// Whether the server fills bulk outputs in place.
    outs_in_place: bool,
    /// A request larger than the area, and how much of it is sent.
    stream: Option<(Vec<u8>, usize)>,
    answering: bool,
    /// Bytes of arguments and bulk inputs.
    request_len: u64,
    /// Bytes of result and bulk outputs, known when finished.
    answer_len: u64,
    pub(crate) clock: Clock,
}

/// Where the time of one call goes.
#[derive(Clone, Copy, Default)]
pub(crate) struct Clock {
    /// When it began, if it is timed.
    pub(crate) start: Option<Duration>,
    /// Time awake while waiting, if it is timed.
    pub(crate) wait: Duration,
    /// Time asleep, always measured.
    pub(crate) slept: Duration,
}

impl Exchange {
    fn new(op: &'static OpInfo, op_index: usize, clock: Clock) -> Self {
        Self {
            op,
            op_index,
            args_len: 0,
            result_at: 0,
            outs_in_place: false,
            stream: None,
            answering: false,
            request_len: 0,
            answer_len: 0,
            clock,
        }
    }

    /// Whether pieces of the request are still to be sent.
    pub(crate) fn is_sending(&self) -> bool {
        self.stream.is_some()
    }
}

/// What to do after an answer came.
pub(crate) enum Next {
    /// Another piece was published: wait again.
    Wait,
    /// The answer is whole, with this status.
    Finish(i32),
}

/// The service's error of an operation that has none.
#[derive(Deserialize)]
pub(crate) enum Never {}

impl Never {
    /// The framework's error, which is the only one that there can be.
    pub(crate) fn cannot_happen(error: CallError<Self>) -> RpcError {
        match error {
            CallError::Rpc(error) => error,
            CallError::Service(never) => match never {},
        }
    }
}

/// What the service answered.
pub(crate) enum Answer<T, E> {
    Ok(T),
    ServiceError(E),
}

impl<T, E> Answer<T, E> {
    pub(crate) fn into_result(self) -> Result<T, CallError<E>> {
        match self {
            Self::Ok(value) => Ok(value),
            Self::ServiceError(error) => Err(CallError::Service(error)),
        }
    }
}

impl<T> Answer<T, Never> {
    pub(crate) fn into_value(self) -> T {
        match self {
            Self::Ok(value) => value,
            Self::ServiceError(never) => match never {},
        }
    }
}

impl<R: Region> Link<R> {
    /// Claims a mailbox of `channel` for `service`.
    pub(crate) fn attach(channel: &Channel<R>, service: &'static ServiceInfo) -> Result<Self, RpcError> {
        channel.serving()?;
        let theirs = channel.schema_hash();
        if theirs != service.schema_hash {
            return Err(RpcError::SchemaMismatch {
                service: service.name.into(),
                ours: service.schema_hash,
                theirs,
            });
        }
        let mailboxes = channel.geometry.mailboxes();
        for index in 0..mailboxes {
            let words = channel.words(index);
            let free = channel.region.load(words.owner);
            let owner = free.wrapping_add(1);
            if free % 2 != 0 || channel.region.compare_exchange(words.owner, free, owner) != free {
                continue;
            }
            channel.region.store(words.caller_sleeps, 0);
            let seq = channel.region.load(words.request);
            // An earlier owner may have left a request behind: nobody asks for its answer, but it has to be over.
            let op = service.ops.first();
            let left_over = channel.region.load(words.response) != seq;
            let outstanding = op.filter(|_| left_over).map(|op| Outstanding {
                op,
                oneway_error: None,
                result_at: 0,
                begun: false,
            });
            // The server looks at new owners when it is woken.
            channel.ring();
            return Ok(Self {
                channel: channel.clone(),
                words,
                service,
                spin: Spin::new(channel.region.spin_polls()),
                meters: Meters::new(service),
                deadline: None,
                area_at: channel.geometry.area(index),
                owner,
                seq,
                outstanding,
                deferred: Vec::new(),
                staging: Vec::new(),
            });
        }
        Err(RpcError::NoMailbox { mailboxes })
    }

    /// Whether earlier calls are to be seen to before the next is made.
    #[inline]
    pub(crate) fn is_unsettled(&self) -> bool {
        self.outstanding.is_some() || !self.deferred.is_empty()
    }

    /// Whether an earlier request has to be waited for before the next is made.
    pub(crate) fn has_outstanding(&self) -> bool {
        self.outstanding.is_some()
    }

    /// Whether the request that is outstanding is one whose failure nobody has heard of.
    pub(crate) fn owes_an_error(&self) -> bool {
        self.outstanding.is_some_and(|outstanding| outstanding.oneway_error.is_some())
    }

    /// Takes in the answer of the outstanding request, of which nobody but a one-way call's error wants to hear; returns
    /// whether it goes on.
    pub(crate) fn settle(&mut self, code: i32, len: i32) -> bool {
        let Some(Outstanding { op, oneway_error, result_at, begun }) = &mut self.outstanding else {
            return false;
        };
        let (op, begun) = (*op, std::mem::replace(begun, true));
        // Told to go on with pieces that nobody sends any more: the caller was told so when he gave up.
        let Some(error_type) = oneway_error.filter(|_| code != status::OK && code != status::GO_ON) else {
            self.outstanding = None;
            return false;
        };
        let at = answer_at(*result_at, code);
        if !begun {
            self.staging.clear();
        }
        let deferred = match self.take_in(at, code, len) {
            Ok(()) if code & status::MORE != 0 => {
                self.publish(op, flag::CONTINUE, 0);
                return true;
            }
            Ok(()) if code == status::SERVICE_ERROR => {
                Deferred::Service { op, error_type, bytes: std::mem::take(&mut self.staging) }
            }
            Ok(()) => Deferred::Rpc(self.framework_error(code)),
            Err(error) => Deferred::Rpc(error),
        };
        self.outstanding = None;
        if let Some(index) = self.service.position(op.id) {
            self.meters.error(index);
        }
        self.deferred.push(deferred);
        false
    }

    /// The error of an earlier one-way call, if this call can carry it: any can carry one of the framework, one with
    /// the same error type the service's own.
    pub(crate) fn settled<E: DeserializeOwned>(&mut self) -> Result<Option<E>, RpcError> {
        let wanted = std::any::type_name::<E>();
        let carried = self.deferred.iter().position(|deferred| match deferred {
            Deferred::Rpc(_) => true,
            Deferred::Service { error_type, .. } => *error_type == wanted,
        });
        match carried.map(|at| self.deferred.remove(at)) {
            None => Ok(None),
            Some(Deferred::Rpc(error)) => Err(error),
            Some(Deferred::Service { op, bytes, .. }) => codec::decode(&bytes, op.name).map(Some),
        }
    }

    fn index_of(&self, op: &OpInfo) -> Result<usize, RpcError> {
        let unknown = || RpcError::UnknownOp { service: self.service.name.into(), op: op.id };
        self.service.position(op.id).ok_or_else(unknown)
    }

    /// Looks at the clock if the call that begins is to be timed.
    #[inline]
    fn start(&self, op_index: usize) -> Clock {
        let start = self.meters.is_timed(op_index).then(|| self.channel.region.now());
        Clock { start, ..Clock::default() }
    }

    /// Counts a call that has ended.
    pub(crate) fn count(&mut self, exchange: &Exchange) {
        let Exchange { op_index, clock, .. } = *exchange;
        let timed = clock.start.map(|start| {
            let all = self.channel.region.now().saturating_sub(start);
            (all.saturating_sub(clock.wait + clock.slept), clock.wait)
        });
        self.meters.call(op_index, timed, exchange.request_len, exchange.answer_len);
        if !clock.slept.is_zero() {
            self.meters.slept(op_index, clock.slept);
        }
    }

    /// Publishes a raw request. Returns where its response will be, too.
    pub(crate) fn begin_raw(
        &mut self,
        op: &'static OpInfo,
        request: &[u8],
        response: &[u8],
    ) -> Result<(Exchange, RawLen), RpcError> {
        let op_index = self.index_of(op)?;
        if !op.flags.contains(OpFlags::RAW) {
            return Err(RpcError::malformed(op.name, "a raw call of an operation that is not raw"));
        }
        let clock = self.start(op_index);
        let area = self.channel.geometry.area_size();
        let len = request.len();
        let raw =
            RawLen::new(len.min(area as usize) as u32, request.as_ptr().addr(), response.as_ptr().addr());
        if len > area as usize || raw.response_at >= area {
            // Both places are within the first eight bytes of where they could be.
            return Err(RpcError::TooLarge { len: len as u64, max: u64::from(area) - 16 });
        }
        if len > 0 {
            self.channel.region.copy_in(self.area_at + raw.request_at, request);
        }
        self.publish(op, 0, raw.to_word());
        self.outstanding = Some(Outstanding { op, oneway_error: None, result_at: 0, begun: false });
        let exchange = Exchange { request_len: len as u64, ..Exchange::new(op, op_index, clock) };
        Ok((exchange, raw))
    }

    /// Takes in the response of a raw request; returns its length.
    #[inline]
    pub(crate) fn finish_raw(
        &mut self,
        exchange: &mut Exchange,
        raw: RawLen,
        len: i32,
        response: &mut [u8],
    ) -> Result<usize, RpcError> {
        self.outstanding = None;
        let room = (self.channel.geometry.area_size() - raw.response_at) as usize;
        let len = len as u32 as usize;
        if len > room.min(response.len()) {
            return Err(RpcError::TooLarge { len: len as u64, max: room.min(response.len()) as u64 });
        }
        if len > 0 {
            self.channel.region.copy_out(self.area_at + raw.response_at, &mut response[..len]);
        }
        exchange.answer_len = len as u64;
        Ok(len)
    }

    /// Encodes and publishes a request, or its first piece. `oneway_error` names the error type of a one-way call.
    pub(crate) fn begin<A: Serialize>(
        &mut self,
        op: &'static OpInfo,
        args: &A,
        ins: &[&[u8]],
        outs: &[&mut [u8]],
        oneway_error: Option<&'static str>,
    ) -> Result<Exchange, RpcError> {
        let op_index = self.index_of(op)?;
        let clock = self.start(op_index);
        if (ins.len(), outs.len()) != (usize::from(op.bulk_in), usize::from(op.bulk_out))
            || op.flags.contains(OpFlags::RAW)
        {
            return Err(RpcError::malformed(
                op.name,
                "number of bulk arguments differs from the operation's table",
            ));
        }
        self.staging.clear();
        codec::encode(args, &mut self.staging, op.name)?;
        for bytes in ins {
            Bulk::of(bytes)?.encode(&mut self.staging)?;
        }
        for bytes in outs {
            Bulk::of(bytes)?.encode(&mut self.staging)?;
        }

        let area = self.channel.geometry.area_size();
        let args_len = self.staging.len();
        let mut cursor = Cursor::after_args(args_len);
        for bytes in ins {
            cursor.place(Bulk::of(bytes)?);
        }
        let request_len = cursor.end();
        let fits = request_len <= u64::from(area);
        for bytes in outs {
            cursor.place(Bulk::of(bytes)?);
        }
        let in_place = (fits && !outs.is_empty()).then(|| cursor.result_at(area)).flatten();
        let mut exchange = Exchange {
            args_len,
            result_at: in_place.unwrap_or(0),
            outs_in_place: in_place.is_some(),
            request_len,
            ..Exchange::new(op, op_index, clock)
        };
        let oneway = if oneway_error.is_some() { flag::ONEWAY } else { 0 };
        if fits {
            let region = &self.channel.region;
            if args_len > 0 {
                region.copy_in(self.area_at, &self.staging);
            }
            let mut cursor = Cursor::after_args(args_len);
            for bytes in ins {
                let at = cursor.place(Bulk::of(bytes)?) as u32;
                region.copy_in(self.area_at + at, bytes);
            }
            self.publish(op, oneway, args_len as i32);
        } else {
            exchange.stream = Some((self.stream(ins)?, 0));
            self.send_piece(&mut exchange, oneway);
        }
        self.outstanding =
            Some(Outstanding { op, oneway_error, result_at: exchange.result_at, begun: false });
        Ok(exchange)
    }

    /// The whole request as one run of bytes, for sending in pieces.
    fn stream(&self, ins: &[&[u8]]) -> Result<Vec<u8>, RpcError> {
        let len = ins.iter().fold(4 + self.staging.len() as u64, |len, bytes| len + bytes.len() as u64);
        if len > MAX_MESSAGE {
            return Err(RpcError::TooLarge { len, max: MAX_MESSAGE });
        }
        let mut stream = Vec::new();
        if stream.try_reserve_exact(len as usize).is_err() {
            return Err(RpcError::TooLarge { len, max: MAX_MESSAGE });
        }
        stream.extend_from_slice(&(self.staging.len() as u32).to_le_bytes());
        stream.extend_from_slice(&self.staging);
        ins.iter().for_each(|bytes| stream.extend_from_slice(bytes));
        Ok(stream)
    }

    fn send_piece(&mut self, exchange: &mut Exchange, flags: i32) {
        let Some((stream, sent)) = &mut exchange.stream else { return };
        let area = self.channel.geometry.area_size() as usize;
        let len = (stream.len() - *sent).min(area);
        self.channel.region.copy_in(self.area_at, &stream[*sent..*sent + len]);
        let first = if *sent == 0 { flag::FIRST } else { 0 };
        *sent += len;
        let last = if *sent == stream.len() { flag::LAST } else { 0 };
        if last != 0 {
            exchange.stream = None;
        }
        self.publish(exchange.op, flags | flag::PIECE | first | last, len as i32);
    }

    fn publish(&mut self, op: &OpInfo, flags: i32, len: i32) {
        self.seq = self.seq.wrapping_add(1);
        let op = op.id as i32 | flags | flag::asker(self.owner);
        if self.channel.region.publish(self.words.request, self.seq, op, len, AT_SERVER_SLEEPS) {
            self.channel.ring();
        }
    }

    /// Takes in an answer: publishes the next piece of the request, asks for the next piece of the answer, or says
    /// that it is whole.
    pub(crate) fn advance(&mut self, exchange: &mut Exchange, code: i32, len: i32) -> Result<Next, RpcError> {
        if exchange.stream.is_some() {
            if code == status::GO_ON {
                self.send_piece(exchange, 0);
                return Ok(Next::Wait);
            }
            // The server refused the rest.
            exchange.stream = None;
        }
        if !std::mem::replace(&mut exchange.answering, true) {
            self.staging.clear();
        }
        let taken = self.take_in(answer_at(exchange.result_at, code), code, len);
        if taken.is_ok() && code & status::MORE != 0 {
            self.publish(exchange.op, flag::CONTINUE, 0);
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
        if len > 0 {
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
        exchange.answer_len = self.staging.len() as u64;
        match code {
            status::OK => {}
            status::SERVICE_ERROR => return codec::decode(&self.staging, name).map(Answer::ServiceError),
            other => return Err(self.framework_error(other)),
        }
        if outs.is_empty() {
            return codec::decode(&self.staging, name).map(Answer::Ok);
        }
        let mut cursor = Cursor::after_args(exchange.args_len);
        for bytes in ins {
            cursor.place(Bulk::of(bytes)?);
        }
        let mut lens = self.staging.as_slice();
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

    /// The framework's error that an answer with status `code` and the bytes in `staging` stands for.
    pub(crate) fn framework_error(&self, code: i32) -> RpcError {
        match code {
            status::LOST => RpcError::Gone { state: ServerState::Replaced },
            status::RPC_ERROR => codec::decode(&self.staging, "error").unwrap_or_else(|error| error),
            other => RpcError::malformed("answer", format!("unknown status {other:#x}")),
        }
    }

    /// Gives the mailbox back. Errors of one-way calls that nobody was told of are logged: whoever drops a client does
    /// not ask any more.
    pub(crate) fn detach(&mut self) {
        // Its answer may have come meanwhile.
        if self.owes_an_error() && self.channel.region.load(self.words.response) == self.seq {
            let word = |at| self.channel.region.load(self.words.response + at);
            let (code, len) = (word(4), word(8));
            self.settle(code, len);
        }
        let outstanding = self.outstanding.filter(|_| self.owes_an_error());
        let unknown = outstanding.map(|call| format!("{}, which was not answered yet", call.op.name));
        let failed = self.deferred.drain(..).map(|deferred| match deferred {
            Deferred::Service { op, error_type, .. } => {
                format!("{}, which failed with a {error_type}", op.name)
            }
            Deferred::Rpc(error) => format!("one that failed: {error}"),
        });
        for call in failed.chain(unknown) {
            let service = self.service.name;
            crate::log(&format!(
                "sabrpc: a client of {service} went before it heard of a one-way call: {call}"
            ));
        }
        self.channel.region.store(self.words.owner, self.owner.wrapping_add(1));
        self.channel.ring();
    }
}

/// Where in the area an answer is: the framework's errors are always at the start.
fn answer_at(result_at: u32, code: i32) -> u32 {
    if code & !status::MORE == status::RPC_ERROR { 0 } else { result_at }
}
