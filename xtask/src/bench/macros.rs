//! The suite `macro`: how long a crate with one service of one method takes to build, with all dependencies built, beside
//! the same under `async-trait`, and beside the macro's expansion written out.

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

const CASES: [Case; 3] = [
    Case { name: "service", subcommand: "build", is_implemented: true },
    Case { name: "trait", subcommand: "build", is_implemented: false },
    Case { name: "trait, checked", subcommand: "check", is_implemented: false },
];

const IMPLEMENTATION: &str = "
pub struct Lengths;

IMPL Store for Lengths {
    async fn get(&self, key: &str) -> u32 {
        key.len() as u32
    }
}
";

/// What is built, and how.
struct Case {
    name: &'static str,
    subcommand: &'static str,
    /// Whether the trait has an implementation: `async-trait` does half of its work there.
    is_implemented: bool,
}

/// All of it.
pub(super) fn suite() -> Suite {
    Suite {
        name: "macro",
        comparisons: vec![compare("sab_service", "async_trait"), compare("sab_service", "by_hand")],
        bars: bars(),
        measure,
        table,
        doubts: |_: &Record| None,
        write_docs: |_| anyhow::bail!("the suite macro has no tables in the book"),
    }
}

fn bars() -> Vec<Bar> {
    vec![bar("sab_service", "async_trait", &["service", "trait"], Limit::Ratio(1.3))]
}

/// A crate of a user.
struct User {
    subject: &'static str,
    folder: PathBuf,
}

impl User {
    fn new(subject: &'static str, dependencies: &str, declared: &str, implemented: &str) -> Result<Self> {
        let folder = project::target().join("bench-macro").join(subject);
        let name = subject.replace('_', "-");
        // Two packages of one workspace, so that the dependencies are built once.
        for (package, source) in [("declared", declared), ("implemented", implemented)] {
            let folder = folder.join(package);
            fs::create_dir_all(folder.join("src"))?;
            let manifest = format!(
                "[package]\nname = \"{name}-{package}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
                 [dependencies]\n{dependencies}\n"
            );
            fs::write(folder.join("Cargo.toml"), manifest)?;
            fs::write(folder.join("src/lib.rs"), source)?;
        }
        let workspace = "[workspace]\nmembers = [\"declared\", \"implemented\"]\nresolver = \"3\"\n";
        fs::write(folder.join("Cargo.toml"), workspace)?;
        fs::copy(project::root().join("rust-toolchain.toml"), folder.join("rust-toolchain.toml"))?;
        Ok(Self { subject, folder })
    }

    fn package(&self, case: &Case) -> PathBuf {
        self.folder.join(if case.is_implemented { "implemented" } else { "declared" })
    }

    fn cargo(&self, case: &Case) -> Command {
        let mut cargo = Command::new("cargo");
        cargo.args([case.subcommand, "--quiet"]).current_dir(self.package(case));
        cargo.env("CARGO_INCREMENTAL", "0").env("CARGO_TARGET_DIR", self.target());
        cargo
    }

    fn target(&self) -> PathBuf {
        self.folder.join("target")
    }

    /// Milliseconds from a changed source to the end of the command.
    fn time(&self, case: &Case) -> Result<f64> {
        touch(&self.package(case).join("src/lib.rs"))?;
        let start = Instant::now();
        let status = self.cargo(case).stdin(Stdio::null()).status()?;
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

/// The crates, each without and with an implementation. Trait and expansion are those that a test of the macro compares.
fn users() -> Result<Vec<User>> {
    let expansions = project::root().join("sabrpc-derive/tests/expand");
    let declared = fs::read_to_string(expansions.join("one.in.rs"))?;
    let expanded = fs::read_to_string(expansions.join("one.out.rs"))?;
    let sabrpc = format!("sabrpc = {{ path = {:?} }}", project::root().join("sabrpc"));
    let plain = IMPLEMENTATION.replace("IMPL", "impl");
    let boxed = IMPLEMENTATION.replace("IMPL", "#[async_trait]\nimpl");
    let user = |subject, dependencies: &str, declared: String, implementation: &str| {
        User::new(subject, dependencies, &declared, &format!("{declared}{implementation}"))
    };
    Ok(vec![
        user("sab_service", &sabrpc, format!("use sabrpc::sab_service;\n\n{declared}"), &plain)?,
        user(
            "async_trait",
            "async-trait = \"0.1\"",
            format!("use async_trait::async_trait;\n\n{}", declared.replace("sab_service", "async_trait")),
            &boxed,
        )?,
        user("by_hand", &sabrpc, expanded, &plain)?,
    ])
}

fn measure(flags: &BenchFlags) -> Result<Vec<Run>> {
    let users = users()?;
    let (runs, rounds) = if flags.quick { (2, 5) } else { (5, 10) };
    let cases: Vec<&Case> = CASES.iter().filter(|case| is_wanted(flags, &[case.name])).collect();
    for user in &users {
        println!("-- the dependencies of {}", user.subject);
        for case in &cases {
            shell::run(&mut user.cargo(case))?;
        }
    }
    let mut all = Vec::new();
    for run in 1..=runs {
        println!("-- run {run} of {runs}");
        let mut measured = Vec::new();
        for case in &cases {
            // In turns, so that what else happens on the machine happens to all.
            let mut times: Vec<Vec<f64>> = users.iter().map(|_| Vec::new()).collect();
            for _ in 0..rounds {
                for (user, times) in users.iter().zip(&mut times) {
                    times.push(user.time(case)?);
                }
            }
            let all_times = users.iter().zip(times);
            measured.extend(all_times.map(|(user, times)| condense(user.subject, case.name, times)));
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
