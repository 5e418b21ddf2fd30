//! What native calls are compared with: the same trip between two threads, with as little around it as there can be.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    thread::JoinHandle,
};

use sabrpc::{Bytes as _, native::NativeRegion};

use crate::{
    callers::{Calls, Case},
    service::LARGEST,
};

/// Words of the caller that are not numbers of trips.
const STOP: u32 = u32::MAX;
const REST: u32 = u32::MAX - 1;

/// Each on cache lines of its own, as far apart as prefetchers reach.
#[derive(Default)]
#[repr(align(128))]
struct Line<T>(T);

/// One asks by counting up, the other answers by the same number.
#[derive(Default)]
struct Words {
    ask: Line<AtomicU32>,
    answer: Line<AtomicU32>,
    /// Bytes that lie in the region for the partner, and bytes that it is to leave there.
    sizes: Line<[AtomicU32; 2]>,
}

#[derive(Clone, Copy)]
enum Wait {
    Spin,
    Sleep,
}

impl Wait {
    fn until_not(self, word: &AtomicU32, old: u32) -> u32 {
        loop {
            // Acquire: pairs with the Release store of whoever publishes, here and below.
            let now = word.load(Ordering::Acquire);
            if now != old {
                return now;
            }
            match self {
                Wait::Spin => std::hint::spin_loop(),
                Wait::Sleep => atomic_wait::wait(word, old),
            }
        }
    }

    fn wake(self, word: &AtomicU32) {
        if matches!(self, Wait::Sleep) {
            atomic_wait::wake_one(word);
        }
    }
}

/// A partner thread that answers at once.
pub(crate) struct Pair {
    words: Arc<Words>,
    wait: Wait,
    seq: u32,
    resting: bool,
    region: Option<NativeRegion>,
    bytes: Vec<u8>,
    partner: Option<JoinHandle<()>>,
}

impl Pair {
    /// Both poll and never sleep: the floor of every hot call.
    pub(crate) fn spinning() -> Self {
        Self::start(Wait::Spin, None)
    }

    /// Both sleep on a futex: the floor of every cold call.
    pub(crate) fn sleeping() -> Self {
        Self::start(Wait::Sleep, None)
    }

    /// Both poll, and bytes go through a region by its primitives alone, without a protocol.
    pub(crate) fn copying() -> Self {
        Self::start(Wait::Spin, Some(NativeRegion::new(LARGEST as u32)))
    }

    fn start(wait: Wait, region: Option<NativeRegion>) -> Self {
        let words = Arc::new(Words::default());
        // Who polls takes a core from all others until its turn has come.
        let resting = matches!(wait, Wait::Spin);
        if resting {
            words.ask.0.store(REST, Ordering::Relaxed);
        }
        let partner = std::thread::spawn({
            let (words, region) = (Arc::clone(&words), region.clone());
            move || answer(&words, wait, region.as_ref())
        });
        let bytes = vec![7; LARGEST];
        Self { words, wait, seq: 0, resting, region, bytes, partner: Some(partner) }
    }

    fn ask(&mut self, word: u32) {
        self.words.ask.0.store(word, Ordering::Release);
        if std::mem::take(&mut self.resting) {
            atomic_wait::wake_one(&self.words.ask.0);
        }
        self.wait.wake(&self.words.ask.0);
    }
}

impl Calls for Pair {
    fn run(&mut self, case: Case, trips: u32) {
        let (send, receive) = match (case, &self.region) {
            (Case::Write(len), Some(_)) => (len, 0),
            (Case::Read(len), Some(_)) => (0, len),
            _ => (0, 0),
        };
        self.words.sizes.0[0].store(send as u32, Ordering::Relaxed);
        self.words.sizes.0[1].store(receive as u32, Ordering::Relaxed);
        for _ in 0..trips {
            if let Some(region) = self.region.as_ref().filter(|_| send > 0) {
                region.copy_in(0, &self.bytes[..send]);
            }
            let old = self.seq;
            self.seq += 1;
            self.ask(self.seq);
            self.wait.until_not(&self.words.answer.0, old);
            if let Some(region) = self.region.as_ref().filter(|_| receive > 0) {
                region.copy_out(0, &mut self.bytes[..receive]);
            }
        }
    }

    fn rest(&mut self) {
        if matches!(self.wait, Wait::Spin) {
            self.ask(REST);
            self.resting = true;
        }
    }
}

/// The partner's whole life.
fn answer(words: &Words, wait: Wait, region: Option<&NativeRegion>) {
    let mut bytes = vec![7; LARGEST];
    let mut seen = if matches!(wait, Wait::Spin) { REST } else { 0 };
    loop {
        let waiting = if seen == REST { Wait::Sleep } else { wait };
        seen = waiting.until_not(&words.ask.0, seen);
        match seen {
            STOP => return,
            REST => continue,
            _ => {}
        }
        if let Some(region) = region {
            let [sent, wanted] = words.sizes.0.each_ref().map(|size| size.load(Ordering::Relaxed) as usize);
            region.copy_out(0, &mut bytes[..sent]);
            region.copy_in(0, &bytes[..wanted]);
        }
        words.answer.0.store(seen, Ordering::Release);
        wait.wake(&words.answer.0);
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        self.ask(STOP);
        drop(self.partner.take().map(JoinHandle::join));
    }
}
