//! Locks between tabs through the browser's Web Locks: two locks per name, first come, first served.
//!
//! Who waits for a turn says so to the other tabs (`wants.rs`), since one of them may keep the lock without need.
//!
//! A lock lives as long as its [`WebGuard`]; the browser frees it also when the worker or its page dies. A request that
//! is given up, by its timeout or because its future is dropped, never keeps a lock that nobody knows of.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use js_sys::{Function, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};

use super::wants::Wants;
use super::{TabLock, TabLocks};
use crate::error::VfsError;
use crate::path::VfsPath;
use crate::web::exception::Attempt;
use crate::web::js::{AbortController, LOCKS, LockInfo, LockOptions, LockSnapshot, Locks};
use crate::wire::Keep;

/// How long a request waits before it asks the browser to look at the lock's holder again.
const NUDGE: Duration = Duration::from_secs(1);

/// How often who waits for a turn repeats it to the others.
const REPEAT: Duration = Duration::from_millis(100);

/// Locks between the tabs of one origin.
pub struct WebLocks {
    prefix: String,
    wants: Rc<Wants>,
}

impl WebLocks {
    /// Locks whose names begin with `prefix`, apart from all other Web Locks of the origin; of a page that watches itself
    /// under the name `page`, see [`watch_page`](crate::install::watch_page).
    pub fn new(prefix: impl Into<String>, page: Option<&str>) -> Self {
        let prefix = prefix.into();
        Self { wants: Rc::new(Wants::new(&prefix, page)), prefix }
    }

    fn name(&self, path: &VfsPath, lock: TabLock) -> String {
        format!("{}{}", self.prefix, lock.name(path))
    }
}

/// A held lock; dropping it lets the lock go.
pub struct WebGuard {
    release: Function,
}

impl Drop for WebGuard {
    fn drop(&mut self) {
        // Settles the promise that the browser waits for. A resolve function does not throw.
        let _ = self.release.call0(&JsValue::UNDEFINED);
    }
}

/// A request under way: what its callback and its future know of each other.
#[derive(Default)]
struct Request {
    /// Set by the callback when the lock is there; taken by the future, or let go when that is gone.
    granted: RefCell<Option<WebGuard>>,
    /// The browser has granted or refused it.
    answered: Cell<bool>,
    /// The future is gone: a lock granted from now on is let go at once.
    over: Cell<bool>,
}

/// Ends a request when its future ends, in whatever way.
struct EndOf {
    request: Rc<Request>,
    /// Takes it out of the line; a request that does not wait has none.
    controller: Option<AbortController>,
}

impl Drop for EndOf {
    fn drop(&mut self) {
        self.request.over.set(true);
        self.request.granted.take();
        if let Some(controller) = self.controller.as_ref().filter(|_| !self.request.answered.get()) {
            controller.abort();
        }
    }
}

impl TabLocks for WebLocks {
    type Guard = WebGuard;

    async fn acquire(
        &self,
        path: &VfsPath,
        lock: TabLock,
        timeout: Duration,
    ) -> Result<Option<WebGuard>, VfsError> {
        let attempt = Attempt { op: "navigator.locks.request", path };
        let name = self.name(path, lock);
        let options = LockOptions::new();
        if lock.is_shared() {
            options.set_mode("shared");
        }
        let controller = (!timeout.is_zero()).then(AbortController::new);
        match &controller {
            Some(controller) => options.set_signal(&controller.signal()),
            None => options.set_if_available(true),
        }

        let request = Rc::new(Request::default());
        let end = EndOf { request: Rc::clone(&request), controller };
        let waiter = (lock == TabLock::Turn).then(|| Waiter::new(&self.wants, &name));
        let settled = settled(&name, &options, &request, attempt)?;
        if timeout > NUDGE {
            spawn_local(nudge(Rc::clone(&request)));
        }
        if waiter.is_some() && timeout > REPEAT {
            spawn_local(repeat(Rc::clone(&request), Rc::clone(&self.wants), name.clone()));
        }
        let mut settled = JsFuture::from(settled);
        let outcome = if timeout.is_zero() {
            settled.await.map(drop)
        } else {
            let mut timeout = pin!(sabrpc::sleep(timeout));
            poll_fn(|context| match Pin::new(&mut settled).poll(context) {
                Poll::Ready(answer) => Poll::Ready(answer.map(drop)),
                Poll::Pending => timeout.as_mut().poll(context).map(Ok),
            })
            .await
        };
        let guard = request.granted.take();
        drop(end);
        drop(waiter);
        if lock == TabLock::Turn && guard.is_some() {
            self.wants.look(&name);
        }
        outcome.map(|()| guard).map_err(|thrown| attempt.failed(&thrown))
    }

