//! Compares the subjects of a suite with their references. What is compared with what, and by which bar, is the suite's.

use super::{Run, Suite};

/// A subject beside its reference.
pub(super) struct Comparison {
    pub(super) subject: &'static str,
    pub(super) reference: &'static str,
    /// Where the reference's value is found in the same run.
    pub(super) found: Found,
}

/// A measured value.
pub(super) enum Found {
    /// The same case, of the subject with the reference's name.
    SameCase,
    /// The same case, of the subject with this name.
    As(&'static str),
    /// Of the same subject, this case, if the compared one is among those.
    Case(&'static str, &'static [&'static str]),
}

/// Compares with what has the reference's name.
pub(super) const fn compare(subject: &'static str, reference: &'static str) -> Comparison {
    Comparison { subject, reference, found: Found::SameCase }
}

/// The most that a subject may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Limit {
    /// Times its reference.
    Ratio(f64),
    /// Above its reference, in their unit.
    Difference(f64),
}

/// A limit for some records.
pub(super) struct Bar {
    pub(super) subject: &'static str,
    pub(super) reference: &'static str,
    pub(super) cases: &'static [&'static str],
    /// Only there; everywhere if empty. The first bar that fits counts.
    pub(super) places: &'static [&'static str],
    pub(super) limit: Limit,
}

/// A limit everywhere.
pub(super) const fn bar(
    subject: &'static str,
    reference: &'static str,
    cases: &'static [&'static str],
    limit: Limit,
) -> Bar {
    Bar { subject, reference, cases, places: &[], limit }
}

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
    /// Whether it is above its bar.
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
pub(super) fn records(suite: &Suite, runs: &[Run]) -> Vec<Record> {
    let mut places: Vec<&'static str> = Vec::new();
    for run in runs.iter().filter(|run| !run.measured.is_empty()) {
        if !places.contains(&run.place) {
            places.push(run.place);
        }
    }
    let mut records = Vec::new();
    for place in places {
        let runs: Vec<&Run> = runs.iter().filter(|run| run.place == place).collect();
        for comparison in &suite.comparisons {
            let mut cases: Vec<&str> = Vec::new();
            for one in runs.iter().flat_map(|run| &run.measured) {
                if one.subject == comparison.subject && !cases.contains(&one.case.as_str()) {
                    cases.push(&one.case);
                }
            }
            records.extend(cases.into_iter().filter_map(|case| record(suite, &runs, comparison, case)));
        }
    }
    records
}

fn record(suite: &Suite, runs: &[&Run], comparison: &Comparison, case: &str) -> Option<Record> {
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
    let bar = suite.bars.iter().find(fits).map(|bar| bar.limit);
    let ratio = median(pairs.iter().map(|(ours, theirs)| ratio(ours.value, theirs.value)));
    // So many times nothing says something only where nothing is wanted.
    if !ratio.is_finite() && bar.is_none() {
        return None;
    }
    Some(Record {
        case: case.to_owned(),
        place,
        subject,
        reference,
        ratio,
        difference: median(pairs.iter().map(|(ours, theirs)| ours.value - theirs.value)),
        subject_value: median(pairs.iter().map(|(ours, _)| ours.value)),
        reference_value: median(pairs.iter().map(|(_, theirs)| theirs.value)),
        subject_mean: median(pairs.iter().map(|(ours, _)| ours.mean)),
        reference_mean: median(pairs.iter().map(|(_, theirs)| theirs.mean)),
        unit: first.unit.clone(),
        samples: pairs.iter().map(|(ours, _)| ours.samples).sum(),
        bar,
    })
}

fn find<'a>(run: &'a Run, case: &str, subject: &str) -> Option<&'a super::Measured> {
    run.measured.iter().find(|one| one.case == case && one.subject == subject)
}

/// Nothing is as much as nothing.
fn ratio(ours: f64, theirs: f64) -> f64 {
    if ours == theirs { 1.0 } else { ours / theirs }
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
    use crate::bench::{Measured, rpc};

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
        let records = records(&rpc::suite(), &runs);
        assert_eq!(records.len(), 1);
        assert_eq!((records[0].ratio, records[0].subject_value, records[0].samples), (3.0, 0.4, 30));
        assert!(records[0].is_missed());
    }

    #[test]
    fn the_bar_is_that_of_the_place() {
        let values = [("4k-read", "sabrpc-helper", 1.0), ("4k-read", "bare-js", 1.0)];
        let bars = ["firefox", "chromium"].map(|place| records(&rpc::suite(), &[run(place, &values)])[0].bar);
        assert_eq!(bars, [Some(Limit::Ratio(1.05)), Some(Limit::Ratio(0.85))]);
    }

    #[test]
    fn a_typed_call_is_held_to_its_difference_from_a_raw_one() {
        let values = |typed| [("null", "sabrpc-typed", typed), ("null", "sabrpc-helper", 0.1)];
        let missed = [0.24, 0.26]
            .map(|typed| records(&rpc::suite(), &[run("firefox", &values(typed))])[0].is_missed());
        assert_eq!(missed, [false, true]);
    }
}
