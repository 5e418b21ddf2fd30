//! What this thread knows of a write-ahead log: its bytes from the start on, as far as this thread has written them itself, or
//! read them in order, as it does to make the index anew. So it reads its own frames, until they are copied back, without a call.

/// Bytes that are kept at most; an automatic checkpoint comes at half of that with pages of 4 KiB.
const MOST: usize = 8 << 20;

/// Bytes that are read at once.
pub(super) const AHEAD: usize = 120 << 10;

/// The first bytes of one log.
#[derive(Default)]
pub(super) struct LogCopy {
    bytes: Vec<u8>,
}

impl LogCopy {
    /// Another thread or tab has written it.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
    }

    /// The log was written here.
    pub(super) fn write(&mut self, offset: u64, data: &[u8]) {
        let Some(from) = usize::try_from(offset).ok().filter(|from| *from <= self.bytes.len()) else {
            // A gap: what is behind it is not kept.
            return;
        };
        let (over, behind) = data.split_at(data.len().min(self.bytes.len() - from));
        self.bytes[from..from + over.len()].copy_from_slice(over);
        if self.bytes.len() + behind.len() <= MOST {
            self.bytes.extend_from_slice(behind);
        }
    }

    /// Its size was changed here.
    pub(super) fn truncate(&mut self, size: u64) {
        self.bytes.truncate(usize::try_from(size).unwrap_or(usize::MAX));
    }

    /// Where to read on to have a range here that begins where the others end, or before. As much of it as comes is then
    /// [written](Self::write) here.
    pub(super) fn next(&self, offset: u64) -> Option<u64> {
        let end = self.bytes.len();
        (offset <= end as u64 && end + AHEAD <= MOST).then_some(end as u64)
    }

    /// Fills `out` if all of it is here.
    pub(super) fn read(&self, offset: u64, out: &mut [u8]) -> bool {
        let here =
            usize::try_from(offset).ok().and_then(|from| self.bytes.get(from..from.checked_add(out.len())?));
        if let Some(here) = here {
            out.copy_from_slice(here);
        }
        here.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_from_the_start_on_is_here_and_nothing_else() {
        let mut log = LogCopy::default();
        let read = |log: &LogCopy, offset, len| {
            let mut out = vec![0xEE; len];
            log.read(offset, &mut out).then_some(out)
        };
        log.write(100, &[9; 10]);
        assert_eq!(read(&log, 100, 10), None, "behind a gap");
        log.write(0, &[1; 32]);
        log.write(32, &[2; 24]);
        log.write(50, &[3; 20]);
        assert_eq!(read(&log, 30, 4), Some(vec![1, 1, 2, 2]));
        assert_eq!(read(&log, 48, 22), Some([vec![2; 2], vec![3; 20]].concat()));
        assert_eq!(read(&log, 60, 11), None, "beyond what was written");
        log.truncate(40);
        assert_eq!((read(&log, 38, 2), read(&log, 38, 3)), (Some(vec![2, 2]), None));
        log.write(30, &vec![4; MOST]);
        assert_eq!(
            (read(&log, 30, 10), read(&log, 40, 1)),
            (Some(vec![4; 10]), None),
            "there is no room for more"
        );
        assert_eq!((log.next(30), log.next(40), log.next(41)), (Some(40), Some(40), None));
        log.clear();
        assert_eq!((log.next(0), log.next(1)), (Some(0), None));
        log.write(0, &[5; 32]);
        assert_eq!((log.next(32), log.next(8), log.next(33)), (Some(32), Some(32), None));
        log.clear();
        assert_eq!(read(&log, 0, 1), None);
        assert_eq!(read(&log, u64::MAX, 1), None);
    }
}
