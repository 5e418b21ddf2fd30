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

use serde::{Deserialize, de::DeserializeOwned};

#[cfg(target_family = "wasm")]
use crate::web::alive;
use crate::{
    CallError, CallerId, Channel, Mail, OpInfo, Region, RpcError, ServiceInfo,
    batch::{Gathered, Sent},
    codec,
    layout::{MAILBOX, MailboxWords, given_up},
    metrics::Meters,
    spin::{Roused, Spin, Way},
    trace,
};

/// How often a sleeping caller looks whether the server is still there, when nobody wakes it.
pub(crate) const LIVENESS_SLICE: Duration = Duration::from_millis(250);

pub(crate) struct Link<R> {
    pub(crate) channel: Channel<R>,
    pub(crate) words: MailboxWords,
    pub(crate) service: &'static ServiceInfo,
    pub(crate) spin: Spin,
    /// The newest request had to wake the server, which was not waited for yet.
    pub(super) rang: bool,
    pub(super) roused: Roused,
    /// The wait for a server that was woken, and since when.
    pub(super) rousing: Option<(Way, Duration)>,
    pub(crate) meters: Meters,
    /// How long any call may take, whatever its operation says.
    deadline: Option<Duration>,
    /// Whether there is a deadline for every call, and that of the call under way.
    pub(super) has_deadlines: bool,
    pub(super) limit: Option<Duration>,
    /// When the call under way has to be over; `None` for never.
    pub(super) until: Option<Duration>,
    pub(super) clock: Clock,
    pub(super) area_at: u32,
    pub(super) owner: i32,
    /// How many streams were opened.
    pub(crate) streams: u32,
    /// By which this worker is missed when it ends without detaching.
    #[cfg(target_family = "wasm")]
    _vouch: Option<alive::Vouch>,
    /// Sequence number of the newest request.
    pub(crate) seq: i32,
    pub(super) outstanding: Option<Outstanding>,
    /// The server was told that nobody waits for it, or an earlier owner may have told it so.
    pub(super) given_up: bool,
    /// In the order in which they failed.
    pub(super) deferred: Vec<Deferred>,
    /// Encoded arguments on the way out, the answer on the way back; kept to allocate nothing.
    pub(super) staging: Vec<u8>,
    /// What is published, and what was seen.
    pub(super) mail: Mail,
    /// The whole answer is in `mail`, and not in `staging`.
    pub(super) is_in_mail: bool,
    /// How many batches are open, one inside the other: one-way calls are gathered.
    pub(crate) batches: u32,
    pub(super) gathered: Gathered,
    /// The calls of the batch that is outstanding.
    pub(super) in_batch: Vec<Sent>,
}

/// The error type of one-way requests that no user made, and whose end no user hears of.
pub(crate) const UNTOLD: &str = "";

/// What to do with the answer of an outstanding request.
#[derive(Clone, Copy)]
pub(super) struct Outstanding {
    pub(super) op: &'static OpInfo,
    pub(super) expects: Expects,
    pub(super) result_at: u32,
    /// A piece of its answer was taken in.
    pub(super) begun: bool,
}

/// Who wants to hear of an outstanding request's answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expects {
    /// Nobody: its caller gave up.
    Nothing,
    /// It is a one-way call, whose failure has to be told; the type of the service's error.
    Failure(&'static str),
    /// It is a batch of one-way calls.
    Failures,
}

/// A failed one-way call that no later call could report yet.
pub(super) enum Deferred {
    Service { op: &'static OpInfo, error_type: &'static str, bytes: Vec<u8> },
    Rpc(RpcError),
}

/// A call under way.
pub(crate) struct Exchange {
    pub(crate) op: &'static OpInfo,
    pub(crate) op_index: usize,
    pub(super) args_len: usize,
    /// Where the answer will be in the area.
    pub(super) result_at: u32,
    /// Whether the server fills bulk outputs in place.
    pub(super) outs_in_place: bool,
    /// A request larger than the area, and how much of it is sent.
    pub(super) stream: Option<(Vec<u8>, usize)>,
    /// What its pieces have in common.
    pub(super) flags: i32,
    pub(super) answering: bool,
    /// Bytes of arguments and bulk inputs.
    pub(super) request_len: u64,
    /// Bytes of result and bulk outputs, known when finished.
    pub(super) answer_len: u64,
}

/// A raw call under way.
pub(super) struct Raw {
    pub(super) op: &'static OpInfo,
    pub(super) op_index: usize,
    /// Where its response will be in the area.
    pub(super) response_at: u32,
}

/// Where the time of one call goes.
#[derive(Clone, Copy, Default)]
pub(super) struct Clock {
    /// When it began, if it is timed and under way.
    pub(super) start: Option<Duration>,
    /// Time awake while waiting, if it is timed.
    pub(super) wait: Duration,
    /// Time asleep, always measured.
    pub(super) slept: Duration,
}

