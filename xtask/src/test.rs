//! `cargo xtask test`: every check, one after the other. A failing step does not stop the others;
//! the closing line counts all tests, and every step that has no tests of its own counts as one.

use std::process::Command;
use std::time::Instant;

use anyhow::{Result, bail};

use crate::flags::{BrowserKind, TestFlags};
use crate::tally::Tally;
use crate::{
    demo, docs, idle, platforms, project, runner, services, setup, shell, tabs, tidy, tutorial, wasm,
};

/// The crates that have tests for browsers.
const BROWSER_CRATES: [&str; 2] = ["sabrpc", "opfs-vfs"];

/// A step: the word that selects it, its heading, and what runs.
type Step = (&'static str, &'static str, fn(&TestFlags) -> Result<Tally>);

const STEPS: &[Step] = &[
    ("fmt", "format", format),
    ("tidy", "rules of the sources", |_| tidy::run()),
    ("clippy", "lints, on the host and for wasm", lints),
    ("native", "native tests", native),
    ("browser", "tests in browsers", browsers),
    ("idle", "what waiting costs, in browsers", idle),
    ("platforms", "bundlers, policies and Node", platforms::run),
    ("services", "the services to copy, in browsers", |flags| in_each_browser(flags, services::run)),
    ("tutorial", "the tutorial, followed", tutorial::run),
    ("tabs", "several tabs on one database, in browsers", tabs),
    ("demo", "the demo in browsers", demos),
    ("docs", "the API documentation", |_| check(&mut docs::api())),
];

/// Runs the steps that `flags` select, all by default.
pub(crate) fn run(flags: &TestFlags) -> Result<()> {
    let known = STEPS.iter().map(|step| step.0).collect::<Vec<_>>();
    if let Some(word) = flags.steps.iter().find(|word| !known.contains(&word.as_str())) {
        bail!("there is no step '{word}'; the steps are: {}", known.join(" "));
    }
    let mut total = Tally::default();
    let mut summary = Vec::new();
    for (word, heading, step) in STEPS {
        if !flags.steps.is_empty() && !flags.steps.iter().any(|step| step == word) {
            continue;
        }
        println!("\n== {word}: {heading}");
        let start = Instant::now();
        let tally = step(flags).unwrap_or_else(|error| {
            println!("error: {error:#}");
            Tally::FAILED
        });
        let seconds = start.elapsed().as_secs_f64();
        println!("== {word}: {tally} in {seconds:.1} s");
        summary.push(format!("{word:<9} {tally:<24} {seconds:>7.1} s"));
        total += tally;
    }
    println!("\n{}\n\n{total}", summary.join("\n"));
    if total.failed > 0 {
        bail!("{} of the checks above failed", total.failed);
    }
    Ok(())
}

fn format(_: &TestFlags) -> Result<Tally> {
    let mut command = Command::new("cargo");
    command.args(["fmt", "--all", "--check"]).current_dir(project::root());
    check(&mut command)
}

/// What the host has, in two: with both together cargo gives their common dependencies more features than either has alone,
/// and builds what this very program is made of a second time.
const ON_THE_HOST: [&[&str]; 2] = [&["--workspace", "--exclude", "xtask"], &["--package", "xtask"]];

fn lints(_: &TestFlags) -> Result<Tally> {
    let mut tally = Tally::default();
    for packages in ON_THE_HOST {
        let mut host = Command::new("cargo");
        host.arg("clippy").args(packages).arg("--all-targets").current_dir(project::root());
        tally += check(host.args(["--", "--deny", "warnings"]))?;
    }
    let mut web = wasm::cargo("clippy")?;
    for package in BROWSER_CRATES.into_iter().chain(["round-trip", "services"]) {
        web.args(["--package", package]);
    }
    web.args(["--package", "benches", "--features", "benches/vfs"]);
    tally += check(web.args(["--lib", "--tests", "--examples", "--", "--deny", "warnings"]))?;
    Ok(tally)
}

fn native(_: &TestFlags) -> Result<Tally> {
    let tracing: &[&str] = &["--features", "sabrpc/tracing", "--test", "tracing"];
    let runs = [(ON_THE_HOST[0], &[] as &[_]), (ON_THE_HOST[1], &[]), (ON_THE_HOST[0], tracing)];
    let mut tally = Tally::default();
    for (packages, what) in runs {
        let mut command = Command::new("cargo");
        command.arg("test").args(packages).arg("--no-fail-fast").args(what).current_dir(project::root());
        tally += counted(&mut command)?;
    }
    Ok(tally)
}

fn browsers(flags: &TestFlags) -> Result<Tally> {
    let wanted = |package: &str| flags.package.as_deref().is_none_or(|only| only == package);
    let mut tally = Tally::default();
    for package in BROWSER_CRATES.into_iter().filter(|package| wanted(package)) {
        println!("-- {package}");
        tally += in_each_browser(flags, |kind| browser_tests(kind, package, flags))?;
    }
    Ok(tally)
}

fn browser_tests(kind: BrowserKind, package: &str, flags: &TestFlags) -> Result<Tally> {
    setup::browser(kind)?;
    let mut command = wasm::cargo("test")?;
    command.args(["--package", package, "--tests", "--no-fail-fast", "--"]);
    command.args(&flags.arguments).env(runner::BROWSER, kind.name());
    counted(&mut command)
}

fn idle(flags: &TestFlags) -> Result<Tally> {
    in_each_browser(flags, idle::run)
}

fn tabs(flags: &TestFlags) -> Result<Tally> {
    in_each_browser(flags, tabs::run)
}

fn demos(flags: &TestFlags) -> Result<Tally> {
    in_each_browser(flags, |kind| demo::check(kind).map(|()| Tally::PASSED))
}

/// Runs `step` in every browser asked for; what goes wrong in one keeps it from no other.
fn in_each_browser(flags: &TestFlags, step: impl Fn(BrowserKind) -> Result<Tally>) -> Result<Tally> {
    let mut tally = Tally::default();
    for &kind in &flags.browsers {
        println!("-- in {}", kind.name());
        tally += step(kind).unwrap_or_else(|error| {
            println!("error: {error:#}");
            Tally::FAILED
        });
    }
    Ok(tally)
}

/// A command that is itself one check.
fn check(command: &mut Command) -> Result<Tally> {
    let status = shell::run_lines(command, shell::DEADLINE, |_| {})?;
    Ok(if status.success() { Tally::PASSED } else { Tally::FAILED })
}

/// A command that runs tests and says how many. Failing without a failed test (it did not build,
/// say) counts as one, and so does running none: a step must not pass by testing nothing.
fn counted(command: &mut Command) -> Result<Tally> {
    let mut tally = Tally::default();
    let status = shell::run_lines(command, shell::DEADLINE, |line| tally.read_line(line))?;
    if tally == Tally::default() {
        println!("error: no test ran");
        tally += Tally::FAILED;
    } else if !status.success() && tally.failed == 0 {
        println!("error: it ended with {status} though no test is counted as failed");
        tally += Tally::FAILED;
    }
    Ok(tally)
}
