//! The region of browsers: a shared `WebAssembly.Memory`, reached through a few JavaScript functions.
//!
//! Each worker keeps a wasm memory of its own, so stable Rust will do; the functions copy between it and the region.
//! They are in `js/region.js`.

use std::{rc::Rc, time::Duration};

use js_sys::{Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use super::{Bytes, Region};
use crate::{Channel, ChannelConfig, ChannelError, Exception, layout::LAYOUT_VERSION};

#[wasm_bindgen(module = "/js/region.js")]
extern "C" {
    fn region_open(buffer: &JsValue, memory: &JsValue) -> i32;
    fn region_close(h: i32);
    fn region_load(h: i32, w: i32) -> i32;
    fn region_store(h: i32, w: i32, value: i32);
    fn region_add(h: i32, w: i32, value: i32) -> i32;
    fn region_compare_exchange(h: i32, w: i32, old: i32, value: i32) -> i32;
    fn region_wait(h: i32, w: i32, old: i32, millis: f64);
    fn region_notify(h: i32, w: i32);
    fn region_publish(h: i32, w: i32, value: i32, a: i32, b: i32, flag: i32) -> bool;
    fn region_await_change(h: i32, w: i32, old: i32, polls: i32, out: i32) -> i32;
    fn region_copy_in(h: i32, o: i32, p: i32, len: i32);
    fn region_copy_out(h: i32, o: i32, p: i32, len: i32);
    fn region_view(h: i32, o: i32, len: i32) -> Uint8Array;
    fn region_wait_async(h: i32, w: i32, old: i32, millis: f64) -> Promise;
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

/// Shared memory between workers of one page. Cloning it shares the memory.
#[derive(Clone)]
pub struct WebRegion {
    shared: Rc<Shared>,
}

struct Shared {
    handle: i32,
    memory: JsValue,
    size: u32,
}

impl Drop for Shared {
    fn drop(&mut self) {
        region_close(self.handle);
    }
}

impl WebRegion {
    /// Wraps a shared `WebAssembly.Memory` or a `SharedArrayBuffer`; `None` if it is neither.
    fn new(memory: &JsValue) -> Option<Self> {
        let buffer = memory_buffer(memory);
        if buffer.is_undefined() {
            return None;
        }
        // Offsets are 31 bits; what lies beyond is not used.
        let size = buffer_length(&buffer).min(f64::from(i32::MAX)) as u32;
        let handle = region_open(&buffer, &wasm_bindgen::memory());
        Some(Self { shared: Rc::new(Shared { handle, memory: memory.clone(), size }) })
    }

    /// Panics on a range beyond the region. JavaScript would ignore it silently.
    fn check(&self, offset: u32, len: usize) {
        let end = u64::from(offset) + len as u64;
        assert!(
            end <= u64::from(self.shared.size),
            "{len} bytes at {offset} of a region of {}",
            self.shared.size
        );
    }

    fn word(offset: u32) -> i32 {
        debug_assert_eq!(offset % 4, 0);
        (offset / 4) as i32
    }
}

impl Bytes for WebRegion {
    fn copy_in(&self, offset: u32, bytes: &[u8]) {
        self.check(offset, bytes.len());
        region_copy_in(self.shared.handle, offset as i32, bytes.as_ptr() as i32, bytes.len() as i32);
    }

    fn copy_out(&self, offset: u32, bytes: &mut [u8]) {
        self.check(offset, bytes.len());
        region_copy_out(self.shared.handle, offset as i32, bytes.as_mut_ptr() as i32, bytes.len() as i32);
    }

    fn view(&self, offset: u32, len: u32) -> Uint8Array {
        self.check(offset, len as usize);
        region_view(self.shared.handle, offset as i32, len as i32)
    }
}

impl Region for WebRegion {
    /// About 8 ns each in Chromium.
    const SPIN_POLLS: u32 = 6000;

    fn size(&self) -> u32 {
        self.shared.size
    }

    fn load(&self, word: u32) -> i32 {
        region_load(self.shared.handle, Self::word(word))
    }

    fn store(&self, word: u32, value: i32) {
        region_store(self.shared.handle, Self::word(word), value);
    }

    fn add(&self, word: u32, value: i32) -> i32 {
        region_add(self.shared.handle, Self::word(word), value)
    }

    fn compare_exchange(&self, word: u32, old: i32, new: i32) -> i32 {
        region_compare_exchange(self.shared.handle, Self::word(word), old, new)
    }

    fn publish(&self, word: u32, value: i32, a: i32, b: i32, sleep_flag: u32) -> bool {
        region_publish(self.shared.handle, Self::word(word), value, a, b, Self::word(sleep_flag))
    }

    fn await_change(&self, word: u32, old: i32, polls: u32) -> (i32, i32, i32) {
        let mut behind = [0_i32; 2];
        let out = behind.as_mut_ptr() as i32;
        let value = region_await_change(self.shared.handle, Self::word(word), old, polls as i32, out);
        // The import wrote there, which the compiler cannot see.
        let [a, b] = std::hint::black_box(behind);
        (value, a, b)
    }

    fn wait(&self, word: u32, old: i32, timeout: Duration) {
        region_wait(self.shared.handle, Self::word(word), old, timeout.as_secs_f64() * 1e3);
    }

    fn notify(&self, word: u32) {
        region_notify(self.shared.handle, Self::word(word));
    }

    fn wait_async(
        &self,
        word: u32,
        old: i32,
        timeout: Option<Duration>,
    ) -> impl Future<Output = ()> + 'static {
        let millis = timeout.map_or(f64::INFINITY, |timeout| timeout.as_secs_f64() * 1e3);
        let promise = region_wait_async(self.shared.handle, Self::word(word), old, millis);
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
        let region = WebRegion::new(&memory).ok_or(ChannelError::NotCrossOriginIsolated)?;
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
        let region = WebRegion::new(value).ok_or_else(|| ChannelError::NotAChannel {
            expected: LAYOUT_VERSION,
            found: format!("{value:?} instead of shared memory"),
        })?;
        Self::open(region)
    }
}
