//! The region of browsers: a shared `WebAssembly.Memory`.
//!
//! Each worker keeps a wasm memory of its own, so stable Rust will do. What is done for every call goes through the
//! helper module (`helper.rs`) where the browser has multi-memory, and through a few JavaScript functions
//! (`js/region.js`) where it has not; everything else goes through JavaScript always. Both ways may meet on one memory.

mod helper;

use std::{
    fmt,
    rc::Rc,
    sync::atomic::{AtomicI32, Ordering},
    time::Duration,
};

use js_sys::{Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use self::helper::{Functions, Helper};
use super::{Bytes, Mail, Region};
use crate::{
    Channel, ChannelConfig, ChannelError, Exception,
    layout::{INLINE, LAYOUT_VERSION},
};

#[wasm_bindgen(module = "/js/region.js")]
extern "C" {
    fn region_open(buffer: &JsValue, memory: &JsValue) -> i32;
    fn region_close(h: i32);
    fn region_select(h: i32, p: *const i32);
    fn region_load(w: i32) -> i32;
    fn region_store(w: i32, value: i32);
    fn region_add(w: i32, value: i32) -> i32;
    fn region_compare_exchange(w: i32, old: i32, value: i32) -> i32;
    fn region_wait(w: i32, old: i32, millis: f64);
    fn region_notify(w: i32);
    fn region_publish(w: i32, mail: i32, flag: i32) -> i32;
    fn region_await_change(w: i32, old: i32, polls: i32, also: i32, mail: i32) -> i32;
    fn region_copy_in(o: i32, p: i32, len: i32);
    fn region_copy_out(o: i32, p: i32, len: i32);
    fn region_view(o: i32, len: i32) -> Uint8Array;
    fn region_wait_async(w: i32, old: i32, millis: f64) -> Promise;
    fn can_block() -> bool;
    #[wasm_bindgen(js_name = timeout)]
    fn js_timeout(millis: f64) -> Promise;
    fn macrotask() -> Promise;
    fn now() -> f64;
    pub(crate) fn is_isolated() -> bool;
    #[wasm_bindgen(catch)]
    fn new_memory(size: f64) -> Result<JsValue, JsValue>;
    fn memory_buffer(memory: &JsValue) -> JsValue;
    fn buffer_length(buffer: &JsValue) -> f64;
}

/// The handle of the region that was selected last. The script knows where it is, and writes -1 here when somebody else has
/// selected one.
static SELECTED: AtomicI32 = AtomicI32::new(-1);

/// Whether the browser has what the helper needs.
pub(crate) fn has_multi_memory() -> bool {
    helper::is_valid()
}

/// Bytes that mail takes in a region: a word, the two behind it, and the bytes behind those.
const MAIL: usize = 12 + INLINE;

/// How the hot part of a call reaches the shared memory. Both do the same; a channel's two sides may differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// By a small wasm module with two memories: no JavaScript on the way. Needs multi-memory (Chromium 120, Firefox
    /// 125, Node 22).
    Helper,
    /// By JavaScript functions.
    Js,
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Helper => "helper",
            Self::Js => "js",
        })
    }
}

/// Shared memory between workers of one page. Cloning it shares the memory.
#[derive(Clone)]
pub struct WebRegion {
    /// The functions of the helper that `shared` holds: one way shorter to get at.
    helper: Option<Functions>,
    handle: i32,
    size: u32,
    /// The highest word, and the highest with room for mail.
    last_word: u32,
    last_mail: u32,
    shared: Rc<Shared>,
}

struct Shared {
    /// Keeps the helper's functions in their places.
    helper: Option<Helper>,
    handle: i32,
    memory: JsValue,
}

impl Drop for Shared {
    fn drop(&mut self) {
        if SELECTED.load(Ordering::Relaxed) == self.handle {
            SELECTED.store(-1, Ordering::Relaxed);
        }
        region_close(self.handle);
    }
}

