//! What a thread and its browser lack, and what to do about it.

use std::fmt;

use wasm_bindgen::prelude::*;

use crate::region::web::has_multi_memory;

#[wasm_bindgen(module = "/js/probe.js")]
extern "C" {
    #[wasm_bindgen(js_name = probe)]
    fn js_probe() -> Vec<JsValue>;
}

/// What is lost without something that sabrpc makes use of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Loss {
    /// No channel can be made.
    Everything,
    /// This thread cannot have a blocking client; others may.
    BlockingHere,
    /// Servers cannot be started in workers; a thread can still serve.
    Workers,
    /// Something works less well.
    Little,
}

/// Something that sabrpc makes use of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capability {
    /// What it is called.
    pub name: &'static str,
    /// Whether this thread has it.
    pub is_there: bool,
    /// What is lost without it.
    pub loss: Loss,
    /// What to do where it is missing, in a sentence or two.
    pub advice: &'static str,
}

/// What a thread has and what it lacks, see [`probe`]. It prints as a text for people, a line for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    capabilities: Vec<Capability>,
}

const ALL: [(&str, Loss, &str); 8] = [
    (
        "secure context",
        Loss::Everything,
        "Browsers isolate pages only where nobody can have changed them on the way: serve the page by https, or from \
         localhost.",
    ),
    (
        "crossOriginIsolated",
        Loss::Everything,
        "Serve the page with the headers 'Cross-Origin-Opener-Policy: same-origin' and \
         'Cross-Origin-Embedder-Policy: require-corp'; a page in a frame needs the same of all pages around it.",
    ),
    (
        "SharedArrayBuffer",
        Loss::Everything,
        "Shared memory is missing: it comes with cross-origin isolation. Where the page is isolated, the browser is too \
         old (Chromium 92, Firefox 79, Safari 15.2).",
    ),
    (
        "Atomics.wait on this thread",
        Loss::BlockingHere,
        "A page's main thread may not block: use the async client here, and blocking ones in workers.",
    ),
    (
        "Atomics.waitAsync",
        Loss::Little,
        "Small workers wait in its place, and a call that finds its server asleep takes about twice as long. Chromium 87, \
         Firefox 145 and Safari 16.4 have it.",
    ),
    (
        "module workers",
        Loss::Workers,
        "Workers cannot be started from here: let another thread start them, or serve in this one by Server::run. \
         Chromium 80, Firefox 114 and Safari 15 have module workers.",
    ),
    (
        "Web Locks",
        Loss::Little,
        "Workers that are terminated are not missed: end servers by WorkerHandle::terminate, and say of callers that they \
         are gone by Channel::release.",
    ),
    (
        "multi-memory",
        Loss::Little,
        "Calls go through JavaScript, and the shortest take about half as long again. Chromium 120, Firefox 125 and Node 22 \
         have it.",
    ),
];

/// Looks at what this thread and its browser have of what sabrpc makes use of. It starts nothing and takes well under a
/// millisecond.
///
/// ```no_run
/// let probe = sabrpc::web::probe();
/// web_sys::console::log_1(&probe.to_string().into());
/// if let Some(missing) = probe.missing().find(|missing| missing.loss == sabrpc::web::Loss::Everything) {
///     // Tell the user: `missing.advice`.
/// }
/// ```
pub fn probe() -> Probe {
    let mut found: Vec<bool> = js_probe().iter().map(JsValue::is_truthy).collect();
    found.push(has_multi_memory());
    let capability = |(&(name, loss, advice), is_there)| Capability { name, is_there, loss, advice };
    Probe { capabilities: ALL.iter().zip(found).map(capability).collect() }
}

impl Probe {
    /// Everything that was looked for.
    pub fn all(&self) -> &[Capability] {
        &self.capabilities
    }

    /// What is missing.
    pub fn missing(&self) -> impl Iterator<Item = &Capability> {
        self.capabilities.iter().filter(|capability| !capability.is_there)
    }
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Capability { name, is_there, loss, advice } in &self.capabilities {
            match (is_there, loss) {
                (true, _) => writeln!(f, "{name}: yes")?,
                (false, Loss::Little) => writeln!(f, "{name}: no. {advice}")?,
                (false, _) => writeln!(f, "{name}: NO. {advice}")?,
            }
        }
        Ok(())
    }
}
