//! Tab locks within one process: several I/O services, each on its own thread, play the tabs of one origin. Keeps the
//! promises of Web Locks: one holder, waiters in line, and who dies lets go.

use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use super::TabLocks;
use crate::error::VfsError;
use crate::path::VfsPath;

/// The locks of one origin; clones share them.
#[derive(Clone, Default)]
pub struct LocalTabs {
    lines: Arc<Mutex<Lines>>,
}

#[derive(Default)]
struct Lines {
    by_path: BTreeMap<VfsPath, Line>,
    next_ticket: u64,
}

/// Who holds a lock (the first), and who waits behind.
#[derive(Default)]
struct Line {
    tickets: VecDeque<(u64, Option<Waker>)>,
}

impl LocalTabs {
    /// Locks that nobody holds.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether somebody holds the lock on `path`.
    pub fn held(&self, path: &VfsPath) -> bool {
        lock(&self.lines).by_path.contains_key(path)
    }

    fn join(&self, path: &VfsPath) -> LocalGuard {
        let mut lines = lock(&self.lines);
        lines.next_ticket += 1;
        let ticket = lines.next_ticket;
        lines.by_path.entry(path.clone()).or_default().tickets.push_back((ticket, None));
        LocalGuard { lines: Arc::clone(&self.lines), path: path.clone(), ticket }
    }
}

fn lock(lines: &Mutex<Lines>) -> MutexGuard<'_, Lines> {
    lines.lock().unwrap_or_else(PoisonError::into_inner)
}

impl TabLocks for LocalTabs {
    type Guard = LocalGuard;

    async fn acquire(&self, path: &VfsPath, timeout: Duration) -> Result<Option<LocalGuard>, VfsError> {
        let guard = self.join(path);
        if guard.is_first(None) {
            return Ok(Some(guard));
        }
        let mut end = pin!(sabrpc::sleep(timeout));
        let got = poll_fn(|context| {
            if guard.is_first(Some(context.waker())) {
                return Poll::Ready(true);
            }
            end.as_mut().poll(context).map(|()| false)
        })
        .await;
        Ok(got.then_some(guard))
    }
}

/// A place in line; the first place holds the lock. Dropping it leaves the line and lets the next one in.
pub struct LocalGuard {
    lines: Arc<Mutex<Lines>>,
    path: VfsPath,
    ticket: u64,
}

impl LocalGuard {
    /// Whether this place is the first; otherwise leaves `waker` to be told.
    fn is_first(&self, waker: Option<&Waker>) -> bool {
        let mut lines = lock(&self.lines);
        let Some(line) = lines.by_path.get_mut(&self.path) else {
            return false;
        };
        if line.tickets.front().is_some_and(|(ticket, _)| *ticket == self.ticket) {
            return true;
        }
        if let Some((_, place)) = line.tickets.iter_mut().find(|(ticket, _)| *ticket == self.ticket) {
            *place = waker.cloned();
        }
        false
    }
}

impl Drop for LocalGuard {
    fn drop(&mut self) {
        let mut lines = lock(&self.lines);
        let Some(line) = lines.by_path.get_mut(&self.path) else {
            return;
        };
        line.tickets.retain(|(ticket, _)| *ticket != self.ticket);
        let next = line.tickets.front_mut().and_then(|(_, waker)| waker.take());
        if line.tickets.is_empty() {
            lines.by_path.remove(&self.path);
        }
        drop(lines);
        if let Some(waker) = next {
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
        let held = block_on(tabs.acquire(&path(), MOMENT)).unwrap().unwrap();
        let start = std::time::Instant::now();
        assert!(block_on(tabs.acquire(&path(), MOMENT)).unwrap().is_none());
        assert!(start.elapsed() >= MOMENT);
        let other = VfsPath::parse("b.db").unwrap();
        assert!(block_on(tabs.acquire(&other, MOMENT)).unwrap().is_some(), "names are apart");
        drop(held);
        assert!(!tabs.held(&path()));
        assert!(block_on(tabs.acquire(&path(), MOMENT)).unwrap().is_some());
    }

    #[test]
    fn waiters_are_served_in_line_and_who_leaves_is_passed_over() {
        let (tabs, long) = (LocalTabs::new(), Duration::from_secs(60));
        let mut context = Context::from_waker(Waker::noop());
        let path = path();
        let held = block_on(tabs.acquire(&path, long)).unwrap();
        let mut first = Box::pin(tabs.acquire(&path, long));
        let mut second = Box::pin(tabs.acquire(&path, long));
        let mut third = Box::pin(tabs.acquire(&path, long));
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
        let held = block_on(tabs.acquire(&path(), MOMENT)).unwrap();
        std::thread::scope(|scope| {
            let waiting =
                scope.spawn(|| block_on(tabs.acquire(&path(), Duration::from_secs(60))).unwrap().is_some());
            std::thread::sleep(MOMENT);
            drop(held);
            assert!(waiting.join().unwrap());
        });
    }
}
