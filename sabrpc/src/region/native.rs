//! The region of native threads: heap memory of atomic words, and a small parking lot for waits.
//!
//! Everything is atomic, payload bytes too (relaxed, word by word), so a peer that breaks the ownership rules causes
//! mixed bytes and never a data race; there is no `unsafe` here. A waiter re-reads its word under the lock that a
//! notifier takes after having stored the word, so no wake-up is lost between the check and the sleep.

use std::{
    cell::Cell,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering, fence},
    },
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use super::{Bytes, Mail, Region};
use crate::{layout::inline_len, native::Parked, time};

const BUCKETS: usize = 16;

/// What the region begins at a multiple of, so that what is on a cache line of its own by its offset is so in memory.
const LINE: usize = 64;

/// Shared memory between threads of one process. Cloning it shares the memory.
#[derive(Clone)]
pub struct NativeRegion {
    shared: Arc<Shared>,
}

struct Shared {
    /// Some more than are used: the allocator does not know of cache lines.
    words: Box<[AtomicU32]>,
    /// The first that is used, and how many.
    start: usize,
    len: usize,
    /// Every so many polls the thread offers its core to others: after a microsecond, when a hot call is over.
    step_aside: u32,
    lot: [Bucket; BUCKETS],
    /// How many have waited: each has a number, by which it finds itself in the lot. Relaxed: nothing goes by their order.
    waiters: AtomicU64,
}

/// One bucket of the parking lot; words hash onto it by their cache line. A blocked thread has a waker too, so that who
/// notifies takes one look at one list, and calls the system only for those who sleep.
#[derive(Default)]
struct Bucket {
    waiters: Mutex<Vec<Waiter>>,
}

/// Who waits for a word. Whoever notifies takes it out; else it is for the wait itself, however that ends.
struct Waiter {
    word: u32,
    number: u64,
    waker: Waker,
}

impl Bucket {
    /// A panic cannot happen while the list is being changed, so a poisoned lock still holds a good list.
    fn lock(&self) -> MutexGuard<'_, Vec<Waiter>> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a wait out that is over, if nobody has.
    fn forget(&self, number: u64) {
        let mut list = self.lock();
        let place = list.iter().position(|waiter| waiter.number == number);
        let over = place.map(|place| list.remove(place));
        drop(list);
        // Not under the lock: with its waker a whole future may go that waits here too.
        drop(over);
    }
}

impl NativeRegion {
    /// A zeroed region of `size` bytes, rounded up to whole words.
    pub fn new(size: u32) -> Self {
        let len = size.div_ceil(4) as usize;
        let words: Box<[_]> = (0..len + LINE / 4).map(|_| AtomicU32::new(0)).collect();
        let start = words.as_ptr().addr().wrapping_neg() % LINE / 4;
        let step_aside = polls_in(Duration::from_micros(1));
        let (lot, waiters) = Default::default();
        Self { shared: Arc::new(Shared { words, start, len, step_aside, lot, waiters }) }
    }

    #[inline]
    fn words(&self) -> &[AtomicU32] {
        let Shared { words, start, len, .. } = &*self.shared;
        &words[*start..*start + *len]
    }

    #[inline]
    fn word(&self, offset: u32) -> &AtomicU32 {
        debug_assert_eq!(offset % 4, 0);
        &self.words()[offset as usize / 4]
    }

    fn bucket(&self, word: u32) -> &Bucket {
        &self.shared.lot[word as usize / 64 % BUCKETS]
    }

    /// For a new wait.
    fn number(&self) -> u64 {
        self.shared.waiters.fetch_add(1, Ordering::Relaxed)
    }
}

impl Bytes for NativeRegion {
    fn copy_in(&self, offset: u32, bytes: &[u8]) {
        let (at, shift) = (offset as usize / 4, offset as usize % 4);
        let (head, rest) = bytes.split_at(bytes.len().min((4 - shift) % 4));
        self.set_part(at, shift, head);
        let at = at + shift.div_ceil(4);
        let (whole, tail) = rest.as_chunks::<4>();
        for (word, bytes) in self.words()[at..at + whole.len()].iter().zip(whole) {
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
        for (word, bytes) in self.words()[at..at + whole.len()].iter().zip(&mut *whole) {
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
            let word = &self.words()[at];
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
            let value = self.words()[at].load(Ordering::Relaxed).to_le_bytes();
            bytes.copy_from_slice(&value[shift..shift + bytes.len()]);
        }
    }
}

impl Region for NativeRegion {
    fn spin_polls(&self) -> u32 {
        polls_in(Duration::from_micros(50))
    }

