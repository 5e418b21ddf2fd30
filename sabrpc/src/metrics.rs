//! Counters per operation, at the caller and at the server, which shows its own in the region.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    Channel, Region, RpcError, ServiceInfo,
    histogram::{BUCKETS, Histogram, nanos},
    layout::{self, METERED, METRICS},
};

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
    /// The time, waiting included, that half of the calls did not exceed, to a quarter of it. This and the next two are
    /// of the calls that were timed, of those that a caller slept in for, and not of raw ones.
    pub p50: Duration,
    /// The same for 99 of 100 calls.
    pub p99: Duration,
    /// The longest.
    pub max: Duration,
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
            "{:<22}{:>9}{:>8}{:>12}{:>12}{:>10}{:>10}{:>10}{:>11}{:>11}\n",
            "operation",
            "count",
            "errors",
            "time ms",
            "wait ms",
            "p50 us",
            "p99 us",
            "max us",
            "KiB in",
            "KiB out"
        );
        for op in metrics.iter().filter(|op| op.count > 0) {
            let (millis, micros) =
                (|time: Duration| time.as_secs_f64() * 1e3, |time: Duration| time.as_micros());
            let kib = |bytes: u64| bytes as f64 / 1024.0;
            table += &format!(
                "{:<22}{:>9}{:>8}{:>12.2}{:>12.2}{:>10}{:>10}{:>10}{:>11.1}{:>11.1}\n",
                op.name,
                op.count,
                op.errors,
                millis(op.time),
                millis(op.wait),
                micros(op.p50),
                micros(op.p99),
                micros(op.max),
                kib(op.bytes_in),
                kib(op.bytes_out)
            );
        }
        table
    }

    fn with_quantiles(self, took: &Histogram) -> Self {
        Self { p50: took.quantile(500), p99: took.quantile(990), max: took.max(), ..self }
    }
}

/// How often a reader looks again at what a server is writing.
const LOOKS: u32 = 1000;

/// The counters of one side.
#[derive(Debug)]
pub(crate) struct Meters {
    ops: Vec<Meter>,
    /// How many of them have counted something since the others were told.
    untold: u32,
}

/// The counters of one operation, and when its calls are timed.
///
/// Reading the clock costs more than a short call (some 300 ns in Chromium, and microseconds now and then). So of the calls that take microseconds
/// only one in [`EVERY`](Self::EVERY) is timed, for all since the one before; the first few and the slow ones all are.
#[derive(Debug)]
struct Meter {
    sums: OpMetrics,
    took: Histogram,
    untimed: u32,
    /// Those of the untimed that are not in the histogram either.
    unplaced: u32,
    slow: bool,
    is_told: bool,
}

impl Meter {
    const FIRST: u64 = 16;
    const EVERY: u32 = 1024;
    const SLOW: Duration = Duration::from_micros(20);
}

impl Meters {
    pub(crate) fn new(service: &ServiceInfo) -> Self {
        let named = |op: &crate::OpInfo| OpMetrics { name: op.name.into(), ..Default::default() };
        let meter = |op| Meter {
            sums: named(op),
            took: Histogram::EMPTY,
            untimed: 0,
            unplaced: 0,
            slow: false,
            // An earlier server may have left its own numbers.
            is_told: false,
        };
        let ops: Vec<_> = service.ops.iter().map(meter).collect();
        Self { untold: ops.len() as u32, ops }
    }

    /// Counts nothing, of so many operations.
    pub(crate) fn off(ops: usize) -> Self {
        Self { ops: Vec::new(), untold: ops as u32 }
    }

    /// Whether the call that begins is to be timed.
    #[inline]
    pub(crate) fn is_timed(&self, op: usize) -> bool {
        self.ops
            .get(op)
            .is_some_and(|op| op.slow || op.untimed + 1 >= Meter::EVERY || op.sums.count < Meter::FIRST)
    }

    #[inline]
    fn meter(&mut self, op: usize) -> Option<&mut Meter> {
        let meter = self.ops.get_mut(op)?;
        if meter.is_told {
            meter.is_told = false;
            self.untold += 1;
        }
        Some(meter)
    }

    /// Counts a call that took `(time, wait)`, if it was timed, and the time asleep, which always is.
    #[inline]
    pub(crate) fn call(
        &mut self,
        op: usize,
        timed: Option<(Duration, Duration)>,
        slept: Duration,
        bytes_in: u64,
        bytes_out: u64,
    ) {
        let Some(op) = self.meter(op) else { return };
        op.sums.count += 1;
        op.sums.bytes_in += bytes_in;
        op.sums.bytes_out += bytes_out;
        if timed.is_none() && slept.is_zero() {
            op.untimed = op.untimed.saturating_add(1);
            op.unplaced = op.unplaced.saturating_add(1);
            return;
        }
        op.time(timed, slept);
    }

