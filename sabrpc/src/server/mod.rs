//! The serving side: takes requests from the mailboxes of a channel, runs them, answers.
//!
//! A server is one future. A request for a `fn` is executed where it is found; one for an `async fn` becomes a task of
//! its mailbox, polled with the server, so a slow one holds up nobody else and dropping the server drops them all.
//! After some polling without a request the server sleeps on the doorbell. It sets its sleep flag, looks again, and
//! only then waits: a caller publishes first and reads the flag afterwards, so one of the two always sees the other.

mod batch;
mod callers;
mod desk;
mod requests;

use std::{future::poll_fn, pin::Pin, task::Poll, task::Waker, time::Duration};

use desk::Desk;
use serde::{Deserialize, Serialize};

use crate::{
    Channel, ChannelError, DefaultRegion, Mail, Region, Stopper,
    call::LIVENESS_SLICE,
    channel::Life,
    frame::Dispatch,
    layout::{self, request_flags as flag, server_state, status},
    metrics::Meters,
    spin::Spin,
    time, trace,
    waits::Hosting,
};

/// Longest time that requests are served in a row before the thread's event loop gets its turn.
const TURN: Duration = Duration::from_millis(4);
/// The same while an `async fn` is under way, which may be waiting for the event loop.
const BUSY_TURN: Duration = Duration::from_millis(1);

/// Most requests that are served between two looks at the clock, if none of them seems to take long.
const UNLOOKED: u32 = 256;

/// A wait for the doorbell.
type Sleep = Pin<Box<dyn Future<Output = ()>>>;

/// One attached client, as a server tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CallerId {
    pub(crate) mailbox: u32,
    pub(crate) generation: i32,
}

/// Serves a channel with `S`, the `…Server` type that `#[sab_service]` generates.
pub struct Server<S: Dispatch, R: Region = DefaultRegion> {
    channel: Channel<R>,
    service: S,
    on_disconnect: Option<Box<dyn FnMut(CallerId)>>,
    desks: Vec<Desk>,
    /// The desks where a request may come: their mailboxes are attached, and no task is under way.
    hot: Vec<usize>,
    /// A request is being executed at another desk.
    is_busy: bool,
    /// Something has changed that `hot` and `is_busy` depend on.
    hot_is_stale: bool,
    spin: Spin,
    /// The request that was seen last, until a frame has taken it.
    mail: Box<Mail>,
    meters: std::rc::Rc<std::cell::RefCell<Meters>>,
    waker: Waker,
    /// Once the channel is taken; dropping the server then is a failure.
    life: Option<Life>,
    /// By which this thread is missed, should it end without a word.
    #[cfg(target_family = "wasm")]
    vouch: Option<crate::web::alive::Vouch>,
    /// The doorbell when it was last looked around.
    bell: i32,
    /// A stop was asked for when it was last looked around.
    stopping: bool,
    /// When the event loop has its next turn.
    turn_ends: Duration,
    /// The time when the clock was last looked at while serving, and how many requests were served since. Requests that
    /// take long are all timed (see `metrics.rs`), so it is never far behind.
    clock: Duration,
    unlooked: u32,
}

impl<S: Dispatch, R: Region> Server<S, R> {
    /// A server for `channel`. Nothing is served before [`run`](Self::run).
    pub fn new(channel: &Channel<R>, service: S) -> Self {
        let desks: Vec<_> =
            (0..channel.geometry.mailboxes()).map(|index| Desk::new(channel, index)).collect();
        let meters = std::rc::Rc::new(std::cell::RefCell::new(Meters::new(service.info())));
        Self {
            channel: channel.clone(),
            service,
            on_disconnect: None,
            hot: Vec::with_capacity(desks.len()),
            is_busy: false,
            hot_is_stale: true,
            desks,
            spin: Spin::new(channel.region.spin_polls()),
            mail: Box::new(Mail::EMPTY),
            meters,
            waker: Waker::noop().clone(),
            life: None,
            #[cfg(target_family = "wasm")]
            vouch: None,
            bell: 0,
            stopping: false,
            turn_ends: Duration::ZERO,
            clock: Duration::ZERO,
            unlooked: 0,
        }
    }

