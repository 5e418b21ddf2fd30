//! A suite's page: served, and loaded in a browser once per run. What the page does is in `benches/web`.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::{Run, measured};
use crate::{
    server::{Server, Site},
    webdriver::Browser,
};

/// The page, served.
pub(super) struct Page(Server);

impl Page {
    /// Serves `folder`.
    pub(super) fn serve(folder: PathBuf) -> Result<Self> {
        Ok(Self(Server::start(Site { folder, ..Site::default() })?))
    }

    /// The address of one of its files.
    pub(super) fn url(&self, path: &str) -> String {
        self.0.url(path)
    }

    /// Loads the page in the browser's current tab and returns what it measures; each load has workers of its own. More
    /// than `deadline` is far more than a quiet machine takes.
    pub(super) fn run(&self, driven: &Browser, settings: &Value, deadline: Duration) -> Result<Vec<Run>> {
        let name = driven.kind().name();
        let query: String = settings.to_string().bytes().map(|byte| format!("%{byte:02x}")).collect();
        driven.goto(&self.url(&format!("/?settings={query}")))?;
        let said = self.0.posted("/result", deadline).with_context(|| {
            let title = driven.run("return document.title", &[]).unwrap_or_default();
            format!("nothing came from {name}: {title}; its console:\n{}", driven.console())
        })?;
        let said: Value = serde_json::from_slice(&said)?;
        if let Some(error) = said["error"].as_str() {
            bail!("the page failed in {name}: {error}\n{}", driven.console());
        }
        for note in said["notes"].as_array().into_iter().flatten() {
            println!("{name}: {}", note.as_str().unwrap_or_default());
        }
        let groups = said["groups"].as_array().context("the page measured nothing")?;
        groups
            .iter()
            .map(|group| Ok(Run { place: driven.kind().name(), measured: measured(group)? }))
            .collect()
    }
}
