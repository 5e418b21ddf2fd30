//! The suite `rpc` between native threads. Subjects of a case take turns, so that what disturbs one disturbs all.

use std::time::{Duration, Instant};

use sabrpc::{Channel, Server, native};

use crate::{
    callers::{CONFIG, Calls, Case, Raw, Typed},
    reference::Pair,
    service::{Buffer, RawStore, StoreServer},
};

/// Hot cases, with how many calls are timed together.
const HOT: [(&str, u32); 8] = [
    ("null", 4000),
    ("64b", 4000),
    ("4k-write", 1000),
    ("4k-read", 1000),
    ("64k-write", 100),
    ("64k-read", 100),
    ("1m-write", 8),
    ("1m-read", 8),
];
/// For how long everybody is idle before a cold call: longer than anybody polls.
const IDLE: Duration = Duration::from_millis(2);
/// How many cold calls make a sample.
const COLD_CALLS: u32 = 10;

/// Samples that a result needs at least, however slow the machine is.
const FEWEST: usize = 5;

/// Something that makes calls, under its name in the records.
struct Subject<'a> {
    name: &'static str,
    calls: &'a mut dyn Calls,
    /// What it times in this case, in microseconds a call.
    samples: Vec<f64>,
}

/// Measures every case that is `wanted`, or all, for `budget` each. The answer is JSON: an array of
/// results.
pub fn rpc(budget: Duration, wanted: &[String]) -> serde_json::Value {
    let channels = [(); 3].map(|()| Channel::native(CONFIG).expect("these sizes are in bounds"));
    let _servers = [
        native::spawn(&channels[0], || StoreServer::new(Buffer::new())),
        native::spawn(&channels[1], || RawStore(Buffer::new())),
        native::spawn_with(&channels[2], |channel| {
            Server::new(channel, StoreServer::new(Buffer::new())).without_metrics()
        }),
    ];
    let mut typed = Typed::attach(&channels[0]).expect("the server has started");
    let mut raw = Raw::attach(&channels[1]).expect("the server has started");
    let plain = Typed::attach(&channels[2]).expect("the server has started");
    let mut plain = plain.without_metrics();
    let (mut spin, mut futex, mut copy) = (Pair::spinning(), Pair::sleeping(), Pair::copying());

    let is_wanted = |case: &str| wanted.is_empty() || wanted.iter().any(|word| word == case);
    let mut results = Vec::new();
    for (name, calls) in HOT.into_iter().filter(|(name, _)| is_wanted(name)) {
        let case: Case = name.parse().expect("a case of this suite");
        let mut subjects =
            vec![Subject::new("sabrpc-typed", &mut typed), Subject::new("sabrpc-native", &mut raw)];
        match case {
            Case::Null => subjects.push(Subject::new("spin", &mut spin)),
            Case::Swap => {}
            _ => subjects.push(Subject::new("raw-copy", &mut copy)),
        }
        take_turns(&mut subjects, budget, |subject| {
            // Wakes whoever sleeps.
            subject.run(case, 20);
            time(|| subject.run(case, calls)) / f64::from(calls)
        });
        results.extend(subjects.iter().map(|subject| subject.result(name, calls)));
    }
    if is_wanted("metrics") {
        let mut subjects =
            [Subject::new("sabrpc-typed", &mut typed), Subject::new("without-metrics", &mut plain)];
        take_turns(&mut subjects, budget, |subject| {
            subject.run(Case::Null, 20);
            time(|| subject.run(Case::Null, 4000)) / 4000.0
        });
        results.extend(subjects.iter().map(|subject| subject.result("metrics", 4000)));
    }
    let cold = |subject: &mut dyn Calls| {
        let cold = (0..COLD_CALLS).map(|_| {
            std::thread::sleep(IDLE);
            time(|| subject.run(Case::Null, 1))
        });
        cold.sum::<f64>() / f64::from(COLD_CALLS)
    };
    if is_wanted("metrics-cold") {
        let mut subjects =
            [Subject::new("sabrpc-typed", &mut typed), Subject::new("without-metrics", &mut plain)];
        take_turns(&mut subjects, budget, cold);
        results.extend(subjects.iter().map(|subject| subject.result("metrics-cold", COLD_CALLS)));
    }
    if is_wanted("cold") {
        let mut subjects = [
            Subject::new("sabrpc-typed", &mut typed),
            Subject::new("sabrpc-native", &mut raw),
            Subject::new("futex", &mut futex),
        ];
        take_turns(&mut subjects, budget, cold);
        results.extend(subjects.iter().map(|subject| subject.result("cold", COLD_CALLS)));
    }
    results.into()
}

impl<'a> Subject<'a> {
    fn new(name: &'static str, calls: &'a mut dyn Calls) -> Self {
        Self { name, calls, samples: Vec::new() }
    }

    /// The mean of the fastest quarter of the samples, as something else ran during the slowest ones; of cold calls,
    /// where being slow is the point, the median.
    fn result(&self, case: &str, calls: u32) -> serde_json::Value {
        let mut samples = self.samples.clone();
        samples.sort_by(f64::total_cmp);
        let mean = |samples: &[f64]| samples.iter().sum::<f64>() / samples.len() as f64;
        let value = match case {
            "cold" | "metrics-cold" => samples[samples.len() / 2],
            _ => mean(&samples[..samples.len().div_ceil(4)]),
        };
        serde_json::json!({
            "case": case,
            "subject": self.name,
            "value": value,
            "mean": mean(&samples),
            "unit": "us",
            "samples": samples.len() as u32 * calls,
        })
    }
}

/// Takes a sample of each subject in each round, in an order that rotates. The first quarter of the time only warms up.
fn take_turns(subjects: &mut [Subject<'_>], budget: Duration, mut sample: impl FnMut(&mut dyn Calls) -> f64) {
    let start = Instant::now();
    while start.elapsed() < budget || subjects.iter().any(|subject| subject.samples.len() < FEWEST) {
        let is_warm = start.elapsed() > budget / 4;
        subjects.rotate_left(1);
        for subject in &mut *subjects {
            let value = sample(subject.calls);
            subject.calls.rest();
            if is_warm {
                subject.samples.push(value);
            }
        }
    }
}

/// Microseconds.
fn time(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64() * 1e6
}
