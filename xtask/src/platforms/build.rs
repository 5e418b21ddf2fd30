//! The example as each platform wants it: built, optimised and bundled, in a folder of its own.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use wasm_bindgen_cli_support::Bindgen;

use super::node::Node;
use crate::{project, setup, shell, wasm};

/// The example's name, as cargo and its scripts know it.
const NAME: &str = "round_trip";

/// How far the module is optimised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Build {
    Debug,
    Release,
    /// By wasm-opt too.
    Optimised,
}

impl Build {
    pub(super) const ALL: [Build; 3] = [Build::Debug, Build::Release, Build::Optimised];

    pub(super) fn name(self) -> &'static str {
        match self {
            Build::Debug => "debug",
            Build::Release => "release",
            Build::Optimised => "wasm-opt",
        }
    }
}

/// Whom the bindings are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Web,
    Bundler,
    Node,
}

/// Builds the module in every way, with bindings for every target, for [`project`] to copy.
pub(super) fn modules(node: &Node) -> Result<()> {
    for profile in ["dev", "release"] {
        let mut build = wasm::cargo("build")?;
        shell::run(build.args(["--package", "round-trip", "--profile", profile]))?;
    }
    for build in Build::ALL {
        bind(node, Target::Web, build)?;
        bind(node, Target::Bundler, build)?;
    }
    bind(node, Target::Node, Build::Release)
}

fn bind(node: &Node, target: Target, build: Build) -> Result<()> {
    let pkg = bindings(node, target, build);
    let debug = build == Build::Debug;
    let mut bindgen = Bindgen::new();
    match target {
        Target::Web => bindgen.web(true)?,
        Target::Bundler => bindgen.bundler(true)?,
        Target::Node => bindgen.nodejs_module(true)?,
    };
    let profile = if debug { "debug" } else { "release" };
    let module = project::target().join(setup::WASM).join(profile).join(format!("{NAME}.wasm"));
    wasm::write_bindings(&module, NAME, bindgen.debug(debug), &pkg)?;
    // The two ways that people optimise: for speed and for size.
    let level = match (build, target) {
        (Build::Optimised, Target::Web) => "-O3",
        (Build::Optimised, Target::Bundler) => "-Oz",
        _ => return Ok(()),
    };
    let module = pkg.join(format!("{NAME}_bg.wasm"));
    let before = fs::metadata(&module)?.len();
    shell::run(node.tool("wasm-opt").arg(level).arg(&module).arg("-o").arg(&module))?;
    println!("wasm-opt {level}: {before} bytes became {}", fs::metadata(&module)?.len());
    Ok(())
}

fn bindings(node: &Node, target: Target, build: Build) -> PathBuf {
    node.folder.join("bindings").join(format!("{target:?}-{}", build.name()).to_lowercase())
}

/// A folder of the example, `platform`, with the module in it, built so, for that target.
pub(super) fn project(node: &Node, platform: &str, target: Target, build: Build) -> Result<PathBuf> {
    let name = format!("{platform}-{}", build.name());
    project_of(node, &super::example().join(platform), &name, target, build)
}

/// The same with scripts of any other folder.
pub(super) fn project_of(
    node: &Node,
    scripts: &Path,
    name: &str,
    target: Target,
    build: Build,
) -> Result<PathBuf> {
    let folder = node.folder.join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    project::copy_folder(scripts, &folder)?;
    project::copy_folder(&bindings(node, target, build), &folder.join("pkg"))?;
    Ok(folder)
}

/// Bundles a project by webpack; returns the folder to serve.
pub(super) fn webpack(node: &Node, folder: &Path) -> Result<PathBuf> {
    webpack_with(node, folder, "webpack.config.js")
}

/// The same by the configuration of another project.
pub(super) fn webpack_with(node: &Node, folder: &Path, config: &str) -> Result<PathBuf> {
    let output = folder.join("dist-webpack");
    let mut command = node.tool("webpack");
    command.args(["--config", config, "--output-path"]).arg(&output);
    shell::run(command.current_dir(folder))?;
    fs::copy(super::example().join("webpack/index.html"), output.join("index.html"))?;
    Ok(output)
}

/// Bundles a project by Vite; returns the folder to serve.
pub(super) fn vite(node: &Node, folder: &Path) -> Result<PathBuf> {
    shell::run(node.tool("vite").arg("build").current_dir(folder))?;
    Ok(folder.join("dist"))
}

/// The same by the configuration of another project.
pub(super) fn vite_with(node: &Node, folder: &Path, config: &str) -> Result<PathBuf> {
    // A page is what Vite begins with.
    fs::copy(super::example().join("vite/index.html"), folder.join("index.html"))?;
    shell::run(node.tool("vite").args(["build", "--config", config]).current_dir(folder))?;
    Ok(folder.join("dist"))
}

/// Builds the example by trunk; returns the folder to serve.
///
/// Trunk would download wasm-bindgen and wasm-opt; it takes those of the same versions that are in `PATH`.
pub(super) fn trunk(node: &Node, program: &Path, build: Build) -> Result<PathBuf> {
    let tools = node.folder.join("bin");
    wasm::write_tool(&tools)?;

    let before = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths([tools, node.tools()].into_iter().chain(std::env::split_paths(&before)))
        .context("PATH can't be extended")?;
    let folder = node.folder.join(format!("trunk-{}", build.name()));
    let mut command = std::process::Command::new(program);
    command.args(["build", "--offline", "--dist"]).arg(&folder);
    if build != Build::Debug {
        command.arg("--release");
    }
    shell::run(command.current_dir(super::example().join("trunk")).env("PATH", path))?;
    ensure!(folder.join("index.html").is_file(), "trunk wrote no page to {}", folder.display());
    Ok(folder)
}
