//! Bytes that travel and are looked at on both sides, as raw and as typed calls: of random lengths, from and to random
//! addresses, while the memories of both sides grow.
//!
//! Both sides make the same pool of random bytes. Each message is a piece of it, so either side can tell with one
//! comparison whether it got what the other one meant.

use std::cell::{Cell, RefCell};

use sabrpc::{
    BulkIn, BulkOut, Caller, Dispatch, Dispatched, Frame, OpInfo, Region, RpcError, ServiceInfo, sab_service,
};

use crate::probe::Numbers;

/// The bytes that travel.
const POOL: u32 = 96 << 10;

/// How often a side makes its memory grow at most, and by how much each time.
const GROWTHS: u32 = 24;
const GROWTH: usize = 640 << 10;

fn pool() -> Vec<u8> {
    let mut numbers = Numbers(0xB17E);
    (0..POOL).map(|_| numbers.next(256) as u8).collect()
}

/// How large this side's memory is, where it can grow; in pages.
fn pages() -> u32 {
    #[cfg(target_family = "wasm")]
    return core::arch::wasm32::memory_size::<0>() as u32;
    #[cfg(not(target_family = "wasm"))]
    return 0;
}

/// Makes this side's memory grow, for good.
fn grow() {
    std::mem::forget(std::hint::black_box(vec![1_u8; GROWTH]));
}

/// What one call carries: where its bytes and those of the answer are in the pool, and what else happens.
#[derive(Clone, Copy, Debug)]
struct Cargo {
    there: u32,
    len: u32,
    back: u32,
    back_len: u32,
    /// How far from an aligned address the receivers put it.
    shift: u32,
    grow: bool,
    /// So long that whoever waits for it stops polling.
    slow: bool,
}

impl Cargo {
    const HEADER: usize = 5 * 4;

    fn next(numbers: &mut Numbers, largest: u32, may_grow: bool) -> Self {
        let mut len = || match numbers.next(400) {
            0 => numbers.next(largest),
            1..20 => numbers.next(4200.min(largest)),
            20..40 => 0,
            _ => numbers.next(130),
        };
        let (len, back_len) = (len(), len());
        Self {
            there: numbers.next(POOL - len),
            len,
            back: numbers.next(POOL - back_len),
            back_len,
            shift: numbers.next(9),
            grow: may_grow && numbers.next(400) == 0,
            slow: numbers.next(500) == 0,
        }
    }

    fn header(self) -> [u8; Self::HEADER] {
        let flags = self.shift | u32::from(self.grow) << 8 | u32::from(self.slow) << 9;
        let words = [self.there, self.len, self.back, self.back_len, flags].map(u32::to_le_bytes);
        std::array::from_fn(|at| words[at / 4][at % 4])
    }

    fn of(header: [u8; Self::HEADER]) -> Self {
        let word =
            |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let (flags, [there, len, back, back_len]) = (word(16), [0, 4, 8, 12].map(word));
        Self {
            there,
            len,
            back,
            back_len,
            shift: flags & 0xFF,
            grow: flags & 256 != 0,
            slow: flags & 512 != 0,
        }
    }
}

/// The side that serves.
pub(crate) struct Depot {
    pool: Vec<u8>,
    room: RefCell<Vec<u8>>,
    wrong: Cell<u32>,
}

impl Default for Depot {
    fn default() -> Self {
        let room = RefCell::new(vec![0; POOL as usize + 16]);
        Self { pool: pool(), room, wrong: Cell::new(0) }
    }
}

impl Depot {
    /// Looks at what came, and sends back what is wanted.
    fn swap(&self, cargo: Cargo, from: usize, data: &BulkIn<'_>, out: &mut BulkOut<'_>) {
        if cargo.grow {
            grow();
        }
        if cargo.slow {
            (0..200_000).for_each(|step| _ = std::hint::black_box(step));
        }
        let (shift, len) = (cargo.shift as usize, cargo.len as usize);
        let mut room = self.room.borrow_mut();
        data.copy_to(from, &mut room[shift..shift + len]);
        let there = cargo.there as usize;
        if data.len() != from + len || room[shift..shift + len] != self.pool[there..there + len] {
            self.wrong.set(self.wrong.get() + 1);
        }
        // In two pieces, the later one first.
        let answer = &self.pool[cargo.back as usize..][..cargo.back_len as usize];
        let (head, tail) = answer.split_at(answer.len() / 3);
        out.write_at(head.len(), tail);
        out.write_at(0, head);
    }
}

