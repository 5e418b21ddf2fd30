//! The cases of the suite `rpc`, between native threads.

use std::time::{Duration, Instant};

use sabrpc::{BulkIn, BulkOut, Channel, ChannelConfig, native, sab_service};

use crate::{
    reference::{Pair, RawCopy},
    report::Record,
};

/// What the calls are made to.
#[sab_service]
trait Target {
    fn null(&self) -> Result<(), String>;
    fn write(&self, data: BulkIn<'_>) -> Result<u32, String>;
    fn read(&self, out: BulkOut<'_>) -> Result<u32, String>;
}

/// Copies bulk bytes to and from a buffer of its own, as a service over files would.
struct Buffer(std::cell::RefCell<Vec<u8>>);

impl Target for Buffer {
    fn null(&self) -> Result<(), String> {
        Ok(())
    }

    fn write(&self, data: BulkIn<'_>) -> Result<u32, String> {
        let buffer = &mut self.0.borrow_mut()[..data.len()];
        data.copy_to(0, buffer);
        Ok(data.len() as u32)
    }

    fn read(&self, mut out: BulkOut<'_>) -> Result<u32, String> {
        let len = out.capacity();
        out.write_at(0, &self.0.borrow()[..len]);
        Ok(len as u32)
    }
}

const LARGEST: usize = 1 << 20;

/// All cases, each measured in `rounds` alternations.
pub(crate) fn rpc(rounds: u32) -> Vec<Record> {
    let channel =
        Channel::native(ChannelConfig { mailboxes: 2, area: 2 << 20 }).expect("these sizes are in bounds");
    let _server = native::spawn(&channel, || TargetServer::new(Buffer(vec![7; LARGEST].into())));
    let client = TargetClient::attach(&channel).expect("the server has started");
    let mut records = Vec::new();

    let mut spin = Pair::spinning();
    records.push(compare("null", "spin", rounds, 5000, || client.null().expect("served"), || spin.trip()));
    drop(spin);

    let sizes = [("64b", 64, 5000), ("4k", 4096, 2000), ("64k", 1 << 16, 200), ("1m", LARGEST, 20)];
    for (case, size, calls) in sizes {
        let (write, read) = match case {
            "64b" => ("64b-write", "64b-read"),
            "4k" => ("4k-write", "4k-read"),
            "64k" => ("64k-write", "64k-read"),
            _ => ("1m-write", "1m-read"),
        };
        let bytes = vec![3; size];
        let (mut ours, mut theirs) = (vec![0; size], vec![0; size]);
        let mut raw = RawCopy::new(size);
        let writing = || assert_eq!(client.write(&bytes), Ok(size as u32));
        records.push(compare(write, "raw-copy", rounds, calls, writing, || raw.carry(&bytes, &mut theirs)));
        let reading = || assert_eq!(client.read(&mut ours), Ok(size as u32));
        records.push(compare(read, "raw-copy", rounds, calls, reading, || raw.carry(&bytes, &mut theirs)));
    }

    // Everybody is asleep when the call is made.
    let mut futex = Pair::sleeping();
    let asleep = || std::thread::sleep(Duration::from_millis(2));
    records.push(compare_after(
        "cold",
        "futex",
        rounds,
        10,
        Some(asleep),
        || client.null().expect("served"),
        || futex.trip(),
    ));
    records
}

fn compare(
    case: &'static str,
    reference: &'static str,
    rounds: u32,
    calls: u32,
    subject: impl FnMut(),
    other: impl FnMut(),
) -> Record {
    compare_after(case, reference, rounds, calls, None, subject, other)
}

/// Measures both in alternation, `calls` of each per round, each call after `before`, which is not measured; the figures
/// are medians over the rounds of the mean of one round.
fn compare_after(
    case: &'static str,
    reference: &'static str,
    rounds: u32,
    calls: u32,
    before: Option<fn()>,
    mut subject: impl FnMut(),
    mut other: impl FnMut(),
) -> Record {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    // The first rounds warm up caches, budgets and clocks.
    let warm_up = rounds / 4;
    for round in 0..rounds + warm_up {
        let (subject, other) = (measure(calls, before, &mut subject), measure(calls, before, &mut other));
        if round >= warm_up {
            ours.push(subject);
            theirs.push(other);
        }
    }
    let (subject_value, reference_value) = (median(ours), median(theirs));
    Record {
        suite: "rpc",
        case,
        browser: "native",
        subject: "sabrpc-native",
        reference,
        ratio: subject_value / reference_value,
        subject_value,
        reference_value,
        unit: "us",
        samples: rounds * calls,
    }
}

/// Mean time of a call, in microseconds; with `before`, each call is timed by itself.
fn measure(calls: u32, before: Option<fn()>, call: &mut impl FnMut()) -> f64 {
    let total = match before {
        None => time(|| (0..calls).for_each(|_| call())),
        Some(before) => (0..calls)
            .map(|_| {
                before();
                time(&mut *call)
            })
            .sum(),
    };
    total.as_secs_f64() * 1e6 / f64::from(calls)
}

fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
