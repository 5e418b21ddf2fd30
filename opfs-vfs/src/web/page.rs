//! What a page tells its I/O worker of itself: that it is hidden, about to be frozen, or goes, or is back. Workers have no such
//! events, and a frozen one answers nobody who asks for what it has.

use std::cell::Cell;
use std::rc::Rc;

use wasm_bindgen::prelude::*;

use super::js::{self, BroadcastChannel, Message};
use crate::wire::Keep;

/// Events of the window and of the document, and whether the page is away after them: what it says does not change with others.
const EVENTS: [(&str, Option<bool>); 5] = [
    ("pagehide", Some(true)),
    ("pageshow", Some(false)),
    ("freeze", Some(true)),
    ("resume", Some(false)),
    // A page that goes is hidden after it has gone.
    ("visibilitychange", None),
];

/// How the states are told, in this order from 0 on.
const STATES: [Keep; 3] = [Keep::Nothing, Keep::Used, Keep::All];

/// What a worker asks.
pub(crate) const QUESTION: &str = "?";

/// The channel between a page and its I/O worker.
pub(crate) fn channel(page: &str) -> String {
    format!("opfs-vfs-page:{page}")
}

/// What a page has said, if it was one.
pub(crate) fn read(message: &JsValue) -> Option<Keep> {
    let number = message.as_f64()?;
    STATES.into_iter().enumerate().find(|(index, _)| *index as f64 == number).map(|(_, keep)| keep)
}

/// Has this page tell the I/O worker that was installed with [`InstallOptions::page`](crate::InstallOptions::page) `page` when
/// it is hidden, about to be frozen or left, so that it keeps no database from other tabs then. To be called once, on the main
/// thread; [`SqlWorker`](crate::sql::SqlWorker) does it by itself. Does nothing where there is no page.
pub fn watch_page(page: &str) {
    let Ok(channel) = BroadcastChannel::new(&channel(page)) else {
        return;
    };
    let channel: &'static BroadcastChannel = Box::leak(Box::new(channel));
    let away = Rc::new(Cell::new(false));
    for (event, goes) in EVENTS {
        let away = Rc::clone(&away);
        let told = Closure::<dyn Fn()>::new(move || {
            away.set(goes.unwrap_or(away.get()));
            tell(channel, away.get());
        });
        js::listen(event, told.into_js_value().unchecked_ref());
    }
    let asked = Closure::<dyn Fn(Message)>::new(move |message: Message| {
        if message.data().as_string().as_deref() == Some(QUESTION) {
            tell(channel, away.get());
        }
    });
    channel.set_on_message(asked.into_js_value().unchecked_ref());
    // The worker may be there already.
    tell(channel, false);
}

fn tell(channel: &BroadcastChannel, away: bool) {
    let keep = match (away, js::is_hidden()) {
        (true, _) => Keep::Nothing,
        (false, true) => Keep::Used,
        (false, false) => Keep::All,
    };
    let number = STATES.iter().position(|state| *state == keep).unwrap_or_default();
    // Nobody to be told is nobody who keeps anything.
    let _ = channel.post(&(number as f64).into());
}