impl WebRegion {
    /// Wraps a shared `WebAssembly.Memory` or a `SharedArrayBuffer`; `None` if it is neither, or too small for anything.
    /// Goes through the helper where that works, unless JavaScript is asked for.
    fn new(memory: &JsValue, backend: Backend) -> Option<Self> {
        let buffer = memory_buffer(memory);
        if buffer.is_undefined() {
            return None;
        }
        // Offsets are 31 bits; what lies beyond is not used.
        let size = buffer_length(&buffer).min(f64::from(i32::MAX)) as u32;
        let (last_word, last_mail) = (size.checked_sub(4)?, size.checked_sub(MAIL as u32)?);
        let helper = match backend {
            Backend::Helper => Helper::connect(memory),
            Backend::Js => None,
        };
        let handle = region_open(&buffer, &wasm_bindgen::memory());
        let functions = helper.as_ref().map(Helper::functions);
        let shared = Rc::new(Shared { helper, handle, memory: memory.clone() });
        Some(Self { helper: functions, handle, size, last_word, last_mail, shared })
    }

    /// Makes this the region that the JavaScript functions work on.
    #[inline]
    fn select(&self) {
        if SELECTED.load(Ordering::Relaxed) != self.handle {
            SELECTED.store(self.handle, Ordering::Relaxed);
            region_select(self.handle, SELECTED.as_ptr());
        }
    }

    /// Panics on a range beyond the region. JavaScript would ignore it silently, the helper would trap.
    #[inline]
    fn check(&self, offset: u32, len: usize) {
        if u64::from(offset) + len as u64 > u64::from(self.size) {
            self.out_of_bounds(offset, len);
        }
    }

    #[cold]
    #[inline(never)]
    fn out_of_bounds(&self, offset: u32, len: usize) -> ! {
        panic!("{len} bytes at {offset} of a region of {}", self.size);
    }

    /// Panics on a word beyond the region.
    #[inline]
    fn check_word(&self, offset: u32) {
        debug_assert_eq!(offset % 4, 0);
        if offset > self.last_word {
            self.out_of_bounds(offset, 4);
        }
    }

    /// The same for a word and all that can lie behind it.
    #[inline]
    fn check_mail(&self, offset: u32) {
        debug_assert_eq!(offset % 4, 0);
        if offset > self.last_mail {
            self.out_of_bounds(offset, MAIL);
        }
    }

    /// A checked word as JavaScript counts them.
    #[inline]
    fn word(&self, offset: u32) -> i32 {
        self.check_word(offset);
        (offset / 4) as i32
    }
}

impl Bytes for WebRegion {
    fn copy_in(&self, offset: u32, bytes: &[u8]) {
        self.check(offset, bytes.len());
        if let Some(helper) = &self.helper {
            return helper.copy_in(offset, bytes);
        }
        self.select();
        region_copy_in(offset as i32, bytes.as_ptr() as i32, bytes.len() as i32);
    }

    fn copy_out(&self, offset: u32, bytes: &mut [u8]) {
        self.check(offset, bytes.len());
        if let Some(helper) = &self.helper {
            return helper.copy_out(offset, bytes);
        }
        self.select();
        region_copy_out(offset as i32, bytes.as_mut_ptr() as i32, bytes.len() as i32);
    }

    fn view(&self, offset: u32, len: u32) -> Uint8Array {
        self.check(offset, len as usize);
        self.select();
        region_view(offset as i32, len as i32)
    }
}

impl Region for WebRegion {
    /// About 10 ns each in the helper, 8 ns in Chromium's JavaScript.
    fn spin_polls(&self) -> u32 {
        if self.helper.is_some() { 5000 } else { 6000 }
    }

    fn size(&self) -> u32 {
        self.size
    }

    fn load(&self, word: u32) -> i32 {
        if let Some(helper) = &self.helper {
            self.check_word(word);
            return helper.load(word);
        }
        self.select();
        region_load(self.word(word))
    }

    fn store(&self, word: u32, value: i32) {
        self.select();
        region_store(self.word(word), value);
    }

    fn add(&self, word: u32, value: i32) -> i32 {
        self.select();
        region_add(self.word(word), value)
    }

    fn compare_exchange(&self, word: u32, old: i32, new: i32) -> i32 {
        self.select();
        region_compare_exchange(self.word(word), old, new)
    }

    #[inline]
    fn publish(&self, word: u32, mail: &Mail, sleep_flag: u32) -> bool {
        self.check_mail(word);
        self.check_word(sleep_flag);
        if let Some(helper) = &self.helper {
            return helper.publish(word, mail, sleep_flag);
        }
        let mail = std::ptr::from_ref(std::hint::black_box(mail)) as i32;
        self.select();
        region_publish(self.word(word), mail, self.word(sleep_flag)) != 0
    }