/// The typed service.
#[sab_service]
pub(crate) trait Carry {
    fn swap(&self, header: [u8; 20], data: BulkIn<'_>, out: BulkOut<'_>) -> Result<u32, String>;
    /// Values in and out, through the codec.
    fn weigh(&self, text: &str, items: Vec<u64>, wanted: Option<u32>) -> (u64, String, Vec<u64>);
    /// How many messages arrived wrong, and the pages of memory.
    fn account(&self) -> (u32, u32);
}

impl Carry for Depot {
    fn swap(&self, header: [u8; 20], data: BulkIn<'_>, mut out: BulkOut<'_>) -> Result<u32, String> {
        Depot::swap(self, Cargo::of(header), 0, &data, &mut out);
        Ok(out.filled() as u32)
    }

    fn weigh(&self, text: &str, items: Vec<u64>, wanted: Option<u32>) -> (u64, String, Vec<u64>) {
        let sum = items.iter().fold(text.len() as u64, |sum, item| sum.wrapping_add(*item));
        let kept = wanted.map_or(items.len(), |wanted| wanted as usize);
        (sum, text.to_owned(), items.into_iter().take(kept).collect())
    }

    fn account(&self) -> (u32, u32) {
        (self.wrong.get(), pages())
    }
}

static SWAP: OpInfo = OpInfo::raw(0, "swap");
static ACCOUNT: OpInfo = OpInfo::raw(1, "account");

/// The raw service.
pub(crate) static RAW: ServiceInfo =
    ServiceInfo::new("RawCarry", const { &[OpInfo::raw(0, "swap"), OpInfo::raw(1, "account")] });

/// Serves raw calls.
#[derive(Default)]
pub(crate) struct RawDepot(Depot);

impl Dispatch for RawDepot {
    fn info(&self) -> &'static ServiceInfo {
        &RAW
    }

    fn dispatch(&self, op: u32, frame: Frame) -> Dispatched {
        frame.reject(RpcError::UnknownOp { service: RAW.name.into(), op })
    }

    fn dispatch_raw(&self, op: u32, request: BulkIn<'_>, response: &mut BulkOut<'_>) -> Result<(), RpcError> {
        if op == ACCOUNT.id {
            let (wrong, pages) = self.0.account();
            response.write_at(0, &wrong.to_le_bytes());
            response.write_at(4, &pages.to_le_bytes());
            return Ok(());
        }
        let mut header = [0; Cargo::HEADER];
        request.copy_to(0, &mut header);
        self.0.swap(Cargo::of(header), Cargo::HEADER, &request, response);
        Ok(())
    }
}

/// What a caller keeps between calls.
struct Sender<'a, R: Region> {
    region: &'a R,
    pool: Vec<u8>,
    numbers: Numbers,
    room: Vec<u8>,
    growths: u32,
}

impl<'a, R: Region> Sender<'a, R> {
    fn new(region: &'a R, seed: u32) -> Self {
        let (pool, room) = (pool(), vec![0; POOL as usize + 64]);
        Self { region, pool, numbers: Numbers(seed), room, growths: 0 }
    }

    fn next(&mut self, largest: u32) -> Cargo {
        let cargo = Cargo::next(&mut self.numbers, largest, self.growths < GROWTHS);
        self.growths += u32::from(cargo.grow);
        if self.growths < GROWTHS && self.numbers.next(400) == 0 {
            self.growths += 1;
            grow();
        }
        if self.numbers.next(1000) == 0 {
            // Until the server has gone to sleep; nobody notifies that word.
            self.region.wait(0, self.region.load(0), std::time::Duration::from_millis(1));
        }
        cargo
    }

