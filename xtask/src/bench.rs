//! `cargo xtask bench`: the crate `benches`, optimised, with the arguments as they are.

use std::{ffi::OsString, process::Command};

use anyhow::Result;

use crate::{project, shell};

/// Builds and runs the benchmarks.
pub(crate) fn run(arguments: &[OsString]) -> Result<()> {
    let mut command = Command::new("cargo");
    command
        .args(["run", "--release", "--package", "benches", "--"])
        .args(arguments)
        .current_dir(project::root());
    shell::run(&mut command)
}
