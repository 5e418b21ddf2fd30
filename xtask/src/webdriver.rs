//! Driving a real browser by the W3C WebDriver protocol: as much of it as the demo and the tests of
//! several tabs need. Every request has a deadline, and dropping the browser ends it and its driver.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use base64::Engine;
use serde_json::{Value, json};

use crate::flags::BrowserKind;
use crate::{project, runner, setup, shell};

/// For the driver to listen, and for the browser to start.
const START: Duration = Duration::from_secs(60);

/// For a page to load, a script to answer, a window to open.
const COMMAND: Duration = Duration::from_secs(60);

/// A running browser with one session.
pub(crate) struct Browser {
    kind: BrowserKind,
    driver: Child,
    log: PathBuf,
    agent: ureq::Agent,
    driver_url: String,
    session: Option<String>,
    /// The browser's profile; the folder goes when the browser goes.
    _profile: tempfile::TempDir,
}

/// A tab of a browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tab(String);

impl Browser {
    /// Starts `kind` with an empty profile, installing it first where it is missing.
    pub(crate) fn start(kind: BrowserKind) -> Result<Self> {
        let found = setup::browser(kind)?;
        let folder = project::browser_files();
        fs::create_dir_all(&folder)?;
        let profile = tempfile::tempdir_in(&folder)?;
        let log = folder.join(format!("{}-driver.log", kind.name()));
        println!("starting headless {} ({})", kind.name(), found.program.display());

        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut command = Command::new(&found.driver);
        command.arg(format!("--port={port}"));
        if kind == BrowserKind::Firefox {
            command.arg("--profile-root").arg(profile.path());
        }
        let output = File::create(&log)?;
        let driver = command
            .stdin(Stdio::null())
            .stderr(output.try_clone()?)
            .stdout(output)
            .spawn()
            .with_context(|| format!("the driver {} can't be started", found.driver.display()))?;

        let config = ureq::Agent::config_builder().http_status_as_error(false);
        let mut browser = Self {
            kind,
            driver,
            log,
            agent: config.timeout_global(Some(COMMAND)).build().into(),
            driver_url: format!("http://127.0.0.1:{port}"),
            session: None,
            _profile: profile,
        };
        browser.await_driver()?;
        browser.open_session(&found.program)?;
        Ok(browser)
    }

    /// The driver's process, which the browser's are children of.
    pub(crate) fn process(&self) -> u32 {
        self.driver.id()
    }

    pub(crate) fn kind(&self) -> BrowserKind {
        self.kind
    }

    /// Loads `url` in the current tab.
    pub(crate) fn goto(&self, url: &str) -> Result<()> {
        self.post("/url", &json!({ "url": url })).map(drop)
    }

    /// Loads the current tab's page again.
    pub(crate) fn refresh(&self) -> Result<()> {
        self.post("/refresh", &json!({})).map(drop)
    }

    /// Runs the body of a function in the current tab and returns what it returns.
    pub(crate) fn run(&self, script: &str, arguments: &[Value]) -> Result<Value> {
        self.post("/execute/sync", &json!({ "script": script, "args": arguments }))
    }

    /// A command of Chromium's own protocol to the current tab.
    pub(crate) fn devtools(&self, command: &str, parameters: &Value) -> Result<Value> {
        self.post("/goog/cdp/execute", &json!({ "cmd": command, "params": parameters }))
    }

    /// Clicks on the first element that a CSS selector finds, as a user does: where it is, if it can be seen.
    pub(crate) fn click(&self, selector: &str) -> Result<()> {
        let element = self.element(selector)?;
        self.post(&format!("/element/{element}/click"), &json!({})).map(drop)
    }

    /// Types `text` into it, or picks the file of this path in it.
    pub(crate) fn type_into(&self, selector: &str, text: &str) -> Result<()> {
        let element = self.element(selector)?;
        self.post(&format!("/element/{element}/value"), &json!({ "text": text })).map(drop)
    }

    fn element(&self, selector: &str) -> Result<String> {
        let found = self.post("/element", &json!({ "using": "css selector", "value": selector }))?;
        // The one key of the answer is the same constant for every element.
        let name = found.as_object().and_then(|object| object.values().next()).and_then(Value::as_str);
        Ok(name.with_context(|| format!("the driver names no element {selector}"))?.to_owned())
    }

    /// The tab that commands go to.
    pub(crate) fn current_tab(&self) -> Result<Tab> {
        let handle = self.request("GET", &self.path("/window")?, None)?;
        Ok(Tab(handle.as_str().context("the driver names no window")?.to_owned()))
    }

    /// Opens another tab; commands still go to the one they went to.
    pub(crate) fn new_tab(&self) -> Result<Tab> {
        let window = self.post("/window/new", &json!({ "type": "tab" }))?;
        let handle = window["handle"].as_str().context("the driver names no new window")?;
        Ok(Tab(handle.to_owned()))
    }

    /// Makes commands go to `tab`.
    pub(crate) fn switch(&self, tab: &Tab) -> Result<()> {
        self.post("/window", &json!({ "handle": tab.0 })).map(drop)
    }

    /// Closes the current tab, whatever it is doing; [`Browser::switch`] has to come next.
    pub(crate) fn close_tab(&self) -> Result<()> {
        self.request("DELETE", &self.path("/window")?, None).map(drop)
    }

