//! What comes from npm at bench time: the peers, bundled for the page, and wasm-opt. Without npm, or without a network,
//! that is said and the bench goes on without them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, ensure};

use crate::{project, shell};

/// Installs what `benches/web/package.json` names, unless it is there; returns the folder, or none with the reason
/// printed.
pub(super) fn installed() -> Result<Option<PathBuf>> {
    let folder = project::target().join("npm");
    let list = fs::read(project::root().join("benches/web/package.json"))?;
    // Written last, so it says that the install went through.
    let done = folder.join("installed.json");
    if fs::read(&done).is_ok_and(|before| before == list) {
        return Ok(Some(folder));
    }
    let Some(npm) = shell::find_program("npm") else {
        println!(
            "npm is missing (package `npm` on Debian and Ubuntu, or Node.js from nodejs.org): going on without it"
        );
        return Ok(None);
    };
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("package.json"), &list)?;
    let mut install = Command::new(npm);
    install.args(["install", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund"]);
    if let Err(error) = shell::run(install.current_dir(&folder)) {
        println!("{error:#}: going on without it");
        return Ok(None);
    }
    fs::write(done, list)?;
    Ok(Some(folder))
}

/// A program of an installed package.
pub(super) fn program(folder: &Path, name: &str) -> PathBuf {
    folder.join("node_modules/.bin").join(name)
}

/// Bundles the peers' scripts into `site`; returns whether they could be had.
pub(super) fn bundle_peers(site: &Path) -> Result<bool> {
    let Some(folder) = installed()? else {
        return Ok(false);
    };
    // Beside the packages, where the bundler looks for them.
    let sources = folder.join("peers");
    if sources.exists() {
        fs::remove_dir_all(&sources)?;
    }
    fs::create_dir_all(&sources)?;
    for entry in fs::read_dir(project::root().join("benches/web/peers"))? {
        let entry = entry?;
        fs::copy(entry.path(), sources.join(entry.file_name()))?;
    }
    let mut bundle = Command::new(program(&folder, "esbuild"));
    bundle.args(["page.js", "caller.js", "server.js", "--bundle", "--format=esm", "--log-level=warning"]);
    // The page's own scripts stay what they are.
    for script in ["calls", "bare", "measure", "subjects"] {
        ensure!(site.join(format!("{script}.js")).is_file(), "the page has no {script}.js");
        bundle.arg(format!("--external:/{script}.js"));
    }
    bundle.arg(format!("--outdir={}", site.join("peers").display()));
    shell::run(bundle.current_dir(&sources))?;
    Ok(true)
}
