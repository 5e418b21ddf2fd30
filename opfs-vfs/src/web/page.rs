//! What a page tells its I/O worker of itself: that it is about to be frozen, or goes, or is back. Workers have no such events,
//! and a frozen one answers nobody who asks for what it has.

use wasm_bindgen::prelude::*;

use super::js::{self, BroadcastChannel};

/// Events after which nothing may be kept, and events after which it may again. The first two of each happen to the window,
/// the last to the document.
const EVENTS: [(&str, bool); 4] =
    [("pagehide", false), ("pageshow", true), ("freeze", false), ("resume", true)];

/// The channel between a page and its I/O worker.
pub(crate) fn channel(page: &str) -> String {
    format!("opfs-vfs-page:{page}")
}

/// Has this page tell the I/O worker that was installed with [`InstallOptions::page`](crate::InstallOptions::page) `page` when
/// it is about to be frozen or left, so that it keeps no database from other tabs then. To be called once, on the main
/// thread; [`SqlWorker`](crate::sql::SqlWorker) does it by itself. Does nothing where there is no page.
pub fn watch_page(page: &str) {
    let Ok(channel) = BroadcastChannel::new(&channel(page)) else {
        return;
    };
    let channel: &'static BroadcastChannel = Box::leak(Box::new(channel));
    for (event, keep) in EVENTS {
        let tell = Closure::<dyn Fn()>::new(move || {
            // Nobody to be told is nobody who keeps anything.
            let _ = channel.post(&keep.into());
        });
        js::listen(event, tell.into_js_value().unchecked_ref());
    }
}