    async fn is_open_elsewhere(&self, path: &VfsPath) -> Result<bool, VfsError> {
        let attempt = Attempt { op: "navigator.locks.query", path };
        let query = LOCKS.with(|locks| locks.as_ref().map(Locks::query));
        let query = query.unwrap_or_else(|| Err(JsValue::from_str("this page has no Web Locks")));
        let query = query.map_err(|thrown| attempt.failed(&thrown))?;
        let snapshot = JsFuture::from(query).await.map_err(|thrown| attempt.failed(&thrown))?;
        let name = self.name(path, TabLock::Open);
        let held = snapshot.unchecked_into::<LockSnapshot>().held();
        let holders = held.iter().filter(|held| held.unchecked_ref::<LockInfo>().name() == name);
        Ok(holders.count() > 1)
    }

    fn is_wanted(&self, path: &VfsPath) -> bool {
        self.wants.is_wanted(&self.name(path, TabLock::Turn))
    }

    fn keep(&self) -> Keep {
        self.wants.keep()
    }

    fn news(&self) -> u64 {
        self.wants.news()
    }

    async fn next_news(&self, seen: u64) {
        self.wants.next_news(seen).await;
    }
}

/// Being known to wait; dropping it tells the others that this is over.
struct Waiter<'a> {
    wants: &'a Wants,
    name: &'a str,
}

impl<'a> Waiter<'a> {
    fn new(wants: &'a Wants, name: &'a str) -> Self {
        wants.tell(true, name);
        Self { wants, name }
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.wants.tell(false, self.name);
    }
}

/// Tells the others again and again that this tab waits.
async fn repeat(request: Rc<Request>, wants: Rc<Wants>, name: String) {
    loop {
        sabrpc::sleep(REPEAT).await;
        if request.over.get() || request.answered.get() {
            return;
        }
        wants.tell(true, &name);
    }
}

/// Asks for the lock; the promise settles when it was granted or refused, and rejects when the request failed.
fn settled(
    name: &str,
    options: &LockOptions,
    request: &Rc<Request>,
    attempt: Attempt<'_>,
) -> Result<Promise, VfsError> {
    let mut failed = None;
    let settled = Promise::new(&mut |resolve, reject| {
        let request = Rc::clone(request);
        let granted = Closure::once_into_js(move |lock: JsValue| {
            request.answered.set(true);
            let held = (!lock.is_null() && !request.over.get()).then(|| {
                Promise::new(&mut |release, _| {
                    *request.granted.borrow_mut() = Some(WebGuard { release });
                })
            });
            let _ = resolve.call0(&JsValue::UNDEFINED);
            held.map_or(JsValue::UNDEFINED, JsValue::from)
        });
        let pending = LOCKS.with(|locks| {
            locks
                .as_ref()
                .ok_or_else(|| JsValue::from_str("this page has no Web Locks"))
                .and_then(|locks| locks.request(name, options, granted.unchecked_ref()))
        });
        match pending {
            // Rejects when it was given up, and when the browser refuses locks. After the grant it settles with the release,
            // when nobody listens any more.
            Ok(pending) => spawn_local(async move {
                if let Err(thrown) = JsFuture::from(pending).await {
                    let _ = reject.call1(&JsValue::UNDEFINED, &thrown);
                }
            }),
            Err(thrown) => failed = Some(attempt.failed(&thrown)),
        }
    });
    failed.map_or(Ok(settled), Err)
}

/// Looks at the origin's locks once a second while the request waits.
///
/// A page in the back/forward cache keeps its locks, and a request queued before it went there does not make the browser
/// evict it; any query does.
async fn nudge(request: Rc<Request>) {
    loop {
        sabrpc::sleep(NUDGE).await;
        if request.over.get() {
            return;
        }
        let query = LOCKS.with(|locks| locks.as_ref().map(Locks::query));
        if let Some(Ok(query)) = query {
            // Its answer does not matter, nor whether it failed: asking is what wakes the browser.
            let _ = JsFuture::from(query).await;
        }
    }
}
