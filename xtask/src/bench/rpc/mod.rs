//! The suite `rpc`: calls between native threads and between the workers of a page.

mod chart;
mod docs;
mod size;

use std::{path::PathBuf, process::Command, time::Duration};

use anyhow::{Context, Result};
use serde_json::json;

use super::{
    Run, Suite,
    compare::{Bar, Comparison, Found, Limit, Record, bar, compare},
    is_wanted, measured, npm,
    page::Page,
    report::{number, table},
};
use crate::{
    flags::{BenchFlags, BrowserKind},
    project, setup, shell, wasm,
    webdriver::Browser,
};

/// For one load of the page: many times what a quiet machine takes.
const DEADLINE: Duration = Duration::from_secs(180);

/// What the peers are measured by.
const PEERS_CASES: &[&str] = &["null", "4k-write", "4k-read"];

const NULL: &[&str] = &["null"];
const SMALL: &[&str] = &["64b"];
const PAGE: &[&str] = &["4k-write", "4k-read"];
const LARGE: &[&str] = &["64k-write", "64k-read", "1m-write", "1m-read"];
const COLD: &[&str] = &["cold"];
const METRICS: &[&str] = &["metrics", "metrics-cold"];

/// All of it.
pub(super) fn suite() -> Suite {
    Suite {
        name: "rpc",
        comparisons: comparisons(),
        bars: bars(),
        measure,
        table,
        doubts,
        write_docs: docs::write,
    }
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

fn measure(flags: &BenchFlags) -> Result<Vec<Run>> {
    let effort = Effort::of(flags);
    let mut runs = Vec::new();
    let only_sizes = !flags.cases.is_empty() && flags.cases.iter().all(|case| case.starts_with("size-"));
    if flags.native && !only_sizes {
        runs.extend(native(flags, &effort)?);
    }
    if !flags.browsers.is_empty() && !only_sizes {
        let (folder, peers) = build(flags)?;
        let page = Page::serve(folder)?;
        for &browser in &flags.browsers {
            runs.extend(in_browser(&page, browser, flags, &effort, peers)?);
        }
    }
    if flags.sizes && is_wanted(flags, &size::CASES) {
        runs.push(size::measure()?);
    }
    Ok(runs)
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

/// Builds the page: the wasm module and the scripts, with the peers unless it has to be quick. Returns its folder, and
/// whether the peers are there.
fn build(flags: &BenchFlags) -> Result<(PathBuf, bool)> {
    setup::wasm_target()?;
    let mut build = Command::new("cargo");
    build.args(["build", "--release", "--package", "benches", "--lib", "--target", setup::WASM]);
    shell::run(build.current_dir(project::root()))?;
    let folder = wasm::bind(&release_folder(Some(setup::WASM)).join("calls.wasm"), "calls")?;
    wasm::copy_assets(&project::root().join("benches/web"), &folder)?;
    let peers = !flags.quick && npm::bundle_peers(&folder)?;
    Ok((folder, peers))
}

/// Loads the page in `browser` again and again.
fn in_browser(
    page: &Page,
    browser: BrowserKind,
    flags: &BenchFlags,
    effort: &Effort,
    has_peers: bool,
) -> Result<Vec<Run>> {
    let driven = Browser::start(browser)?;
    let is_wanted = |case: &&str| flags.cases.is_empty() || flags.cases.iter().any(|name| name == case);
    let peers: Vec<&str> = PEERS_CASES.iter().copied().filter(|case| has_peers && is_wanted(case)).collect();
    let settings = json!({
        "suite": "./rpc.js",
        "seconds": effort.page_seconds,
        "cases": flags.cases,
        "peers": peers,
    });
    let mut runs = Vec::new();
    for number in 1..=effort.runs {
        println!("{}: run {number} of {}", browser.name(), effort.runs);
        runs.extend(page.run(&driven, &settings, DEADLINE)?);
    }
    Ok(runs)
}

/// Where cargo leaves what it built in release.
fn release_folder(target: Option<&str>) -> PathBuf {
    target.map_or_else(project::target, |target| project::target().join(target)).join("release")
}

/// Whether the shortest of all calls took far longer on average than by itself. Said once per browser.
fn is_disturbed(record: &Record) -> bool {
    let is_shortest =
        (record.case.as_str(), record.subject, record.reference) == ("null", "sabrpc-helper", "bare-js");
    is_shortest && record.reference_mean > 3.0 * record.reference_value
}

fn doubts(record: &Record) -> Option<String> {
    is_disturbed(record).then(|| {
        format!(
            "{}: the machine was busy: an empty bare call took {} us, and {} us with all that disturbed it. \
             On a quiet machine the two are close; ratios of this run say little",
            record.place,
            number(record.reference_value),
            number(record.reference_mean),
        )
    })
}

fn comparisons() -> Vec<Comparison> {
    vec![
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
        compare("sabrpc-typed", "without-metrics"),
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
    ]
}

/// Where they come from: a trial of the same primitives before the crate was written reached 1.12 (null), 0.87 (64
/// bytes) and 0.67 (4 KiB; Firefox 0.9) with the helper and 1.2, 1.35 and 1.07 with JavaScript. The bars leave a little
/// room for a real protocol around them.
fn bars() -> Vec<Bar> {
    vec![
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
        // Counting is to be lost in the noise.
        bar("sabrpc-typed", "without-metrics", METRICS, Limit::Ratio(1.05)),
        // A wake-up by the operating system is nearly all of it.
        bar("sabrpc-helper", "bare-js", COLD, Limit::Ratio(1.1)),
        bar("sabrpc-js", "bare-js", COLD, Limit::Ratio(1.1)),
        bar("sabrpc-native", "futex", COLD, Limit::Ratio(1.2)),
        bar("sabrpc-native", "spin", NULL, Limit::Ratio(1.3)),
    ]
}
