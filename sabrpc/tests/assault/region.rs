//! A region whose contents change under way, as its script says: the peer that keeps to no rule.
//!
//! The protocol runs over it on one thread and in a time of its own. With every access the script may do something
//! before the access is made, so that what was checked may be another when it is used.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
    task::Poll,
    time::Duration,
};

use sabrpc::{Bytes, Region, layout};

/// Most accesses of one call, or of one poll of a server.
const MOST_STEPS: u32 = 100_000;
/// What an access takes, in microseconds.
const STEP: u64 = 20;

const SERVER_STATE: u32 = 64;
const DOORBELL: u32 = 128;
const HEADER: u32 = 256;
const MAILBOX: u32 = 384;
const RESPONSE: u32 = 128;
const OWNER: u32 = 256;
const INTERRUPT: u32 = 264;
const GIVEN_UP: u32 = 268;
const AREA: u32 = layout::MIN_AREA;

/// Words of the header, and of a mailbox, that somebody reads.
const HEADER_WORDS: [u32; 14] = [0, 4, 8, 12, 16, SERVER_STATE, 72, 76, 80, 84, 88, 92, DOORBELL, 192];
const MAILBOX_WORDS: [u32; 15] =
    [0, 4, 8, 12, 128, 132, 136, 252, OWNER, 260, INTERRUPT, GIVEN_UP, 272, 344, 376];

/// Bytes that decide; nothing but zeros when they are used up.
pub(super) struct Input(VecDeque<u8>);

