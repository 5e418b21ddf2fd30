//! The region of the model checker: what the protocol does to shared memory, told to loom.
//!
//! The words that both sides look at are loom's atomics. All other bytes are *cells*, stretches that belong to one side
//! at a time: loom finds out if a side touches one that the other has not handed over. So a torn payload is a failed
//! model, whatever bytes come out. Waiting is a mutex and condition variables, and a wait whose time does not pass by
//! itself ends by a notification or never: a lost wake-up is a deadlock, which loom reports.
//!
//! loom takes a sequentially consistent access for acquire and release. A fence beside each makes up for that.

pub(crate) mod scenario;

use std::{
    future::poll_fn,
    pin::Pin,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering as Plain},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use loom::{
    cell::UnsafeCell,
    sync::{
        Condvar, Mutex,
        atomic::{AtomicI32, Ordering, fence},
    },
};
use sabrpc::{Bytes, Channel, Mail, Region, layout};

/// Something that a backend, or the protocol over it, might get wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing is wrong.
    None,
    /// Nobody is woken.
    NoNotify,
    /// Who publishes reads the sleep flag before it stores the word.
    FlagReadFirst,
    /// The number is stored before what it announces.
    NumberFirst,
    /// The server sets its sleep flag after it has looked again.
    ServerFlagLast,
    /// A caller does.
    CallerFlagLast,
    /// A wait does not look at the word again before it blocks.
    NoRecheck,
    /// Every access is acquire or release, and no more.
    AcquireRelease,
    /// The number is stored without an order.
    RelaxedNumber,
    /// Or it is loaded without one.
    RelaxedLook,
    /// What is given up is not tied to a request: whichever is the newest when the server looks.
    GivesUpTheNext,
}

/// See the module's text. A clone shares the memory.
#[derive(Clone)]
pub(crate) struct Model(Rc<Memory>);

struct Memory {
    size: u32,
    fault: Fault,
    /// Offset and word.
    words: Vec<(u32, AtomicI32)>,
    /// Begin and end of each cell.
    cells: Vec<(u32, u32, UnsafeCell<()>)>,
    bytes: std::sync::Mutex<Vec<u8>>,
    lot: Mutex<Lot>,
    /// For each word, its blocked waiters.
    woken: Vec<Condvar>,
    /// Milliseconds. It goes on only by [`Model::let_time_pass`].
    clock: AtomicU64,
}

#[derive(Default)]
struct Lot {
    wakers: Vec<(u32, Waker)>,
    /// Waits with a bound do not block any more: each lets its time pass.
    time_is_up: bool,
    /// The flags that a fault holds back.
    late_flags: Vec<u32>,
}

const MAILBOXES: u32 = 2;
const AREA: u32 = layout::MIN_AREA;
const SERVER_STATE: u32 = 64;
const SERVER_SLEEPS: u32 = 192;
const HEADER: u32 = 256;
const MAILBOX: u32 = 384;
/// Bytes behind the areas, for the server's table of operations and for what it counts.
const TABLE: u32 = 8192 + layout::METERED * layout::METRICS;
const RESPONSE: u32 = 128;
const OWNER: u32 = 256;
const CALLER_SLEEPS: u32 = 260;
const INTERRUPT: u32 = 264;
const GIVEN_UP: u32 = 268;

