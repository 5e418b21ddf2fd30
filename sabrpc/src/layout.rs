//! Where everything lies in a region: the wire specification as constants.
//!
//! All words are 32-bit, little-endian and 4-aligned; all offsets are bytes from the start of the region. A word has
//! exactly one writer unless the table says otherwise, and words of different writers never share a cache line.
//!
//! | offset | word | written by | meaning |
//! | --- | --- | --- | --- |
//! | 0 | `MAGIC` | creator | `"SAB\x01"`, read first by whoever opens the region |
//! | 4 | `VERSION` | creator | layout version, [`LAYOUT_VERSION`] |
//! | 8 | `MAILBOXES` | creator | number of mailboxes |
//! | 12 | `AREA` | creator | bytes of payload area of each mailbox |
//! | 16 | `NUMBER` | creator | 8 bytes that no other channel has, or 0 |
//! | 64 | `SERVER_STATE` | server, stopper, who sees a server die (compare-exchange) | see [`server_state`] |
//! | 68 | `SERVER_VOUCHED` | server | which server it is, as in `SERVER_STATE`, once it is missed when its thread ends |
//! | 72, 76 | `SCHEMA_LO`, `SCHEMA_HI` | server | schema hash of the service, valid while serving |
//! | 80 | `TABLE_LEN` | server | bytes of the table of operations, valid while serving; 0 if it has no room |
//! | 84 | `LOOKED` | server | when it last looked around: the low 32 bits of the milliseconds since 1970 |
//! | 88 | `EXECUTING` | server | the request that it executes, see [`executing`], or 0: it may be silent of those that take microseconds |
//! | 92 | `METRICS_TURN` | server | counts up before and after it shows its metrics: odd in between |
//! | 96 to 111 | `BEACON` | server | UUID of an object URL of its thread, highest byte first, or 0: it is seen from there whether that lives |
//! | 128 | `DOORBELL` | callers (atomic add) | what a sleeping server waits on |
//! | 192 | `SERVER_SLEEPS` | server | 1 while the server may be asleep: who publishes must ring the bell |
//! | 256 + 384·i | mailbox i | | see below |
//! | [`Geometry::area`]\(i) | payload area of mailbox i | the owner of the call | request, then response |
//! | [`Geometry::table`] | table of operations | server | a [`ServedService`](crate::ServedService) in postcard |
//! | [`Geometry::metrics`]\(op) | what was counted | server | for the first [`METERED`] operations of the table, [`METRICS`] bytes each: count, errors, nanoseconds of time and of wait, bytes in and out, nanoseconds of the longest call, 0, as 8 bytes each; then 112 buckets of a histogram, as 4 bytes each |
//!
//! A mailbox, relative to its start:
//!
//! | offset | word | written by | meaning |
//! | --- | --- | --- | --- |
//! | 0 | `REQUEST` | caller | sequence number of the newest request; stored last, with everything below it visible |
//! | 4 | `REQUEST_OP` | caller | op id (low 16 bits), [`request_flags`], and who asks (high 10 bits) |
//! | 8 | `REQUEST_LEN` | caller | bytes of arguments, or of this piece; in a raw request, see [`RawLen`] |
//! | 12 to 123 | | caller | these bytes themselves, if they are at most [`INLINE`] |
//! | 128 | `RESPONSE` | server | sequence number of the newest answered request; stored last |
//! | 132 | `RESPONSE_STATUS` | server | [`status`] |
//! | 136 | `RESPONSE_LEN` | server | bytes of the answer, or of this piece |
//! | 140 to 251 | | server | these bytes themselves, if they are at most [`INLINE`] |
//! | 252 | `TAKEN` | server | number of a request that was under way when the server last went to sleep |
//! | 256 | `OWNER` | callers (compare-exchange) | generation: odd while a caller is attached |
//! | 260 | `CALLER_SLEEPS` | caller; who wakes it stores 0 | 1 while the caller may be asleep, waiting for this very word to change |
//! | 264 | `INTERRUPT` | who interrupts; the caller | the value of `OWNER` of the caller that is to stop waiting |
//! | 268 | `GIVEN_UP` | caller | which request nobody waits for any more, see [`given_up`], or 0 |
//! | 272 | `WAITERS` | caller | how many of the numbers below are valid, at most [`MAX_WAITERS`] |
//! | 276 | `VOUCHED` | caller | the value of `OWNER` of a caller who is missed when his worker ends |
//! | 280 to 343 | | caller | `NUMBER`s of channels that nobody serves until this request is answered |
//! | 344 to 375 | | caller, service (compare-exchange) | [`NOTES`] words that mean what these two agree on, see [`Note`](crate::Note) |
//! | 376 | `SINCE` | caller | since when it has been asleep, as in `LOOKED`, or 0: told after a while |
//!
//! What is short lies in the mailbox, beside its length, and so travels with the very cache line that announces it; what
//! is longer lies in the area, and only that. Bulk bytes are always there.
//!
//! A mailbox is idle when `REQUEST == RESPONSE`. While it is not, its area belongs to the server; else to the caller.