impl Input {
    pub(super) fn new(bytes: &[u8]) -> Self {
        Self(bytes.iter().copied().collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn byte(&mut self) -> u8 {
        self.0.pop_front().unwrap_or_default()
    }

    pub(super) fn below(&mut self, limit: u32) -> u32 {
        let wide = if limit > 256 { u32::from(self.byte()) << 8 } else { 0 };
        (wide | u32::from(self.byte())) % limit
    }

    fn word(&mut self) -> i32 {
        i32::from_le_bytes([self.byte(), self.byte(), self.byte(), self.byte()])
    }

    pub(super) fn bytes(&mut self, most: u32) -> Vec<u8> {
        let len = self.below(most);
        (0..len).map(|_| self.byte()).collect()
    }
}

/// See the module's text. A clone shares the memory.
#[derive(Clone)]
pub(crate) struct Scripted(Rc<Memory>);

struct Memory {
    bytes: RefCell<Vec<u8>>,
    script: RefCell<Input>,
    /// Accesses until the script goes on.
    pause: Cell<u32>,
    /// A word that is another with every access.
    restless: Cell<Option<(u32, i32)>>,
    /// Only the first mailbox and its area are changed.
    confined: bool,
    steps: Cell<u32>,
    micros: Cell<u64>,
}

impl Scripted {
    pub(super) fn new(bytes: Vec<u8>, script: Input, confined: bool) -> Self {
        Self(Rc::new(Memory {
            bytes: RefCell::new(bytes),
            script: RefCell::new(script),
            pause: Cell::new(0),
            restless: Cell::new(None),
            confined,
            steps: Cell::new(0),
            micros: Cell::new(0),
        }))
    }

    /// What happens from here on has an end of its own.
    pub(super) fn begin(&self) {
        self.0.steps.set(0);
    }

    pub(super) fn is_over(&self) -> bool {
        self.0.script.borrow().is_empty()
    }

    /// Decides what the sides do, with the same bytes.
    pub(super) fn decide<T>(&self, f: impl FnOnce(&mut Input) -> T) -> T {
        f(&mut self.0.script.borrow_mut())
    }

    /// From here on nothing is changed any more.
    pub(super) fn calm(&self) {
        *self.0.script.borrow_mut() = Input::new(&[]);
        self.0.restless.set(None);
    }

    fn peek(&self, word: u32) -> i32 {
        let bytes = self.0.bytes.borrow();
        let word = bytes.get(word as usize..).and_then(|rest| rest.first_chunk::<4>());
        word.map_or(0, |word| i32::from_le_bytes(*word))
    }

    pub(super) fn poke(&self, offset: u32, bytes: &[u8]) {
        let mut all = self.0.bytes.borrow_mut();
        let at = (offset as usize).min(all.len());
        let len = bytes.len().min(all.len() - at);
        all[at..at + len].copy_from_slice(&bytes[..len]);
    }

    fn poke_word(&self, word: u32, value: i32) {
        self.poke(word, &value.to_le_bytes());
    }

    /// Where the areas begin, as the memory says.
    fn area(&self, mailbox: u32) -> u32 {
        let (mailboxes, size) = (self.peek(8) as u32, self.peek(12) as u32);
        MAILBOX.wrapping_mul(mailboxes).wrapping_add(HEADER).wrapping_add(size.wrapping_mul(mailbox))
    }

    fn poke_area(&self, mailbox: u32, at: u32, bytes: &[u8]) {
        let len = bytes.len().min((AREA - at) as usize);
        self.poke(self.area(mailbox).wrapping_add(at), &bytes[..len]);
    }

    fn access(&self) {
        let memory = &*self.0;
        memory.micros.set(memory.micros.get() + STEP);
        memory.steps.set(memory.steps.get() + 1);
        // What is dropped after a failure comes here too.
        assert!(memory.steps.get() < MOST_STEPS || std::thread::panicking(), "it does not end");
        if let Some((word, by)) = memory.restless.get() {
            self.poke_word(word, self.peek(word).wrapping_add(by));
        }
        match memory.pause.get() {
            0 => self.go_on(),
            pause => memory.pause.set(pause - 1),
        }
    }

    /// Does what is next in the script.
    fn go_on(&self) {
        let script = &mut *self.0.script.borrow_mut();
        if script.is_empty() {
            return;
        }
        let head = script.byte();
        let mailbox = if self.0.confined { 0 } else { u32::from(head >> 4) % 3 };
        let at = HEADER + MAILBOX * mailbox;
        self.0.pause.set(u32::from(script.byte()) & 0x3F);
        match head & 15 {
            0..3 => self.ask(script, mailbox),
            3..6 => self.answer(script, mailbox),
            6 => {
                let word = self.some_word(script, at);
                let value = self.some_value(script, word, at);
                self.poke_word(word, value);
            }
            7 => {
                let offset = [4, 12, 132, 140][script.below(4) as usize] + at;
                self.poke(offset, &script.bytes(112));
            }
            8 => {
                let at = script.below(AREA);
                self.poke_area(mailbox, at, &script.bytes(600));
            }
            9 => {
                let by = [1, -1, 2, 8, 1 << 22][script.below(5) as usize];
                self.0.restless.set(Some((self.some_word(script, at), by)));
            }
            10 => self.0.restless.set(None),
            11 => {
                // A mailbox that was given back may be another's.
                let by = if self.0.confined { 2 } else { 1 };
                self.poke_word(at + OWNER, self.peek(at + OWNER).wrapping_add(by));
                self.ring();
            }
            12 => {
                self.poke_word(at + INTERRUPT, self.peek(at + OWNER));
                self.poke_word(at + GIVEN_UP, layout::given_up(self.peek(at)));
                self.ring();
            }
            13 if !self.0.confined => {
                self.0.micros.set(self.0.micros.get() + 1000 * u64::from(script.byte()))
            }
            14 if !self.0.confined => {
                let state = self.peek(SERVER_STATE) & !7 | i32::from(script.byte() & 15);
                self.poke_word(SERVER_STATE, state);
            }
            15 if !self.0.confined => {
                let offset = script.below(1 << 16) & !3;
                self.poke(offset, &script.bytes(64));
            }
            _ => self.ring(),
        }
    }

    fn ring(&self) {
        self.poke_word(DOORBELL, self.peek(DOORBELL).wrapping_add(1));
    }

    fn some_word(&self, script: &mut Input, mailbox_at: u32) -> u32 {
        let choice = script.below(32) as usize;
        if self.0.confined {
            let word = MAILBOX_WORDS[choice % MAILBOX_WORDS.len()];
            return mailbox_at + if word == OWNER { 0 } else { word };
        }
        match HEADER_WORDS.get(choice) {
            Some(word) => *word,
            None => mailbox_at + MAILBOX_WORDS[(choice - HEADER_WORDS.len()) % MAILBOX_WORDS.len()],
        }
    }

    fn some_value(&self, script: &mut Input, word: u32, at: u32) -> i32 {
        let now = self.peek(word);
        match script.below(12) {
            0 => 0,
            1 => 1,
            2 => -1,
            3 => i32::MAX,
            4 => i32::MIN,
            5 => now.wrapping_add(1),
            6 => now.wrapping_sub(1),
            7 => self.peek(at),
            8 => self.peek(at + RESPONSE),
            9 => now ^ 1 << script.below(32),
            10 => i32::from(script.byte()),
            _ => script.word(),
        }
    }

    /// A length near that of what there is, or any.
    fn some_len(script: &mut Input, bytes: &[u8]) -> i32 {
        match script.byte() {
            0..200 => bytes.len() as i32,
            200..216 => 112 + i32::from(script.byte() & 3),
            216..232 => 4096 - i32::from(script.byte() & 15),
            _ => script.word(),
        }
    }

    fn some_message(script: &mut Input) -> Vec<u8> {
        match script.byte() {
            0..200 => script.bytes(24),
            200..240 => script.bytes(200),
            // Long, of few bytes.
            _ => script.bytes(9).repeat(1 + script.below(500) as usize),
        }
    }

    /// Asks something of the server, in the name of who has the mailbox or of another.
    fn ask(&self, script: &mut Input, mailbox: u32) {
        let at = HEADER + MAILBOX * mailbox;
        let flags = match script.byte() {
            0..128 => 0,
            flags => i32::from(flags & 63) << 16,
        };
        let op = match script.byte() {
            op @ 0..250 => i32::from(op % 9),
            op => i32::from(op) << 6,
        };
        let asker = match script.byte() {
            0..240 => layout::request_flags::asker(self.peek(at + OWNER)),
            other => layout::request_flags::asker(i32::from(other)),
        };
        let message = Self::some_message(script);
        let len = Self::some_len(script, &message);
        let bulk = script.bytes(200);
        self.poke_area(mailbox, 0, if message.len() > layout::INLINE { &message } else { &bulk });
        self.poke_word(at + 4, op | flags | asker);
        self.poke_word(at + 8, len);
        self.poke(at + 12, &message[..message.len().min(layout::INLINE)]);
        self.poke_word(at, self.peek(at).wrapping_add(1));
        self.ring();
    }

    /// Answers the newest request, or one that there was not.
    fn answer(&self, script: &mut Input, mailbox: u32) {
        let at = HEADER + MAILBOX * mailbox;
        let status = match script.byte() {
            status @ 0..240 => i32::from(status % 5) | i32::from(status / 5 % 4 == 3) << 8,
            _ => script.word(),
        };
        let message = Self::some_message(script);
        let len = Self::some_len(script, &message);
        if message.len() > layout::INLINE {
            self.poke_area(mailbox, 0, &message);
        }
        self.poke_word(at + RESPONSE + 4, status);
        self.poke_word(at + RESPONSE + 8, len);
        self.poke(at + RESPONSE + 12, &message[..message.len().min(layout::INLINE)]);
        let seq = match script.byte() {
            0..230 => self.peek(at),
            other => self.peek(at).wrapping_add(i32::from(other) - 240),
        };
        self.poke_word(at + RESPONSE, seq);
    }

    fn check(&self, offset: u32, len: usize) -> usize {
        let size = self.0.bytes.borrow().len();
        assert!(offset as usize + len <= size, "{len} bytes at {offset} of a region of {size}");
        offset as usize
    }

    fn check_word(&self, word: u32) {
        assert_eq!(word % 4, 0, "a word at {word}");
        self.check(word, 4);
    }
}

impl Bytes for Scripted {
    fn copy_in(&self, offset: u32, bytes: &[u8]) {
        let at = self.check(offset, bytes.len());
        // What is long may be met by a change in its middle.
        for (index, part) in bytes.chunks(64).enumerate() {
            self.access();
            let at = at + 64 * index;
            self.0.bytes.borrow_mut()[at..at + part.len()].copy_from_slice(part);
        }
    }

    fn copy_out(&self, offset: u32, bytes: &mut [u8]) {
        let at = self.check(offset, bytes.len());
        for (index, part) in bytes.chunks_mut(64).enumerate() {
            self.access();
            let at = at + 64 * index;
            part.copy_from_slice(&self.0.bytes.borrow()[at..at + part.len()]);
        }
    }
}

impl Region for Scripted {
    fn spin_polls(&self) -> u32 {
        0
    }

    fn size(&self) -> u32 {
        self.0.bytes.borrow().len() as u32
    }

    fn load(&self, word: u32) -> i32 {
        self.check_word(word);
        self.access();
        self.peek(word)
    }

    fn store(&self, word: u32, value: i32) {
        self.check_word(word);
        self.access();
        self.poke_word(word, value);
    }

    fn add(&self, word: u32, value: i32) -> i32 {
        let before = self.load(word);
        self.poke_word(word, before.wrapping_add(value));
        before
    }

    fn compare_exchange(&self, word: u32, old: i32, new: i32) -> i32 {
        let found = self.load(word);
        if found == old {
            self.poke_word(word, new);
        }
        found
    }

    fn wait(&self, word: u32, old: i32, timeout: Duration) {
        self.0.pause.set(0);
        // Woken at once, or not at all.
        if self.load(word) == old {
            let passes = timeout.as_micros().min(3_600_000_000) as u64;
            self.0.micros.set(self.0.micros.get() + passes);
        }
    }

    fn notify(&self, word: u32) {
        self.check_word(word);
        self.access();
    }

    fn wait_async(
        &self,
        word: u32,
        old: i32,
        timeout: Option<Duration>,
    ) -> impl Future<Output = ()> + 'static {
        let region = self.clone();
        let mut waited = false;
        std::future::poll_fn(move |_| {
            region.0.pause.set(0);
            if region.load(word) != old {
                return Poll::Ready(());
            }
            if !std::mem::replace(&mut waited, true) {
                return Poll::Pending;
            }
            let passes = timeout.unwrap_or(Duration::MAX).as_micros().min(50_000) as u64;
            region.0.micros.set(region.0.micros.get() + passes);
            Poll::Ready(())
        })
    }

    fn can_block(&self) -> bool {
        true
    }

    fn yield_now(&self) -> impl Future<Output = ()> + 'static {
        let mut yielded = false;
        std::future::poll_fn(move |_| match std::mem::replace(&mut yielded, true) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
    }

    fn now(&self) -> Duration {
        self.access();
        Duration::from_micros(self.0.micros.get())
    }
}