    #[inline]
    fn await_change(&self, word: u32, old: i32, polls: u32, also: u32, mail: &mut Mail) -> bool {
        self.check_mail(word);
        self.check_word(also);
        if let Some(helper) = &self.helper {
            return helper.await_change(word, old, polls, also, mail);
        }
        let (word, also) = (self.word(word), self.word(also));
        let at = std::ptr::from_mut(mail) as i32;
        self.select();
        let changed = region_await_change(word, old, polls as i32, also, at);
        // The import wrote there, which the compiler cannot see.
        std::hint::black_box(mail);
        changed != 0
    }

    fn wait(&self, word: u32, old: i32, timeout: Duration) {
        self.select();
        region_wait(self.word(word), old, timeout.as_secs_f64() * 1e3);
    }

    fn notify(&self, word: u32) {
        self.select();
        region_notify(self.word(word));
    }

    fn wait_async(
        &self,
        word: u32,
        old: i32,
        timeout: Option<Duration>,
    ) -> impl Future<Output = ()> + 'static {
        let millis = timeout.map_or(f64::INFINITY, |timeout| timeout.as_secs_f64() * 1e3);
        self.select();
        let promise = region_wait_async(self.word(word), old, millis);
        done(promise)
    }

    fn can_block(&self) -> bool {
        can_block()
    }

    fn yield_now(&self) -> impl Future<Output = ()> + 'static {
        done(macrotask())
    }

    fn now(&self) -> Duration {
        Duration::from_secs_f64(now() / 1e3)
    }

    fn sparing(&self) -> Self {
        // It was opened once, so it can be again.
        Self::new(&self.shared.memory, Backend::Js).unwrap_or_else(|| self.clone())
    }
}

/// Waits for a promise that never rejects.
async fn done(promise: Promise) {
    drop(JsFuture::from(promise).await);
}

/// See [`crate::sleep`].
pub(crate) async fn timeout(duration: Duration) {
    // A timer fires a little early where the clock is coarse.
    done(js_timeout((duration.as_secs_f64() * 1e3).ceil())).await;
}

impl Channel<WebRegion> {
    /// A new channel between workers of this page.
    ///
    /// # Errors
    /// [`ChannelError::NotCrossOriginIsolated`] without the headers that shared memory needs, [`ChannelError::Config`]
    /// if the sizes are out of bounds, [`ChannelError::Memory`] if the browser refuses that much.
    pub fn create(config: ChannelConfig) -> Result<Self, ChannelError> {
        let geometry = Self::geometry_of(config)?;
        if !is_isolated() {
            return Err(ChannelError::NotCrossOriginIsolated);
        }
        let memory = new_memory(f64::from(geometry.region_size()))
            .map_err(|error| ChannelError::Memory(Exception::from(error)))?;
        let region = WebRegion::new(&memory, Backend::Helper).ok_or(ChannelError::NotCrossOriginIsolated)?;
        Ok(Self::lay_out(region, geometry))
    }

    /// What to post to another worker of the page so that it can open the same channel.
    pub fn to_js(&self) -> JsValue {
        self.region.shared.memory.clone()
    }

    /// Opens the channel that another worker of the page posted.
    ///
    /// # Errors
    /// [`ChannelError::NotAChannel`] if the value is something else.
    pub fn from_js(value: &JsValue) -> Result<Self, ChannelError> {
        let region = WebRegion::new(value, Backend::Helper).ok_or_else(|| ChannelError::NotAChannel {
            expected: LAYOUT_VERSION,
            found: format!("{value:?} instead of shared memory"),
        })?;
        Self::open(region)
    }

    /// How the hot part of a call reaches the memory here: found out when the channel was made or opened.
    pub fn backend(&self) -> Backend {
        if self.region.shared.helper.is_some() { Backend::Helper } else { Backend::Js }
    }

    /// The same channel through another backend, to compare the two.
    ///
    /// # Errors
    /// [`ChannelError::NoHelper`] if the helper is asked for and does not work here.
    pub fn with_backend(&self, backend: Backend) -> Result<Self, ChannelError> {
        let region = WebRegion::new(&self.region.shared.memory, backend).ok_or(ChannelError::NoHelper)?;
        let channel = Self { region, geometry: self.geometry };
        if channel.backend() == backend { Ok(channel) } else { Err(ChannelError::NoHelper) }
    }
}
