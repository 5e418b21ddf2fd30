//! Building for wasm: cargo with the C compiler set, and an example made ready to be served.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

use crate::{project, setup, shell};

/// `cargo SUBCOMMAND` for the wasm target, once everything that it needs is there.
pub(crate) fn cargo(subcommand: &str) -> Result<Command> {
    setup::wasm_target()?;
    let clang = setup::clang()?;
    let mut command = Command::new("cargo");
    command
        .args([subcommand, "--target", setup::WASM])
        .current_dir(project::root())
        .env("CC_wasm32_unknown_unknown", clang.cc)
        .env("AR_wasm32_unknown_unknown", clang.ar);
    Ok(command)
}

/// Builds example `name` of `package` and returns the folder to serve: its page, script and module.
pub(crate) fn example(package: &str, name: &str) -> Result<PathBuf> {
    let mut build = cargo("build")?;
    shell::run(build.args(["--release", "--package", package, "--example", name]))?;
    let module = project::target().join(setup::WASM).join("release/examples").join(format!("{name}.wasm"));

    let folder = bind(&module, name)?;
    copy_assets(&project::root().join(package).join("examples").join(name), &folder)?;
    Ok(folder)
}

/// Makes the module ready for a page: writes it with its bindings to an otherwise empty folder to serve, as `name`.
pub(crate) fn bind(module: &Path, name: &str) -> Result<PathBuf> {
    let folder = project::target().join("web").join(name);
    println!("writing the bindings of {name}.wasm to {}", folder.display());
    write_bindings(module, name, Bindgen::new().web(true)?, &folder)?;
    Ok(folder)
}

/// Writes the module and the bindings that `bindgen` makes to a folder of their own.
pub(crate) fn write_bindings(module: &Path, name: &str, bindgen: &mut Bindgen, folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    bindgen
        .input_path(module)
        .out_name(name)
        .typescript(false)
        // The page's `init()` finds the module by itself, as with the bindings that the command line tool writes.
        .omit_default_module_path(false)
        .generate(folder)
        .with_context(|| format!("no bindings could be made for {}", module.display()))
}

/// wasm-bindgen's own command line, linked in, so that its version is the crates' version.
pub(crate) fn bindgen_tool(arguments: &[OsString]) -> Result<()> {
    let name = OsString::from("wasm-bindgen");
    wasm_bindgen_cli::wasm_bindgen::run_cli_with_args(std::iter::once(&name).chain(arguments))
}

/// Puts a program `wasm-bindgen` into a folder for `PATH`: that command line.
pub(crate) fn write_tool(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    let (tool, this) = (folder.join("wasm-bindgen"), std::env::current_exe()?);
    fs::write(&tool, format!("#!/bin/sh\nexec '{}' wasm-bindgen \"$@\"\n", this.display()))?;
    shell::run(Command::new("chmod").arg("+x").arg(&tool))
}

/// Copies the page and what it needs: every file of the folder but its Rust.
pub(crate) fn copy_assets(from: &Path, to: &Path) -> Result<()> {
    let entries =
        fs::read_dir(from).with_context(|| format!("the page's folder {} can't be read", from.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_file() && path.extension().is_none_or(|extension| extension != "rs") {
            let name = path.file_name().context("a file without a name")?;
            fs::copy(&path, to.join(name))?;
        }
    }
    Ok(())
}