    /// Counts a call that was not timed, and did not sleep.
    #[inline]
    pub(crate) fn hot(&mut self, op: usize, bytes_in: usize, bytes_out: usize) {
        let Some(op) = self.meter(op) else { return };
        op.sums.count += 1;
        op.sums.bytes_in += bytes_in as u64;
        op.sums.bytes_out += bytes_out as u64;
        op.untimed = op.untimed.saturating_add(1);
        op.unplaced = op.unplaced.saturating_add(1);
    }

    /// Counts a raw call, or one that is gathered, which are not timed.
    #[inline]
    pub(crate) fn tally(&mut self, op: usize, bytes_in: usize, bytes_out: usize) {
        let Some(op) = self.meter(op) else { return };
        op.sums.count += 1;
        op.sums.bytes_in += bytes_in as u64;
        op.sums.bytes_out += bytes_out as u64;
    }

    /// Counts a failure.
    pub(crate) fn error(&mut self, op: usize) {
        if let Some(op) = self.meter(op) {
            op.sums.errors += 1;
        }
    }

    pub(crate) fn snapshot(&self) -> Vec<OpMetrics> {
        self.ops.iter().map(|op| op.sums.clone().with_quantiles(&op.took)).collect()
    }

    /// Shows what was counted to whoever has the channel, as its server: what has changed since the last time. Allocates
    /// nothing.
    pub(crate) fn show<R: Region>(&mut self, channel: &Channel<R>) {
        if self.untold == 0 {
            return;
        }
        let untold = std::mem::take(&mut self.untold);
        let region = &channel.region;
        // Odd, also after a server that died in here: nobody else writes it, and who took the channel over has seen all that
        // the earlier one did, by the exchange in `Channel::occupy`. Both steps change the word in one go, and pair with the
        // looks in `Channel::metrics`: what is written between them is not seen before the first, nor after the second.
        let odd = if region.load(layout::AT_METRICS_TURN) % 2 == 0 { 1 } else { 2 };
        region.add(layout::AT_METRICS_TURN, odd);
        for (index, op) in self.ops.iter_mut().enumerate().take(METERED as usize) {
            if !std::mem::replace(&mut op.is_told, true) {
                region.copy_in(channel.geometry.metrics(index as u32), &op.to_bytes());
            }
        }
        if self.ops.is_empty() {
            // An earlier server may have counted.
            for index in 0..untold.min(METERED) {
                region.copy_in(channel.geometry.metrics(index), &[0; METRICS as usize]);
            }
        }
        region.add(layout::AT_METRICS_TURN, 1);
    }
}

impl Meter {
    /// Counts the time of a call of which something is known.
    #[cold]
    fn time(&mut self, timed: Option<(Duration, Duration)>, slept: Duration) {
        self.sums.wait += slept;
        let Some((time, wait)) = timed else {
            self.untimed += 1;
            return self.took.add(slept, 1);
        };
        self.slow = time + wait > Self::SLOW;
        // A slow one stands for itself: those that were not timed are left to the next that is like them.
        let times = if self.slow { 1 } else { std::mem::take(&mut self.untimed) + 1 };
        self.sums.time += time * times;
        self.sums.wait += wait * times;
        let alike = if self.slow || !slept.is_zero() { 1 } else { std::mem::take(&mut self.unplaced) + 1 };
        self.took.add(time + wait + slept, alike);
    }

    /// As the region has it: seven numbers of 8 bytes, room for one more, and the buckets, of 4 bytes each.
    fn to_bytes(&self) -> [u8; METRICS as usize] {
        let mut bytes = [0; METRICS as usize];
        let sums = &self.sums;
        let (time, wait) = (nanos(sums.time), nanos(sums.wait));
        let numbers = [sums.count, sums.errors, time, wait, sums.bytes_in, sums.bytes_out, self.took.max];
        let (head, buckets) = bytes.split_at_mut(64);
        for (number, bytes) in numbers.into_iter().zip(head.as_chunks_mut::<8>().0) {
            *bytes = number.to_le_bytes();
        }
        for (count, bytes) in self.took.counts.iter().zip(buckets.as_chunks_mut::<4>().0) {
            *bytes = count.to_le_bytes();
        }
        bytes
    }
}

