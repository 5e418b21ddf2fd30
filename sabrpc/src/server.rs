//! The serving side: takes requests from the mailboxes of a channel, runs them, answers.
//!
//! A server is one future. A request for a `fn` is executed where it is found; one for an `async fn` becomes a task of
//! its mailbox, polled with the server, so a slow one holds up nobody else and dropping the server drops them all.
//! After some polling without a request the server sleeps on the doorbell. It sets its sleep flag, looks again, and
//! only then waits: a caller publishes first and reads the flag afterwards, so one of the two always sees the other.

use std::{cell::Cell, future::poll_fn, task::Poll, task::Waker, time::Duration};

use crate::{
    Channel, DefaultRegion, Region, RpcError, Stopper,
    desk::{Desk, Task},
    frame::{Dispatch, Dispatched, Frame, catch_panic},
    layout::{self, request_flags as flag, server_state, status},
    metrics::Meters,
    spin::Spin,
};

/// Longest time that requests are served in a row before the thread's event loop gets its turn.
const TURN: Duration = Duration::from_millis(4);
/// How many rounds over the mailboxes pass between looks at the clock, at new callers and for a stop.
const ROUNDS: u32 = 64;

/// One attached client, as a server tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallerId {
    mailbox: u32,
    generation: i32,
}

thread_local! {
    static CALLER: Cell<Option<CallerId>> = const { Cell::new(None) };
}

/// Who made the call that is being executed; inside a service's method, also after an `.await`. Elsewhere `None`.
pub fn current_caller() -> Option<CallerId> {
    CALLER.get()
}

/// Serves a channel with `S`, the `…Server` type that `#[sab_service]` generates.
pub struct Server<S: Dispatch, R: Region = DefaultRegion> {
    channel: Channel<R>,
    service: S,
    on_disconnect: Option<Box<dyn FnMut(CallerId)>>,
    desks: Vec<Desk>,
    spin: Spin,
    meters: std::rc::Rc<std::cell::RefCell<Meters>>,
    waker: Waker,
    /// Set while `run` is under way: dropping the server then is a failure.
    serving: bool,
}

impl<S: Dispatch, R: Region> Server<S, R> {
    /// A server for `channel`. Nothing is served before [`run`](Self::run).
    pub fn new(channel: &Channel<R>, service: S) -> Self {
        let desks = (0..channel.geometry.mailboxes()).map(|index| Desk::new(channel, index)).collect();
        let meters = std::rc::Rc::new(std::cell::RefCell::new(Meters::new(service.info())));
        Self {
            channel: channel.clone(),
            service,
            on_disconnect: None,
            desks,
            spin: Spin::new(R::SPIN_POLLS),
            meters,
            waker: Waker::noop().clone(),
            serving: false,
        }
    }

    /// Calls `f` for every client that has gone, after its last request was executed: the place to give back what it
    /// held.
    #[must_use]
    pub fn on_disconnect(mut self, f: impl FnMut(CallerId) + 'static) -> Self {
        self.on_disconnect = Some(Box::new(f));
        self
    }

    /// What stops this server, from any thread.
    pub fn stopper(&self) -> Stopper<R> {
        Stopper::new(&self.channel)
    }

    /// What is counted for every operation, readable while the server runs.
    pub fn metrics(&self) -> ServerMetrics {
        ServerMetrics { meters: std::rc::Rc::clone(&self.meters) }
    }

    /// Schema hash of the service.
    #[cfg(target_family = "wasm")]
    pub(crate) fn schema_hash(&self) -> u64 {
        self.service.info().schema_hash
    }

    /// Serves until it is stopped. Callers can attach from the first poll on.
    ///
    /// It belongs to one thread and blocks it for a few milliseconds at most; in between, timers and messages of the
    /// thread's event loop run.
    pub async fn run(mut self) {
        self.open();
        let region = self.channel.region.clone();
        loop {
            self.waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
            self.poll_tasks();
            if !self.stop_asked() {
                self.serve_while_hot().await;
            }
            // Going to sleep: set the flag, look again, wait.
            region.store(layout::AT_SERVER_SLEEPS, 1);
            let bell = region.load(layout::AT_DOORBELL);
            self.look_around();
            let stopping = self.stop_asked();
            if stopping && !self.has_tasks() {
                break;
            }
            if stopping || !self.serve_round() {
                let mut rung = std::pin::pin!(region.wait_async(layout::AT_DOORBELL, bell, None));
                poll_fn(|cx| {
                    self.waker.clone_from(cx.waker());
                    let woken = rung.as_mut().poll(cx).is_ready();
                    if self.poll_tasks() || woken { Poll::Ready(()) } else { Poll::Pending }
                })
                .await;
            }
            region.store(layout::AT_SERVER_SLEEPS, 0);
        }
        self.serving = false;
        self.channel.end_serving(server_state::STOPPED);
    }