/// First word of every region: `"SAB\x01"` in little-endian order.
pub const MAGIC: i32 = i32::from_le_bytes(*b"SAB\x01");
/// Version of this layout. Regions of another version are refused.
pub const LAYOUT_VERSION: i32 = 3;

pub(crate) const AT_MAGIC: u32 = 0;
pub(crate) const AT_VERSION: u32 = 4;
pub(crate) const AT_MAILBOXES: u32 = 8;
pub(crate) const AT_AREA: u32 = 12;
pub(crate) const AT_NUMBER: u32 = 16;
pub(crate) const AT_SERVER_STATE: u32 = 64;
#[cfg(any(target_family = "wasm", test))]
pub(crate) const AT_SERVER_VOUCHED: u32 = 68;
pub(crate) const AT_SCHEMA_LO: u32 = 72;
pub(crate) const AT_SCHEMA_HI: u32 = 76;
/// Where the server says how long its table of operations is.
pub const AT_TABLE_LEN: u32 = 80;
pub(crate) const AT_LOOKED: u32 = 84;
pub(crate) const AT_EXECUTING: u32 = 88;
pub(crate) const AT_METRICS_TURN: u32 = 92;
#[cfg(any(target_family = "wasm", test))]
pub(crate) const AT_BEACON: u32 = 96;
pub(crate) const AT_DOORBELL: u32 = 128;
pub(crate) const AT_SERVER_SLEEPS: u32 = 192;

pub(crate) const HEADER: u32 = 256;
pub(crate) const MAILBOX: u32 = 384;
/// Bytes for the server's table of operations.
pub(crate) const TABLE: u32 = 8192;
/// Most operations of which a server shows what it has counted.
pub const METERED: u32 = 64;
/// Bytes of what it shows of one.
pub const METRICS: u32 = 512;

/// Most bytes of arguments or of an answer that lie in the mailbox itself.
pub const INLINE: usize = 112;

/// How many bytes a length announces: its low 26 bits. (The others are used by [`RawLen`] alone, and are 0 elsewhere.)
#[inline]
pub const fn announced(len: i32) -> usize {
    (len & ((1 << RawLen::LEN) - 1)) as usize
}

/// How many bytes lie in the mailbox itself when `len` is announced there.
#[inline]
pub const fn inline_len(len: i32) -> usize {
    let len = announced(len);
    if len <= INLINE { len } else { 0 }
}

/// `GIVEN_UP` of the request with this number: twice that and 1, so that it is never 0. A flag would not do: the server
/// may see it of one request, and then the next.
pub const fn given_up(seq: i32) -> i32 {
    seq << 1 | 1
}

/// `EXECUTING` of this request of a mailbox: the mailbox and 1 in the low 9 bits, and as much of the number as has room.
pub const fn executing(mailbox: u32, seq: i32) -> i32 {
    seq << 9 | (mailbox + 1) as i32
}

/// Most channels that a caller names whose servers wait for its request.
pub const MAX_WAITERS: u32 = 8;

/// Words of each mailbox that caller and service use as they agree.
pub const NOTES: u32 = 8;

/// Most mailboxes that a channel can have.
pub const MAX_MAILBOXES: u32 = 256;
/// Smallest payload area of a mailbox, in bytes.
pub const MIN_AREA: u32 = 4096;
/// Largest payload area of a mailbox, in bytes: a length has 26 bits.
pub const MAX_AREA: u32 = (64 << 20) - 64;

/// Values of the low three bits of `SERVER_STATE`. The bits above count the servers that the channel has had, so that
/// what somebody says of one server's end is never taken for another's.
pub mod server_state {
    /// No server has begun to serve yet.
    pub const NONE: i32 = 0;
    /// Requests are being served.
    pub const SERVING: i32 = 1;
    /// A stop was asked for: no new request is taken.
    pub const STOPPING: i32 = 2;
    /// The server has stopped in an orderly way.
    pub const STOPPED: i32 = 3;
    /// The server panicked, trapped or was dropped while it served.
    pub const FAILED: i32 = 4;
    /// A server has taken the channel and is about to serve.
    pub const OPENING: i32 = 5;

