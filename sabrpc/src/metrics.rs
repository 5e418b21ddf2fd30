//! Counters per operation, at the caller and at the server.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ServiceInfo;

/// What was counted for one operation since its client attached, or its server started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpMetrics {
    /// Name of the operation.
    pub name: String,
    /// Calls that were begun.
    pub count: u64,
    /// Calls that ended in an error, the service's own included.
    pub errors: u64,
    /// Time spent on the calls, without [`wait`](Self::wait): encoding, copying and decoding at a caller, the
    /// method itself at a server. Of calls that take only microseconds one in 1,024 is timed, for all; raw calls never are.
    pub time: Duration,
    /// Time spent waiting: for the answer at a caller, for the method's awaits at a server.
    pub wait: Duration,
    /// Bytes of arguments and bulk inputs.
    pub bytes_in: u64,
    /// Bytes of results and bulk outputs.
    pub bytes_out: u64,
}

impl OpMetrics {
    /// The operations that were called at all, as a table for people, one line each.
    ///
    /// ```
    /// # use sabrpc::OpMetrics;
    /// let read = OpMetrics { name: "xRead".into(), count: 2, ..Default::default() };
    /// assert!(OpMetrics::table(&[read, OpMetrics::default()]).lines().count() == 2);
    /// ```
    pub fn table(metrics: &[Self]) -> String {
        let mut table = format!(
            "{:<22}{:>9}{:>8}{:>12}{:>12}{:>12}{:>12}\n",
            "operation", "count", "errors", "time ms", "wait ms", "KiB in", "KiB out"
        );
        for op in metrics.iter().filter(|op| op.count > 0) {
            let millis = |time: Duration| time.as_secs_f64() * 1e3;
            let kib = |bytes: u64| bytes as f64 / 1024.0;
            table += &format!(
                "{:<22}{:>9}{:>8}{:>12.2}{:>12.2}{:>12.1}{:>12.1}\n",
                op.name,
                op.count,
                op.errors,
                millis(op.time),
                millis(op.wait),
                kib(op.bytes_in),
                kib(op.bytes_out)
            );
        }
        table
    }
}

/// The counters of one side.
#[derive(Debug)]
pub(crate) struct Meters {
    ops: Vec<Meter>,
}

/// The counters of one operation, and when its calls are timed.
///
/// Reading the clock costs more than a short call (some 300 ns in Chromium, and microseconds now and then). So of the calls that take microseconds
/// only one in [`EVERY`](Self::EVERY) is timed, for all since the one before; the first few and the slow ones all are.
#[derive(Debug)]
struct Meter {
    sums: OpMetrics,
    untimed: u32,
    slow: bool,
}

impl Meter {
    const FIRST: u64 = 16;
    const EVERY: u32 = 1024;
    const SLOW: Duration = Duration::from_micros(20);
}

impl Meters {
    pub(crate) fn new(service: &ServiceInfo) -> Self {
        let named = |op: &crate::OpInfo| OpMetrics { name: op.name.into(), ..Default::default() };
        let meter = |op| Meter { sums: named(op), untimed: 0, slow: false };
        Self { ops: service.ops.iter().map(meter).collect() }
    }

    /// Whether the call that begins is to be timed.
    #[inline]
    pub(crate) fn is_timed(&self, op: usize) -> bool {
        self.ops
            .get(op)
            .is_some_and(|op| op.slow || op.untimed + 1 >= Meter::EVERY || op.sums.count < Meter::FIRST)
    }

    /// Counts a call that took `(time, wait)`, if it was timed.
    #[inline]
    pub(crate) fn call(
        &mut self,
        op: usize,
        timed: Option<(Duration, Duration)>,
        bytes_in: u64,
        bytes_out: u64,
    ) {
        let Some(op) = self.ops.get_mut(op) else { return };
        op.sums.count += 1;
        op.sums.bytes_in += bytes_in;
        op.sums.bytes_out += bytes_out;
        match timed {
            None => op.untimed += 1,
            Some((time, wait)) => {
                op.slow = time + wait > Meter::SLOW;
                // A slow one stands for itself: those that were not timed are left to the next that is like them.
                let times = if op.slow { 1 } else { std::mem::take(&mut op.untimed) + 1 };
                op.sums.time += time * times;
                op.sums.wait += wait * times;
            }
        }
    }

    /// Counts a raw call, or one that is gathered, which are not timed.
    #[inline]
    pub(crate) fn tally(&mut self, op: usize, bytes_in: usize, bytes_out: usize) {
        let Some(op) = self.ops.get_mut(op) else { return };
        op.sums.count += 1;
        op.sums.bytes_in += bytes_in as u64;
        op.sums.bytes_out += bytes_out as u64;
    }

    /// Counts time asleep of one call, which is always measured.
    pub(crate) fn slept(&mut self, op: usize, slept: Duration) {
        if let Some(op) = self.ops.get_mut(op) {
            op.sums.wait += slept;
        }
    }

    /// Counts a failure.
    pub(crate) fn error(&mut self, op: usize) {
        if let Some(op) = self.ops.get_mut(op) {
            op.sums.errors += 1;
        }
    }

    pub(crate) fn snapshot(&self) -> Vec<OpMetrics> {
        self.ops.iter().map(|op| op.sums.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{OpFlags, OpInfo};

    const NULL: OpInfo = OpInfo {
        id: 1,
        name: "null",
        signature: "()",
        wire: 0,
        flags: OpFlags::NONE,
        bulk_in: 0,
        bulk_out: 0,
        doc: "",
        deadline: None,
    };

    #[test]
    fn a_timed_call_stands_for_those_before_it_that_were_not() {
        let mut meters = Meters::new(&const { ServiceInfo::new("S", &[NULL]) });
        let micro = Duration::from_micros(1);
        let mut timed = 0;
        for _ in 0..16 + 1024 * 10 {
            let is_timed = meters.is_timed(0);
            timed += u32::from(is_timed);
            meters.call(0, is_timed.then_some((micro, 2 * micro)), 1, 2);
        }
        let sums = &meters.snapshot()[0];
        assert_eq!(timed, 16 + 10);
        assert_eq!((sums.count, sums.time, sums.wait), (10256, 10256 * micro, 20512 * micro));
        assert_eq!((sums.bytes_in, sums.bytes_out), (10256, 20512));
        meters.slept(0, micro);
        assert_eq!(meters.snapshot()[0].wait, 20513 * micro);
    }

    #[test]
    fn a_slow_call_does_not_stand_for_the_fast_ones_before_it() {
        let mut meters = Meters::new(&const { ServiceInfo::new("S", &[NULL]) });
        let (micro, milli) = (Duration::from_micros(1), Duration::from_millis(1));
        (0..100).for_each(|_| meters.call(0, None, 0, 0));
        meters.call(0, Some((milli, milli)), 0, 0);
        assert_eq!((meters.snapshot()[0].time, meters.snapshot()[0].wait), (milli, milli));
        assert!(meters.is_timed(0), "the next is timed again");
        meters.call(0, Some((micro, Duration::ZERO)), 0, 0);
        assert_eq!(meters.snapshot()[0].time, milli + 101 * micro);
    }

    #[test]
    fn slow_calls_are_all_timed() {
        let mut meters = Meters::new(&const { ServiceInfo::new("S", &[NULL]) });
        for _ in 0..100 {
            assert!(meters.is_timed(0));
            meters.call(0, Some((Duration::from_millis(1), Duration::ZERO)), 0, 0);
        }
    }
}
