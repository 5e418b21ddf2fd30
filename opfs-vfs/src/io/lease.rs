//! Leases: what a tab has locked it keeps after its last connection has unlocked, so that the next lock costs nothing, until
//! another tab would like it.
//!
//! It goes to the other tab when no connection of this page holds any lock, once it was here for a quantum, so that handing
//! over does not cost more than working: at once, then, where nobody uses it, else at the end of a transaction.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::pin;
use std::task::{Poll, Waker};
use std::time::Duration;

use super::IoService;
use super::loan::{GRACE, Recalled};
use super::node::{COMPANIONS, Node};
use crate::platform;
use crate::store::Store;
use crate::tabs::TabLocks;
use crate::wire::Keep;

/// How long a transaction on a log that seems about to begin is waited for.
const BEGINNING: Duration = Duration::from_millis(2);

/// Longest time between two looks at the leases while one is wanted: a hint that came too early is noticed then.
const LOOK: Duration = Duration::from_millis(50);

/// How long a hidden page keeps what it does not use.
const UNUSED: Duration = Duration::from_secs(1);

/// The tab lock's stay in this tab.
#[derive(Default)]
pub(super) struct Lease {
    since: Cell<Duration>,
    wanted: Cell<bool>,
    uses: Cell<u64>,
    uses_seen: Cell<u64>,
    /// What `uses` was, and since when.
    unused: Cell<(u64, Duration)>,
    /// What the header said when the lease was let go.
    mark: Cell<Option<Mark>>,
    times: Cell<u64>,
    /// Calls under way that rely on the lease and hold no lock of SQLite's yet.
    busy: Cell<u32>,
}

/// Keeps the lease here; dropping it no longer does.
pub(super) struct Busy<'a>(&'a Cell<u32>);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

/// What tells whether a database was changed: the bytes of its header that SQLite itself compares, and its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) header: [u8; 16],
    pub(super) size: u64,
}

impl Lease {
    /// The tab lock has come.
    pub(super) fn begin(&self, wanted: bool) {
        self.since.set(platform::now());
        self.wanted.set(wanted);
        self.times.set(self.times.get() + 1);
        self.unused.set((self.uses.get(), platform::now()));
    }

    /// Keeps it here, once it is, over an `.await`.
    pub(super) fn stay(&self) -> Busy<'_> {
        self.busy.set(self.busy.get() + 1);
        Busy(&self.busy)
    }

    /// Whether a call relies on it.
    pub(super) fn is_busy(&self) -> bool {
        self.busy.get() > 0
    }

    /// How often it has come.
    pub(super) fn times(&self) -> u64 {
        self.times.get()
    }

    /// A connection of this page has begun to use the database.
    pub(super) fn used(&self) {
        self.uses.set(self.uses.get().wrapping_add(1));
    }

    /// Takes the mark that was left when the lease was let go.
    pub(super) fn take_mark(&self) -> Option<Mark> {
        self.mark.take()
    }

    /// For how long nobody was seen to use it.
    fn unused(&self) -> Duration {
        let (uses, since) = self.unused.get();
        if uses != self.uses.get() {
            self.unused.set((self.uses.get(), platform::now()));
            return Duration::ZERO;
        }
        platform::now().saturating_sub(since)
    }

    fn held(&self) -> Duration {
        platform::now().saturating_sub(self.since.get())
    }
}

