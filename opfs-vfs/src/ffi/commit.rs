//! Which write to a log makes a transaction count, and whether a sync comes after it.
//!
//! SQLite counts a transaction once its last frame is written; whether it syncs then is a setting. Without a sync that
//! write has to be done when it returns, since nothing else would tell of its failure. With one it can be gathered with
//! the others, and the sync tells. So a connection that was seen to sync is expected to do so again, until some
//! connection of this thread changes that setting.
//!
//! Where overwriting is not powersafe SQLite fills the sector behind the last frame with copies of it, syncs in the middle of
//! the last copy, where the sector ends, and writes the rest. The transaction does not count before that, so the sync is put
//! off until the rest is there: then both go to the disk at once.
//!
//! A transaction that has changed frames which it had already written makes the checksums of the headers from there on anew, as
//! the last it does: then a sync in the middle of a frame has no rest that will come.

/// Bytes of a log's header, and of a frame's.
const LOG_HEADER: u64 = 32;
const FRAME_HEADER: usize = 24;

/// The newest transaction of a connection on its log.
#[derive(Clone, Copy, Default)]
pub(super) struct Commit {
    /// The header of a frame that ends a transaction was written, and its page follows.
    header: bool,
    /// Bytes of a page, and where the newest write ended.
    page: u64,
    end: u64,
    /// The newest write went on where the one before ended.
    goes_on: bool,
    /// The transaction whose last frame was written, and the one that was synced after that.
    written: Option<u64>,
    synced: Option<u64>,
    /// A sync was asked for in the middle of a frame.
    put_off: bool,
    /// The settings with which a sync was seen.
    syncs: Option<u64>,
}

/// What is to be done about a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// It is gathered.
    Gather,
    /// It has to be done when SQLite hears of it.
    Wait,
    /// It has to be done and last.
    Sync,
}

impl Commit {
    /// A write to the log, in transaction `now` if that holds the lock of writers.
    ///
    /// A frame is written as a header, which names the size of the database in its second word if the frame is the last one,
    /// and a page.
    pub(super) fn writes(&mut self, data: &[u8], offset: u64, now: Option<u64>, settings: u64) -> Then {
        if offset < LOG_HEADER {
            // The log begins anew; what was written of it before is over.
            (self.header, self.put_off, self.goes_on) = (false, false, false);
            self.end = offset + data.len() as u64;
            return Then::Gather;
        }
        self.goes_on = offset == self.end;
        self.end = offset;
        let begins = self.page == 0 || !self.is_within_frame();
        self.end = offset + data.len() as u64;
        if self.written != now {
            // Of a transaction that has failed.
            self.put_off = false;
        }
        if data.len() == FRAME_HEADER && begins {
            self.header = data[4..8] != [0; 4];
            // One that is made anew after the last frame is what makes the transaction count.
            let again = self.header && !self.goes_on && self.written == now;
            return if again { self.counts(now, settings) } else { Then::Gather };
        }
        // A part of a frame comes after a whole one.
        self.page = self.page.max(data.len() as u64);
        if !self.header {
            return Then::Gather;
        }
        self.written = now;
        if self.put_off {
            if self.is_within_frame() {
                return Then::Gather;
            }
            self.put_off = false;
            self.saw_sync(now, settings);
            return Then::Sync;
        }
        self.counts(now, settings)
    }

    /// What is to be done about a write that makes the transaction count.
    fn counts(&self, now: Option<u64>, settings: u64) -> Then {
        let told = now.is_some() && self.synced != now && self.syncs == Some(settings);
        if told { Then::Gather } else { Then::Wait }
    }

    /// A sync of the log; whether it is to be done now.
    pub(super) fn syncs(&mut self, now: Option<u64>, settings: u64) -> bool {
        if now.is_none() || self.written != now {
            return true;
        }
        self.put_off = self.goes_on && self.is_within_frame();
        if !self.put_off {
            self.saw_sync(now, settings);
        }
        !self.put_off
    }

    fn saw_sync(&mut self, now: Option<u64>, settings: u64) {
        self.synced = now;
        self.syncs = Some(settings);
    }