    /// Polls up to `times` as long as usual for the next request before going to sleep, for callers that need a while
    /// between two calls of a row. Usual are about 50 µs at most. Where polling is worth nothing it changes nothing.
    #[must_use]
    pub fn patient(mut self, times: u32) -> Self {
        self.spin.set_scale(times);
        self
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

    /// Counts nothing, for who does not want to know: [`metrics`](Self::metrics) stays empty.
    #[must_use]
    pub fn without_metrics(self) -> Self {
        self.meters.replace(Meters::off(self.service.info().ops.len()));
        self
    }

    /// What is counted for every operation, readable while the server runs. Other threads read it from the
    /// [channel](Channel::metrics).
    pub fn metrics(&self) -> ServerMetrics {
        ServerMetrics { meters: std::rc::Rc::clone(&self.meters) }
    }

    /// Serves until it is stopped. Callers can attach from the first poll on.
    ///
    /// It belongs to one thread and takes turns with it: while there are requests, timers and messages of the thread's
    /// event loop run every few milliseconds, or after a single request that takes longer.
    ///
    /// # Errors
    /// [`ChannelError::Occupied`] if the channel has a server.
    pub async fn run(mut self) -> Result<(), ChannelError> {
        self.open()?;
        self.serve().await;
        Ok(())
    }

    /// Takes the channel: from here on callers can attach.
    pub(crate) fn open(&mut self) -> Result<Life, ChannelError> {
        let life = self.channel.occupy()?;
        self.life = Some(life);
        let region = &self.channel.region;
        for desk in &mut self.desks {
            // What an earlier server left unanswered is lost, and its callers are told so whatever they ask.
            // Pairs with the store in `Region::publish`, of a caller to an earlier server.
            let asked = region.load(desk.words.request);
            desk.taken = asked;
            // Pairs with that of the earlier server: ours is the next word that is stored there.
            if region.load(desk.words.response) != asked {
                desk.answer(region, asked, status::LOST, 0);
            }
            // As in `look_at`.
            desk.owner = region.load(desk.words.owner);
            desk.stale = desk.owner % 2 != 0;
        }
        self.hot_is_stale = true;
        // Who died in a request left it here.
        Desk::end(region);
        #[cfg(target_family = "wasm")]
        {
            self.vouch = crate::web::alive::Vouch::for_server(&self.channel, life);
        }
        self.channel.announce(self.service.info());
        self.meters.borrow_mut().show(&self.channel);
        self.channel.change(life, &[server_state::OPENING], server_state::SERVING);
        trace::opened(self.service.info().name, &self.channel);
        self.turn_ends = region.now() + TURN;
        Ok(life)
    }

    /// Serves until it is stopped.
    pub(crate) async fn serve(self) {
        let hosting = Hosting::begin(&self.channel);
        let mut serving = std::pin::pin!(self.serve_all());
        poll_fn(|cx| hosting.during(|| serving.as_mut().poll(cx))).await;
    }

    async fn serve_all(mut self) {
        let Some(life) = self.life else { return };
        let region = self.channel.region.clone();
        let mut stopping_since = None;
        let mut asleep: Option<(i32, Sleep)> = None;
        loop {
            if region.now() >= self.turn_ends {
                self.tell();
                region.yield_now().await;
                self.turn_ends = region.now() + self.turn();
                // Who has come must not wait for a quiet moment.
                self.look_around();
            }
            self.waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
            self.poll_tasks();
            if self.serve_while_hot() {
                continue;
            }
            self.tell();
            // Going to sleep: set the flag, look again, wait. Pairs with the load of the flag in the callers' `publish`: of
            // their number and our flag one is seen by the other side, which takes a single order of all four accesses.
            region.store(layout::AT_SERVER_SLEEPS, 1);
            // Pairs with the add in `Channel::ring`, and comes before all that is looked at: what is rung for later changes
            // the word that is waited for.
            let bell = region.load(layout::AT_DOORBELL);
            self.look_around();
            if self.stop_asked() {
                // Who is in the middle of a message may finish it, unless he has gone silent.
                let since = *stopping_since.get_or_insert_with(|| region.now());
                let silent = region.now() - since > LIVENESS_SLICE;
                if !self.desks.iter().any(Desk::is_busy)
                    && (silent || !self.desks.iter().any(Desk::in_pieces))
                {
                    break;
                }
            }
            if !self.serve_round(1) {
                // A wait that was not needed in the end still stands, and is as good as a new one.
                let stands = asleep.take().filter(|(at, _)| *at == bell);
                let limit = stopping_since.map(|_| LIVENESS_SLICE);
                let mut rung = stands.map_or_else(
                    || Box::pin(region.wait_async(layout::AT_DOORBELL, bell, limit)) as Sleep,
                    |(_, rung)| rung,
                );
                let mut slept = false;
                let woken = poll_fn(|cx| {
                    self.waker.clone_from(cx.waker());
                    let woken = rung.as_mut().poll(cx).is_ready();
                    if self.poll_tasks() || woken {
                        return Poll::Ready(woken);
                    }
                    slept = true;
                    Poll::Pending
                })
                .await;
                if !woken {
                    asleep = Some((bell, rung));
                } else if slept {
                    // The event loop has had its turn.
                    self.turn_ends = region.now() + self.turn();
                }
            }
            // Whoever still sees the flag rings for nothing.
            region.store(layout::AT_SERVER_SLEEPS, 0);
        }
        self.tell();
        self.life = None;
        self.channel.end(life, server_state::STOPPED);
    }

    /// Tells others what was counted and what is going on, once in a while: it may be the last time for long.
    fn tell(&mut self) {
        let region = &self.channel.region;
        self.meters.borrow_mut().show(&self.channel);
        self.desks.iter_mut().for_each(|desk| desk.tell_taken(region));
        // Read in `Channel::dump` alone, and says all by itself.
        region.store(layout::AT_LOOKED, time::wall_clock(Duration::ZERO));
    }

    /// Serves as long as there are requests, and polls a little longer for the next. Returns whether the turn is over,
    /// with more to do.
    fn serve_while_hot(&mut self) -> bool {
        // Polls since the last request, and when that was if the spin is to be timed.
        let (mut idle, mut since) = (0_u32, None);
        loop {
            // On the only mailbox in use many polls are one primitive.
            let polls = match self.hot_desks() {
                1 => self.spin.budget().div_ceil(8),
                _ => 1,
            };
            if self.serve_round(polls) {
                idle = 0;
                self.spin.hit();
                if self.clock >= self.turn_ends {
                    return true;
                }
                continue;
            }
            if self.hot.is_empty() {
                return false;
            }
            // Polls in vain may have given the core to others, each for as long as those liked: it is time to sleep.
            if self.channel.region.stepped_aside() {
                self.look_at_clock();
                if self.clock >= self.turn_ends {
                    self.spin.missed(None);
                    return false;
                }
            }
            if idle == 0 && self.spin.is_exploring() {
                since = Some(self.channel.region.now());
            }
            idle = idle.saturating_add(polls.max(self.hot.len() as u32));
            // Polling takes time too, of which the clock is to know when the next request has come.
            self.unlooked = self.unlooked.saturating_add(polls.div_ceil(20));
            if idle >= self.spin.budget() {
                let took = since.map(|since| self.channel.region.now().saturating_sub(since));
                self.spin.missed(took);
                return false;
            }
            // Pairs with the add in `Channel::ring`, before which the ringer stored what there is to see.
            let bell = self.channel.region.load(layout::AT_DOORBELL);
            if bell != self.bell {
                self.bell = bell;
                self.look_around();
            }
        }
    }

    /// Finds the desks where a request may come; returns how many there are.
    #[inline]
    fn hot_desks(&mut self) -> usize {
        if self.hot_is_stale {
            self.find_hot_desks();
        }
        self.hot.len()
    }

    #[cold]
    fn find_hot_desks(&mut self) {
        self.hot_is_stale = false;
        self.is_busy = self.desks.iter().any(Desk::is_busy);
        self.hot.clear();
        let is_hot = |desk: &Desk| desk.owner % 2 != 0 && !desk.is_busy();
        self.hot.extend((0..self.desks.len()).filter(|&index| is_hot(&self.desks[index])));
    }

    /// How long requests are served in a row from now on.
    fn turn(&self) -> Duration {
        if self.is_busy { BUSY_TURN } else { TURN }
    }

    /// Whether nothing new is to be taken.
    fn stop_asked(&self) -> bool {
        self.channel.serving().is_err()
    }

    /// Looks for a request of a mailbox that was not taken yet, up to `polls` times; it is then in `mail`.
    #[inline]
    fn see(&mut self, index: usize, polls: u32) -> bool {
        let Self { channel, desks, mail, .. } = self;
        let desk = &desks[index];
        // Pairs with the store of the number in `Link::publish`: what lies behind it is seen, and so is a bell that was rung
        // before.
        channel.region.await_change(desk.words.request, desk.taken, polls, layout::AT_DOORBELL, mail)
    }

    /// Looks at every mailbox where a request may come, up to `polls` times at each; returns whether there was one.
    fn serve_round(&mut self, polls: u32) -> bool {
        let mut any = false;
        for place in 0..self.hot_desks() {
            // A request may change who is hot.
            let Some(&index) = self.hot.get(place) else { break };
            if self.desks[index].is_busy() || !self.see(index, polls) {
                continue;
            }
            // A request that was gone at the second look counts too: somebody may make nothing but such.
            self.unlooked += 1;
            if self.unlooked >= UNLOOKED || self.channel.region.stepped_aside() {
                self.look_at_clock();
            }
            // Who came or went, or asked for a stop, rang the bell first: all that comes before this request.
            if self.mail.also != self.bell {
                self.bell = self.mail.also;
                self.look_around();
                any = true;
                // Which may have taken it, and has looked at others since.
                if self.desks[index].is_busy() || !self.see(index, 1) {
                    continue;
                }
            }
            let op = self.mail.a;
            if self.desks[index].raw_op == Some(op) && !self.stopping {
                let op_index = self.desks[index].raw_index;
                self.take_raw(index, op_index);
            } else {
                // A server that was asked to stop takes nothing new.
                let goes_on = op & (flag::CONTINUE | flag::PIECE) != 0 && op & flag::FIRST == 0;
                if self.stopping && !goes_on {
                    continue;
                }
                any = true;
                if op & flag::ASKER != flag::asker(self.desks[index].owner) {
                    self.look_at(index);
                    if !self.see(index, 1) {
                        continue;
                    }
                }
                self.take(index);
            }
            any = true;
            // A long call, which may not have been timed, must not let the turn go on unnoticed.
            if std::mem::take(&mut self.desks[index].caller_slept) {
                self.look_at_clock();
            }
        }
        any
    }

    #[cold]
    fn look_at_clock(&mut self) {
        self.unlooked = 0;
        self.clock = self.channel.region.now();
    }
}

impl<S: Dispatch, R: Region> Drop for Server<S, R> {
    fn drop(&mut self) {
        if let Some(life) = self.life {
            self.channel.end(life, server_state::FAILED);
        }
    }
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
