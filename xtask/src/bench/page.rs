//! The suite between workers: builds the page of `benches/web`, and loads it in a browser once per run.

use std::{path::PathBuf, process::Command, time::Duration};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::{Effort, Run, measured, npm, release_folder};
use crate::{
    flags::{BenchFlags, BrowserKind},
    project,
    server::{Server, Site},
    setup, shell, wasm,
    webdriver::Browser,
};

/// For one load of the page: many times what a quiet machine takes.
const DEADLINE: Duration = Duration::from_secs(180);

/// What the peers are measured by.
const PEERS_CASES: &[&str] = &["null", "4k-write", "4k-read"];

/// The page, built and served.
pub(super) struct Page {
    server: Server,
    /// Whether the peers from npm are there, too.
    peers: bool,
}

impl Page {
    /// Builds the wasm module and the scripts, with the peers unless it has to be quick.
    pub(super) fn build(flags: &BenchFlags) -> Result<Self> {
        setup::wasm_target()?;
        let mut build = Command::new("cargo");
        build.args(["build", "--release", "--package", "benches", "--lib", "--target", setup::WASM]);
        shell::run(build.current_dir(project::root()))?;
        let folder: PathBuf = wasm::bind(&release_folder(Some(setup::WASM)).join("calls.wasm"), "calls")?;
        wasm::copy_assets(&project::root().join("benches/web"), &folder)?;
        let peers = !flags.quick && npm::bundle_peers(&folder)?;
        Ok(Self { server: Server::start(Site { folder, ..Site::default() })?, peers })
    }

    /// Loads the page in `browser` again and again; each load has workers of its own.
    pub(super) fn runs(&self, browser: BrowserKind, flags: &BenchFlags, effort: &Effort) -> Result<Vec<Run>> {
        let driven = Browser::start(browser)?;
        let is_wanted = |case: &&str| flags.cases.is_empty() || flags.cases.iter().any(|name| name == case);
        let peers: Vec<&str> =
            PEERS_CASES.iter().copied().filter(|case| self.peers && is_wanted(case)).collect();
        let settings =
            json!({ "seconds": effort.page_seconds, "cases": flags.cases, "peers": peers }).to_string();
        let query: String = settings.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let url = self.server.url(&format!("/?settings={query}"));
        let mut runs = Vec::new();
        for number in 1..=effort.runs {
            println!("{}: run {number} of {}", browser.name(), effort.runs);
            driven.goto(&url)?;
            let said = self.server.posted("/result", DEADLINE).with_context(|| {
                let title = driven.run("return document.title", &[]).unwrap_or_default();
                format!("nothing came from {}: {title}; its console:\n{}", browser.name(), driven.console())
            })?;
            let said: Value = serde_json::from_slice(&said)?;
            if let Some(error) = said["error"].as_str() {
                bail!("the page failed in {}: {error}\n{}", browser.name(), driven.console());
            }
            for note in said["notes"].as_array().into_iter().flatten() {
                println!("{}: {}", browser.name(), note.as_str().unwrap_or_default());
            }
            for group in said["groups"].as_array().context("the page measured nothing")? {
                runs.push(Run { place: browser.name(), measured: measured(group)? });
            }
        }
        Ok(runs)
    }
}