    fn is_within_frame(&self) -> bool {
        let frame = FRAME_HEADER as u64 + self.page;
        !self.end.saturating_sub(LOG_HEADER).is_multiple_of(frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: [u8; 24] = [0; 24];
    const LAST: [u8; 24] = [1; 24];
    const PAGE: [u8; 512] = [0; 512];

    /// A log as SQLite writes it.
    struct Log {
        commit: Commit,
        end: u64,
    }

    impl Log {
        fn write(&mut self, data: &[u8], now: Option<u64>, settings: u64) -> Then {
            let offset = self.end;
            self.end += data.len() as u64;
            self.commit.writes(data, offset, now, settings)
        }

        /// A transaction of two frames; what is to be done about the last write.
        fn transaction(&mut self, now: Option<u64>, settings: u64) -> Then {
            for data in [&PLAIN[..], &PAGE, &LAST] {
                assert_eq!(self.write(data, now, settings), Then::Gather);
            }
            self.write(&PAGE, now, settings)
        }
    }

    fn log() -> Log {
        Log { commit: Commit::default(), end: 32 }
    }

    #[test]
    fn the_last_frame_is_waited_for_until_a_sync_was_seen_after_it() {
        let mut log = log();
        assert!(log.commit.syncs(Some(0), 7));
        assert_eq!(log.transaction(Some(1), 7), Then::Wait, "a sync before the first frame tells nothing");
        assert!(log.commit.syncs(Some(1), 7));
        assert_eq!(log.write(&PAGE, Some(1), 7), Then::Wait, "what comes after the sync is waited for");
        log.end -= 512;
        assert_eq!(log.transaction(Some(2), 7), Then::Gather);
        assert!(log.commit.syncs(Some(2), 7));
        assert_eq!(log.transaction(Some(3), 8), Then::Wait, "other settings");
        assert!(log.commit.syncs(Some(4), 8));
        assert_eq!(
            log.transaction(Some(5), 8),
            Then::Wait,
            "a sync of a later transaction, such as a checkpoint's"
        );
        assert!(log.commit.syncs(Some(5), 8));
        assert_eq!(log.transaction(None, 8), Then::Wait, "without the lock nothing tells transactions apart");
        assert!(log.commit.syncs(None, 9));
        assert_eq!(log.transaction(Some(7), 9), Then::Wait);
    }

    #[test]
    fn a_sync_in_the_middle_of_a_frame_comes_with_the_rest_of_it() {
        let mut log = log();
        for (now, before) in [(1, Then::Wait), (2, Then::Gather)] {
            assert_eq!(log.transaction(Some(now), 7), before);
            assert_eq!(log.write(&LAST, Some(now), 7), Then::Gather);
            assert_eq!(log.write(&PAGE[..100], Some(now), 7), before);
            assert!(!log.commit.syncs(Some(now), 7), "put off");
            assert_eq!(log.write(&PAGE[100..], Some(now), 7), Then::Sync);
        }
        // Where the part is as long as a header.
        assert_eq!(log.transaction(Some(8), 7), Then::Gather);
        assert_eq!(log.write(&LAST, Some(8), 7), Then::Gather);
        assert_eq!(log.write(&PAGE[..24], Some(8), 7), Then::Gather);
        assert!(!log.commit.syncs(Some(8), 7));
        assert_eq!(log.write(&PAGE[24..], Some(8), 7), Then::Sync);
        // Also in the middle of a frame's header.
        assert_eq!(log.transaction(Some(3), 7), Then::Gather);
        assert_eq!(log.write(&LAST[..10], Some(3), 7), Then::Gather);
        assert!(!log.commit.syncs(Some(3), 7));
        assert_eq!(log.write(&LAST[10..], Some(3), 7), Then::Gather);
        assert_eq!(log.write(&PAGE, Some(3), 7), Then::Sync);
        // One that fails in between leaves nothing to the next.
        assert_eq!(log.transaction(Some(4), 7), Then::Gather);
        assert_eq!(log.write(&LAST, Some(4), 7), Then::Gather);
        assert_eq!(log.write(&PAGE[..100], Some(4), 7), Then::Gather);
        assert!(!log.commit.syncs(Some(4), 7));
        log.end = 32;
        assert_eq!(log.transaction(Some(5), 7), Then::Gather);
        assert!(log.commit.syncs(Some(5), 7));
    }

    #[test]
    fn a_sync_after_checksums_were_made_anew_is_not_put_off() {
        let mut log = log();
        log.transaction(Some(1), 7);
        log.end -= 536;
        assert_eq!(log.write(&LAST, Some(1), 7), Then::Wait, "no sync may come");
        assert!(log.commit.syncs(Some(1), 7), "nothing comes after it");
        log.end += 512;
        log.transaction(Some(2), 7);
        log.end -= 536;
        assert_eq!(log.write(&LAST, Some(2), 7), Then::Gather);
    }

    #[test]
    fn the_sync_of_a_log_that_begins_anew_tells_nothing_of_commits() {
        let mut log = log();
        assert_eq!(log.transaction(Some(1), 7), Then::Wait);
        log.end = 0;
        assert_eq!(log.write(&[1; 32], Some(2), 7), Then::Gather);
        assert!(log.commit.syncs(Some(2), 7));
        for now in [2, 3] {
            assert_eq!(log.transaction(Some(now), 7), Then::Wait, "no sync follows");
        }
    }
}
