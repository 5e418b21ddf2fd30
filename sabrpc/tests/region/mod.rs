//! What every region has to keep, whatever its backend: each primitive against its definition in the trait.
//!
//! A suite gets two views of one memory, which may go through different backends: what one does, the other sees.

use std::time::Duration;

use sabrpc::{Bytes, Mail, Region};

use crate::probe::Numbers;

/// Bytes that a region under test has at least.
pub(crate) const SIZE: u32 = 64 << 10;

/// The words that the suite waits for.
pub(crate) const WAITED_FOR: [u32; 3] = [128, 192, QUIET];
/// Nobody notifies it.
const QUIET: u32 = 256;

/// The trait's own definitions over another region's plain primitives.
#[derive(Clone)]
struct Reference<R>(R);

impl<R: Region> Bytes for Reference<R> {
    fn copy_in(&self, offset: u32, bytes: &[u8]) {
        self.0.copy_in(offset, bytes);
    }

    fn copy_out(&self, offset: u32, bytes: &mut [u8]) {
        self.0.copy_out(offset, bytes);
    }

    #[cfg(target_family = "wasm")]
    fn view(&self, offset: u32, len: u32) -> js_sys::Uint8Array {
        self.0.view(offset, len)
    }
}

impl<R: Region> Region for Reference<R> {
    fn spin_polls(&self) -> u32 {
        self.0.spin_polls()
    }

    fn size(&self) -> u32 {
        self.0.size()
    }

    fn load(&self, word: u32) -> i32 {
        self.0.load(word)
    }

    fn store(&self, word: u32, value: i32) {
        self.0.store(word, value);
    }

    fn add(&self, word: u32, value: i32) -> i32 {
        self.0.add(word, value)
    }

    fn compare_exchange(&self, word: u32, old: i32, new: i32) -> i32 {
        self.0.compare_exchange(word, old, new)
    }

    fn wait(&self, word: u32, old: i32, timeout: Duration) {
        self.0.wait(word, old, timeout);
    }

    fn notify(&self, word: u32) {
        self.0.notify(word);
    }

    fn wait_async(
        &self,
        word: u32,
        old: i32,
        timeout: Option<Duration>,
    ) -> impl Future<Output = ()> + 'static {
        self.0.wait_async(word, old, timeout)
    }

    fn can_block(&self) -> bool {
        self.0.can_block()
    }

    fn yield_now(&self) -> impl Future<Output = ()> + 'static {
        self.0.yield_now()
    }

    fn now(&self) -> Duration {
        self.0.now()
    }
}

/// Everything, for two views of one memory that nobody else uses.
pub(crate) async fn suite<R: Region>(one: &R, other: &R) {
    assert!(one.size() >= SIZE && one.size() == other.size());
    words_are_words(one, other);
    fused_primitives_are_their_definitions(one);
    bytes_arrive_and_nothing_else_changes(one, other);
    bytes_arrive_in_memory_that_has_grown(one);
    if one.can_block() {
        blocking_waits_end(one, other);
    }
    awaited_waits_end(one, other).await;
    the_clock_goes_on(one, other).await;
}

/// Lets time pass, by the region's own means.
async fn pause<R: Region>(region: &R, millis: u64) {
    region.wait_async(QUIET, region.load(QUIET), Some(Duration::from_millis(millis))).await;
}

fn words_are_words<R: Region>(one: &R, other: &R) {
    // All of them are one memory.
    let sparing = other.sparing();
    one.store(64, 77);
    assert_eq!((sparing.load(64), sparing.size()), (77, one.size()));
    assert_eq!(sparing.compare_exchange(64, 77, 0), 77);
    assert_eq!(one.load(64), 0);
    for word in [0, 4, 60, SIZE / 2, one.size() - 4] {
        for value in [0, 1, -1, i32::MAX, i32::MIN, 0x1234_5678] {
            one.store(word, value);
            assert_eq!((one.load(word), other.load(word)), (value, value));
        }
        one.store(word, i32::MAX);
        assert_eq!(other.add(word, 2), i32::MAX);
        assert_eq!(one.load(word), i32::MIN + 1, "adding wraps");
        assert_eq!(one.add(word, -5), i32::MIN + 1);
        assert_eq!(other.load(word), i32::MAX - 3);
        assert_eq!(one.compare_exchange(word, 7, 8), i32::MAX - 3, "not what was expected: unchanged");
        assert_eq!(one.compare_exchange(word, i32::MAX - 3, 8), i32::MAX - 3);
        assert_eq!(other.load(word), 8);
    }
    // Words are little-endian.
    one.copy_in(64, &[1, 2, 3, 4]);
    assert_eq!(other.load(64), 0x0403_0201);
}