    /// Serves as long as there are requests, and polls a little longer for the next; then, or after a [`TURN`], lets
    /// the event loop have its turn.
    async fn serve_while_hot(&mut self) {
        let region = self.channel.region.clone();
        let turn_ends = region.now() + TURN;
        let mut rounds = 0_u32;
        let mut idle_polls = 0;
        loop {
            if self.serve_round() {
                idle_polls = 0;
                self.spin.hit();
            } else if self.has_tasks() {
                return;
            } else {
                idle_polls += self.poll_idle(idle_polls);
                if idle_polls >= self.spin.budget() {
                    return self.spin.missed();
                }
            }
            rounds += 1;
            if rounds.is_multiple_of(ROUNDS) {
                self.look_around();
                if self.stop_asked() || region.now() >= turn_ends {
                    return region.yield_now().await;
                }
            }
        }
    }

    /// Starts a new life: what an earlier server left unanswered is answered as lost.
    fn open(&mut self) {
        let region = &self.channel.region;
        for desk in &mut self.desks {
            let asked = region.load(desk.words.request);
            if region.load(desk.words.response) != asked {
                desk.answer(region, asked, status::LOST, 0);
            }
            desk.taken = asked;
        }
        self.channel.set_schema_hash(self.service.info().schema_hash);
        region.store(layout::AT_SERVER_STATE, server_state::SERVING);
        self.serving = true;
    }

    fn stop_asked(&self) -> bool {
        self.channel.region.load(layout::AT_SERVER_STATE) != server_state::SERVING
    }

    fn has_tasks(&self) -> bool {
        self.desks.iter().any(|desk| desk.task.is_some())
    }

    /// Polls for a request; on the one mailbox in use with one primitive. Returns how many polls that were.
    fn poll_idle(&self, done: u32) -> u32 {
        let attached = |desk: &&Desk| desk.owner % 2 != 0;
        let polls = (self.spin.budget() - done).min(R::SPIN_POLLS / 8).max(1);
        let mut callers = self.desks.iter().filter(attached);
        match (callers.next(), callers.next()) {
            (Some(only), None) => {
                self.channel.region.await_change(only.words.request, only.taken, polls);
                polls
            }
            // The next round looks at each.
            (Some(_), Some(_)) => self.desks.len() as u32,
            // Who attaches rings the bell.
            (None, _) => self.spin.budget(),
        }
    }

    /// Looks at every attached mailbox once; returns whether there was a request.
    fn serve_round(&mut self) -> bool {
        let mut any = false;
        for index in 0..self.desks.len() {
            let desk = &self.desks[index];
            if desk.owner % 2 == 0 || desk.task.is_some() {
                continue;
            }
            let (seq, op, len) = self.channel.region.await_change(desk.words.request, desk.taken, 1);
            if seq != desk.taken {
                any = true;
                if op & flag::ASKER != flag::asker(desk.owner) {
                    self.look_at(index);
                }
                self.take(index, seq, op, len);
            }
        }
        any
    }

    /// Executes the request `seq` of a mailbox, or starts to.
    fn take(&mut self, index: usize, seq: i32, op: i32, len: i32) {
        let region = self.channel.region.clone();
        let (area_at, area_size) =
            (self.channel.geometry.area(index as u32), self.channel.geometry.area_size());
        let info = self.service.info();
        let desk = &mut self.desks[index];
        desk.taken = seq;
        if op & flag::ASKER != flag::asker(desk.owner) {
            // Of somebody who has no right to this mailbox.
            return desk.answer(&region, seq, status::LOST, 0);
        }
        if op & flag::CONTINUE != 0 {
            return desk.send_rest(&region);
        }
        desk.rest = None;
        let mut frame =
            desk.frame.take().unwrap_or_else(|| Frame::new(Box::new(region.clone()), area_at, area_size));
        let id = (op & 0xFFFF) as u32;
        let Some(op_index) = info.position(id) else {
            return self.refuse(index, frame, &RpcError::UnknownOp { service: info.name.into(), op: id });
        };
        let op_info = &info.ops[op_index];
        let loaded = if op & flag::PIECE == 0 {
            frame.load(op_info, len)
        } else {
            match desk.collect(&region, area_at, area_size, op, len) {
                Ok(None) => {
                    desk.frame = Some(frame);
                    return desk.answer(&region, seq, status::GO_ON, 0);
                }
                Ok(Some(stream)) => frame.load_stream(op_info, stream),
                Err(error) => Err(error),
            }
        };
        if let Err(error) = loaded {
            self.meters.borrow_mut().error(op_index);
            return self.refuse(index, frame, &error);
        }
        let started = region.now();
        let caller = CallerId { mailbox: index as u32, generation: desk.owner };
        match as_caller(caller, || self.service.dispatch(id, frame)) {
            Dispatched::Done(frame) => {
                let busy = region.now() - started;
                self.finish(index, frame, op_index, busy, Duration::ZERO);
            }
            Dispatched::Task(future) => {
                self.desks[index].task = Some(Task { future, op_index, busy: Duration::ZERO, started });
                let waker = self.waker.clone();
                self.poll_task(index, &waker);
            }
        }
    }

