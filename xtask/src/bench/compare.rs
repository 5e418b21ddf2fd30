//! What is compared with what, and by which bar: the only place that knows.

use super::Run;

/// A subject beside its reference.
struct Comparison {
    subject: &'static str,
    reference: &'static str,
    /// Where the reference's value is found in the same run.
    found: Found,
}

/// A measured value.
enum Found {
    /// The same case, of the subject with the reference's name.
    SameCase,
    /// The same case, of the subject with this name.
    As(&'static str),
    /// Of the same subject, this case, if the compared one is among those.
    Case(&'static str, &'static [&'static str]),
}

const fn compare(subject: &'static str, reference: &'static str) -> Comparison {
    Comparison { subject, reference, found: Found::SameCase }
}

const COMPARISONS: &[Comparison] = &[
    compare("sabrpc-helper", "bare-js"),
    compare("sabrpc-js", "bare-js"),
    compare("sabrpc-native", "spin"),
    compare("sabrpc-native", "futex"),
    compare("sabrpc-native", "raw-copy"),
    // Both ends of these are the backend that is used by default where they run.
    Comparison { subject: "sabrpc-typed", reference: "raw-call", found: Found::As("sabrpc-helper") },
    Comparison { subject: "sabrpc-typed", reference: "raw-call", found: Found::As("sabrpc-native") },
    compare("sabrpc-typed", "bare-js"),
    compare("sabrpc-typed", "spin"),
    compare("sabrpc-typed", "futex"),
    compare("sabrpc-typed", "raw-copy"),
    compare("sabrpc-typed", "postMessage"),
    compare("sabrpc-typed", "comlink"),
    compare("sabrpc-typed", "coincident"),
    compare("sabrpc-typed", "synclink"),
    compare("sabrpc-typed", "@vscode/sync-api-common"),
    Comparison {
        subject: "sabrpc-typed",
        reference: "two-way",
        found: Found::Case("null", &["oneway", "batch"]),
    },
    Comparison {
        subject: "sabrpc-typed",
        reference: "one-caller",
        found: Found::Case("callers-1", &["callers-2", "callers-4", "callers-8"]),
    },
    compare("sabrpc", "without"),
];

/// The most that a subject may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Limit {
    /// Times its reference.
    Ratio(f64),
    /// Above its reference, in their unit.
    Difference(f64),
}

struct Bar {
    subject: &'static str,
    reference: &'static str,
    cases: &'static [&'static str],
    /// Only there; everywhere if empty. The first bar that fits counts.
    places: &'static [&'static str],
    limit: Limit,
}

const NULL: &[&str] = &["null"];
const SMALL: &[&str] = &["64b"];
const PAGE: &[&str] = &["4k-write", "4k-read"];
const LARGE: &[&str] = &["64k-write", "64k-read", "1m-write", "1m-read"];
const COLD: &[&str] = &["cold"];

const fn bar(
    subject: &'static str,
    reference: &'static str,
    cases: &'static [&'static str],
    limit: Limit,
) -> Bar {
    Bar { subject, reference, cases, places: &[], limit }
}

/// Where they come from: a trial of the same primitives before the crate was written reached 1.12 (null), 0.87 (64
/// bytes) and 0.67 (4 KiB; Firefox 0.9) with the helper and 1.2, 1.35 and 1.07 with JavaScript. The bars leave a little
/// room for a real protocol around them.
const BARS: &[Bar] = &[
    bar("sabrpc-helper", "bare-js", NULL, Limit::Ratio(1.25)),
    bar("sabrpc-helper", "bare-js", SMALL, Limit::Ratio(1.1)),
    // Firefox copies shared bytes as fast from JavaScript as from wasm.
    Bar { places: &["firefox"], ..bar("sabrpc-helper", "bare-js", PAGE, Limit::Ratio(1.05)) },
    bar("sabrpc-helper", "bare-js", PAGE, Limit::Ratio(0.85)),
    // The bytes are nearly all of it: no worse than copying them by hand.
    bar("sabrpc-helper", "bare-js", LARGE, Limit::Ratio(1.0)),
    bar("sabrpc-js", "bare-js", NULL, Limit::Ratio(1.3)),
    bar("sabrpc-js", "bare-js", PAGE, Limit::Ratio(1.2)),
    // What the generated stub, postcard, the `Result` and the metrics may add, in microseconds.
    Bar {
        places: &["chromium", "firefox"],
        ..bar("sabrpc-typed", "raw-call", NULL, Limit::Difference(0.15))
    },
    Bar {
        places: &["chromium", "firefox"],
        ..bar("sabrpc-typed", "raw-call", SMALL, Limit::Difference(0.15))
    },
    bar("sabrpc-typed", "bare-js", PAGE, Limit::Ratio(1.0)),
    // A wake-up by the operating system is nearly all of it.
    bar("sabrpc-helper", "bare-js", COLD, Limit::Ratio(1.1)),
    bar("sabrpc-js", "bare-js", COLD, Limit::Ratio(1.1)),
    bar("sabrpc-native", "futex", COLD, Limit::Ratio(1.2)),
    bar("sabrpc-native", "spin", NULL, Limit::Ratio(1.3)),
];

/// One comparison over all runs in one place.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) case: String,
    pub(super) place: &'static str,
    pub(super) subject: &'static str,
    pub(super) reference: &'static str,
    /// Median over the runs of the ratio in each.
    pub(super) ratio: f64,
    /// Median over the runs of subject less reference.
    pub(super) difference: f64,
    pub(super) subject_value: f64,
    pub(super) reference_value: f64,
    /// The same with what else ran on the machine.
    pub(super) subject_mean: f64,
    pub(super) reference_mean: f64,
    pub(super) unit: String,
    /// Of the subject, over all runs.
    pub(super) samples: u64,
    pub(super) bar: Option<Limit>,
}