/// Runs the backend's own primitives and the trait's definitions of them side by side, on two windows of the memory.
fn fused_primitives_are_their_definitions<R: Region>(region: &R) {
    const WINDOW: u32 = 256;
    const OURS: u32 = 4096;
    const THEIRS: u32 = 8192;
    let reference = Reference(region.clone());
    let mut numbers = Numbers(77);
    let window = |at: u32| {
        let mut bytes = [0; WINDOW as usize];
        region.copy_out(at, &mut bytes);
        bytes
    };
    region.copy_in(OURS, &[0; WINDOW as usize]);
    region.copy_in(THEIRS, &[0; WINDOW as usize]);
    let mut sent = Mail::EMPTY;
    for round in 0..4000 {
        // Few words and few values, so that they often meet.
        let (word, also) = (4 * numbers.next(14), 4 * numbers.next(16));
        let mut value = || [0, 1, 2, -1, i32::MIN, round][numbers.next(6) as usize];
        let [first, a] = [value(), value()];
        // Lengths of which nothing is rounded up, and such as announce no bytes here.
        let b = [0, 8, 16, 64, 104, 112, 113, 4096, 1 << 26 | 8, -1, i32::MIN][numbers.next(11) as usize];
        sent.inline.fill_with(|| numbers.next(256) as u8);
        let sent = Mail { value: first, a, b, ..sent };
        if round % 2 == 0 {
            let ours = region.publish(OURS + word, &sent, OURS + also);
            let theirs = reference.publish(THEIRS + word, &sent, THEIRS + also);
            assert_eq!(ours, theirs, "publish {first} {a} {b} at {word}, flag at {also}");
        } else {
            let old = first;
            let polls = [0, 1, 2, 100][numbers.next(4) as usize];
            let (mut ours, mut theirs) = (Mail::EMPTY, Mail::EMPTY);
            let our = region.await_change(OURS + word, old, polls, OURS + also, &mut ours);
            let their = reference.await_change(THEIRS + word, old, polls, THEIRS + also, &mut theirs);
            assert_eq!(our, their, "await_change from {old} at {word}, also {also}, {polls} polls");
            assert_eq!(our, region.load(OURS + word) != old);
            if our {
                // A length in there may be any: what is rounded up to is not looked at.
                assert_eq!(
                    (ours.value, ours.a, ours.b, ours.also),
                    (theirs.value, theirs.a, theirs.b, theirs.also)
                );
                assert_eq!(ours.bytes(), theirs.bytes());
            }
        }
        assert_eq!(window(OURS), window(THEIRS), "the same words in round {round}");
    }
    for len in 0..=112 {
        let mail = Mail { value: len + 1, b: len, ..sent };
        region.publish(OURS, &mail, OURS);
        let mut seen = Mail::EMPTY;
        assert!(region.await_change(OURS, 0, 1, OURS, &mut seen));
        assert_eq!((seen.b, seen.bytes()), (len, &sent.inline[..len as usize]));
    }
    region.store(OURS, 5);
    let mut seen = Mail::EMPTY;
    assert!(region.await_change(OURS, 4, u32::MAX, OURS, &mut seen), "the most polls there can be");
    let last = region.size() - 124;
    region.publish(last, &Mail { value: 1, a: 2, b: 112, ..sent }, last);
    assert!(region.await_change(last, 0, 1, last + 8, &mut seen));
    assert_eq!(seen, Mail { value: 1, a: 2, b: 112, also: 112, inline: sent.inline });
}

