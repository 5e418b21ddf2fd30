//! How long to poll before a real wait: an adaptive budget.
//!
//! Polling wins when the peer answers within microseconds and loses when it needs the very core that polls. So a miss
//! halves the budget down to a floor, a hit doubles it, and now and then a full budget is tried again, in case the
//! peer has become fast.

/// Polls allowed for the next wait.
#[derive(Debug)]
pub(crate) struct Spin {
    max: u32,
    floor: u32,
    budget: u32,
    misses: u32,
}

impl Spin {
    /// Every so many misses the whole budget is tried.
    const EXPLORE_EVERY: u32 = 32;

    pub(crate) fn new(max: u32) -> Self {
        Self { max, floor: (max / 100).max(16).min(max), budget: max, misses: 0 }
    }

    pub(crate) fn budget(&self) -> u32 {
        self.budget
    }

    pub(crate) fn hit(&mut self) {
        self.budget = (self.budget * 2).min(self.max);
    }

    pub(crate) fn missed(&mut self) {
        self.misses = self.misses.wrapping_add(1);
        self.budget = match self.misses % Self::EXPLORE_EVERY {
            0 => self.max,
            _ => (self.budget / 2).max(self.floor),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misses_shrink_the_budget_hits_restore_it_and_the_full_one_is_explored() {
        let mut spin = Spin::new(6400);
        (0..31).for_each(|_| spin.missed());
        assert_eq!(spin.budget(), 64);
        spin.missed();
        assert_eq!(spin.budget(), 6400, "explored");
        (0..10).for_each(|_| spin.missed());
        (0..10).for_each(|_| spin.hit());
        assert_eq!(spin.budget(), 6400);
    }
}
