//! How long to poll before a real wait: an adaptive budget.
//!
//! Polling wins when the peer answers within microseconds and loses when it needs the very core that polls. So a miss
//! halves the budget down to a floor, a hit doubles it, and now and then more than a full budget is tried, in case the
//! peer has become fast. That has to outlast a wake-up: two sides that both go to sleep at once wake each other up with
//! every call, and neither would ever see the other awake. Such a try is timed: how many polls are worth their while
//! depends on engine and machine.
//!
//! A caller that had to wake its server knows more: the answer will take a wake-up at least. Whether polling ends that
//! wait sooner depends on where the system lets the server run. On the very core that polls, sleeping at once is three
//! times as fast; on another one that is awake, polling is. So both are tried, and timed ([`Roused`]).

use std::time::Duration;

/// The longest time that is polled: about what it costs to sleep and be woken.
const WORTH: Duration = Duration::from_micros(50);

/// Polls allowed for the next wait.
#[derive(Debug)]
pub(crate) struct Spin {
    max: u32,
    budget: u32,
    misses: u32,
    exploring: bool,
    /// How many whole budgets a wait is worth that is known to take long; 0 for any other.
    patience: u32,
    /// How many times as long as usual a spin may last.
    scale: u32,
}

impl Spin {
    /// Every so many misses the budget is tried that many times.
    const EXPLORE_EVERY: u32 = 32;
    const EXPLORE_TIMES: u32 = 4;
    /// The bounds of a whole budget, whatever was measured.
    const BOUNDS: (u32, u32) = (512, 1 << 20);

    /// `max` is the first guess of how many polls take [`WORTH`]; with 0, nothing is polled for more than once.
    pub(crate) fn new(max: u32) -> Self {
        Self { max, budget: max, misses: 0, exploring: max > 0, patience: 0, scale: 1 }
    }

    #[inline]
    pub(crate) fn budget(&self) -> u32 {
        match self.patience {
            0 => self.budget.saturating_mul(self.scale),
            budgets => self.max.saturating_mul(budgets),
        }
    }

    /// Lets every spin last so many times as long; how long is learnt as before.
    pub(crate) fn set_scale(&mut self, times: u32) {
        self.scale = times.max(1);
    }

    /// From now on a wait is worth so many whole budgets; 0 leaves it to what was learnt. Gives what held before.
    pub(crate) fn set_patience(&mut self, budgets: u32) -> u32 {
        std::mem::replace(&mut self.patience, budgets)
    }

    /// Whether a wait is known to take long.
    pub(crate) fn is_patient(&self) -> bool {
        self.patience > 0
    }

    /// Whether the next spin should be timed, should it be in vain.
    #[inline]
    pub(crate) fn is_exploring(&self) -> bool {
        self.exploring && self.patience == 0
    }

    #[inline]
    pub(crate) fn hit(&mut self) {
        // What was found out by exploring holds at once.
        if self.budget != self.max {
            self.budget = (self.budget * 2).min(self.max);
        }
        self.exploring = false;
    }

    /// The budget was spent in vain, in the time `took` if that was measured.
    #[cold]
    pub(crate) fn missed(&mut self, took: Option<Duration>) {
        // What takes long by nature says nothing of the peer.
        if self.max == 0 || self.patience > 0 {
            return;
        }
        if let Some(took) = took {
            let worth = u128::from(self.budget()) * WORTH.as_nanos() / took.as_nanos().max(1);
            // Not all at once: the thread may have been off its core.
            let worth = worth.clamp(u128::from(self.max / 2), u128::from(self.max) * 2) as u32;
            self.max = worth.clamp(Self::BOUNDS.0, Self::BOUNDS.1);
        }
        self.misses = self.misses.wrapping_add(1);
        self.exploring = self.misses.is_multiple_of(Self::EXPLORE_EVERY);
        self.budget = if self.exploring {
            self.max * Self::EXPLORE_TIMES
        } else {
            (self.budget.min(self.max) / 2).max(self.floor())
        };
    }

    fn floor(&self) -> u32 {
        (self.max / 100).max(16)
    }
}

/// How a caller waits for a server that it had to wake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Polls first, as ever.
    Poll,
    /// Sleeps at once.
    Sleep,
}

/// What waiting for a server took that had to be woken, either way.
#[derive(Debug, Default)]
pub(crate) struct Roused {
    waits: u32,
    /// Running averages, once there is anything to average.
    polling: Option<Duration>,
    sleeping: Option<Duration>,
}