    fn size(&self) -> u32 {
        self.shared.len as u32 * 4
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

    #[inline]
    fn publish(&self, word: u32, mail: &Mail, sleep_flag: u32) -> bool {
        let at = word as usize / 4;
        let [number, a, b] = &self.words()[at..at + 3] else { unreachable!("as many as that") };
        // Relaxed, and so the bytes: they are read after the number, whose store below releases them to the acquiring load
        // in `await_change`.
        a.store(mail.a as u32, Ordering::Relaxed);
        b.store(mail.b as u32, Ordering::Relaxed);
        let bytes = mail.bytes();
        if !bytes.is_empty() {
            self.copy_in(word + 12, bytes);
        }
        // Release, right behind the others: an instruction that waits for those first gives who polls the time to take the
        // cache line back in between.
        number.store(mail.value as u32, Ordering::Release);
        // Sequentially consistent, as are both accesses of who goes to sleep: he stores the flag and loads the number, in
        // this order, and so one of us sees the other. Without the fence the flag could be read first.
        fence(Ordering::SeqCst);
        self.load(sleep_flag) != 0
    }

    #[inline]
    fn await_change(&self, word: u32, old: i32, polls: u32, also: u32, mail: &mut Mail) -> bool {
        let at = word as usize / 4;
        let [number, a, b] = &self.words()[at..at + 3] else { unreachable!("as many as that") };
        for poll in 1..=polls.max(1) {
            // Sequentially consistent for who goes to sleep and has set his flag (see `publish`), and so an acquiring load:
            // what was stored before the number is seen by the relaxed loads below.
            let value = number.load(Ordering::SeqCst) as i32;
            if value != old {
                let (a, b) = (a.load(Ordering::Relaxed) as i32, b.load(Ordering::Relaxed) as i32);
                (mail.value, mail.a, mail.b) = (value, a, b);
                let len = inline_len(b);
                if len > 0 {
                    self.copy_out(word + 12, &mut mail.inline[..len]);
                }
                mail.also = self.word(also).load(Ordering::Relaxed) as i32;
                return true;
            }
            // Whom we wait for may need this very core: woken beside us, he is at work at once if we step aside.
            if poll % self.shared.step_aside == 0 { step_aside() } else { std::hint::spin_loop() }
        }
        false
    }

    fn wait(&self, word: u32, old: i32, timeout: Duration) {
        let bucket = self.bucket(word);
        Parked::with(|parked| {
            // What came too late for an earlier wait would end this one for nothing.
            parked.forget_wake_ups();
            let number = self.number();
            let mut list = bucket.lock();
            if self.load(word) != old {
                return;
            }
            list.push(Waiter { word, number, waker: parked.waker().clone() });
            drop(list);
            parked.park_timeout(timeout);
            // Also when it was woken: that may have been for an earlier wait, which had ended before its waker was called.
            bucket.forget(number);
        });
    }

    fn notify(&self, word: u32) {
        let bucket = self.bucket(word);
        let mut list = bucket.lock();
        let mut left = list.iter().filter(|waiter| waiter.word == word).count();
        // One at a time, and not under the lock: a waker may poll at once, and register again.
        while left > 0 {
            left -= 1;
            let next = list.iter().position(|waiter| waiter.word == word).map(|place| list.remove(place));
            drop(list);
            if let Some(Waiter { waker, .. }) = next {
                waker.wake();
            }
            if left == 0 {
                // Who was woken may have been put on this very core. Then he is at work at once, and we are woken by nobody.
                return step_aside();
            }
            list = bucket.lock();
        }
    }

    fn wait_async(
        &self,
        word: u32,
        old: i32,
        timeout: Option<Duration>,
    ) -> impl Future<Output = ()> + 'static {
        let timer = timeout.map(|timeout| Box::pin(time::sleep(timeout)) as _);
        NativeWait { region: self.clone(), word, old, timer, number: None }
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

    #[inline]
    fn stepped_aside(&self) -> bool {
        STEPPED_ASIDE.replace(false)
    }
}

thread_local! {
    /// See [`Region::stepped_aside`].
    static STEPPED_ASIDE: Cell<bool> = const { Cell::new(false) };
}

/// Offers the core to other threads.
fn step_aside() {
    STEPPED_ASIDE.set(true);
    std::thread::yield_now();
}

/// How many polls take about that long: processors pause for 5 to 50 ns.
fn polls_in(time: Duration) -> u32 {
    const LOOK: u32 = 64;
    static NANOS: OnceLock<u64> = OnceLock::new();
    let nanos = *NANOS.get_or_init(|| {
        let look = || {
            let start = Instant::now();
            (0..LOOK).for_each(|_| std::hint::spin_loop());
            start.elapsed().as_nanos() as u64
        };
        // The shortest: during the others the thread may have been off its core.
        (0..8).map(|_| look()).min().unwrap_or_default()
    });
    (time.as_nanos() as u64 * u64::from(LOOK) / nanos.max(1)).max(LOOK.into()) as u32
}

/// See [`Region::wait_async`].
struct NativeWait {
    region: NativeRegion,
    word: u32,
    old: i32,
    timer: Option<Pin<Box<dyn Future<Output = ()>>>>,
    /// Once it is in the lot, or was.
    number: Option<u64>,
}

impl Future for NativeWait {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(timer) = &mut self.timer
            && timer.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(());
        }
        let number = self.number.unwrap_or_else(|| self.region.number());
        let mut list = self.region.bucket(self.word).lock();
        if self.region.load(self.word) != self.old {
            return Poll::Ready(());
        }
        let waker = cx.waker().clone();
        let old = match list.iter_mut().find(|waiter| waiter.number == number) {
            Some(waiter) => Some(std::mem::replace(&mut waiter.waker, waker)),
            None => {
                list.push(Waiter { word: self.word, number, waker });
                None
            }
        };
        drop(list);
        drop(old);
        self.number = Some(number);
        Poll::Pending
    }
}

