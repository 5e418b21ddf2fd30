//! Node, and the bundlers and tools that npm brings: found or named, and installed.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::packages::Packages;
use crate::{npm, project, shell};

const NODE: Packages = Packages {
    what: "Node with npm",
    debian: &["nodejs", "npm"],
    ubuntu: &["nodejs", "npm"],
    fedora: "nodejs npm",
    arch: "nodejs npm",
    brew: "node",
};

/// What Vite asks for is more than sabrpc does.
const OLDEST: (u32, u32) = (20, 19);

/// Node, the bundlers and wasm-opt.
#[derive(Clone, Debug)]
pub(super) struct Node {
    node: PathBuf,
    pub(super) major: u32,
    /// What has `package.json` and `node_modules`; projects in it find both.
    pub(super) folder: PathBuf,
}

/// Finds Node, or installs it where there is a package manager that can; also returns its major version.
pub(crate) fn find() -> Result<(PathBuf, u32)> {
    let programs = || shell::find_program("node").zip(shell::find_program("npm"));
    if programs().is_none() {
        NODE.install()?;
    }
    let (node, _) = programs().context("Node was installed, but node or npm is not in PATH")?;
    let said = shell::ask(Command::new(&node).arg("--version")).unwrap_or_default();
    let mut numbers = said.trim_start_matches('v').split('.').map_while(|number| number.parse().ok());
    match (numbers.next(), numbers.next()) {
        (Some(major), Some(minor)) if (major, minor) >= OLDEST => Ok((node, major)),
        _ => bail!(
            "{} is Node {said}, and Vite needs {}.{} or later: distributions may have nothing newer; \
             nodejs.org and version managers such as nvm or fnm have",
            node.display(),
            OLDEST.0,
            OLDEST.1
        ),
    }
}

impl Node {
    /// Finds Node, and installs what the example's `package.json` names.
    pub(super) fn prepare() -> Result<Self> {
        let (node, major) = find()?;
        let folder = project::target().join("platforms");
        npm::install(&super::example().join("package.json"), &folder)?;
        Ok(Self { node, major, folder })
    }

    /// A script run by Node, and its arguments.
    pub(super) fn script(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.node);
        command.args(arguments);
        command
    }

    /// A program that npm installed.
    pub(super) fn tool(&self, name: &str) -> Command {
        Command::new(self.tools().join(name))
    }

    /// Where the programs are that npm installed.
    pub(super) fn tools(&self) -> PathBuf {
        npm::programs(&self.folder)
    }
}
