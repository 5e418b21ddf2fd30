//! Tab locks within one process: several I/O services, each on its own thread, play the tabs of one origin. Keeps the
//! promises of Web Locks: one holder or several that share, waiters in line, and who dies lets go.

use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use super::{TabLock, TabLocks};
use crate::error::VfsError;
use crate::path::VfsPath;

/// The locks of one origin; clones share them.
#[derive(Clone, Default)]
pub struct LocalTabs {
    lines: Arc<Mutex<Lines>>,
}

#[derive(Default)]
struct Lines {
    by_name: BTreeMap<String, Line>,
    next_ticket: u64,
    /// How often somebody had to wait.
    news: u64,
    /// Who wants to hear of that.
    listeners: Vec<Waker>,
}

/// Who holds a lock (the first, or the first ones if they share), and who waits behind.
#[derive(Default)]
struct Line {
    tickets: VecDeque<Ticket>,
}

struct Ticket {
    number: u64,
    shared: bool,
    waker: Option<Waker>,
}

impl Line {
    /// How many at the head of the line hold the lock.
    fn holders(&self) -> usize {
        match self.tickets.iter().take_while(|ticket| ticket.shared).count() {
            0 => self.tickets.len().min(1),
            sharing => sharing,
        }
    }
}

impl LocalTabs {
    /// Locks that nobody holds.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether some tab has the turn at `path`.
    pub fn held(&self, path: &VfsPath) -> bool {
        lock(&self.lines).by_name.contains_key(&TabLock::Turn.name(path))
    }

    /// Whether another tab could have its turn at `path` within `timeout`: who keeps it without need is asked for it.
    pub fn could_have(&self, path: &VfsPath, timeout: Duration) -> bool {
        let turn = sabrpc::native::block_on(self.acquire(path, TabLock::Turn, timeout));
        matches!(turn, Ok(Some(_)))
    }

    /// Whether some tab has `path` open.
    pub fn is_open(&self, path: &VfsPath) -> bool {
        lock(&self.lines).by_name.contains_key(&TabLock::Open.name(path))
    }

    fn join(&self, name: String, shared: bool) -> LocalGuard {
        let mut lines = lock(&self.lines);
        lines.next_ticket += 1;
        let number = lines.next_ticket;
        let line = lines.by_name.entry(name.clone()).or_default();
        line.tickets.push_back(Ticket { number, shared, waker: None });
        let waits = line.holders() < line.tickets.len();
        let listeners = if waits { std::mem::take(&mut lines.listeners) } else { Vec::new() };
        lines.news += u64::from(waits);
        drop(lines);
        for listener in listeners {
            listener.wake();
        }
        LocalGuard { lines: Arc::clone(&self.lines), name, number }
    }
}

fn lock(lines: &Mutex<Lines>) -> MutexGuard<'_, Lines> {
    lines.lock().unwrap_or_else(PoisonError::into_inner)
}

impl TabLocks for LocalTabs {
    type Guard = LocalGuard;

    async fn acquire(
        &self,
        path: &VfsPath,
        lock: TabLock,
        timeout: Duration,
    ) -> Result<Option<LocalGuard>, VfsError> {
        let guard = self.join(lock.name(path), lock.is_shared());
        if guard.holds(None) {
            return Ok(Some(guard));
        }
        let mut end = pin!(sabrpc::sleep(timeout));
        let got = poll_fn(|context| {
            if guard.holds(Some(context.waker())) {
                return Poll::Ready(true);
            }
            end.as_mut().poll(context).map(|()| false)
        })
        .await;
        Ok(got.then_some(guard))
    }

    async fn is_open_elsewhere(&self, path: &VfsPath) -> Result<bool, VfsError> {
        let lines = lock(&self.lines);
        Ok(lines.by_name.get(&TabLock::Open.name(path)).is_some_and(|line| line.holders() > 1))
    }

    fn is_wanted(&self, path: &VfsPath) -> bool {
        let lines = lock(&self.lines);
        let line = lines.by_name.get(&TabLock::Turn.name(path));
        line.is_some_and(|line| line.holders() < line.tickets.len())
    }

    fn news(&self) -> u64 {
        lock(&self.lines).news
    }