    fn refuse(&mut self, index: usize, frame: Frame, error: &RpcError) {
        frame.fail(error);
        let desk = &mut self.desks[index];
        desk.reply(&self.channel.region, &frame);
        desk.frame = Some(frame);
    }

    /// Counts an executed request and answers it.
    fn finish(&mut self, index: usize, frame: Frame, op_index: usize, busy: Duration, wait: Duration) {
        let mut meters = self.meters.borrow_mut();
        meters.call(op_index, busy, wait, frame.bytes_in(), frame.bytes_out());
        if frame.answer().status != status::OK {
            meters.error(op_index);
        }
        let desk = &mut self.desks[index];
        desk.reply(&self.channel.region, &frame);
        desk.frame = Some(frame);
    }

    /// Polls the task of a mailbox, if there is one; returns whether it ended.
    fn poll_task(&mut self, index: usize, waker: &Waker) -> bool {
        let region = self.channel.region.clone();
        let desk = &mut self.desks[index];
        let Some(task) = &mut desk.task else { return false };
        let caller = CallerId { mailbox: index as u32, generation: desk.owner };
        let polled_at = region.now();
        let mut cx = std::task::Context::from_waker(waker);
        let polled = as_caller(caller, || catch_panic(|| task.future.as_mut().poll(&mut cx)));
        task.busy += region.now() - polled_at;
        let ended = match polled {
            Ok(Poll::Pending) => return false,
            Ok(Poll::Ready(frame)) => Ok(frame),
            Err(panicked) => Err(panicked),
        };
        let Task { op_index, busy, started, .. } = *task;
        desk.task = None;
        let wait = (region.now() - started).saturating_sub(busy);
        let frame = ended.unwrap_or_else(|panicked| {
            // The frame went down with the method.
            let area_at = self.channel.geometry.area(index as u32);
            let frame = Frame::new(Box::new(region.clone()), area_at, self.channel.geometry.area_size());
            frame.fail(&panicked);
            frame
        });
        self.finish(index, frame, op_index, busy, wait);
        true
    }

    /// Polls all tasks; returns whether any ended.
    fn poll_tasks(&mut self) -> bool {
        let waker = self.waker.clone();
        let mut ended = false;
        for index in 0..self.desks.len() {
            ended |= self.poll_task(index, &waker);
        }
        ended
    }

    /// Notices who came and who went.
    fn look_around(&mut self) {
        (0..self.desks.len()).for_each(|index| self.look_at(index));
    }

    /// Notices whether a mailbox has changed hands.
    fn look_at(&mut self, index: usize) {
        let owner = self.channel.region.load(self.desks[index].words.owner);
        let known = self.desks[index].owner;
        if owner == known {
            return;
        }
        if known % 2 != 0 {
            self.serve_last_of(index);
            let caller = CallerId { mailbox: index as u32, generation: known };
            if let Some(on_disconnect) = &mut self.on_disconnect {
                on_disconnect(caller);
            }
        }
        self.desks[index].owner = owner;
    }

    /// A caller has gone: executes what it asked for last, and gives up what is under way.
    fn serve_last_of(&mut self, index: usize) {
        let region = self.channel.region.clone();
        if self.desks[index].task.is_none() {
            let desk = &self.desks[index];
            let (seq, op, len) = region.await_change(desk.words.request, desk.taken, 1);
            if seq != desk.taken && op & flag::ASKER == flag::asker(desk.owner) {
                self.take(index, seq, op, len);
            }
        }
        let desk = &mut self.desks[index];
        desk.rest = None;
        desk.pieces = Vec::new();
        if desk.task.take().is_some() {
            let seq = desk.taken;
            desk.answer(&region, seq, status::LOST, 0);
        }
    }
}

impl<S: Dispatch, R: Region> Drop for Server<S, R> {
    fn drop(&mut self) {
        if self.serving {
            self.channel.mark_failed();
        }
    }
}

/// Runs `f` with [`current_caller`] set.
fn as_caller<T>(caller: CallerId, f: impl FnOnce() -> T) -> T {
    let before = CALLER.replace(Some(caller));
    let result = f();
    CALLER.set(before);
    result
}

/// Counters of a server, readable on its thread while it runs.
#[derive(Clone)]
pub struct ServerMetrics {
    meters: std::rc::Rc<std::cell::RefCell<Meters>>,
}

impl ServerMetrics {
    /// What was counted for every operation so far, in the order of the trait.
    pub fn snapshot(&self) -> Vec<crate::OpMetrics> {
        self.meters.borrow().snapshot()
    }
}
