//! Bytes of a file in memory, kept in chunks that exist only where something was written, so that an offset beyond 4 GiB
//! costs what is written there and no more. Temporary files and the memory store stand on it.

use std::collections::BTreeMap;

const CHUNK: u64 = 4096;

/// No file is larger: the largest offset that SQLite and the browsers can name.
const MAX_SIZE: u64 = i64::MAX as u64;

/// A growing, sparse array of bytes.
#[derive(Clone, Default)]
pub(crate) struct Pages {
    chunks: BTreeMap<u64, Box<[u8]>>,
    size: u64,
}

impl Pages {
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Hands the bytes from `offset` on to `sink` in order, at most `len`, each with its distance from `offset`; says how
    /// many there were.
    pub(crate) fn read(&self, offset: u64, len: usize, mut sink: impl FnMut(usize, &[u8])) -> usize {
        const ZEROS: [u8; CHUNK as usize] = [0; CHUNK as usize];
        let available = usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let len = len.min(available);
        for span in spans(offset, len) {
            let bytes = self.chunks.get(&span.chunk).map_or(&ZEROS[..], |chunk| &chunk[..]);
            sink(span.done, &bytes[span.from..span.to]);
        }
        len
    }

    /// Writes `len` bytes at `offset`, asking `fill` for them piece by piece; `false` says that no file can be so large,
    /// and nothing was written.
    pub(crate) fn write(&mut self, offset: u64, len: usize, mut fill: impl FnMut(usize, &mut [u8])) -> bool {
        let Some(end) = offset.checked_add(len as u64).filter(|end| *end <= MAX_SIZE) else {
            return false;
        };
        for span in spans(offset, len) {
            let chunk = self.chunks.entry(span.chunk).or_insert_with(|| vec![0; CHUNK as usize].into());
            fill(span.done, &mut chunk[span.from..span.to]);
        }
        // A write of nothing does not grow a file.
        if len > 0 {
            self.size = self.size.max(end);
        }
        true
    }

    /// Sets the size; `false` says that no file can be so large.
    pub(crate) fn truncate(&mut self, size: u64) -> bool {
        if size > MAX_SIZE {
            return false;
        }
        if size < self.size {
            self.chunks.split_off(&size.div_ceil(CHUNK));
            // What was cut off must read as zeros when the file grows again.
            if let Some(last) = self.chunks.get_mut(&(size / CHUNK)) {
                last[(size % CHUNK) as usize..].fill(0);
            }
        }
        self.size = size;
        true
    }

    /// Writes a slice.
    pub(crate) fn write_slice(&mut self, offset: u64, data: &[u8]) -> bool {
        self.write(offset, data.len(), |done, chunk| {
            chunk.copy_from_slice(&data[done..done + chunk.len()]);
        })
    }

    /// All bytes.
    pub(crate) fn to_vec(&self) -> Vec<u8> {
        let mut all = Vec::new();
        self.read(0, usize::MAX, |_, bytes| all.extend_from_slice(bytes));
        all
    }
}

/// A piece of a range that lies within one chunk.
struct Span {
    chunk: u64,
    from: usize,
    to: usize,
    done: usize,
}

fn spans(offset: u64, len: usize) -> impl Iterator<Item = Span> {
    let mut done = 0;
    std::iter::from_fn(move || {
        if done == len {
            return None;
        }
        let at = offset + done as u64;
        let from = (at % CHUNK) as usize;
        let to = (CHUNK as usize).min(from + (len - done));
        let span = Span { chunk: at / CHUNK, from, to, done };
        done += to - from;
        Some(span)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behaves_like_a_plain_vector() {
        let mut pages = Pages::default();
        let mut model: Vec<u8> = Vec::new();
        let mut seed = 7_u64;
        let mut random = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        for round in 0..2000 {
            let (offset, len) = (random(20_000), random(9_000) as usize);
            match random(3) {
                0 => {
                    let data = vec![round as u8; len];
                    assert!(pages.write_slice(offset, &data));
                    if len > 0 {
                        model.resize(model.len().max(offset as usize + len), 0);
                        model[offset as usize..offset as usize + len].copy_from_slice(&data);
                    }
                }
                1 => {
                    assert!(pages.truncate(offset));
                    model.resize(offset as usize, 0);
                }
                _ => {
                    let mut got = Vec::new();
                    let count = pages.read(offset, len, |done, bytes| {
                        assert_eq!(done, got.len());
                        got.extend_from_slice(bytes);
                    });
                    let from = model.len().min(offset as usize);
                    let to = model.len().min(offset as usize + len);
                    assert_eq!((count, &got[..]), (to - from, &model[from..to]));
                }
            }
            assert_eq!(pages.size(), model.len() as u64);
        }
        assert_eq!(pages.to_vec(), model);
    }

    #[test]
    fn far_offsets_cost_only_what_is_written() {
        let mut pages = Pages::default();
        assert!(pages.write_slice(5 << 30, b"far"));
        assert_eq!((pages.size(), pages.chunks.len()), ((5 << 30) + 3, 1));
        assert!(!pages.write_slice(u64::MAX - 1, b"beyond"));
        assert!(!pages.write_slice(i64::MAX as u64, b"b"));
        assert!(!pages.truncate(u64::MAX));
        assert_eq!(pages.size(), (5 << 30) + 3);
    }
}
