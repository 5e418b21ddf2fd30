//! `cargo xtask fuzz` and `cargo xtask miri`: the checks of sabrpc that need a nightly Rust.

use std::process::Command;

use anyhow::{Result, bail};

use crate::{project, shell};

/// Longest input that the fuzzer makes up, in bytes.
const LONGEST: u32 = 2000;

/// Feeds what libFuzzer makes up to clients and servers, for so long.
pub(crate) fn fuzz(seconds: u32) -> Result<()> {
    toolchain()?;
    if shell::find_program("cargo-fuzz").is_none() {
        bail!("the fuzzer needs cargo-fuzz: `cargo install cargo-fuzz`, then run this again");
    }
    // What it finds on the way stays out of the corpus that is kept.
    let found = project::target().join("fuzz-corpus");
    std::fs::create_dir_all(&found)?;
    let mut command = nightly("cargo");
    command.args(["fuzz", "run", "region"]).arg(&found).arg("fuzz/corpus/region");
    command.arg("--").arg(format!("-max_total_time={seconds}")).arg(format!("-max_len={LONGEST}"));
    command.args(["-timeout=20", "-rss_limit_mb=4096"]).current_dir(project::root().join("sabrpc"));
    shell::run(&mut command)
}

/// Runs the unit tests of sabrpc's native region and of its codec in Miri.
pub(crate) fn miri() -> Result<()> {
    toolchain()?;
    let installed = Command::new("rustup")
        .args(["component", "add", "miri", "rust-src", "--toolchain", "nightly"])
        .current_dir(project::root())
        .status()?;
    if !installed.success() {
        bail!(
            "Miri could not be installed: it is a component of nightly Rust, and rustup brings it from the network"
        );
    }
    let mut command = nightly("cargo");
    command.args(["miri", "test", "--package", "sabrpc", "--lib", "--"]);
    command.args(["native", "codec", "bulk", "batch"]).current_dir(project::root());
    // The clock and the sleeping are the machine's own.
    shell::run(command.env("MIRIFLAGS", "-Zmiri-disable-isolation"))
}

fn toolchain() -> Result<()> {
    if shell::find_program("rustup").is_none() || shell::ask(nightly("rustc").arg("--version")).is_none() {
        bail!("this needs a nightly Rust beside the pinned one: `rustup toolchain install nightly`");
    }
    Ok(())
}

/// A program of the nightly toolchain.
fn nightly(program: &str) -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", "nightly", program]);
    command
}
