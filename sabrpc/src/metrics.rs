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
    /// method itself at a server.
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
    ops: Vec<OpMetrics>,
}

impl Meters {
    pub(crate) fn new(service: &ServiceInfo) -> Self {
        let named = |op: &crate::OpInfo| OpMetrics { name: op.name.into(), ..Default::default() };
        Self { ops: service.ops.iter().map(named).collect() }
    }

    /// Counts a call that took `time` without `wait`.
    pub(crate) fn call(&mut self, op: usize, time: Duration, wait: Duration, bytes_in: u64, bytes_out: u64) {
        if let Some(op) = self.ops.get_mut(op) {
            op.count += 1;
            op.time += time;
            op.wait += wait;
            op.bytes_in += bytes_in;
            op.bytes_out += bytes_out;
        }
    }

    /// Counts a failure.
    pub(crate) fn error(&mut self, op: usize) {
        if let Some(op) = self.ops.get_mut(op) {
            op.errors += 1;
        }
    }

    pub(crate) fn snapshot(&self) -> Vec<OpMetrics> {
        self.ops.clone()
    }
}
