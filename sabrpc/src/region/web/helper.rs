//! The fast way to a channel's memory: a helper module of a few hundred bytes that imports two memories, ours and the
//! shared one, and so copies and polls without JavaScript.
//!
//! Rust cannot name a second memory, but it can call a function pointer, and on wasm that is an index of the module's
//! function table. So a few places of the table are reserved here by functions that do nothing, and the helper's
//! functions are put there when a channel is opened. This takes no compiler flag; growing the table would. Each open
//! channel needs a set of places; when all are taken, the region goes through JavaScript instead.
#![expect(unsafe_code, reason = "calls into a second wasm module, which no safe Rust can express")]

use std::{
    ptr,
    sync::atomic::{AtomicU32, Ordering},
};

use wasm_bindgen::prelude::*;

use super::super::Mail;

/// `helper.wat`, assembled.
const HELPER: &[u8] = include_bytes!("helper.wasm");

#[wasm_bindgen(module = "/js/region.js")]
extern "C" {
    fn helper_install(bytes: &[u8], own: &JsValue, table: &JsValue, shared: &JsValue, places: &[u32])
    -> bool;
    fn helper_remove(table: &JsValue, places: &[u32]);
}

/// Whether the browser knows what the helper is made of.
pub(super) fn is_valid() -> bool {
    js_sys::WebAssembly::validate(&js_sys::Uint8Array::from(HELPER).into()).unwrap_or(false)
}

/// The helper's functions, as Rust sees them. Offsets are into the shared memory, pointers into ours.
#[derive(Clone, Copy)]
pub(super) struct Functions {
    load: unsafe extern "C" fn(u32) -> i32,
    publish: unsafe extern "C" fn(u32, *const Mail, u32) -> i32,
    await_change: unsafe extern "C" fn(u32, i32, u32, u32, *mut Mail) -> i32,
    copy_in: unsafe extern "C" fn(u32, *const u8, u32),
    copy_out: unsafe extern "C" fn(u32, *mut u8, u32),
}

impl Functions {
    /// Where they are in the table: on wasm that is what a function pointer is.
    fn indices(&self) -> [u32; 5] {
        let Self { load, publish, await_change, copy_in, copy_out } = *self;
        [load as usize, publish as usize, await_change as usize, copy_in as usize, copy_out as usize]
            .map(|index| index as u32)
    }

    /// See [`Region::load`](super::Region::load). Here and below the words and ranges are in bounds: the region checks.
    #[inline]
    pub(super) fn load(&self, word: u32) -> i32 {
        // SAFETY: the function touches no memory of ours.
        unsafe { (self.load)(word) }
    }

    #[inline]
    pub(super) fn publish(&self, word: u32, mail: &Mail, sleep_flag: u32) -> bool {
        // SAFETY: the function reads `mail`, not beyond its end, and writes no memory of ours.
        unsafe { (self.publish)(word, mail, sleep_flag) != 0 }
    }

    #[inline]
    pub(super) fn await_change(&self, word: u32, old: i32, polls: u32, also: u32, mail: &mut Mail) -> bool {
        let polls = polls.min(i32::MAX as u32);
        // SAFETY: the function writes `mail`, not beyond its end, any bytes of which are a `Mail`.
        unsafe { (self.await_change)(word, old, polls, also, mail) != 0 }
    }

    #[inline]
    pub(super) fn copy_in(&self, offset: u32, bytes: &[u8]) {
        // SAFETY: the function reads `bytes` and writes no memory of ours.
        unsafe { (self.copy_in)(offset, bytes.as_ptr(), bytes.len() as u32) }
    }

    #[inline]
    pub(super) fn copy_out(&self, offset: u32, bytes: &mut [u8]) {
        // SAFETY: the function writes `bytes`, all of it, and nothing else of ours.
        unsafe { (self.copy_out)(offset, bytes.as_mut_ptr(), bytes.len() as u32) }
    }
}

/// What is in the table until the helper is. Every set is different from the others, lest the compiler merge them.
mod place {
    use std::hint::black_box;

    use super::Mail;

    pub(super) extern "C" fn load<const SET: i32>(word: u32) -> i32 {
        black_box(SET ^ word as i32)
    }

    pub(super) extern "C" fn publish<const SET: i32>(word: u32, _: *const Mail, _: u32) -> i32 {
        black_box(SET + word as i32)
    }

    pub(super) extern "C" fn await_change<const SET: i32>(
        _: u32,
        old: i32,
        _: u32,
        _: u32,
        _: *mut Mail,
    ) -> i32 {
        black_box(SET - old)
    }

    pub(super) extern "C" fn copy_in<const SET: i32>(_: u32, _: *const u8, _: u32) {
        black_box(SET);
    }

    pub(super) extern "C" fn copy_out<const SET: i32>(_: u32, _: *mut u8, _: u32) {
        black_box(!SET);
    }
}

const fn places<const SET: i32>() -> Functions {
    Functions {
        load: place::load::<SET>,
        publish: place::publish::<SET>,
        await_change: place::await_change::<SET>,
        copy_in: place::copy_in::<SET>,
        copy_out: place::copy_out::<SET>,
    }
}

/// How many channels of one worker can go through the helper at a time.
const SETS: usize = 8;

static PLACES: [Functions; SETS] = [
    places::<0>(),
    places::<1>(),
    places::<2>(),
    places::<3>(),
    places::<4>(),
    places::<5>(),
    places::<6>(),
    places::<7>(),
];

/// One bit for each set that is in use. A worker has a memory, and so a mask, of its own.
// Relaxed throughout: nobody else has this memory.
static TAKEN: AtomicU32 = AtomicU32::new(0);

/// The helper, connected to one shared memory.
pub(super) struct Helper {
    functions: Functions,
    set: u32,
}

impl Helper {
    /// Connects to `shared`, a shared `WebAssembly.Memory`. `None` where the browser has no multi-memory, where our own
    /// memory is shared too, or when all places are taken.
    pub(super) fn connect(shared: &JsValue) -> Option<Self> {
        let set = TAKEN.load(Ordering::Relaxed).trailing_ones();
        let places = PLACES.get(set as usize)?;
        // SAFETY: it points to a static of this type. The volatile read keeps the compiler from knowing which functions
        // these are, since others will be in their place.
        let functions = unsafe { ptr::read_volatile(places) };
        let (own, table) = (wasm_bindgen::memory(), wasm_bindgen::function_table());
        if !helper_install(HELPER, &own, &table, shared, &functions.indices()) {
            return None;
        }
        TAKEN.fetch_or(1 << set, Ordering::Relaxed);
        Some(Self { functions, set })
    }

    /// Its functions, which are where they are as long as `self` is there.
    pub(super) fn functions(&self) -> Functions {
        self.functions
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        helper_remove(&wasm_bindgen::function_table(), &self.functions.indices());
        TAKEN.fetch_and(!(1 << self.set), Ordering::Relaxed);
    }
}
