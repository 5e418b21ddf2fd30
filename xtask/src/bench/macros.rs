//! The suite `macro`: how long a crate with one service takes to build, beside the same trait under `async-trait`, with
//! all dependencies built.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context, Result, ensure};

use super::{
    Measured, Run, Suite,
    compare::{Bar, Limit, Record, bar, compare},
    is_wanted,
    report::table,
};
use crate::{flags::BenchFlags, project, shell};

const CASES: [&str; 2] = ["build", "check"];

const TRAIT: &str = "pub trait Store {
    async fn get(&self, key: &str) -> u32;
}
";

/// All of it.
pub(super) fn suite() -> Suite {
    Suite {
        name: "macro",
        comparisons: vec![compare("sab_service", "async_trait")],
        bars: bars(),
        measure,
        table,
        doubts: |_: &Record| None,
        write_docs: |_| anyhow::bail!("the suite macro has no tables in the book"),
    }
}

fn bars() -> Vec<Bar> {
    vec![bar("sab_service", "async_trait", &["build"], Limit::Ratio(1.3))]
}

/// A crate of a user, which has nothing but the trait.
struct User {
    subject: &'static str,
    folder: PathBuf,
}

impl User {
    fn new(subject: &'static str, attribute: &str, dependencies: &str) -> Result<Self> {
        let folder = project::target().join("bench-macro").join(subject);
        fs::create_dir_all(folder.join("src"))?;
        let manifest = format!(
            "[package]\nname = \"{subject}-user\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
             [dependencies]\n{dependencies}\n"
        );
        fs::write(folder.join("Cargo.toml"), manifest)?;
        fs::write(folder.join("src/lib.rs"), format!("#[{attribute}]\n{TRAIT}"))?;
        fs::copy(project::root().join("rust-toolchain.toml"), folder.join("rust-toolchain.toml"))?;
        Ok(Self { subject, folder })
    }

    fn cargo(&self, subcommand: &str) -> Command {
        let mut cargo = Command::new("cargo");
        cargo.args([subcommand, "--quiet"]).current_dir(&self.folder);
        cargo.env("CARGO_INCREMENTAL", "0").env("CARGO_TARGET_DIR", self.target());
        cargo
    }

    fn target(&self) -> PathBuf {
        self.folder.join("target")
    }

    /// Milliseconds from a changed source to the end of `cargo build` or `cargo check`.
    fn time(&self, subcommand: &str) -> Result<f64> {
        touch(&self.folder.join("src/lib.rs"))?;
        let start = Instant::now();
        let status = self.cargo(subcommand).stdin(Stdio::null()).status()?;
        let time = start.elapsed();
        ensure!(status.success(), "the crate in {} does not build", self.folder.display());
        Ok(time.as_secs_f64() * 1e3)
    }
}

/// Makes cargo take a file for a changed one.
fn touch(file: &Path) -> Result<()> {
    let file = fs::File::options().append(true).open(file)?;
    file.set_modified(std::time::SystemTime::now()).context("the time of a file cannot be set")
}

fn measure(flags: &BenchFlags) -> Result<Vec<Run>> {
    let sabrpc = format!("sabrpc = {{ path = {:?} }}", project::root().join("sabrpc"));
    let users = [
        User::new("sab_service", "sabrpc::sab_service", &sabrpc)?,
        User::new("async_trait", "async_trait::async_trait", "async-trait = \"0.1\"")?,
    ];
    let (runs, rounds) = if flags.quick { (2, 5) } else { (5, 10) };
    let cases: Vec<&str> = CASES.into_iter().filter(|case| is_wanted(flags, &[case])).collect();
    for user in &users {
        for case in &cases {
            println!("-- cargo {case}: the dependencies of {}", user.subject);
            shell::run(&mut user.cargo(case))?;
        }
    }
    let mut all = Vec::new();
    for run in 1..=runs {
        println!("-- run {run} of {runs}");
        let mut measured = Vec::new();
        for case in &cases {
            // In turns, so that what else happens on the machine happens to both.
            let mut times = [Vec::new(), Vec::new()];
            for _ in 0..rounds {
                for (user, times) in users.iter().zip(&mut times) {
                    times.push(user.time(case)?);
                }
            }
            measured.extend(users.iter().zip(times).map(|(user, times)| condense(user.subject, case, times)));
        }
        all.push(Run { place: "native", measured });
    }
    Ok(all)
}

/// The median of some times.
fn condense(subject: &str, case: &str, mut times: Vec<f64>) -> Measured {
    times.sort_by(f64::total_cmp);
    Measured {
        case: case.to_owned(),
        subject: subject.to_owned(),
        value: times[times.len() / 2],
        mean: times.iter().sum::<f64>() / times.len() as f64,
        unit: "ms".to_owned(),
        samples: times.len() as u64,
    }
}