    /// Saves a picture of the current tab as PNG, tall enough for what a page has to show.
    pub(crate) fn screenshot(&self, file: &Path) -> Result<()> {
        self.post("/window/rect", &json!({ "width": 1100, "height": 2000 }))?;
        let encoded = self.request("GET", &self.path("/screenshot")?, None)?;
        let encoded = encoded.as_str().context("the driver sent no picture")?;
        let picture = base64::engine::general_purpose::STANDARD.decode(encoded)?;
        fs::write(file, picture)
            .with_context(|| format!("the picture can't be written to {}", file.display()))
    }

    /// What the page and its workers wrote to the console, for a failure's message.
    pub(crate) fn console(&self) -> String {
        match self.kind {
            // Firefox writes it to the driver's log, see `capabilities`.
            BrowserKind::Firefox => {
                let log = fs::read_to_string(&self.log).unwrap_or_default();
                let lines = log.lines().filter(|line| line.starts_with("console."));
                lines.collect::<Vec<_>>().join("\n")
            }
            BrowserKind::Chromium => {
                let entries = self.post("/se/log", &json!({ "type": "browser" }));
                let entries = entries.ok().and_then(|value| value.as_array().cloned());
                let texts = entries.unwrap_or_default();
                let texts = texts.iter().filter_map(|entry| entry["message"].as_str());
                texts.collect::<Vec<_>>().join("\n")
            }
        }
    }

    fn await_driver(&mut self) -> Result<()> {
        let end = Instant::now() + START;
        loop {
            if let Some(status) = self.driver.try_wait()? {
                bail!("the driver ended at once ({status}): {}", self.log_tail());
            }
            if self.request("GET", "/status", None).is_ok() {
                return Ok(());
            }
            if Instant::now() > end {
                bail!(
                    "the driver did not answer within {} s; its log is {}",
                    START.as_secs(),
                    self.log.display()
                );
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn open_session(&mut self, program: &Path) -> Result<()> {
        let wanted = json!({ "capabilities": { "alwaysMatch": self.capabilities(program) } });
        let session = self.request("POST", "/session", Some(&wanted)).with_context(|| {
            format!(
                "{} could not be started by its driver. If their versions differ, update both. \
                 The end of the driver's log: {}",
                program.display(),
                self.log_tail()
            )
        })?;
        let id = session["sessionId"].as_str().context("the driver names no session")?;
        self.session = Some(id.to_owned());
        Ok(())
    }

    fn capabilities(&self, program: &Path) -> Value {
        let limit = COMMAND.as_millis() as u64;
        let mut wanted = json!({
            "timeouts": { "script": limit, "pageLoad": limit },
            // A page that asks whether it may be left would hold up a tab's end.
            "unhandledPromptBehavior": "accept",
        });
        match self.kind {
            BrowserKind::Chromium => {
                let profile = format!("--user-data-dir={}", self._profile.path().display());
                let mut switches = runner::chromium_switches();
                switches.push(&profile);
                wanted["goog:chromeOptions"] = json!({ "binary": program, "args": switches });
                wanted["goog:loggingPrefs"] = json!({ "browser": "ALL" });
            }
            BrowserKind::Firefox => {
                wanted["moz:firefoxOptions"] = json!({
                    "binary": program,
                    "args": ["-headless"],
                    "prefs": { "devtools.console.stdout.content": true },
                });
            }
        }
        wanted
    }

    fn log_tail(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines = log.lines().rev().take(5).collect::<Vec<_>>();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    fn path(&self, rest: &str) -> Result<String> {
        let session = self.session.as_deref().context("the browser has ended")?;
        Ok(format!("/session/{session}{rest}"))
    }

    fn post(&self, rest: &str, body: &Value) -> Result<Value> {
        self.request("POST", &self.path(rest)?, Some(body))
    }

    /// One request to the driver; an answer that is an error becomes one, in the driver's words.
    fn request(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        let url = format!("{}{path}", self.driver_url);
        let answer = match (method, body) {
            ("POST", body) => {
                let body = body.map(Value::to_string).unwrap_or_default();
                self.agent.post(&url).content_type("application/json").send(body)
            }
            ("DELETE", _) => self.agent.delete(&url).call(),
            _ => self.agent.get(&url).call(),
        };
        let mut answer = answer.with_context(|| {
            format!(
                "{} did not carry out '{path}'; the driver's log is {}",
                self.kind.name(),
                self.log.display()
            )
        })?;
        let status = answer.status();
        // A screenshot is larger than the library's own limit for a text.
        let text = answer.body_mut().with_config().limit(256 << 20).read_to_string()?;
        let mut json: Value = serde_json::from_str(&text)
            .with_context(|| format!("the driver answered '{path}' with something else: {text}"))?;
        let value = json["value"].take();
        if !status.is_success() {
            let message = value["message"].as_str().unwrap_or(&text);
            bail!("{} answered: {message}", self.kind.name());
        }
        Ok(value)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver then lets the browser end in good order; what is still there after that is
        // killed.
        if let Ok(path) = self.path("") {
            let _ = self.request("DELETE", &path, None);
        }
        shell::kill_tree(self.driver.id());
        let _ = self.driver.wait();
    }
}