impl Exchange {
    pub(super) fn new(op: &'static OpInfo, op_index: usize) -> Self {
        Self {
            op,
            op_index,
            args_len: 0,
            result_at: 0,
            outs_in_place: false,
            stream: None,
            flags: 0,
            answering: false,
            request_len: 0,
            answer_len: 0,
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
        channel.agree_on(service)?;
        let mailboxes = channel.geometry.mailboxes();
        for index in 0..mailboxes {
            let words = channel.words(index);
            // The exchange decides between callers. It pairs with that in `Channel::release`: all that the last owner did in the
            // mailbox and its area comes before what we do; and with the server's load in `look_at`.
            let free = channel.region.load(words.owner);
            let owner = free.wrapping_add(1);
            if free % 2 != 0 || channel.region.compare_exchange(words.owner, free, owner) != free {
                continue;
            }
            // What the last owner left is nobody's any more. Pair with the loads in the server's `publish`, in `Channel::waiters`
            // and in `Channel::dump`: who still sees it wakes nobody, or shows what was true a moment ago.
            channel.region.store(words.caller_sleeps, 0);
            channel.region.store(words.waiters, 0);
            channel.region.store(words.since, 0);
            // The last owner's, ordered by the exchange.
            let seq = channel.region.load(words.request);
            // An earlier owner may have left a request behind: nobody asks for its answer, but it has to be over.
            let op = service.ops.first();
            // Pairs with the store in the server's `publish`.
            let left_over = channel.region.load(words.response) != seq;
            if !left_over {
                // As in `settle`.
                channel.region.store(words.given_up, 0);
            }
            let outstanding = op.filter(|_| left_over).map(|op| Outstanding {
                op,
                expects: Expects::Nothing,
                result_at: 0,
                begun: false,
            });
            #[cfg(target_family = "wasm")]
            let vouch = {
                let caller = CallerId { mailbox: index, generation: owner };
                let vouch = alive::Vouch::for_caller(channel, caller);
                // Pairs with the load in `Server::watch`, which the bell below brings about.
                channel.region.store(words.vouched, if vouch.is_some() { owner } else { 0 });
                alive::watch_server(channel, channel.life());
                vouch
            };
            // The server looks at new owners when it is woken.
            channel.ring();
            trace::attached(service.name, CallerId { mailbox: index, generation: owner });
            return Ok(Self {
                channel: channel.clone(),
                words,
                service,
                spin: Spin::new(channel.region.spin_polls()),
                rang: false,
                roused: Roused::default(),
                rousing: None,
                meters: Meters::new(service),
                deadline: None,
                has_deadlines: service.deadline.is_some(),
                limit: None,
                until: None,
                clock: Clock::default(),
                area_at: channel.geometry.area(index),
                owner,
                streams: 0,
                #[cfg(target_family = "wasm")]
                _vouch: vouch,
                seq,
                outstanding,
                given_up: left_over,
                deferred: Vec::new(),
                staging: Vec::new(),
                mail: Mail::EMPTY,
                is_in_mail: false,
                batches: 0,
                gathered: Gathered::default(),
                in_batch: Vec::new(),
            });
        }
        Err(RpcError::NoMailbox { mailboxes })
    }

    /// Sets how long any call may take, or leaves that to operations and service.
    pub(crate) fn set_deadline(&mut self, deadline: Option<Duration>) -> Option<Duration> {
        self.has_deadlines = deadline.or(self.service.deadline).is_some();
        std::mem::replace(&mut self.deadline, deadline)
    }

    /// Whether there is a deadline for calls of `op`.
    #[inline]
    pub(super) fn has_deadline(&self, op: &OpInfo) -> bool {
        self.has_deadlines || op.deadline.is_some()
    }

    /// How long a call may take: what the client says, else the operation, else the service.
    pub(crate) fn deadline_of(&self, op: Option<&OpInfo>) -> Option<Duration> {
        self.deadline.or_else(|| op.and_then(|op| op.deadline)).or(self.service.deadline)
    }

    /// Whether earlier calls are to be seen to before the next is made.
    #[inline]
    pub(crate) fn is_unsettled(&self) -> bool {
        self.outstanding.is_some() || !self.deferred.is_empty() || !self.gathered.is_empty()
    }

    /// Whether an earlier request has to be waited for before the next is made.
    pub(crate) fn has_outstanding(&self) -> bool {
        self.outstanding.is_some()
    }

    /// Whether one-way calls are gathered that were not sent yet.
    pub(crate) fn has_gathered(&self) -> bool {
        !self.gathered.is_empty()
    }

    /// Whether there are one-way calls that may fail without anybody having heard of it.
    pub(crate) fn owes_an_error(&self) -> bool {
        self.has_gathered() || self.outstanding.is_some_and(|call| call.expects != Expects::Nothing)
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

    /// Looks for the answer to the newest request, up to `polls` times: its status and length.
    #[inline]
    pub(super) fn look(&mut self, polls: u32) -> Option<(i32, i32)> {
        self.look_for_mail(polls).then_some((self.mail.a, self.mail.b))
    }

    /// The same; the answer is then in `mail`.
    #[inline]
    pub(super) fn look_for_mail(&mut self, polls: u32) -> bool {
        let (response, before) = (self.words.response, self.seq.wrapping_sub(1));
        // Pairs with the store in `Desk::answer`.
        let changed = self.channel.region.await_change(response, before, polls, response, &mut self.mail);
        changed && self.mail.value == self.seq
    }

    /// Who this caller is to others.
    pub(crate) fn id(&self) -> CallerId {
        let mailbox = (self.words.request - self.channel.words(0).request) / MAILBOX;
        CallerId { mailbox, generation: self.owner }
    }

    /// Whether somebody wants this caller to stop waiting. Told once.
    pub(super) fn is_interrupted(&self) -> bool {
        let region = &self.channel.region;
        // Pairs with the store in `Channel::interrupt`.
        let interrupted = region.load(self.words.interrupt) == self.owner;
        if interrupted {
            // A second interrupt that came since the load is told with this one.
            region.store(self.words.interrupt, 0);
        }
        interrupted
    }

    /// Tells the server that nobody waits for the outstanding request any more, unless it is a one-way call.
    pub(crate) fn give_up(&mut self) {
        if !self.given_up && self.outstanding.is_some_and(|call| call.expects == Expects::Nothing) {
            self.given_up = true;
            // Pairs with the load in `Server::look_for_giving_up`, which the bell brings about.
            self.channel.region.store(self.words.given_up, given_up(self.seq));
            self.channel.ring();
        }
    }

    /// The newest request is outstanding from here on.
    pub(super) fn leave(&mut self, op: &'static OpInfo, expects: Expects, result_at: u32) {
        self.outstanding = Some(Outstanding { op, expects, result_at, begun: false });
    }

    #[inline]
    pub(super) fn index_of(&self, op: &OpInfo) -> Result<usize, RpcError> {
        self.service.position(op.id).ok_or_else(|| self.unknown(op))
    }

    #[cold]
    fn unknown(&self, op: &OpInfo) -> RpcError {
        RpcError::UnknownOp { service: self.service.name.into(), op: op.id }
    }

    /// Looks at the clock if the call that begins is to be timed.
    #[inline]
    pub(super) fn start(&mut self, op_index: usize) {
        // One that was not begun in the end may have left its start.
        self.clock.start = None;
        self.clock.slept = Duration::ZERO;
        if self.meters.is_timed(op_index) {
            self.clock = Clock { start: Some(self.channel.region.now()), ..Clock::default() };
        }
    }

    /// Counts a call that has ended.
    #[inline]
    pub(super) fn count(&mut self, exchange: &Exchange, ok: bool) {
        let Exchange { op, op_index, request_len, answer_len, .. } = *exchange;
        trace::called(|| self.id(), op, (request_len, answer_len), self.clock.slept, ok);
        let timed = self.clock.start.take().map(|start| self.times_since(start));
        self.meters.call(op_index, timed, self.clock.slept, request_len, answer_len);
    }

    #[cold]
    fn times_since(&self, start: Duration) -> (Duration, Duration) {
        let all = self.channel.region.now().saturating_sub(start);
        (all.saturating_sub(self.clock.wait + self.clock.slept), self.clock.wait)
    }

    /// Takes in the answer of the outstanding request, if it has come meanwhile.
    pub(crate) fn settle_early(&mut self) {
        if self.has_outstanding()
            && let Some((code, len)) = self.look(1)
        {
            self.settle(code, len);
        }
    }

    /// Gives the mailbox back. Errors of one-way calls that nobody was told of are logged: whoever drops a client does
    /// not ask any more.
    pub(crate) fn detach(&mut self) {
        self.settle_early();
        if self.has_gathered() && !self.has_outstanding() {
            self.publish_batch();
        }
        let told = |expects| !matches!(expects, Expects::Nothing | Expects::Failure(UNTOLD));
        let outstanding = self.outstanding.filter(|call| told(call.expects));
        let unanswered = outstanding.map(|call| format!("{}, which was not answered yet", call.op.name));
        let told = |call: &&Sent| !call.error_type.is_empty();
        let unsent = self
            .gathered
            .calls
            .iter()
            .filter(told)
            .map(|call| format!("{}, which was not sent", call.op.name));
        let failed = self.deferred.drain(..).map(|deferred| match deferred {
            Deferred::Service { op, error_type, .. } => {
                format!("{}, which failed with a {error_type}", op.name)
            }
            Deferred::Rpc(error) => format!("one that failed: {error}"),
        });
        for call in failed.chain(unanswered).chain(unsent) {
            let service = self.service.name;
            crate::log::log(&format!(
                "sabrpc: a client of {service} went before it heard of a one-way call: {call}"
            ));
        }
        trace::detached(self.service.name, self.id());
        self.channel.release(self.id());
    }
}