    async fn next_news(&self, seen: u64) {
        poll_fn(|context| {
            let mut lines = lock(&self.lines);
            if lines.news != seen {
                return Poll::Ready(());
            }
            if !lines.listeners.iter().any(|listener| listener.will_wake(context.waker())) {
                lines.listeners.push(context.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }
}

/// A place in line; the first places hold the lock. Dropping it leaves the line and lets the next one in.
pub struct LocalGuard {
    lines: Arc<Mutex<Lines>>,
    name: String,
    number: u64,
}

impl LocalGuard {
    /// Whether this place holds the lock; otherwise leaves `waker` to be told.
    fn holds(&self, waker: Option<&Waker>) -> bool {
        let mut lines = lock(&self.lines);
        let Some(line) = lines.by_name.get_mut(&self.name) else {
            return false;
        };
        let holders = line.holders();
        let mut places = line.tickets.iter_mut().enumerate();
        match places.find(|(_, ticket)| ticket.number == self.number) {
            Some((place, ticket)) if place >= holders => {
                ticket.waker = waker.cloned();
                false
            }
            found => found.is_some(),
        }
    }
}

impl Drop for LocalGuard {
    fn drop(&mut self) {
        let mut lines = lock(&self.lines);
        let Some(line) = lines.by_name.get_mut(&self.name) else {
            return;
        };
        line.tickets.retain(|ticket| ticket.number != self.number);
        let holders = line.holders();
        let wakers: Vec<Waker> =
            line.tickets.iter_mut().take(holders).filter_map(|ticket| ticket.waker.take()).collect();
        if line.tickets.is_empty() {
            lines.by_name.remove(&self.name);
        }
        drop(lines);
        for waker in wakers {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use sabrpc::native::block_on;

    use super::*;

    const MOMENT: Duration = Duration::from_millis(20);

    fn path() -> VfsPath {
        VfsPath::parse("a.db").unwrap()
    }

    #[test]
    fn one_holds_and_a_waiter_gives_up_after_its_timeout() {
        let tabs = LocalTabs::new();
        let held = block_on(tabs.acquire(&path(), TabLock::Turn, MOMENT)).unwrap().unwrap();
        let start = std::time::Instant::now();
        assert!(block_on(tabs.acquire(&path(), TabLock::Turn, MOMENT)).unwrap().is_none());
        assert!(start.elapsed() >= MOMENT);
        let other = VfsPath::parse("b.db").unwrap();
        assert!(block_on(tabs.acquire(&other, TabLock::Turn, MOMENT)).unwrap().is_some(), "names are apart");
        drop(held);
        assert!(!tabs.held(&path()));
        assert!(block_on(tabs.acquire(&path(), TabLock::Turn, MOMENT)).unwrap().is_some());
    }

    #[test]
    fn waiters_are_served_in_line_and_who_leaves_is_passed_over() {
        let (tabs, long) = (LocalTabs::new(), Duration::from_secs(60));
        let mut context = Context::from_waker(Waker::noop());
        let path = path();
        let held = block_on(tabs.acquire(&path, TabLock::Turn, long)).unwrap();
        let mut first = Box::pin(tabs.acquire(&path, TabLock::Turn, long));
        let mut second = Box::pin(tabs.acquire(&path, TabLock::Turn, long));
        let mut third = Box::pin(tabs.acquire(&path, TabLock::Turn, long));
        for waiter in [&mut first, &mut second, &mut third] {
            assert!(waiter.as_mut().poll(&mut context).is_pending());
        }
        drop(first);
        drop(held);
        assert!(third.as_mut().poll(&mut context).is_pending(), "the second is before it");
        assert!(second.as_mut().poll(&mut context).is_ready());
        drop(second);
        assert!(third.as_mut().poll(&mut context).is_ready());
    }

    #[test]
    fn a_waiter_on_another_thread_is_woken() {
        let tabs = LocalTabs::new();
        let held = block_on(tabs.acquire(&path(), TabLock::Turn, MOMENT)).unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| {
                block_on(tabs.acquire(&path(), TabLock::Turn, Duration::from_secs(60))).unwrap().is_some()
            });
            std::thread::sleep(MOMENT);
            drop(held);
            assert!(waiting.join().unwrap());
        });
    }

    #[test]
    fn who_has_it_open_shares_and_who_wants_it_alone_waits_in_line() {
        let (tabs, long) = (LocalTabs::new(), Duration::from_secs(60));
        let mut context = Context::from_waker(Waker::noop());
        let path = path();
        let first = block_on(tabs.acquire(&path, TabLock::Open, MOMENT)).unwrap().unwrap();
        let second = block_on(tabs.acquire(&path, TabLock::Open, MOMENT)).unwrap().unwrap();
        assert!(block_on(tabs.acquire(&path, TabLock::Turn, MOMENT)).unwrap().is_some(), "another lock");
        assert!(block_on(tabs.acquire(&path, TabLock::Alone, MOMENT)).unwrap().is_none());
        let mut alone = Box::pin(tabs.acquire(&path, TabLock::Alone, long));
        assert!(alone.as_mut().poll(&mut context).is_pending());
        let mut third = Box::pin(tabs.acquire(&path, TabLock::Open, long));
        assert!(third.as_mut().poll(&mut context).is_pending(), "it came after who waits to be alone");
        drop(first);
        assert!(alone.as_mut().poll(&mut context).is_pending());
        drop(second);
        let Poll::Ready(Ok(Some(held))) = alone.as_mut().poll(&mut context) else {
            panic!("nobody has it open any more");
        };
        assert!(third.as_mut().poll(&mut context).is_pending());
        drop(held);
        assert!(third.as_mut().poll(&mut context).is_ready());
        drop(third);
        assert!(!tabs.is_open(&path));
    }
}
