//! `cargo xtask bench rpc`: runs the suite between native threads and between workers in browsers, several times,
//! compares each subject with its reference in the same run, and says which bars were missed.

mod chart;
mod compare;
mod docs;
mod npm;
mod page;
mod report;
mod size;

use std::{path::PathBuf, process::Command};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::{flags::BenchFlags, project, shell};

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

/// How long it all takes.
struct Effort {
    runs: usize,
    /// For a case natively.
    native_seconds: f64,
    /// For the hot cases in a browser; the others take parts of it.
    page_seconds: f64,
}

impl Effort {
    fn of(flags: &BenchFlags) -> Self {
        match flags.quick {
            true => Self { runs: 2, native_seconds: 0.3, page_seconds: 4.0 },
            false => Self { runs: 5, native_seconds: 1.0, page_seconds: 8.0 },
        }
    }
}

/// Measures what `flags` say.
pub(crate) fn run(flags: &BenchFlags) -> Result<()> {
    let effort = Effort::of(flags);
    let mut runs = Vec::new();
    let only_sizes = !flags.cases.is_empty() && flags.cases.iter().all(|case| case.starts_with("size-"));
    if flags.native && !only_sizes {
        runs.extend(native(flags, &effort)?);
    }
    if !flags.browsers.is_empty() && !only_sizes {
        let page = page::Page::build(flags)?;
        for &browser in &flags.browsers {
            runs.extend(page.runs(browser, flags, &effort)?);
        }
    }
    if flags.sizes && is_wanted(flags, &size::CASES) {
        runs.push(size::measure()?);
    }
    let records = compare::records(&runs);
    ensure!(!records.is_empty(), "nothing was compared; is there such a case?");
    print!("\n{}", report::table(&records));
    for record in records.iter().filter(|record| record.is_disturbed()) {
        println!(
            "\n{}: the machine was busy: an empty bare call took {} us, and {} us with all that disturbed it. \
             On a quiet machine the two are close; ratios of this run say little",
            record.place,
            report::number(record.reference_value),
            report::number(record.reference_mean),
        );
    }
    if let Some(file) = &flags.json {
        report::write_json(file, &records)?;
    }
    if flags.docs {
        docs::write(&records)?;
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

/// The suite between threads: the program `benches`, once per run.
fn native(flags: &BenchFlags, effort: &Effort) -> Result<Vec<Run>> {
    let mut build = Command::new("cargo");
    build.args(["build", "--release", "--package", "benches", "--bin", "benches"]);
    shell::run(build.current_dir(project::root()))?;
    let program = release_folder(None).join(format!("benches{}", std::env::consts::EXE_SUFFIX));
    (1..=effort.runs)
        .map(|number| {
            println!("native: run {number} of {}", effort.runs);
            let mut command = Command::new(&program);
            command.arg(effort.native_seconds.to_string()).args(&flags.cases);
            let said = shell::ask(&mut command).context("the native suite failed")?;
            Ok(Run { place: "native", measured: measured(&serde_json::from_str(&said)?)? })
        })
        .collect()
}

/// Where cargo leaves what it built in release.
fn release_folder(target: Option<&str>) -> PathBuf {
    target.map_or_else(project::target, |target| project::target().join(target)).join("release")
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