fn bytes_arrive_and_nothing_else_changes<R: Region>(one: &R, other: &R) {
    const AROUND: u32 = 24;
    let mut numbers = Numbers(99);
    let source: Vec<u8> = (0..20_000).map(|_| numbers.next(256) as u8).collect();
    let check = |offset: u32, shift: usize, len: usize| {
        let (start, end) = (offset.saturating_sub(AROUND), (offset + len as u32 + AROUND).min(one.size()));
        one.copy_in(start, &vec![0xEE; (end - start) as usize]);
        let sent = &source[shift..shift + len];
        one.copy_in(offset, sent);

        let mut all = vec![0; (end - start) as usize];
        other.copy_out(start, &mut all);
        let at = (offset - start) as usize;
        assert!(all[at..at + len] == *sent, "{len} bytes from {shift} to {offset}");
        let untouched = |bytes: &[u8]| bytes.iter().all(|&byte| byte == 0xEE);
        assert!(untouched(&all[..at]) && untouched(&all[at + len..]), "{len} bytes beside {offset}");

        let mut got = vec![0xDD; shift + len + 9];
        other.copy_out(offset, &mut got[shift..shift + len]);
        assert!(got[shift..shift + len] == *sent, "{len} bytes from {offset} to {shift}");
        let beside = got[..shift].iter().chain(&got[shift + len..]);
        assert!(beside.into_iter().all(|&byte| byte == 0xDD), "{len} bytes beside {shift}");
    };
    for offset in 0..9 {
        for shift in 0..9 {
            for len in (0..18).chain([63, 64, 65]) {
                check(1000 + offset, shift, len);
            }
        }
    }
    for _ in 0..200 {
        let (offset, shift, len) = (numbers.next(SIZE - 10_000), numbers.next(9), numbers.next(10_000));
        check(offset, shift as usize, len as usize);
    }
    for len in [0, 1, 4, 7, 4096] {
        check(0, 3, len);
        check(one.size() - len as u32, 3, len);
    }
}

/// A backend must not go on with what it knew of our memory before that grew; not even when it is the only one in use,
/// which is when it may keep most.
fn bytes_arrive_in_memory_that_has_grown<R: Region>(region: &R) {
    let mut kept = Vec::new();
    for round in 0..4_u8 {
        region.copy_in(777, &[round ^ 0x55; 9000]);
        let before = pages_of_ours();
        let [sent, mut got] = loop {
            let pair = std::hint::black_box([vec![round; 1 << 20], vec![0xDD; 1 << 20]]);
            if pages_of_ours() != before || cfg!(not(target_family = "wasm")) {
                break pair;
            }
            kept.extend(pair);
        };
        if round % 2 == 0 {
            region.copy_out(777, &mut got[5..9005]);
            assert!(got[5..9005] == [round ^ 0x55; 9000]);
        }
        region.copy_in(777, &sent[5..9005]);
        region.copy_out(777, &mut got[5..9005]);
        assert!(got[5..9005] == sent[5..9005] && got[..5] == [0xDD; 5] && got[9005] == 0xDD);
        kept.extend([sent, got]);
    }
}

/// How large our own memory is; always 0 where it does not move.
fn pages_of_ours() -> usize {
    #[cfg(target_family = "wasm")]
    return core::arch::wasm32::memory_size::<0>();
    #[cfg(not(target_family = "wasm"))]
    return 0;
}

fn blocking_waits_end<R: Region>(one: &R, other: &R) {
    const WORD: u32 = WAITED_FOR[0];
    one.store(WORD, 3);
    let long = Duration::from_secs(3600);
    one.wait(WORD, 4, long);
    other.wait(WORD, -1, Duration::MAX);
    one.wait(WORD, 3, Duration::ZERO);
    let start = one.now();
    other.wait(WORD, 3, Duration::from_millis(30));
    // May end early, but one that always does would make every sleep a busy loop.
    let waited = one.now() - start;
    assert!(waited >= Duration::from_millis(20), "{waited:?} instead of 30 ms");
    one.notify(WORD);
}

