//! `cargo xtask bench SUITE`: runs a suite several times, compares each subject with its reference in the same run, and
//! says which bars were missed.
//!
//! A suite is a module here: what it runs, what it compares with what, and how its figures get into the book. The rest is
//! common to all.

mod chart;
mod compare;
mod docs;
mod macros;
mod npm;
mod page;
mod report;
mod rpc;
mod vfs;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::flags::{BenchFlags, SuiteName};
use compare::{Bar, Comparison, Record};

/// What there is to know of a suite.
struct Suite {
    name: &'static str,
    comparisons: Vec<Comparison>,
    bars: Vec<Bar>,
    measure: fn(&BenchFlags) -> Result<Vec<Run>>,
    /// The records for the terminal.
    table: fn(&[Record]) -> String,
    /// What to say of a record that says little.
    doubts: fn(&Record) -> Option<String>,
    /// Writes the tables and charts of the book.
    write_docs: fn(&[Record]) -> Result<()>,
}

/// What was measured in turns: by one start of the native program, or as one group of cases in one load of the page.
#[derive(Debug)]
struct Run {
    /// `native`, or a browser's name.
    place: &'static str,
    measured: Vec<Measured>,
}

/// What was measured of one subject in one case.
#[derive(Clone, Debug)]
struct Measured {
    case: String,
    subject: String,
    /// As the suite condenses its samples.
    value: f64,
    /// Of all samples, also the disturbed ones.
    mean: f64,
    unit: String,
    samples: u64,
}

/// Measures what `flags` say.
pub(crate) fn run(flags: &BenchFlags) -> Result<()> {
    let suite = match flags.suite {
        SuiteName::Rpc => rpc::suite(),
        SuiteName::Vfs => vfs::suite(),
        SuiteName::Macro => macros::suite(),
    };
    let runs = (suite.measure)(flags)?;
    let records = compare::records(&suite, &runs);
    ensure!(!records.is_empty(), "nothing was compared; is there such a case?");
    print!("\n{}", (suite.table)(&records));
    for doubt in records.iter().filter_map(suite.doubts) {
        println!("\n{doubt}");
    }
    if let Some(file) = &flags.json {
        report::write_json(file, suite.name, &records)?;
    }
    if flags.docs {
        (suite.write_docs)(&records)?;
    }
    let missed = records.iter().filter(|record| record.is_missed()).count();
    match missed {
        0 => println!("\nno bar was missed"),
        _ if flags.check => bail!("{missed} bars were missed"),
        _ => println!("\n{missed} bars were missed"),
    }
    Ok(())
}

fn is_wanted(flags: &BenchFlags, cases: &[&str]) -> bool {
    flags.cases.is_empty() || flags.cases.iter().any(|case| cases.contains(&case.as_str()))
}

/// Takes apart what a run says it has measured.
fn measured(said: &Value) -> Result<Vec<Measured>> {
    let one = |value: &Value| {
        Some(Measured {
            case: value["case"].as_str()?.to_owned(),
            subject: value["subject"].as_str()?.to_owned(),
            value: value["value"].as_f64()?,
            mean: value["mean"].as_f64()?,
            unit: value["unit"].as_str()?.to_owned(),
            samples: value["samples"].as_u64()?,
        })
    };
    let all = said.as_array().context("a run returned no array")?;
    all.iter().map(|value| one(value).with_context(|| format!("a run returned {value}"))).collect()
}