impl Roused {
    /// With every so many waits the slower way is tried again.
    const EXPLORE_EVERY: u32 = 32;

    /// What to do with the next wait.
    pub(crate) fn choose(&mut self) -> Way {
        self.waits = self.waits.wrapping_add(1);
        let explores = self.waits.is_multiple_of(Self::EXPLORE_EVERY);
        match (self.polling, self.sleeping) {
            (None, _) => Way::Poll,
            (_, None) => Way::Sleep,
            (polling, sleeping) if (polling <= sleeping) == explores => Way::Sleep,
            _ => Way::Poll,
        }
    }

    /// What it took in the end.
    pub(crate) fn took(&mut self, way: Way, time: Duration) {
        let average = match way {
            Way::Poll => &mut self.polling,
            Way::Sleep => &mut self.sleeping,
        };
        // A method that took long for once says nothing of the way. Where the clock is coarse, a first time may be none.
        let most = average.map_or(WORTH * 4, |before| (before * 2).max(WORTH));
        let time = time.min(most);
        *average = Some(average.map_or(time, |before| (before * 7 + time) / 8));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misses_shrink_the_budget_hits_restore_it_and_the_full_one_is_explored() {
        let mut spin = Spin::new(6400);
        (0..31).for_each(|_| spin.missed(None));
        assert_eq!(spin.budget(), 64);
        assert!(!spin.is_exploring());
        spin.missed(None);
        assert_eq!(spin.budget(), 4 * 6400, "explored");
        assert!(spin.is_exploring());
        spin.hit();
        assert_eq!(spin.budget(), 6400, "worth it again");
        (0..10).for_each(|_| spin.missed(None));
        (0..10).for_each(|_| spin.hit());
        assert_eq!(spin.budget(), 6400);
    }

    #[test]
    fn a_patient_wait_polls_longer_and_teaches_nothing() {
        let mut spin = Spin::new(1000);
        spin.hit();
        assert_eq!((spin.set_patience(6), spin.budget()), (0, 6000));
        (0..40).for_each(|_| spin.missed(None));
        assert_eq!((spin.set_patience(0), spin.budget()), (6, 1000));
        spin.set_scale(3);
        assert_eq!(spin.budget(), 3000);
        spin.missed(None);
        assert_eq!(spin.budget(), 1500, "learnt as ever");
        let mut never = Spin::new(0);
        never.set_patience(6);
        assert_eq!(never.budget(), 0, "where polling is worth nothing");
    }

    #[test]
    fn what_a_spin_is_worth_is_measured() {
        let mut spin = Spin::new(6000);
        // 10 ns a poll, and then one that was off its core.
        spin.missed(Some(Duration::from_micros(60)));
        (0..20).for_each(|_| spin.hit());
        assert_eq!(spin.budget(), 5000);
        spin.missed(Some(Duration::from_millis(10)));
        (0..20).for_each(|_| spin.hit());
        assert_eq!(spin.budget(), 2500);
        spin.missed(Some(Duration::ZERO));
        (0..20).for_each(|_| spin.hit());
        assert_eq!(spin.budget(), 5000);
    }
    #[test]
    fn who_had_to_wake_the_server_waits_the_way_that_was_quicker() {
        let micros = Duration::from_micros;
        let mut roused = Roused::default();
        let mut wait = |polling: u64, sleeping: u64| {
            let way = roused.choose();
            roused.took(way, micros(if way == Way::Poll { polling } else { sleeping }));
            way
        };
        assert_eq!([wait(0, 20), wait(60, 20)], [Way::Poll, Way::Sleep], "both are tried");
        // A clock that had not moved does not decide for good.
        (0..64).for_each(|_| {
            wait(60, 20);
        });
        let slept = (0..64).filter(|_| wait(60, 20) == Way::Sleep).count();
        assert_eq!(slept, 62, "and the slower one now and then");
        for _ in 0..640 {
            wait(5, 20);
        }
        let slept = (0..64).filter(|_| wait(5, 20) == Way::Sleep).count();
        assert_eq!(slept, 2, "the server came to another core");
    }

    #[test]
    fn a_long_method_for_once_does_not_change_the_way() {
        let mut roused = Roused::default();
        roused.took(Way::Poll, Duration::from_micros(60));
        roused.took(Way::Sleep, Duration::from_micros(20));
        roused.took(Way::Sleep, Duration::from_secs(1));
        assert_eq!(roused.choose(), Way::Sleep);
    }
}
