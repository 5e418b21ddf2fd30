//! What comes from npm at bench time: the peers of both suites, and wasm-opt. Without npm, or without a network,
//! that is said and the bench goes on without them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

use crate::{npm, project, shell};

/// Installs what `benches/web/package.json` names, unless it is there; returns the folder, or none with the reason
/// printed.
pub(super) fn installed() -> Result<Option<PathBuf>> {
    let folder = project::target().join("npm");
    if let Err(error) = npm::install(&project::root().join("benches/web/package.json"), &folder) {
        println!("{error:#}: going on without it");
        return Ok(None);
    }
    Ok(Some(folder))
}

/// A program of an installed package.
pub(super) fn program(folder: &Path, name: &str) -> PathBuf {
    npm::programs(folder).join(name)
}

/// Puts the SQLites from npm into `site`, as they are; returns whether they could be had.
pub(super) fn copy_sqlites(site: &Path) -> Result<bool> {
    let Some(folder) = installed()? else {
        return Ok(false);
    };
    // wa-sqlite comes in a dozen builds.
    let wanted = [
        "@sqlite.org/sqlite-wasm/dist",
        "@journeyapps/wa-sqlite/src",
        "@journeyapps/wa-sqlite/dist/wa-sqlite.mjs",
        "@journeyapps/wa-sqlite/dist/wa-sqlite.wasm",
    ];
    for name in wanted {
        let (from, to) = (folder.join("node_modules").join(name), site.join("npm").join(name));
        if from.is_dir() {
            project::copy_folder(&from, &to)?;
        } else {
            fs::create_dir_all(to.parent().unwrap_or(site))?;
            fs::copy(&from, &to).with_context(|| format!("the packages have no {name}"))?;
        }
    }
    Ok(true)
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
