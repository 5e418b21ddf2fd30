//! The region of native threads: heap memory of atomic words, and a small parking lot for waits.
//!
//! Everything is atomic, payload bytes too (relaxed, word by word), so a peer that breaks the ownership rules causes
//! mixed bytes and never a data race; there is no `unsafe` here. A waiter re-reads its word under the lock that a
//! notifier takes after having stored the word, so no wake-up is lost between the check and the sleep.

use std::{
    pin::Pin,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use super::{Bytes, Region};
use crate::time;

const BUCKETS: usize = 16;

/// Shared memory between threads of one process. Cloning it shares the memory.
#[derive(Clone)]
pub struct NativeRegion {
    shared: Arc<Shared>,
}

struct Shared {
    words: Box<[AtomicU32]>,
    lot: [Bucket; BUCKETS],
}

/// One bucket of the parking lot; words hash onto it by their cache line.
#[derive(Default)]
struct Bucket {
    wakers: Mutex<Vec<(u32, Waker)>>,
    woken: Condvar,
}

impl Bucket {
    /// A panic cannot happen while the list is being changed, so a poisoned lock still holds a good list.
    fn lock(&self) -> MutexGuard<'_, Vec<(u32, Waker)>> {
        self.wakers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl NativeRegion {
    /// A zeroed region of `size` bytes, rounded up to whole words.
    pub fn new(size: u32) -> Self {
        let words = (0..size.div_ceil(4)).map(|_| AtomicU32::new(0)).collect();
        Self { shared: Arc::new(Shared { words, lot: Default::default() }) }
    }

    fn word(&self, offset: u32) -> &AtomicU32 {
        debug_assert_eq!(offset % 4, 0);
        &self.shared.words[offset as usize / 4]
    }

    fn bucket(&self, word: u32) -> &Bucket {
        &self.shared.lot[word as usize / 64 % BUCKETS]
    }
}

impl Bytes for NativeRegion {
    fn copy_in(&self, offset: u32, bytes: &[u8]) {
        let (at, shift) = (offset as usize / 4, offset as usize % 4);
        let (head, rest) = bytes.split_at(bytes.len().min((4 - shift) % 4));
        self.set_part(at, shift, head);
        let at = at + shift.div_ceil(4);
        let (whole, tail) = rest.as_chunks::<4>();
        for (word, bytes) in self.shared.words[at..at + whole.len()].iter().zip(whole) {
            // Relaxed: published by the sequence number that is stored after it.
            word.store(u32::from_le_bytes(*bytes), Ordering::Relaxed);
        }
        self.set_part(at + whole.len(), 0, tail);
    }

    fn copy_out(&self, offset: u32, bytes: &mut [u8]) {
        let (at, shift) = (offset as usize / 4, offset as usize % 4);
        let head = bytes.len().min((4 - shift) % 4);
        let (head, rest) = bytes.split_at_mut(head);
        self.get_part(at, shift, head);
        let at = at + shift.div_ceil(4);
        let (whole, tail) = rest.as_chunks_mut::<4>();
        for (word, bytes) in self.shared.words[at..at + whole.len()].iter().zip(&mut *whole) {
            // Relaxed: ordered by the load of the sequence number that came before it.
            *bytes = word.load(Ordering::Relaxed).to_le_bytes();
        }
        self.get_part(at + whole.len(), 0, tail);
    }
}

impl NativeRegion {
    /// Writes a few bytes of one word. It keeps its others: they belong to the same owner, since areas are whole words.
    fn set_part(&self, at: usize, shift: usize, bytes: &[u8]) {
        if !bytes.is_empty() {
            let word = &self.shared.words[at];
            // Relaxed, as above.
            let mut value = word.load(Ordering::Relaxed).to_le_bytes();
            value[shift..shift + bytes.len()].copy_from_slice(bytes);
            word.store(u32::from_le_bytes(value), Ordering::Relaxed);
        }
    }

    /// Reads a few bytes of one word.
    fn get_part(&self, at: usize, shift: usize, bytes: &mut [u8]) {
        if !bytes.is_empty() {
            // Relaxed, as above.
            let value = self.shared.words[at].load(Ordering::Relaxed).to_le_bytes();
            bytes.copy_from_slice(&value[shift..shift + bytes.len()]);
        }
    }
}

impl Region for NativeRegion {
    fn spin_polls(&self) -> u32 {
        10_000
    }

    fn size(&self) -> u32 {
        self.shared.words.len() as u32 * 4
    }

    // Sequentially consistent, as the trait says and why; who is whose partner is said where they are used.
    fn load(&self, word: u32) -> i32 {
        self.word(word).load(Ordering::SeqCst) as i32
    }

    fn store(&self, word: u32, value: i32) {
        self.word(word).store(value as u32, Ordering::SeqCst);
    }

    fn add(&self, word: u32, value: i32) -> i32 {
        self.word(word).fetch_add(value as u32, Ordering::SeqCst) as i32
    }

    fn compare_exchange(&self, word: u32, old: i32, new: i32) -> i32 {
        let found =
            self.word(word).compare_exchange(old as u32, new as u32, Ordering::SeqCst, Ordering::SeqCst);
        found.unwrap_or_else(|found| found) as i32
    }

    fn wait(&self, word: u32, old: i32, timeout: Duration) {
        let bucket = self.bucket(word);
        let list = bucket.lock();
        if self.load(word) == old {
            drop(bucket.woken.wait_timeout(list, timeout));
        }
    }

    fn notify(&self, word: u32) {
        let bucket = self.bucket(word);
        let list = bucket.lock();
        let mut left = list.iter().filter(|(at, _)| *at == word).count();
        drop(list);
        bucket.woken.notify_all();
        // One at a time, and not under the lock: a waker may poll at once, and register again.
        while left > 0 {
            left -= 1;
            let mut list = bucket.lock();
            let next = list.iter().position(|(at, _)| *at == word).map(|place| list.remove(place));
            drop(list);
            if let Some((_, waker)) = next {
                waker.wake();
            }
        }
    }

    fn wait_async(
        &self,
        word: u32,
        old: i32,
        timeout: Option<Duration>,
    ) -> impl Future<Output = ()> + 'static {
        NativeWait { region: self.clone(), word, old, timer: timeout.map(|t| Box::pin(time::sleep(t)) as _) }
    }

    fn can_block(&self) -> bool {
        true
    }

    fn yield_now(&self) -> impl Future<Output = ()> + 'static {
        let mut yielded = false;
        std::future::poll_fn(move |cx| {
            if std::mem::replace(&mut yielded, true) {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
    }

    fn now(&self) -> Duration {
        static START: OnceLock<Instant> = OnceLock::new();
        START.get_or_init(Instant::now).elapsed()
    }
}

/// See [`Region::wait_async`].
struct NativeWait {
    region: NativeRegion,
    word: u32,
    old: i32,
    timer: Option<Pin<Box<dyn Future<Output = ()>>>>,
}

impl Future for NativeWait {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(timer) = &mut self.timer
            && timer.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(());
        }
        let mut list = self.region.bucket(self.word).lock();
        if self.region.load(self.word) != self.old {
            return Poll::Ready(());
        }
        if !list.iter().any(|(word, waker)| *word == self.word && waker.will_wake(cx.waker())) {
            list.push((self.word, cx.waker().clone()));
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_whatever_the_alignment() {
        let region = NativeRegion::new(64);
        for offset in 0..9 {
            for len in 0..23 {
                let bytes: Vec<u8> = (0..len).map(|i| (offset * 31 + i * 7 + 1) as u8).collect();
                region.copy_in(0, &[0xEE; 64]);
                region.copy_in(offset, &bytes);
                let mut all = [0; 64];
                region.copy_out(0, &mut all);
                let at = offset as usize;
                assert_eq!(&all[at..at + bytes.len()], &bytes[..]);
                assert!(
                    all[..at].iter().chain(&all[at + bytes.len()..]).all(|&b| b == 0xEE),
                    "neighbours untouched"
                );
                let mut back = vec![0; bytes.len()];
                region.copy_out(offset, &mut back);
                assert_eq!(back, bytes);
            }
        }
    }

    #[test]
    fn a_wait_ends_by_its_timeout_by_a_change_and_by_a_notification() {
        let region = NativeRegion::new(64);
        region.wait(0, 0, Duration::from_millis(1));
        region.wait(0, 7, Duration::from_secs(3600));
        let other = region.clone();
        let thread = std::thread::spawn(move || {
            while other.load(0) == 0 {
                other.wait(0, 0, Duration::from_secs(3600));
            }
        });
        region.store(0, 1);
        region.notify(0);
        thread.join().unwrap();
    }
}
