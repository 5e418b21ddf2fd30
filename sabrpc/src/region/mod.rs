//! Shared memory as the protocol sees it: one trait with coarse primitives, one backend per file.
//!
//! The protocol is generic over [`Region`] and holds no pointer: it names words and byte ranges by offset. The hot path
//! of a call uses four primitives ([`publish`](Region::publish), [`await_change`](Region::await_change),
//! [`copy_in`](Bytes::copy_in), [`copy_out`](Bytes::copy_out)), because each one may be a crossing into another
//! module; everything else is for the slow path.
//!
//! Offsets come from [`layout`](crate::layout) alone, over a geometry that was checked against the region's size, and
//! never from the region's contents. A backend panics on an offset beyond its size: that is a bug of the protocol.

#[cfg(not(target_family = "wasm"))]
pub(crate) mod native;
#[cfg(target_family = "wasm")]
pub(crate) mod web;

use std::time::Duration;

use crate::layout::{INLINE, inline_len};

/// Byte access to a region; the object-safe part of [`Region`], behind [`BulkIn`](crate::BulkIn) and
/// [`BulkOut`](crate::BulkOut).
pub trait Bytes {
    /// Copies `bytes` into the region at `offset`.
    ///
    /// The range must be owned by the calling side (see [`layout`](crate::layout)); a peer that breaks this rule gets
    /// mixed bytes, nothing worse.
    fn copy_in(&self, offset: u32, bytes: &[u8]);

    /// Copies from the region at `offset` until `bytes` is full. The same rule holds.
    fn copy_out(&self, offset: u32, bytes: &mut [u8]);

    /// A JavaScript view of `len` bytes at `offset`, over shared memory.
    #[cfg(target_family = "wasm")]
    fn view(&self, offset: u32, len: u32) -> js_sys::Uint8Array;
}

/// What is published with a word, and seen when it changed.
///
/// The layout in memory is part of the contract with backends that fuse the primitives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(8))]
pub struct Mail {
    /// The word.
    pub value: i32,
    /// The word behind it.
    pub a: i32,
    /// The second word behind it: a length, as [`layout::inline_len`](crate::layout::inline_len) reads it.
    pub b: i32,
    /// Another word, read after all of them.
    pub also: i32,
    /// The bytes behind `b`, as many as that says; the others mean nothing.
    pub inline: [u8; INLINE],
}

impl Mail {
    /// Nothing.
    pub const EMPTY: Self = Self { value: 0, a: 0, b: 0, also: 0, inline: [0; INLINE] };

    /// The bytes that lie in the mail itself.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        &self.inline[..inline_len(self.b)]
    }

    /// Puts a message where its length says that it is: into the mail itself, or into the area at `at`.
    #[inline]
    pub(crate) fn put(&mut self, region: &impl Bytes, at: u32, bytes: &[u8]) {
        match self.inline.get_mut(..bytes.len()) {
            Some([]) => {}
            Some(inline) => inline.copy_from_slice(bytes),
            None => region.copy_in(at, bytes),
        }
    }

    /// Makes `into` the message of `len` bytes that the mail announces, which is in it or in the area at `at`.
    #[inline]
    pub(crate) fn take_in(&self, region: &dyn Bytes, at: u32, len: usize, into: &mut Vec<u8>) {
        if len <= INLINE {
            into.clear();
            if len > 0 {
                into.extend_from_slice(&self.inline[..len]);
            }
        } else {
            into.resize(len, 0);
            region.copy_out(at, into);
        }
    }
}