    /// The part of the word that has one of these values.
    pub const MASK: i32 = 7;
    /// How far the number of the server is shifted.
    pub const SHIFT: u32 = 3;
}

/// Flags in the upper half of `REQUEST_OP`.
pub mod request_flags {
    /// The caller does not wait for the answer; an error is fetched with the next call.
    pub const ONEWAY: i32 = 1 << 16;
    /// One piece of a request that is larger than the area; more follow.
    pub const PIECE: i32 = 1 << 17;
    /// The first piece of such a request: pieces of an earlier, abandoned one are forgotten.
    pub const FIRST: i32 = 1 << 18;
    /// The last piece: the request is complete and to be executed.
    pub const LAST: i32 = 1 << 19;
    /// Asks for the next piece of an answer that is larger than the area.
    pub const CONTINUE: i32 = 1 << 20;

    /// Several one-way calls in one request; the op id is that of the first. The answer lists those that failed.
    pub const BATCH: i32 = 1 << 21;

    /// The highest 10 bits tell who asks: half the value of `OWNER`. A server that has not noticed yet that a mailbox
    /// changed hands learns it here, before it takes a request for one of the earlier owner.
    pub fn asker(owner: i32) -> i32 {
        owner >> 1 << 22
    }

    /// The part of `REQUEST_OP` that [`asker`] fills.
    pub const ASKER: i32 = -1 << 22;
}

/// `REQUEST_LEN` of a raw request: the low 26 bits are its bytes. If they lie in the area, they begin as far into it as
/// the next 3 bits say. The response begins as far behind them, rounded up to a multiple of 8, as the highest 3 bits say.
/// These are the addresses of the caller's own buffers modulo 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawLen {
    /// Where in the area the request is, if it is longer than [`INLINE`].
    pub request_at: u32,
    /// Its bytes.
    pub len: u32,
    /// Where in the area the response goes, if it is longer than [`INLINE`].
    pub response_at: u32,
}

impl RawLen {
    const LEN: u32 = 26;

    /// For `len` bytes, at most [`MAX_AREA`], and buffers at these addresses.
    #[inline]
    pub fn new(len: u32, request: usize, response: usize) -> Self {
        let response = response as u32 & 7;
        if len <= INLINE as u32 {
            return Self { request_at: 0, len, response_at: response };
        }
        let request_at = request as u32 & 7;
        Self { request_at, len, response_at: (request_at + len).next_multiple_of(8) + response }
    }

    /// The word.
    #[inline]
    pub fn to_word(self) -> i32 {
        (self.len | self.request_at << Self::LEN | (self.response_at & 7) << (Self::LEN + 3)) as i32
    }

    /// What a word says.
    #[inline]
    pub fn from_word(word: i32) -> Self {
        let bits = word as u32;
        let response = (bits >> (Self::LEN + 3)) as usize;
        Self::new(announced(word) as u32, (bits >> Self::LEN) as usize, response)
    }
}

/// Values of `RESPONSE_STATUS`.
pub mod status {
    /// The operation's result follows, after the filled lengths of its bulk outputs; of a raw operation its response.
    pub const OK: i32 = 0;
    /// The service's own error follows.
    pub const SERVICE_ERROR: i32 = 1;
    /// An error of the framework follows (a serialized [`RpcError`](crate::RpcError)), at the start of the area, since
    /// the server may not have understood where the caller expects its result.
    pub const RPC_ERROR: i32 = 2;
    /// A piece of the request has arrived; send the next.
    pub const GO_ON: i32 = 3;
    /// The server that the caller attached to, or that took the request, is not there any more, or the caller itself
    /// has given the request up; nothing follows.
    pub const LOST: i32 = 4;
    /// Flag: this is one piece of the answer, more can be fetched.
    pub const MORE: i32 = 1 << 8;
}

/// Word offsets inside one mailbox, absolute in the region.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MailboxWords {
    pub(crate) request: u32,
    pub(crate) response: u32,
    pub(crate) owner: u32,
    pub(crate) caller_sleeps: u32,
    pub(crate) interrupt: u32,
    pub(crate) given_up: u32,
    /// The numbers begin 8 bytes behind it.
    pub(crate) waiters: u32,
    #[cfg_attr(
        not(any(target_family = "wasm", test)),
        expect(dead_code, reason = "threads end by dropping their clients")
    )]
    pub(crate) vouched: u32,
    pub(crate) notes: u32,
    pub(crate) since: u32,
    pub(crate) taken: u32,
}

/// The sizes that a channel was created with, checked once and never read from the region again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    mailboxes: u32,
    area: u32,
}