impl Record {
    /// Whether the shortest of all calls took far longer on average than by itself. Said once per browser.
    pub(super) fn is_disturbed(&self) -> bool {
        let is_shortest =
            (self.case.as_str(), self.subject, self.reference) == ("null", "sabrpc-helper", "bare-js");
        is_shortest && self.reference_mean > 3.0 * self.reference_value
    }

    pub(super) fn is_missed(&self) -> bool {
        match self.bar {
            // As people read them: with two digits.
            Some(Limit::Ratio(limit)) => (self.ratio * 100.0).round() > (limit * 100.0).round(),
            Some(Limit::Difference(limit)) => self.difference > limit,
            None => false,
        }
    }
}

/// Compares whatever was measured.
pub(super) fn records(runs: &[Run]) -> Vec<Record> {
    let mut places: Vec<&'static str> = Vec::new();
    for run in runs.iter().filter(|run| !run.measured.is_empty()) {
        if !places.contains(&run.place) {
            places.push(run.place);
        }
    }
    let mut records = Vec::new();
    for place in places {
        let runs: Vec<&Run> = runs.iter().filter(|run| run.place == place).collect();
        for comparison in COMPARISONS {
            let mut cases: Vec<&str> = Vec::new();
            for one in runs.iter().flat_map(|run| &run.measured) {
                if one.subject == comparison.subject && !cases.contains(&one.case.as_str()) {
                    cases.push(&one.case);
                }
            }
            records.extend(cases.into_iter().filter_map(|case| record(&runs, comparison, case)));
        }
    }
    records
}

fn record(runs: &[&Run], comparison: &Comparison, case: &str) -> Option<Record> {
    let Comparison { subject, reference, ref found } = *comparison;
    let (other_case, other) = match *found {
        Found::SameCase => (case, reference),
        Found::As(name) => (case, name),
        Found::Case(other, among) if among.contains(&case) => (other, subject),
        Found::Case(..) => return None,
    };
    let pairs: Vec<_> = runs
        .iter()
        .filter_map(|run| Some((find(run, case, subject)?, find(run, other_case, other)?)))
        .collect();
    let (first, _) = pairs.first()?;
    let place = runs.first()?.place;
    let fits = |bar: &&Bar| {
        (bar.subject, bar.reference) == (subject, reference)
            && bar.cases.contains(&case)
            && (bar.places.is_empty() || bar.places.contains(&place))
    };
    Some(Record {
        case: case.to_owned(),
        place,
        subject,
        reference,
        ratio: median(pairs.iter().map(|(ours, theirs)| ours.value / theirs.value)),
        difference: median(pairs.iter().map(|(ours, theirs)| ours.value - theirs.value)),
        subject_value: median(pairs.iter().map(|(ours, _)| ours.value)),
        reference_value: median(pairs.iter().map(|(_, theirs)| theirs.value)),
        subject_mean: median(pairs.iter().map(|(ours, _)| ours.mean)),
        reference_mean: median(pairs.iter().map(|(_, theirs)| theirs.mean)),
        unit: first.unit.clone(),
        samples: pairs.iter().map(|(ours, _)| ours.samples).sum(),
        bar: BARS.iter().find(fits).map(|bar| bar.limit),
    })
}

fn find<'a>(run: &'a Run, case: &str, subject: &str) -> Option<&'a super::Measured> {
    run.measured.iter().find(|one| one.case == case && one.subject == subject)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        even if even.is_multiple_of(2) => (values[middle - 1] + values[middle]) / 2.0,
        _ => values[middle],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::Measured;

    fn run(place: &'static str, values: &[(&str, &str, f64)]) -> Run {
        let one = |&(case, subject, value): &(&str, &str, f64)| Measured {
            case: case.to_owned(),
            subject: subject.to_owned(),
            value,
            mean: value,
            unit: "us".to_owned(),
            samples: 10,
        };
        Run { place, measured: values.iter().map(one).collect() }
    }

    #[test]
    fn a_ratio_is_the_median_of_the_runs_ratios() {
        // A disturbed run disturbs both sides of its ratio.
        let runs = [(0.2, 0.1), (30.0, 10.0), (0.4, 0.1)].map(|(ours, theirs)| {
            run("chromium", &[("null", "sabrpc-helper", ours), ("null", "bare-js", theirs)])
        });
        let records = records(&runs);
        assert_eq!(records.len(), 1);
        assert_eq!((records[0].ratio, records[0].subject_value, records[0].samples), (3.0, 0.4, 30));
        assert!(records[0].is_missed());
    }

    #[test]
    fn the_bar_is_that_of_the_place() {
        let values = [("4k-read", "sabrpc-helper", 1.0), ("4k-read", "bare-js", 1.0)];
        let bars = ["firefox", "chromium"].map(|place| records(&[run(place, &values)])[0].bar);
        assert_eq!(bars, [Some(Limit::Ratio(1.05)), Some(Limit::Ratio(0.85))]);
    }

    #[test]
    fn a_typed_call_is_held_to_its_difference_from_a_raw_one() {
        let values = |typed| [("null", "sabrpc-typed", typed), ("null", "sabrpc-helper", 0.1)];
        let missed = [0.24, 0.26].map(|typed| records(&[run("firefox", &values(typed))])[0].is_missed());
        assert_eq!(missed, [false, true]);
    }
}