    /// Makes one call by `call`, which is given what to send and the room for the answer, and returns the answer's
    /// length.
    fn carry(&mut self, cargo: Cargo, call: impl FnOnce(&[u8], &mut [u8]) -> usize) {
        const GUARD: [u8; 8] = [0xEE; 8];
        let (start, len) = (8 + self.numbers.next(9) as usize, cargo.back_len as usize);
        self.room[start - 8..start].copy_from_slice(&GUARD);
        self.room[start + len..start + len + 8].copy_from_slice(&GUARD);
        let sent = &self.pool[cargo.there as usize..][..cargo.len as usize];
        // With some room to spare: what is not filled stays as it was.
        let spare = self.numbers.next(9) as usize;
        let filled = call(sent, &mut self.room[start..start + len + spare]);
        assert_eq!(filled, len, "{cargo:?}");
        let expected = &self.pool[cargo.back as usize..][..len];
        assert!(self.room[start..start + len] == *expected, "{cargo:?} to {start}");
        let around = (&self.room[start - 8..start], &self.room[start + len..start + len + 8]);
        assert_eq!(around, (&GUARD[..], &GUARD[..]), "{cargo:?} beside {start}");
    }
}

/// Checks that nothing arrived wrong at the server, and that both memories have grown, where they do.
fn settle(account: (u32, u32), pages_before: (u32, u32)) {
    assert_eq!(account.0, 0, "messages arrived wrong at the server");
    if cfg!(target_family = "wasm") {
        assert!(account.1 > pages_before.1 + 20, "the server's memory has grown: {} pages", account.1);
        assert!(pages() > pages_before.0 + 20, "and ours: {} pages", pages());
    }
}

/// Makes raw calls, each of which fits into the area.
pub(crate) fn raw_calls<R: Region>(caller: &Caller<R>, region: &R, area: u32, calls: u32) {
    let account = || {
        let mut answer = [0; 8];
        assert_eq!(caller.call_raw(&ACCOUNT, &[], &mut answer), Ok(8));
        let [wrong, pages] =
            [0, 4].map(|at| u32::from_le_bytes([answer[at], answer[at + 1], answer[at + 2], answer[at + 3]]));
        (wrong, pages)
    };
    let before = (pages(), account().1);
    let mut sender = Sender::new(region, 0x5EED);
    let mut message = Vec::new();
    for _ in 0..calls {
        let cargo = sender.next(area / 2 - 64);
        let shift = sender.numbers.next(9) as usize;
        sender.carry(cargo, |sent, room| {
            message.clear();
            message.resize(shift, 0);
            message.extend_from_slice(&cargo.header());
            message.extend_from_slice(sent);
            caller.call_raw(&SWAP, &message[shift..], room).unwrap()
        });
    }
    settle(account(), before);
}

/// Makes typed calls, some of which are larger than the area.
pub(crate) fn typed_calls<R: Region>(client: &CarryClient<R>, region: &R, area: u32, calls: u32) {
    let before = (pages(), client.account().unwrap().1);
    let mut sender = Sender::new(region, 0xFACE);
    let items: Vec<u64> = (0..600).map(|item| u64::MAX / 601 * item).collect();
    let text = "Zähl die Bytes, nicht die Zeichen. ".repeat(20);
    for call in 0..calls {
        if call % 10 == 0 {
            let (from, count) = (sender.numbers.next(500) as usize, sender.numbers.next(100) as usize);
            let items = &items[from..from + count];
            let text = text.get(..from).unwrap_or("ß");
            let wanted = (count % 3 == 0).then_some(count as u32 / 2);
            let sum = items.iter().fold(text.len() as u64, |sum, item| sum.wrapping_add(*item));
            let kept = items[..wanted.map_or(count, |wanted| wanted as usize)].to_vec();
            assert_eq!(client.weigh(text, items.to_vec(), wanted), Ok((sum, text.to_owned(), kept)));
            continue;
        }
        let cargo = sender.next((4 * area).min(POOL));
        sender.carry(cargo, |sent, room| client.swap(cargo.header(), sent, room).unwrap() as usize);
    }
    settle(client.account().unwrap(), before);
}