impl Geometry {
    /// Checks the bounds of [`MAX_MAILBOXES`], [`MIN_AREA`] and [`MAX_AREA`]; `area` is rounded up to 64 bytes.
    /// `None` when they do not hold or the region would not fit into 32-bit offsets.
    pub fn new(mailboxes: u32, area: u32) -> Option<Self> {
        if !(1..=MAX_MAILBOXES).contains(&mailboxes) || !(MIN_AREA..=MAX_AREA).contains(&area) {
            return None;
        }
        let geometry = Self { mailboxes, area: area.next_multiple_of(64) };
        geometry.checked_size().map(|_| geometry)
    }

    fn checked_size(self) -> Option<u32> {
        let mailboxes = MAILBOX.checked_mul(self.mailboxes)?;
        let areas = self.area.checked_mul(self.mailboxes)?;
        let size = HEADER
            .checked_add(mailboxes)?
            .checked_add(areas)?
            .checked_add(TABLE)?
            .checked_add(METERED * METRICS)?;
        (size <= i32::MAX as u32).then_some(size)
    }

    /// Bytes that a region of this geometry needs.
    pub fn region_size(self) -> u32 {
        self.metrics(METERED)
    }

    /// Offset of what the server has counted of the operation at place `op` of its table.
    pub fn metrics(self, op: u32) -> u32 {
        self.table() + TABLE + METRICS * op
    }

    /// Offset of the server's table of operations.
    pub fn table(self) -> u32 {
        HEADER + (MAILBOX + self.area) * self.mailboxes
    }

    /// Number of mailboxes.
    pub fn mailboxes(self) -> u32 {
        self.mailboxes
    }

    /// Bytes of payload area of each mailbox.
    pub fn area_size(self) -> u32 {
        self.area
    }

    /// Offset of the payload area of mailbox `index`.
    pub fn area(self, index: u32) -> u32 {
        debug_assert!(index < self.mailboxes);
        HEADER + MAILBOX * self.mailboxes + self.area * index
    }

    pub(crate) fn words(self, index: u32) -> MailboxWords {
        debug_assert!(index < self.mailboxes);
        let at = HEADER + MAILBOX * index;
        MailboxWords {
            request: at,
            response: at + 128,
            owner: at + 256,
            caller_sleeps: at + 260,
            interrupt: at + 264,
            given_up: at + 268,
            waiters: at + 272,
            vouched: at + 276,
            notes: at + 344,
            since: at + 376,
            taken: at + 252,
        }
    }
}

#[cfg(test)]
mod spec;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_overlaps_and_areas_are_aligned() {
        for (mailboxes, area) in [(1, MIN_AREA), (8, 128 << 10), (MAX_MAILBOXES, 5000)] {
            let geometry = Geometry::new(mailboxes, area).unwrap();
            let mut end = HEADER;
            for index in 0..mailboxes {
                let words = geometry.words(index);
                assert_eq!(words.request, end);
                assert!(words.waiters + 8 + 8 * MAX_WAITERS <= words.notes);
                assert_eq!(words.taken, words.response + 12 + INLINE as u32);
                assert_eq!(words.since, words.notes + 4 * NOTES);
                assert!(words.since < words.request + MAILBOX);
                end += MAILBOX;
            }
            for index in 0..mailboxes {
                assert_eq!(geometry.area(index), end);
                assert_eq!(end % 64, 0);
                end += geometry.area_size();
            }
            assert_eq!(end, geometry.table());
            assert_eq!(end + TABLE + METERED * METRICS, geometry.region_size());
        }
    }

    #[test]
    fn a_raw_length_comes_back_from_its_word() {
        for (len, request, response) in [(0, 0, 0), (1, 7, 7), (113, 7, 7), (MAX_AREA, 3, 5)] {
            let raw = RawLen::new(len, request, response);
            assert_eq!(RawLen::from_word(raw.to_word()), raw);
            assert_eq!(inline_len(raw.to_word()), if len <= 112 { len as usize } else { 0 });
        }
        let raw = RawLen::new(130, 0x1003, 0x2006);
        assert_eq!((raw.request_at, raw.response_at), (3, 136 + 6));
    }

    #[test]
    fn impossible_geometries_are_refused() {
        assert!(Geometry::new(0, MIN_AREA).is_none());
        assert!(Geometry::new(1, MIN_AREA - 1).is_none());
        assert!(Geometry::new(MAX_MAILBOXES + 1, MIN_AREA).is_none());
        assert!(Geometry::new(MAX_MAILBOXES, MAX_AREA).is_none(), "would not fit into 31 bits");
    }
}
