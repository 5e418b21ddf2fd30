//! Who waits for a turn: what the tabs of an origin tell each other over a BroadcastChannel, so that a tab which keeps a
//! lease learns that another one would like it.
//!
//! A message is a hint. It can come before its receiver holds what is asked for, or not at all; so every tab keeps the set
//! of those who wait also while it holds nothing, who waits repeats itself, and who has just been granted a lock that was
//! waited for looks into the browser's own list. An entry that nobody repeats is forgotten.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use js_sys::Array;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};

use crate::platform;
use crate::web::js::{BroadcastChannel, LOCKS, LockInfo, LockSnapshot, Locks, Message};
use crate::web::page;
use crate::wire::Keep;

/// How long an entry lasts that is not repeated. Timers of a hidden page run once a second, so its waiters repeat
/// themselves no oftener.
const LASTS: i64 = 3_000;

/// Begins the names of entries that come from the browser's own list.
const FROM_LIST: &str = "listed:";

/// The waiters of an origin, as this tab knows them.
pub(super) struct Wants {
    /// Missing where the browser refuses one; then every lock counts as wanted, and no lease is kept.
    channel: Option<BroadcastChannel>,
    me: String,
    heard: Rc<Heard>,
    /// Hears of the page's own state.
    page: Option<BroadcastChannel>,
    /// Keeps the functions that the channels call.
    _on_message: [Closure<dyn Fn(Message)>; 2],
}

#[derive(Default)]
struct Heard {
    /// Lock name, to who waits for it and until when that counts.
    waiting: RefCell<HashMap<String, HashMap<String, i64>>>,
    /// What the page has said of itself; nothing yet, then it may keep all.
    keep: Cell<Option<Keep>>,
    news: Cell<u64>,
    listeners: RefCell<Vec<Waker>>,
}

impl Heard {
    fn add(&self, name: &str, who: String) {
        let until = platform::unix_millis() + LASTS;
        self.waiting.borrow_mut().entry(name.to_owned()).or_default().insert(who, until);
        self.tell();
    }

    fn tell(&self) {
        self.news.set(self.news.get() + 1);
        for listener in self.listeners.take() {
            listener.wake();
        }
    }

    fn remove(&self, name: &str, gone: impl Fn(&str) -> bool) {
        let mut waiting = self.waiting.borrow_mut();
        if let Some(who) = waiting.get_mut(name) {
            who.retain(|who, _| !gone(who));
            if who.is_empty() {
                waiting.remove(name);
            }
        }
    }
}

impl Wants {
    /// Joins the channel of that name, and listens to the page that watches itself under the name `page`.
    pub(super) fn new(channel: &str, page: Option<&str>) -> Self {
        let heard = Rc::new(Heard::default());
        let ear = Rc::clone(&heard);
        let on_message = Closure::new(move |message: Message| {
            // Anything of another shape was not sent by this crate.
            let Ok(parts) = message.data().dyn_into::<Array>() else {
                return;
            };
            if let (Some(waits), Some(name), Some(who)) =
                (parts.get(0).as_bool(), parts.get(1).as_string(), parts.get(2).as_string())
            {
                if waits { ear.add(&name, who) } else { ear.remove(&name, |other| other == who) }
            }
        });
        let channel = BroadcastChannel::new(channel).ok();
        if let Some(channel) = &channel {
            channel.set_on_message(on_message.as_ref().unchecked_ref());
        }
        let ear = Rc::clone(&heard);
        let on_page = Closure::new(move |message: Message| {
            if let Some(keep) = page::read(&message.data()) {
                ear.keep.set(Some(keep));
                ear.tell();
            }
        });
        let page = page.and_then(|page| BroadcastChannel::new(&page::channel(page)).ok());
        if let Some(page) = &page {
            page.set_on_message(on_page.as_ref().unchecked_ref());
            // A page that was hidden all along has nothing to say unless it is asked.
            let _ = page.post(&page::QUESTION.into());
        }
        let mut tag = [0; 8];
        platform::random(&mut tag);
        let me = format!("{:016x}", u64::from_le_bytes(tag));
        Self { channel, me, heard, page, _on_message: [on_message, on_page] }
    }

    /// Tells the others whether this tab waits for the lock of that name.
    pub(super) fn tell(&self, waits: bool, name: &str) {
        if let Some(channel) = &self.channel {
            // A message that is not sent is a hint that is missing.
            let _ = channel.post(&Array::of3(&waits.into(), &name.into(), &self.me.as_str().into()));
        }
    }

    /// Looks into the browser's own list for others who wait for the lock of that name, which was granted just now.
    pub(super) fn look(&self, name: &str) {
        self.heard.remove(name, |who| who.starts_with(FROM_LIST));
        let Some(Ok(query)) = LOCKS.with(|locks| locks.as_ref().map(Locks::query)) else {
            return;
        };
        let (heard, name) = (Rc::clone(&self.heard), name.to_owned());
        spawn_local(async move {
            let Ok(snapshot) = JsFuture::from(query).await else {
                return;
            };
            for pending in snapshot.unchecked_into::<LockSnapshot>().pending().iter() {
                let pending: LockInfo = pending.unchecked_into();
                if pending.name() == name {
                    heard.add(&name, format!("{FROM_LIST}{}", pending.client()));
                }
            }
        });
    }

    /// Whether another tab is known to wait.
    pub(super) fn is_wanted(&self, name: &str) -> bool {
        let now = platform::unix_millis();
        let mut waiting = self.heard.waiting.borrow_mut();
        match waiting.get_mut(name) {
            Some(who) => {
                who.retain(|_, until| *until > now);
                !who.is_empty()
            }
            None => self.channel.is_none(),
        }
    }

    /// What the page may keep.
    pub(super) fn keep(&self) -> Keep {
        self.heard.keep.get().unwrap_or(Keep::All)
    }

    /// How often somebody was added.
    pub(super) fn news(&self) -> u64 {
        self.heard.news.get()
    }

    /// Waits until that is no longer `seen`.
    pub(super) async fn next_news(&self, seen: u64) {
        poll_fn(|context| {
            if self.heard.news.get() != seen {
                return Poll::Ready(());
            }
            let mut listeners = self.heard.listeners.borrow_mut();
            if !listeners.iter().any(|listener| listener.will_wake(context.waker())) {
                listeners.push(context.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }
}

impl Drop for Wants {
    fn drop(&mut self) {
        for channel in [&self.channel, &self.page].into_iter().flatten() {
            channel.close();
        }
    }
}
