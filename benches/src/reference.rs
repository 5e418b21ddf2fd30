//! What the calls are measured against: the same trip between two threads, with as little around it as there can be.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    thread::JoinHandle,
};

use sabrpc::{Bytes as _, native::NativeRegion};

/// Word that ends a partner thread.
const STOP: u32 = u32::MAX;

/// Two words between two threads: one asks by counting up, the other answers by the same number.
#[derive(Default)]
struct Words {
    ask: AtomicU32,
    answer: AtomicU32,
}

/// A partner that answers at once, and how both wait.
pub(crate) struct Pair {
    words: Arc<Words>,
    wait: fn(&AtomicU32, u32),
    wake: fn(&AtomicU32),
    seq: u32,
    partner: Option<JoinHandle<()>>,
}

impl Pair {
    /// Both poll: the floor of every hot call.
    pub(crate) fn spinning() -> Self {
        Self::start(
            |word, old| {
                while word.load(Ordering::Acquire) == old {
                    std::hint::spin_loop();
                }
            },
            |_| {},
        )
    }

    /// Both sleep on a futex: the floor of every cold call.
    pub(crate) fn sleeping() -> Self {
        Self::start(
            |word, old| {
                while word.load(Ordering::Acquire) == old {
                    atomic_wait::wait(word, old);
                }
            },
            |word| atomic_wait::wake_one(word),
        )
    }

    fn start(wait: fn(&AtomicU32, u32), wake: fn(&AtomicU32)) -> Self {
        let words = Arc::new(Words::default());
        let partner = std::thread::spawn({
            let words = Arc::clone(&words);
            move || {
                let mut seen = 0;
                while seen != STOP {
                    wait(&words.ask, seen);
                    seen = words.ask.load(Ordering::Acquire);
                    words.answer.store(seen, Ordering::Release);
                    wake(&words.answer);
                }
            }
        });
        Self { words, wait, wake, seq: 0, partner: Some(partner) }
    }

    /// One trip there and back.
    pub(crate) fn trip(&mut self) {
        let old = self.seq;
        self.seq += 1;
        self.ask(old, self.seq);
    }

    fn ask(&self, old: u32, new: u32) {
        self.words.ask.store(new, Ordering::Release);
        (self.wake)(&self.words.ask);
        (self.wait)(&self.words.answer, old);
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        self.ask(self.seq, STOP);
        drop(self.partner.take().map(JoinHandle::join));
    }
}

/// Bytes through a region by its primitives alone, without a protocol: copied in and out again, with a trip in between.
pub(crate) struct RawCopy {
    region: NativeRegion,
    pair: Pair,
}

/// Where the bytes lie in the region.
const AREA: u32 = 64;

impl RawCopy {
    /// For payloads of up to `size` bytes.
    pub(crate) fn new(size: usize) -> Self {
        Self { region: NativeRegion::new(AREA + size as u32), pair: Pair::spinning() }
    }

    /// Takes `bytes` to `into` by way of the region.
    pub(crate) fn carry(&mut self, bytes: &[u8], into: &mut [u8]) {
        self.region.copy_in(AREA, bytes);
        self.pair.trip();
        self.region.copy_out(AREA, into);
    }
}