async fn awaited_waits_end<R: Region>(one: &R, other: &R) {
    const WORD: u32 = WAITED_FOR[1];
    let millis = |millis| Some(Duration::from_millis(millis));
    one.store(WORD, 3);
    one.wait_async(WORD, 4, None).await;
    one.wait_async(WORD, 4, millis(3_600_000)).await;
    one.wait_async(WORD, 3, millis(0)).await;
    let start = one.now();
    one.wait_async(WORD, 3, millis(30)).await;
    let waited = one.now() - start;
    assert!(waited >= Duration::from_millis(20), "{waited:?} instead of 30 ms");

    // Both are begun before anybody notifies; one of them was dropped.
    let mut waits = [Box::pin(one.wait_async(WORD, 3, None)), Box::pin(other.wait_async(WORD, 3, None))];
    drop(one.wait_async(WORD, 3, None));
    for wait in &mut waits {
        let pending =
            std::future::poll_fn(|cx| std::task::Poll::Ready(wait.as_mut().poll(cx).is_pending())).await;
        assert!(pending, "nobody has notified");
    }
    pause(one, 5).await;
    other.store(WORD, 4);
    other.notify(WORD);
    for wait in waits {
        wait.await;
    }
}

async fn the_clock_goes_on<R: Region>(one: &R, other: &R) {
    let start = one.now();
    let mut before = start;
    for _ in 0..1000 {
        let now = other.now();
        assert!(now >= before, "{now:?} after {before:?}");
        before = now;
    }
    pause(one, 20).await;
    one.yield_now().await;
    let passed = one.now() - start;
    assert!(passed >= Duration::from_millis(15), "{passed:?} in 20 ms");
}

/// One use of a region that a backend has to refuse by a panic.
pub(crate) type Misuse = Box<dyn FnMut()>;

/// Words and ranges beyond the region, each with its name.
pub(crate) fn misuses<R: Region>(region: &R) -> Vec<(String, Misuse)> {
    fn add<R: Region>(to: &mut Vec<(String, Misuse)>, region: &R, name: String, f: impl Fn(&R) + 'static) {
        let region = region.clone();
        to.push((name, Box::new(move || f(&region))));
    }
    let size = region.size();
    let mut all = Vec::new();
    for word in [size, size + 4, 1 << 31, u32::MAX - 3] {
        add(&mut all, region, format!("load {word}"), move |region| {
            region.load(word);
        });
        add(&mut all, region, format!("store {word}"), move |region| region.store(word, 1));
        add(&mut all, region, format!("add {word}"), move |region| {
            region.add(word, 1);
        });
        add(&mut all, region, format!("compare_exchange {word}"), move |region| {
            region.compare_exchange(word, 0, 1);
        });
    }
    for word in [size - 120, size - 4, size, u32::MAX - 3, u32::MAX - 11] {
        add(&mut all, region, format!("publish {word}"), move |region| {
            region.publish(word, &Mail { b: 112, ..Mail::EMPTY }, 0);
        });
        add(&mut all, region, format!("await_change {word}"), move |region| {
            // So that it is changed wherever the word can be read.
            let old = if word < region.size() { region.load(word) ^ 1 } else { 0 };
            region.await_change(word, old, 1, 0, &mut Mail { b: 112, ..Mail::EMPTY });
        });
    }
    for beyond in [size, u32::MAX - 3] {
        add(&mut all, region, format!("publish with a flag at {beyond}"), move |region| {
            region.publish(0, &Mail::EMPTY, beyond);
        });
        add(&mut all, region, format!("await_change and {beyond}"), move |region| {
            region.await_change(0, region.load(0) ^ 1, 1, beyond, &mut Mail::EMPTY.clone());
        });
    }
    for (offset, len) in [(size, 1), (size - 3, 4), (0, size + 1), (u32::MAX, 1), (u32::MAX - 3, 8)] {
        add(&mut all, region, format!("copy_in {len} to {offset}"), move |region| {
            region.copy_in(offset, &vec![1; len as usize]);
        });
        add(&mut all, region, format!("copy_out {len} from {offset}"), move |region| {
            region.copy_out(offset, &mut vec![1; len as usize]);
        });
    }
    all
}