/// Rings in the task that hands leases over.
#[derive(Default)]
pub(super) struct Bell {
    rung: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Bell {
    fn ring(&self) {
        self.rung.set(true);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    async fn rung(&self) {
        poll_fn(|context| {
            if self.rung.take() {
                return Poll::Ready(());
            }
            *self.waker.borrow_mut() = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

impl<S: Store, L: TabLocks> IoService<S, L> {
    /// Hands leases over to other tabs as they ask for them, until [`leave`](Self::leave).
    pub async fn attend(&self) {
        while !self.left.get() {
            let seen = self.tabs.news();
            let pause = self.hand_over();
            let mut news = pin!(self.tabs.next_news(seen));
            let mut bell = pin!(self.bell.rung());
            let mut timer = pin!(async {
                match pause {
                    Some(pause) => sabrpc::sleep(pause).await,
                    None => std::future::pending().await,
                }
            });
            poll_fn(|context| {
                let ready = news.as_mut().poll(context).is_ready()
                    || bell.as_mut().poll(context).is_ready()
                    || timer.as_mut().poll(context).is_ready();
                if ready { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
        }
    }

    /// Ends [`attend`](Self::attend).
    pub fn leave(&self) {
        self.left.set(true);
        self.bell.ring();
    }

    /// Lets go what other tabs want and nobody here uses; says when to look again.
    fn hand_over(&self) -> Option<Duration> {
        let mut pause: Option<Duration> = None;
        for node in self.nodes.databases() {
            if !node.is_ours() {
                continue;
            }
            let lease = &node.lease;
            lease.wanted.set(self.tabs.is_wanted(&node.path));
            if !lease.wanted.get() && self.keeps() {
                let stays = match self.keep() {
                    Keep::All => continue,
                    _ => UNUSED.saturating_sub(lease.unused()),
                };
                if !stays.is_zero() {
                    pause = Some(pause.map_or(stays, |pause| pause.min(stays)));
                    continue;
                }
            }
            let left = if self.keeps() { self.options.quantum } else { Duration::ZERO };
            let left = left.saturating_sub(lease.held());
            let recalled = if left.is_zero() { node.index.recall(!self.keeps()) } else { Recalled::Busy };
            // A transaction that is about to begin has a moment to do so.
            let unused = lease.uses_seen.replace(lease.uses.get()) == lease.uses.get();
            if node.is_idle() && left.is_zero() && (unused || !node.index.is_beginning()) {
                self.let_go(&node);
                continue;
            }
            let next = match (node.is_idle(), left.is_zero()) {
                (_, false) => left,
                _ if recalled == Recalled::Idle => GRACE,
                (true, true) => BEGINNING,
                // A hidden page may be in a transaction for long, and nobody minds.
                (false, true) if !lease.wanted.get() && self.keeps() => UNUSED,
                (false, true) => LOOK,
            };
            pause = Some(pause.map_or(next, |pause| pause.min(next)));
        }
        pause
    }

    /// After a connection has unlocked: lets go what was here long enough and is wanted.
    pub(super) fn settle(&self, node: &Node<S::File, L::Guard>) {
        if !node.main || !node.is_ours() {
            return;
        }
        if self.keeps() && !(node.lease.wanted.get() && self.is_time(node)) {
            return;
        }
        node.index.recall(!self.keeps());
        if !node.is_idle() {
            return;
        }
        if node.index.is_beginning() {
            // Should it not begin, it is let go in a moment.
            self.bell.ring();
        } else {
            self.let_go(node);
        }
    }

    /// A tab lock has come.
    pub(super) fn begin_lease(&self, node: &Node<S::File, L::Guard>) {
        node.lease.begin(self.tabs.is_wanted(&node.path));
    }

    /// It has arrived: leaves word where it is not to stay until somebody begins to wait for it.
    pub(super) fn look_after(&self, node: &Node<S::File, L::Guard>) {
        if node.lease.wanted.get() || self.tabs.is_wanted(&node.path) || self.keep() != Keep::All {
            self.bell.ring();
        }
    }

    /// Lets a database go that nobody of this page uses now.
    pub(super) fn let_go(&self, node: &Node<S::File, L::Guard>) {
        // A journal or log with something in it changes the database without its header telling: whoever finds it rolls back,
        // and the next commit may then have the very number that this one would have had.
        let clean = (0..COMPANIONS.len()).all(|index| node.has_companion(index) == Ok(Some(false)));
        node.lease.mark.set(node.mark().filter(|_| clean));
        node.leave_index();
        node.let_go(self.store.exclusive_handles());
        self.handed_over.set(self.handed_over.get() + 1);
    }

    /// Whether a database has been here for so long that it is to be handed over to whoever waits.
    pub(super) fn is_time(&self, node: &Node<S::File, L::Guard>) -> bool {
        node.lease.held() >= self.options.quantum
    }

    pub(super) fn keeps(&self) -> bool {
        self.options.keep && self.keep() != Keep::Nothing
    }

    /// Which leases are kept.
    fn keep(&self) -> Keep {
        self.keep.get().min(self.tabs.keep())
    }

    /// Which leases are kept from now on; others that are here and idle go at once.
    pub(super) fn set_keep(&self, keep: Keep) {
        self.keep.set(keep);
        self.hand_over();
        self.bell.ring();
    }
}
