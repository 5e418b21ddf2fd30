//! How a connection of the SQLite worker waits for locks that others hold.
//!
//! SQLite's own busy timeout adds up its sleeps, not the time that passes: each of its tries may stand in line for a tab's
//! lock on top. The handler here goes by the clock. And it does not wait at all for another connection of this same worker:
//! that one can end its transaction only when this thread is free to hear of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rusqlite::Connection;

use crate::ffi;
use crate::platform::unix_millis;

/// Pause between two tries. The longer waits are in line for another tab's lock, within each try.
const PAUSE: Duration = Duration::from_millis(5);

/// Whether waiting is in vain now; shared by the connections of one worker, set before each use of one.
#[derive(Clone, Default)]
pub(super) struct InVain(Arc<AtomicBool>);

impl InVain {
    pub(super) fn set(&self, in_vain: bool) {
        self.0.store(in_vain, Ordering::Relaxed);
    }

    /// Has `connection` wait up to `timeout` for each lock, with the sleep of the VFS named `vfs`.
    pub(super) fn handle(
        &self,
        connection: &mut Connection,
        timeout: Duration,
        vfs: &str,
    ) -> rusqlite::Result<()> {
        let (in_vain, vfs) = (self.clone(), vfs.to_owned());
        let mut wait = Wait::new(timeout);
        connection.busy_handler(Some(move |tries: i32| {
            let again = !in_vain.0.load(Ordering::Relaxed) && wait.goes_on(tries, unix_millis());
            if again {
                ffi::sleep(&vfs, PAUSE);
            }
            again
        }))
    }
}

/// One wait after the other, each for at most `timeout` milliseconds.
struct Wait {
    timeout: i64,
    since: i64,
}

impl Wait {
    fn new(timeout: Duration) -> Self {
        Self { timeout: i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX), since: 0 }
    }

    /// Whether to try once more; SQLite counts the tries of each wait from zero.
    fn goes_on(&mut self, tries: i32, now: i64) -> bool {
        if tries == 0 {
            self.since = now;
        }
        // A clock that was set back would wait that much longer.
        let waited = now - self.since;
        (0..self.timeout).contains(&waited)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_ends_by_the_clock_however_long_each_try_took() {
        let mut wait = Wait::new(Duration::from_millis(1000));
        assert!(wait.goes_on(0, 5_000));
        assert!(wait.goes_on(1, 5_999));
        assert!(!wait.goes_on(2, 6_000));
        assert!(wait.goes_on(0, 9_000), "the next wait is one of its own");
        assert!(!wait.goes_on(1, 8_000), "the clock was set back");
    }

    #[test]
    fn no_timeout_is_too_long_and_none_waits_never() {
        assert!(Wait::new(Duration::MAX).goes_on(0, i64::MAX));
        assert!(!Wait::new(Duration::ZERO).goes_on(0, 1));
    }
}