/// What a server shows of one operation.
fn from_bytes(name: String, bytes: &[u8; METRICS as usize]) -> OpMetrics {
    let (head, buckets) = bytes.split_at(64);
    let number = |index: usize| u64::from_le_bytes(head.as_chunks::<8>().0[index]);
    let mut took = Histogram { max: number(6), ..Histogram::EMPTY };
    for (count, bytes) in took.counts.iter_mut().zip(buckets.as_chunks::<4>().0) {
        *count = u32::from_le_bytes(*bytes);
    }
    let sums = OpMetrics {
        name,
        count: number(0),
        errors: number(1),
        time: Duration::from_nanos(number(2)),
        wait: Duration::from_nanos(number(3)),
        bytes_in: number(4),
        bytes_out: number(5),
        ..OpMetrics::default()
    };
    sums.with_quantiles(&took)
}

impl<R: Region> Channel<R> {
    /// What the server of this channel has counted, for each operation of its table, from any thread: a few milliseconds
    /// old while it serves, and the last word of a server that has ended. Operations behind the
    /// [64th](layout::METERED) are missing.
    ///
    /// # Errors
    /// [`RpcError::Malformed`] if nobody has served yet, or the server's table has no room for its operations.
    pub fn metrics(&self) -> Result<Vec<OpMetrics>, RpcError> {
        let ops = self.last_served()?.ops;
        let mut metrics = Vec::with_capacity(ops.len().min(METERED as usize));
        let mut bytes = [0; METRICS as usize];
        let mut looks = LOOKS;
        for (index, op) in ops.into_iter().enumerate().take(METERED as usize) {
            // A server that is writing right now is soon done. One that is in the middle for good has died there, and
            // what it left will do.
            loop {
                // Pairs with the adds in `Meters::show`: of what it writes from here on we see that it is odd, or another.
                let turn = self.region.load(layout::AT_METRICS_TURN);
                self.region.copy_out(self.geometry.metrics(index as u32), &mut bytes);
                // So does this. Adding nothing is a look that nothing is moved across.
                if turn % 2 == 0 && self.region.add(layout::AT_METRICS_TURN, 0) == turn || looks == 0 {
                    break;
                }
                looks -= 1;
                std::hint::spin_loop();
            }
            metrics.push(from_bytes(op.name, &bytes));
        }
        Ok(metrics)
    }
}

const _: () = assert!(64 + 4 * BUCKETS == METRICS as usize);

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
            meters.call(0, is_timed.then_some((micro, 2 * micro)), Duration::ZERO, 1, 2);
        }
        let sums = &meters.snapshot()[0];
        assert_eq!(timed, 16 + 10);
        assert_eq!((sums.count, sums.time, sums.wait), (10256, 10256 * micro, 20512 * micro));
        assert_eq!((sums.bytes_in, sums.bytes_out), (10256, 20512));
        let buckets = 3 * micro..=4 * micro;
        assert!(buckets.contains(&sums.p50) && sums.p99 == 3 * micro && sums.max == 3 * micro, "{sums:?}");
        meters.call(0, None, 50 * micro, 0, 0);
        let sums = &meters.snapshot()[0];
        assert_eq!((sums.wait, sums.max), (20562 * micro, 50 * micro));
    }

    #[test]
    fn a_slow_call_does_not_stand_for_the_fast_ones_before_it() {
        let mut meters = Meters::new(&const { ServiceInfo::new("S", &[NULL]) });
        let (micro, milli) = (Duration::from_micros(1), Duration::from_millis(1));
        (0..100).for_each(|_| meters.call(0, None, Duration::ZERO, 0, 0));
        meters.call(0, Some((milli, milli)), Duration::ZERO, 0, 0);
        assert_eq!((meters.snapshot()[0].time, meters.snapshot()[0].wait), (milli, milli));
        assert!(meters.is_timed(0), "the next is timed again");
        meters.call(0, Some((micro, Duration::ZERO)), Duration::ZERO, 0, 0);
        assert_eq!(meters.snapshot()[0].time, milli + 101 * micro);
    }

    #[test]
    fn slow_calls_are_all_timed() {
        let mut meters = Meters::new(&const { ServiceInfo::new("S", &[NULL]) });
        for _ in 0..100 {
            assert!(meters.is_timed(0));
            meters.call(0, Some((Duration::from_millis(1), Duration::ZERO)), Duration::ZERO, 0, 0);
        }
    }
}
