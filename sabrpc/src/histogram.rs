//! How long calls took, as a histogram of fixed size: adding to it allocates nothing and takes a few instructions.

use std::time::Duration;

/// Buckets of a histogram.
pub(crate) const BUCKETS: usize = 112;

/// Calls by how long they took. The first bucket is for less than [`FIRST`](Self::FIRST) nanoseconds; from there on every
/// doubling has four buckets of the same width, and the last takes whatever is left, from half a minute up. A bucket is
/// so at most a quarter as wide as the times in it are long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Histogram {
    pub(crate) counts: [u32; BUCKETS],
    /// The longest, in nanoseconds.
    pub(crate) max: u64,
}

impl Histogram {
    /// The first bucket ends at two to this power.
    const FIRST: u32 = 7;

    /// Nothing was counted.
    pub(crate) const EMPTY: Self = Self { counts: [0; BUCKETS], max: 0 };

    /// Counts `calls` that each took that long.
    pub(crate) fn add(&mut self, took: Duration, calls: u32) {
        let nanos = nanos(took);
        self.max = self.max.max(nanos);
        let count = &mut self.counts[Self::bucket(nanos)];
        *count = count.saturating_add(calls);
    }

    fn bucket(nanos: u64) -> usize {
        let Some(doublings) = nanos.checked_ilog2().and_then(|log| log.checked_sub(Self::FIRST)) else {
            return 0;
        };
        let quarter = nanos >> (doublings + Self::FIRST - 2) & 3;
        (1 + 4 * doublings as usize + quarter as usize).min(BUCKETS - 1)
    }

    /// Where a bucket ends.
    fn end(bucket: usize) -> u64 {
        match bucket {
            0 => 1 << Self::FIRST,
            _ => ((bucket as u64 - 1) % 4 + 5) << ((bucket - 1) / 4) << (Self::FIRST - 2),
        }
    }

    /// The time that so many per mille of the calls did not exceed; zero if there were none.
    pub(crate) fn quantile(&self, per_mille: u64) -> Duration {
        let all: u64 = self.counts.iter().map(|&count| u64::from(count)).sum();
        let wanted = (all * per_mille).div_ceil(1000).max(1);
        let mut seen = 0;
        let bucket = self.counts.iter().position(|&count| {
            seen += u64::from(count);
            seen >= wanted
        });
        let ends = |bucket| if bucket == BUCKETS - 1 { self.max } else { Self::end(bucket).min(self.max) };
        Duration::from_nanos(bucket.map_or(0, ends))
    }

    /// The longest.
    pub(crate) fn max(&self) -> Duration {
        Duration::from_nanos(self.max)
    }
}

/// A duration that has as many nanoseconds as a word of 64 bits can hold.
pub(crate) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_is_in_the_bucket_that_ends_just_above_it() {
        let mut nanos = 1_u64;
        while nanos < 1 << 34 {
            let bucket = Histogram::bucket(nanos);
            let end = Histogram::end(bucket);
            assert!(nanos < end, "{nanos} in bucket {bucket}, which ends at {end}");
            let begin = if bucket == 0 { 0 } else { Histogram::end(bucket - 1) };
            assert!(begin <= nanos, "{nanos} in bucket {bucket}, which begins at {begin}");
            assert!(bucket == 0 || (end - begin) * 4 <= begin, "bucket {bucket} is too wide");
            nanos += 1 + nanos / 7;
        }
        assert_eq!(Histogram::bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn quantiles_are_what_they_are_called() {
        let mut histogram = Histogram::EMPTY;
        assert_eq!((histogram.quantile(500), histogram.max()), (Duration::ZERO, Duration::ZERO));
        (1..=1000).for_each(|micros| histogram.add(Duration::from_micros(micros), 1));
        for (per_mille, exact) in [(1, 1.0), (500, 500.0), (990, 990.0), (1000, 1000.0)] {
            let found = histogram.quantile(per_mille).as_secs_f64() * 1e6;
            assert!((exact..=exact * 1.25).contains(&found), "{per_mille}: {found} for {exact}");
        }
        assert_eq!(histogram.max(), Duration::from_millis(1));
        histogram.add(Duration::from_secs(600), 1_000_000);
        assert_eq!(histogram.quantile(500), Duration::from_secs(600), "what has no end ends at the longest");
    }
}