impl Model {
    /// A channel in new memory, laid out as the specification says.
    pub(crate) fn channel(fault: Fault) -> Channel<Self> {
        let mut words: Vec<u32> = vec![SERVER_STATE, 72, 76, 128, SERVER_SLEEPS];
        let mut cells = Vec::new();
        for mailbox in 0..MAILBOXES {
            let at = HEADER + MAILBOX * mailbox;
            words.extend([at, at + RESPONSE]);
            words.extend([at + OWNER, at + CALLER_SLEEPS, at + INTERRUPT, at + GIVEN_UP]);
            cells.extend([(at + 4, at + 124), (at + RESPONSE + 4, at + RESPONSE + 124)]);
            let area = HEADER + MAILBOX * MAILBOXES + AREA * mailbox;
            cells.push((area, area + AREA));
        }
        let size = HEADER + (MAILBOX + AREA) * MAILBOXES + TABLE;
        let mut bytes = vec![0; size as usize];
        for (at, value) in
            [(0, layout::MAGIC), (4, layout::LAYOUT_VERSION), (8, MAILBOXES as i32), (12, AREA as i32)]
        {
            bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        }
        Channel::open(Self::of(fault, words, cells, bytes)).unwrap()
    }

    /// Plain memory, for the suite of regions: these words can be waited for, the others are only bytes. Time passes.
    pub(crate) fn plain(size: u32, words: &[u32]) -> Self {
        let region = Self::of(Fault::None, words.to_vec(), Vec::new(), vec![0; size as usize]);
        region.let_time_pass();
        region
    }

    fn of(fault: Fault, words: Vec<u32>, cells: Vec<(u32, u32)>, bytes: Vec<u8>) -> Self {
        Self(Rc::new(Memory {
            size: bytes.len() as u32,
            fault,
            woken: words.iter().map(|_| Condvar::new()).collect(),
            words: words.into_iter().map(|at| (at, AtomicI32::new(0))).collect(),
            cells: cells.into_iter().map(|(from, to)| (from, to, UnsafeCell::new(()))).collect(),
            bytes: std::sync::Mutex::new(bytes),
            lot: Mutex::default(),
            clock: AtomicU64::new(0),
        }))
    }

    /// From here on every wait that has a bound lets its time pass instead of blocking.
    pub(crate) fn let_time_pass(&self) {
        let mut lot = self.0.lot.lock().unwrap();
        lot.time_is_up = true;
        self.0.woken.iter().for_each(Condvar::notify_all);
        let wakers: Vec<_> = lot.wakers.drain(..).collect();
        drop(lot);
        wakers.into_iter().for_each(|(_, waker)| waker.wake());
    }

    fn find(&self, offset: u32) -> Option<usize> {
        self.0.words.iter().position(|(at, _)| *at == offset)
    }

    fn word(&self, offset: u32) -> Option<&AtomicI32> {
        self.find(offset).map(|index| &self.0.words[index].1)
    }

    /// Whether the model has failed, and loom is taking its threads down: what is dropped now must not come back to it.
    fn has_failed() -> bool {
        std::thread::panicking()
    }

    fn is_number(word: u32) -> bool {
        word >= HEADER && [0, RESPONSE].contains(&((word - HEADER) % MAILBOX))
    }

    fn order(&self) {
        if self.0.fault != Fault::AcquireRelease {
            fence(Ordering::SeqCst);
        }
    }

    /// Refuses what is beyond the region, before anything is locked.
    fn check(&self, offset: u32, len: usize) -> usize {
        let end = u64::from(offset) + len as u64;
        assert!(end <= u64::from(self.0.size), "{len} bytes at {offset} of a region of {}", self.0.size);
        offset as usize
    }

