//! What sabrpc adds to a minimal wasm module, in bytes after wasm-bindgen: to a plain release build, and to one made
//! small by `opt-level = "z"`, link-time optimisation and `wasm-opt -Oz`.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result};

use crate::{
    bench::{Measured, Run, npm},
    project, setup, shell, wasm,
};

/// What is in the module besides one exported function; each case also with `-small` behind it.
pub(super) const CASES: [&str; 6] =
    ["size-client", "size-server", "size-both", "size-client-small", "size-server-small", "size-both-small"];

/// Builds the modules and measures them; the small ones only where wasm-opt can be had.
pub(super) fn measure() -> Result<Run> {
    setup::wasm_target()?;
    let mut measured = build("release", "", None)?;
    if let Some(npm) = npm::installed()? {
        measured.extend(build("small", "-small", Some(&npm::program(&npm, "wasm-opt")))?);
    }
    Ok(Run { place: "wasm", measured })
}

/// Builds all modules with `profile`; cases get `suffix`.
fn build(profile: &str, suffix: &str, wasm_opt: Option<&Path>) -> Result<Vec<Measured>> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--package", "benches", "--target", setup::WASM, "--profile", profile]);
    let modules = ["minimal", "minimal_client", "minimal_server", "minimal_both"];
    for module in modules {
        cargo.args(["--example", module]);
    }
    shell::run(cargo.current_dir(project::root()))?;
    let folder = project::target().join(setup::WASM).join(profile).join("examples");
    let mut sizes = Vec::new();
    for module in modules {
        let site = wasm::bind(&folder.join(format!("{module}.wasm")), module)?;
        let bound = site.join(format!("{module}_bg.wasm"));
        if let Some(wasm_opt) = wasm_opt {
            let mut command = Command::new(wasm_opt);
            shell::run(command.arg("-Oz").arg(&bound).arg("-o").arg(&bound))?;
        }
        let size = fs::metadata(&bound).with_context(|| format!("no size of {}", bound.display()))?.len();
        sizes.push(size as f64);
    }
    let one = |case: String, subject: &str, value| Measured {
        case,
        subject: subject.to_owned(),
        value,
        mean: value,
        unit: "bytes".to_owned(),
        samples: 1,
    };
    let (without, with) = sizes.split_first().context("the minimal module comes first")?;
    let cases = ["client", "server", "both"].map(|what| format!("size-{what}{suffix}"));
    let pairs = cases.into_iter().zip(with);
    Ok(pairs
        .flat_map(|(case, &size)| [one(case.clone(), "sabrpc", size), one(case, "without", *without)])
        .collect())
}
