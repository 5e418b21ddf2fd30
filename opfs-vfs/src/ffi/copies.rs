//! Copies of a database's bytes on this side of the channel: a bounded number of blocks, thrown out in turn.
//!
//! They are right as long as nobody else writes the file. The I/O worker says with each SHARED lock whether somebody has
//! since the last one, and nobody can while the lock is held; what this thread writes goes into the copies too.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Bytes of one block.
pub(super) const BLOCK: usize = 4096;

/// Most blocks that are fetched at once while a file is read from front to back.
const MOST_AHEAD: usize = 16;

/// Blocks that are fetched at least as long as there is room for twice as many: a call costs more than its bytes.
const FEW: usize = 4;

/// The blocks of one file.
pub(super) struct Copies {
    places: HashMap<u64, usize, BuildHasherDefault<Spread>>,
    slots: Vec<Slot>,
    /// How many of them are taken; the others are left from before everything was forgotten.
    taken: usize,
    limit: usize,
    hand: usize,
    /// The block after the last one that was missed, and how far to read ahead when it is the next to be missed.
    expected: u64,
    ahead: usize,
}

struct Slot {
    block: u64,
    used: bool,
    /// Each has memory of its own, since there may be many and most databases need few.
    bytes: Box<[u8]>,
}

/// Block numbers are spread by a multiplication; nobody chooses them to collide.
#[derive(Default)]
pub(super) struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29);
    }
}

/// The part of a range that lies in one block.
struct Part {
    block: u64,
    from: usize,
    done: usize,
    len: usize,
}

fn parts(offset: u64, len: usize) -> impl Iterator<Item = Part> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let at = offset + done as u64;
        let from = (at % BLOCK as u64) as usize;
        let part = Part { block: at / BLOCK as u64, from, done, len: (BLOCK - from).min(len - done) };
        done += part.len;
        (part.len > 0).then_some(part)
    })
}

impl Copies {
    /// No copies yet, and room for so many bytes.
    pub(super) fn new(room: usize) -> Self {
        Self {
            places: HashMap::default(),
            slots: Vec::new(),
            taken: 0,
            limit: room / BLOCK,
            hand: 0,
            expected: u64::MAX,
            ahead: 1,
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.places.clear();
        (self.taken, self.hand) = (0, 0);
        self.expected = u64::MAX;
    }

    /// Fills `out` if all of it is here.
    pub(super) fn read(&mut self, offset: u64, out: &mut [u8]) -> bool {
        for part in parts(offset, out.len()) {
            let Some(place) = self.places.get(&part.block) else {
                return false;
            };
            let slot = &mut self.slots[*place];
            slot.used = true;
            out[part.done..part.done + part.len]
                .copy_from_slice(&slot.bytes[part.from..part.from + part.len]);
        }
        true
    }

    /// The blocks to fetch when this range was not here, in a file of that size: first and number. `None` where copies are
    /// not worth it, or impossible: the last block of a file is kept only if it is whole.
    pub(super) fn wanted(&mut self, offset: u64, len: usize, size: u64) -> Option<(u64, usize)> {
        let first = offset / BLOCK as u64;
        let last = (offset + len as u64).div_ceil(BLOCK as u64);
        let whole = size / BLOCK as u64;
        let needed = usize::try_from(last - first).ok()?;
        if last > whole || needed > self.limit.min(MOST_AHEAD) {
            return None;
        }
        self.ahead = if first == self.expected { (self.ahead * 2).min(MOST_AHEAD) } else { 1 };
        let few = if self.taken < self.limit / 2 { FEW } else { 1 };
        let most = usize::try_from(whole - first).unwrap_or(usize::MAX);
        let count = needed.max(self.ahead).max(few).min(most).min(self.limit.div_ceil(4).max(needed));
        self.expected = first + count as u64;
        Some((first, count))
    }

    /// Takes in whole blocks that were fetched.
    pub(super) fn take_in(&mut self, first: u64, bytes: &[u8]) {
        for (block, bytes) in (first..).zip(bytes.chunks_exact(BLOCK)) {
            let place = match self.places.get(&block) {
                Some(place) => *place,
                None => self.make_room(block),
            };
            self.slots[place].used = true;
            self.slots[place].bytes.copy_from_slice(bytes);
        }
    }

    /// Brings what is here up to date with a write.
    pub(super) fn write(&mut self, offset: u64, data: &[u8]) {
        for part in parts(offset, data.len()) {
            if let Some(place) = self.places.get(&part.block) {
                let bytes = &mut self.slots[*place].bytes[part.from..part.from + part.len];
                bytes.copy_from_slice(&data[part.done..part.done + part.len]);
            }
        }
    }

    /// A place for `block`, of a block that was not used lately.
    fn make_room(&mut self, block: u64) -> usize {
        let place = if self.taken < self.limit {
            if self.taken == self.slots.len() {
                self.slots.push(Slot { block, used: false, bytes: vec![0; BLOCK].into() });
            }
            self.taken += 1;
            self.taken - 1
        } else {
            while std::mem::take(&mut self.slots[self.hand].used) {
                self.hand = (self.hand + 1) % self.limit;
            }
            let place = self.hand;
            self.hand = (self.hand + 1) % self.limit;
            self.places.remove(&self.slots[place].block);
            place
        };
        self.slots[place].block = block;
        self.places.insert(block, place);
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Random reads and writes of a file through copies with little room are those of the file itself.
    #[test]
    fn copies_are_what_is_in_the_file() {
        let mut seed = 5_u64;
        let mut random = move |below: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as usize % below
        };
        let size = 40 * BLOCK + 100;
        let mut file: Vec<u8> = (0..size).map(|at| (at / 7) as u8).collect();
        let mut copies = Copies::new(12 * BLOCK);
        let (mut hits, mut ahead, mut kept) = (0, 0, 0);
        for round in 0..20_000 {
            let offset = if round % 3 == 0 { round * 512 % size } else { random(size) };
            let len = [16, 512, BLOCK, 3 * BLOCK][random(4)].min(size - offset);
            if random(4) == 0 {
                let data = vec![round as u8; len];
                file[offset..offset + len].copy_from_slice(&data);
                copies.write(offset as u64, &data);
                continue;
            }
            let mut out = vec![0; len];
            if copies.read(offset as u64, &mut out) {
                hits += 1;
                assert_eq!(out, file[offset..offset + len], "round {round}");
            } else if let Some((first, count)) = copies.wanted(offset as u64, len, size as u64) {
                let from = first as usize * BLOCK;
                ahead += usize::from(count > len.div_ceil(BLOCK) + 1);
                copies.take_in(first, &file[from..from + count * BLOCK]);
                // With so little room one block of a range may have made room for the next.
                if copies.read(offset as u64, &mut out) {
                    assert_eq!(out, file[offset..offset + len]);
                    kept += 1;
                }
            }
            assert!(copies.slots.len() <= 12);
        }
        assert!(
            hits > 1000 && ahead > 0 && kept > 1000,
            "{hits} hits, {ahead} times ahead, {kept} were kept"
        );
        copies.clear();
        assert!(!copies.read(0, &mut [0; 16]));
    }

    #[test]
    fn without_room_nothing_is_kept() {
        let mut copies = Copies::new(0);
        assert_eq!(copies.wanted(0, 16, 1 << 20), None);
        assert!(!copies.read(0, &mut [0; 16]));
    }
}