    fn write(&self, offset: u32, bytes: &[u8]) {
        self.touch(offset, bytes.len(), true);
        let at = self.check(offset, bytes.len());
        self.0.bytes.lock().unwrap()[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn read(&self, offset: u32, bytes: &mut [u8]) {
        self.touch(offset, bytes.len(), false);
        let at = self.check(offset, bytes.len());
        bytes.copy_from_slice(&self.0.bytes.lock().unwrap()[at..at + bytes.len()]);
    }

    /// Tells loom of an access to cells. The header's constants are none.
    fn touch(&self, offset: u32, len: usize, writes: bool) {
        if Self::has_failed() {
            return;
        }
        let end = offset.saturating_add(len as u32);
        for (from, to, cell) in &self.0.cells {
            if offset < *to && *from < end {
                match writes {
                    true => cell.with_mut(|_| ()),
                    false => cell.with(|_| ()),
                }
            }
        }
    }

    fn set_late_flags(&self, lot: &mut Lot, flag: u32) {
        if lot.late_flags.contains(&flag) {
            lot.late_flags.retain(|late| *late != flag);
            self.word(flag).unwrap().store(1, Ordering::SeqCst);
            self.order();
        }
    }

    /// Whether a wait with a bound is over, which it is at once when time passes.
    fn has_passed(&self, lot: &Lot, timeout: Duration) -> bool {
        if lot.time_is_up {
            self.0.clock.fetch_add(timeout.as_millis() as u64, Plain::Relaxed);
        }
        lot.time_is_up
    }
}

impl Bytes for Model {
    fn copy_in(&self, offset: u32, bytes: &[u8]) {
        self.write(offset, bytes);
    }

    fn copy_out(&self, offset: u32, bytes: &mut [u8]) {
        self.read(offset, bytes);
    }
}

impl Region for Model {
    fn spin_polls(&self) -> u32 {
        0
    }

    fn size(&self) -> u32 {
        self.0.size
    }

    fn load(&self, word: u32) -> i32 {
        let Some(atomic) = self.word(word) else {
            let mut bytes = [0; 4];
            self.read(word, &mut bytes);
            return i32::from_le_bytes(bytes);
        };
        if Self::has_failed() {
            return 0;
        }
        if self.0.fault == Fault::RelaxedLook && Self::is_number(word) {
            return atomic.load(Ordering::Relaxed);
        }
        self.order();
        let value = atomic.load(Ordering::SeqCst);
        let is_given_up = word >= HEADER && (word - HEADER) % MAILBOX == GIVEN_UP;
        if self.0.fault == Fault::GivesUpTheNext && is_given_up && value != 0 {
            return layout::given_up(self.load(word - GIVEN_UP));
        }
        value
    }

    fn store(&self, word: u32, value: i32) {
        let Some(atomic) = self.word(word) else {
            return self.write(word, &value.to_le_bytes());
        };
        if Self::has_failed() {
            return;
        }
        let late = match self.0.fault {
            Fault::ServerFlagLast => word == SERVER_SLEEPS,
            Fault::CallerFlagLast => word >= HEADER && (word - HEADER) % MAILBOX == CALLER_SLEEPS,
            _ => false,
        };
        if late && value == 1 {
            return self.0.lot.lock().unwrap().late_flags.push(word);
        }
        if self.0.fault == Fault::RelaxedNumber && Self::is_number(word) {
            return atomic.store(value, Ordering::Relaxed);
        }
        atomic.store(value, Ordering::SeqCst);
        self.order();
    }

    fn add(&self, word: u32, value: i32) -> i32 {
        if Self::has_failed() {
            return 0;
        }
        let Some(atomic) = self.word(word) else {
            let before = self.load(word);
            self.store(word, before.wrapping_add(value));
            return before;
        };
        self.order();
        let before = atomic.fetch_add(value, Ordering::SeqCst);
        self.order();
        before
    }

    fn compare_exchange(&self, word: u32, old: i32, new: i32) -> i32 {
        if Self::has_failed() {
            return old;
        }
        let Some(atomic) = self.word(word) else {
            let found = self.load(word);
            if found == old {
                self.store(word, new);
            }
            return found;
        };
        self.order();
        let found = atomic.compare_exchange(old, new, Ordering::SeqCst, Ordering::SeqCst);
        self.order();
        found.unwrap_or_else(|found| found)
    }

    fn publish(&self, word: u32, mail: &Mail, sleep_flag: u32) -> bool {
        let early = (self.0.fault == Fault::FlagReadFirst).then(|| self.load(sleep_flag) != 0);
        if self.0.fault == Fault::NumberFirst {
            self.store(word, mail.value);
        }
        // From here on the trait's own definition.
        self.store(word + 4, mail.a);
        self.store(word + 8, mail.b);
        self.copy_in(word + 12, mail.bytes());
        if self.0.fault != Fault::NumberFirst {
            self.store(word, mail.value);
        }
        early.unwrap_or_else(|| self.load(sleep_flag) != 0)
    }

    fn await_change(&self, word: u32, old: i32, _: u32, also: u32, mail: &mut Mail) -> bool {
        // The trait's own definition, for one poll.
        mail.value = self.load(word);
        if mail.value == old {
            return false;
        }
        (mail.a, mail.b) = (self.load(word + 4), self.load(word + 8));
        let len = mail.bytes().len();
        self.copy_out(word + 12, &mut mail.inline[..len]);
        mail.also = self.load(also);
        true
    }

    fn wait(&self, word: u32, old: i32, timeout: Duration) {
        if Self::has_failed() {
            self.0.clock.fetch_add(timeout.as_millis() as u64, Plain::Relaxed);
            return;
        }
        let mut lot = self.0.lot.lock().unwrap();
        self.set_late_flags(&mut lot, word);
        let changed = self.0.fault != Fault::NoRecheck && self.load(word) != old;
        if changed {
            return;
        }
        if self.has_passed(&lot, timeout) {
            drop(lot);
            // Who looks again and again has to let the others go on.
            return loom::thread::yield_now();
        }
        drop(self.0.woken[self.find(word).unwrap()].wait(lot));
    }

    fn notify(&self, word: u32) {
        if self.0.fault == Fault::NoNotify || Self::has_failed() {
            return;
        }
        let mut lot = self.0.lot.lock().unwrap();
        self.0.woken[self.find(word).unwrap()].notify_all();
        let (woken, others) = std::mem::take(&mut lot.wakers).into_iter().partition(|(at, _)| *at == word);
        lot.wakers = others;
        drop(lot);
        let woken: Vec<(u32, Waker)> = woken;
        woken.into_iter().for_each(|(_, waker)| waker.wake());
    }

    fn wait_async(
        &self,
        word: u32,
        old: i32,
        timeout: Option<Duration>,
    ) -> impl Future<Output = ()> + 'static {
        let region = self.clone();
        poll_fn(move |cx| {
            let mut lot = region.0.lot.lock().unwrap();
            region.set_late_flags(&mut lot, SERVER_SLEEPS);
            let changed = region.0.fault != Fault::NoRecheck && region.load(word) != old;
            if changed || timeout.is_some_and(|timeout| region.has_passed(&lot, timeout)) {
                return Poll::Ready(());
            }
            if !lot.wakers.iter().any(|(at, waker)| *at == word && waker.will_wake(cx.waker())) {
                lot.wakers.push((word, cx.waker().clone()));
            }
            Poll::Pending
        })
    }

    fn can_block(&self) -> bool {
        true
    }

    fn yield_now(&self) -> impl Future<Output = ()> + 'static {
        std::future::ready(())
    }

    fn now(&self) -> Duration {
        Duration::from_millis(self.0.clock.load(Plain::Relaxed))
    }
}

/// Runs a future to its end on this thread of the model.
pub(crate) fn block_on<T>(mut future: Pin<&mut dyn Future<Output = T>>) -> T {
    #[derive(Default)]
    struct Parker(Mutex<bool>, Condvar);
    impl Wake for Parker {
        fn wake(self: Arc<Self>) {
            *self.0.lock().unwrap() = true;
            self.1.notify_one();
        }
    }
    let parker = Arc::new(Parker::default());
    let waker = Waker::from(Arc::clone(&parker));
    let mut cx = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut cx) {
            return value;
        }
        let mut woken = parker.0.lock().unwrap();
        while !*woken {
            woken = parker.1.wait(woken).unwrap();
        }
        *woken = false;
    }
}