/// A piece of memory that several threads share, with atomic words, waiting and a clock.
///
/// All words are at 4-aligned offsets. `load`, `store`, `add` and `compare_exchange` are sequentially consistent: the
/// sleep flags rely on a single order of "store my word, then read your flag" on both sides, which acquire and release
/// do not give.
pub trait Region: Bytes + Clone + 'static {
    /// Polls of [`await_change`](Self::await_change) that take about 50 µs here, the most that a spin is worth. A first
    /// guess: who polls in vain measures it. 0 says that looking more than once is never worth it.
    fn spin_polls(&self) -> u32;

    /// Bytes in the region.
    fn size(&self) -> u32;

    /// Reads a word.
    fn load(&self, word: u32) -> i32;

    /// Writes a word.
    fn store(&self, word: u32, value: i32);

    /// Adds to a word, wrapping; returns the value before.
    fn add(&self, word: u32, value: i32) -> i32;

    /// Sets a word to `new` if it is `old`; returns the value found.
    fn compare_exchange(&self, word: u32, old: i32, new: i32) -> i32;

    /// Stores `a` and `b` of the mail in the two words behind `word` and the bytes that lie in the mail itself behind
    /// them, then its `value` in `word`; returns whether `sleep_flag` is set, in which case the caller has to wake the
    /// peer.
    ///
    /// This definition is the reference; a backend may fuse it, give what comes before the value no order of its own, and
    /// round the number of bytes up to a multiple of 8.
    fn publish(&self, word: u32, mail: &Mail, sleep_flag: u32) -> bool {
        self.store(word + 4, mail.a);
        self.store(word + 8, mail.b);
        self.copy_in(word + 12, mail.bytes());
        self.store(word, mail.value);
        self.load(sleep_flag) != 0
    }

    /// Reads `word` until it differs from `old`, at most `polls` times but at least once. When it changed, fills the mail
    /// with it, with what lies behind it, and then with the word `also`. Returns whether it changed.
    ///
    /// This definition is the reference; a backend may fuse it, round the number of bytes up to a multiple of 8, and give the
    /// read of `also` no order of its own: what was stored there before the word was is seen all the same.
    fn await_change(&self, word: u32, old: i32, polls: u32, also: u32, mail: &mut Mail) -> bool {
        for _ in 0..polls.max(1) {
            mail.value = self.load(word);
            if mail.value != old {
                (mail.a, mail.b) = (self.load(word + 4), self.load(word + 8));
                self.copy_out(word + 12, &mut mail.inline[..inline_len(mail.b)]);
                mail.also = self.load(also);
                return true;
            }
            std::hint::spin_loop();
        }
        false
    }

    /// Blocks until `word` is notified, if it is still `old`; at most `timeout`. May return early without a reason:
    /// callers trust only the word that they read again.
    fn wait(&self, word: u32, old: i32, timeout: Duration);

    /// Wakes everyone who waits for `word`.
    fn notify(&self, word: u32);

    /// What [`wait`](Self::wait) does, for threads that must not block. `None` waits without a bound.
    fn wait_async(
        &self,
        word: u32,
        old: i32,
        timeout: Option<Duration>,
    ) -> impl Future<Output = ()> + 'static;

    /// Whether the current thread may [`wait`](Self::wait). A page's main thread may not.
    fn can_block(&self) -> bool;

    /// Lets the thread's event loop run everything that is due (timers, messages), then goes on.
    fn yield_now(&self) -> impl Future<Output = ()> + 'static;

    /// A clock that never goes back; its origin is arbitrary.
    fn now(&self) -> Duration;

    /// Whether this thread has offered its core to others, in a poll or a notification, since this was last asked: more time
    /// may have passed than the number of polls tells.
    #[inline]
    fn stepped_aside(&self) -> bool {
        false
    }

    /// The same memory for who keeps it long and hardly ever touches it: it takes up nothing of which there is little.
    fn sparing(&self) -> Self {
        self.clone()
    }
}

/// The region of the target that this was compiled for: [`NativeRegion`](crate::native::NativeRegion) on a host,
/// `WebRegion` in a browser.
#[cfg(not(target_family = "wasm"))]
pub type DefaultRegion = native::NativeRegion;
/// The region of the target that this was compiled for: `NativeRegion` on a host,
/// [`WebRegion`](crate::web::WebRegion) in a browser.
#[cfg(target_family = "wasm")]
pub type DefaultRegion = web::WebRegion;