impl Drop for NativeWait {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.region.bucket(self.word).forget(number);
        }
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
    #[test]
    fn who_was_not_woken_leaves_nothing_behind_and_who_waits_elsewhere_sleeps_on() {
        let region = NativeRegion::new(64);
        region.wait(0, 0, Duration::from_millis(1));
        assert!(region.bucket(0).lock().is_empty());
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let other = region.clone();
                std::thread::spawn(move || other.wait(4, 0, Duration::from_secs(3600)))
            })
            .collect();
        while region.bucket(4).lock().len() < 3 {
            std::thread::yield_now();
        }
        region.notify(0);
        assert_eq!(region.bucket(4).lock().len(), 3, "the words share a bucket");
        region.notify(4);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert!(region.bucket(4).lock().is_empty());
    }

    #[test]
    fn a_wait_that_is_dropped_leaves_nothing_behind_and_takes_nothing_from_others() {
        let region = NativeRegion::new(64);
        let mut cx = Context::from_waker(Waker::noop());
        let [mut first, mut second] = [0, 0].map(|old| Box::pin(region.wait_async(0, old, None)));
        for _ in 0..2 {
            assert!(first.as_mut().poll(&mut cx).is_pending());
            assert!(second.as_mut().poll(&mut cx).is_pending());
        }
        assert_eq!(region.bucket(0).lock().len(), 2, "one for each, whoever is woken");
        drop(first);
        assert_eq!(region.bucket(0).lock().len(), 1);
        region.store(0, 1);
        assert!(second.as_mut().poll(&mut cx).is_ready());
        drop(second);
        assert!(region.bucket(0).lock().is_empty(), "nobody has notified");
    }

    #[test]
    fn a_late_wake_up_ends_no_later_wait_and_leaves_nothing_of_it_behind() {
        let region = NativeRegion::new(64);
        Parked::with(|parked| parked.waker().wake_by_ref());
        let start = Instant::now();
        region.wait(0, 0, Duration::from_millis(20));
        assert!(start.elapsed() >= Duration::from_millis(20), "woken for an earlier wait");
        // In the middle of the wait nobody can tell it from one that was meant.
        let (other, here) = (region.clone(), std::thread::current());
        let waker = Parked::with(|parked| parked.waker().clone());
        let thread = std::thread::spawn(move || {
            while other.bucket(0).lock().is_empty() {
                std::thread::yield_now();
            }
            waker.wake();
            here.unpark();
        });
        region.wait(0, 0, Duration::from_secs(3600));
        thread.join().unwrap();
        assert!(region.bucket(0).lock().is_empty());
    }

    #[test]
    fn words_begin_where_a_cache_line_does() {
        for size in [4, 64, 100_000] {
            let region = NativeRegion::new(size);
            assert_eq!(region.size(), size);
            assert!(region.words().as_ptr().addr().is_multiple_of(LINE));
        }
    }
}
