//! Packages from npm: what a `package.json` of the project names, installed once into a folder of the target directory.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::shell;

/// Installs what `list` names into `folder`, unless it is there already.
pub(crate) fn install(list: &Path, folder: &Path) -> Result<()> {
    let wanted = fs::read(list).with_context(|| format!("{} can't be read", list.display()))?;
    // Written last, so it says that the install went through.
    let done = folder.join("installed.json");
    if fs::read(&done).is_ok_and(|before| before == wanted) {
        return Ok(());
    }
    let npm = shell::find_program("npm")
        .context("npm is missing (package `npm` on Debian and Ubuntu, or Node.js from nodejs.org)")?;
    println!("installing what {} names", list.display());
    fs::create_dir_all(folder)?;
    fs::write(folder.join("package.json"), &wanted)?;
    let mut install = Command::new(npm);
    install.args(["install", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund"]);
    shell::run(install.current_dir(folder))?;
    fs::write(done, wanted)?;
    Ok(())
}

/// Where the programs are of what is installed in `folder`.
pub(crate) fn programs(folder: &Path) -> PathBuf {
    folder.join("node_modules/.bin")
}
