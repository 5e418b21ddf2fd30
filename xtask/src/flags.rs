//! Arguments into [`Command`]s. A word that is not known is an error that names the words that are.

use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Result, bail};

/// What `cargo xtask` prints when asked for nothing.
pub(crate) const USAGE: &str = "\
usage: cargo xtask COMMAND

  demo   loads a file into a SQLite database in a real browser's OPFS, reloads the page, shows that
         the rows are there, and opens the exported database with the stock SQLite library
           --input FILE         text or CSV (default: the clock changes that ship with the demo)
           --browser NAME       chromium (default) or firefox
           --open               serve the page for a person and print its address
           --screenshot FILE    also save a picture of the page, as PNG
  test   every check: format, lints, native tests, tests in both browsers, idle, platforms, services,
         tutorial, tabs, demo, docs
           STEP...              only these: fmt tidy clippy native browser idle platforms services
                                tutorial tabs demo docs
           --browser NAME       only this browser (default: both)
           --package NAME       browser tests of this crate only
           -- ARGUMENTS         passed on to the browser tests' runner (a name to filter by)
  bench  measures a suite, each figure beside its reference in the same run
           rpc                  calls between threads and between workers in both browsers
           vfs                  SQLite on files of a browser, alone and in several tabs, in Chromium
           macro                building a crate with one service, beside async-trait
           --json FILE          also write one record per comparison
           --quick              fewer and shorter runs; rpc without the peers from npm
           --case NAME          only this case, such as null or autocommit; may be repeated
           --browser NAME       only this browser, or `all`; rpc without the native suite and sizes
           --native-only        no browser and no sizes (rpc)
           --check              fail if a bar is missed
           --docs               also write the tables and charts of docs/src/speed.md, speed-vfs.md
  docs   builds the API documentation and the book
  fuzz   feeds what libFuzzer makes up to sabrpc's clients and servers; needs nightly and cargo-fuzz
           --seconds NUMBER     for so long (default: 60)
  miri   runs the tests of sabrpc's native region in Miri; needs nightly
  services  serves the pages of sabrpc's services to copy, and prints their address
  setup  finds or installs what the others need, and nothing else
           --browser NAME       only this browser (default: both)
           --trunk              build trunk too, for the tests with it; this takes minutes

Tools are looked for under their usual names; CHROMIUM, CHROMEDRIVER, FIREFOX, GECKODRIVER and
TRUNK name others.";

/// One command line.
#[derive(Debug)]
pub(crate) enum Command {
    Help,
    Bench(BenchFlags),
    Demo(DemoFlags),
    Docs,
    Fuzz {
        seconds: u32,
    },
    Miri,
    Services,
    Setup(SetupFlags),
    Test(TestFlags),
    /// What trunk starts for each module.
    WasmBindgen(Vec<OsString>),
    /// What cargo starts for each test binary of the wasm target.
    WasmTestRunner(Vec<OsString>),
}

/// A browser that the project is tested in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BrowserKind {
    Chromium,
    Firefox,
}

impl BrowserKind {
    pub(crate) const ALL: [BrowserKind; 2] = [BrowserKind::Chromium, BrowserKind::Firefox];

    pub(crate) fn name(self) -> &'static str {
        match self {
            BrowserKind::Chromium => "chromium",
            BrowserKind::Firefox => "firefox",
        }
    }
}

impl FromStr for BrowserKind {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> Result<Self> {
        match Self::ALL.into_iter().find(|kind| kind.name() == name) {
            Some(kind) => Ok(kind),
            None => bail!("'{name}' is not a browser known here; say chromium or firefox"),
        }
    }
}

/// The browsers that a command is for; both when none was named.
pub(crate) type Browsers = Vec<BrowserKind>;

/// What `bench` can measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SuiteName {
    Rpc,
    Vfs,
    Macro,
}

#[derive(Debug)]
pub(crate) struct BenchFlags {
    pub(crate) suite: SuiteName,
    pub(crate) json: Option<PathBuf>,
    pub(crate) quick: bool,
    /// Only these; all when there are none.
    pub(crate) cases: Vec<String>,
    pub(crate) browsers: Browsers,
    /// Whether the native suite and the sizes are measured.
    pub(crate) native: bool,
    pub(crate) sizes: bool,
    pub(crate) check: bool,
    pub(crate) docs: bool,
}

#[derive(Debug)]
pub(crate) struct DemoFlags {
    pub(crate) input: Option<PathBuf>,
    pub(crate) browser: BrowserKind,
    pub(crate) open: bool,
    pub(crate) screenshot: Option<PathBuf>,
}

#[derive(Debug)]
pub(crate) struct SetupFlags {
    pub(crate) browsers: Browsers,
    pub(crate) trunk: bool,
}

#[derive(Debug)]
pub(crate) struct TestFlags {
    pub(crate) steps: Vec<String>,
    pub(crate) browsers: Browsers,
    pub(crate) package: Option<String>,
    pub(crate) arguments: Vec<OsString>,
}

/// Reads a command line, without the program's name.
pub(crate) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Command> {
    let mut words = Words { rest: arguments.collect::<Vec<_>>().into_iter() };
    let Some(command) = words.rest.next() else {
        return Ok(Command::Help);
    };
    match command.to_str() {
        Some("help" | "--help" | "-h") => Ok(Command::Help),
        Some("bench") => bench(words).map(Command::Bench),
        Some("demo") => demo(words).map(Command::Demo),
        Some("docs") => words.end().map(|()| Command::Docs),
        Some("fuzz") => fuzz(words),
        Some("miri") => words.end().map(|()| Command::Miri),
        Some("services") => words.end().map(|()| Command::Services),
        Some("setup") => setup(words).map(Command::Setup),
        Some("test") => test(words).map(Command::Test),
        Some("wasm-bindgen") => Ok(Command::WasmBindgen(words.rest.collect())),
        Some("wasm-test-runner") => Ok(Command::WasmTestRunner(words.rest.collect())),
        _ => bail!("there is no command '{}'\n{USAGE}", command.display()),
    }
}

fn bench(mut words: Words) -> Result<BenchFlags> {
    let suite = match words.next()?.as_deref() {
        Some("rpc") => SuiteName::Rpc,
        Some("vfs") => SuiteName::Vfs,
        Some("macro") => SuiteName::Macro,
        Some(other) => bail!("bench knows no suite '{other}'; say rpc, vfs or macro\n{USAGE}"),
        None => bail!("which suite? There are `bench rpc`, `bench vfs` and `bench macro`\n{USAGE}"),
    };
    let is_rpc = suite == SuiteName::Rpc;
    let mut flags = BenchFlags {
        suite,
        json: None,
        quick: false,
        cases: Vec::new(),
        browsers: Vec::new(),
        native: is_rpc,
        sizes: is_rpc,
        check: false,
        docs: false,
    };
    let mut native_only = false;
    while let Some(word) = words.next()? {
        match word.as_str() {
            "--json" => flags.json = Some(words.path("--json")?),
            "--quick" => flags.quick = true,
            "--case" => flags.cases.push(words.text("--case")?),
            "--browser" if suite != SuiteName::Macro => {
                (flags.native, flags.sizes) = (false, false);
                match words.text("--browser")?.as_str() {
                    "all" => flags.browsers.extend(BrowserKind::ALL),
                    name => flags.browsers.push(name.parse()?),
                }
            }
            "--native-only" if is_rpc => native_only = true,
            "--check" => flags.check = true,
            "--docs" => flags.docs = true,
            other => bail!("bench does not know '{other}'\n{USAGE}"),
        }
    }
    if native_only {
        (flags.native, flags.sizes) = (true, false);
    } else if suite == SuiteName::Macro {
        // Nothing of it runs in a browser.
    } else if !is_rpc && flags.browsers.is_empty() {
        // Half of what it is compared with runs in no other.
        flags.browsers = vec![BrowserKind::Chromium];
    } else {
        flags.browsers = or_both(flags.browsers);
    }
    Ok(flags)
}

fn demo(mut words: Words) -> Result<DemoFlags> {
    let mut flags = DemoFlags { input: None, browser: BrowserKind::Chromium, open: false, screenshot: None };
    while let Some(word) = words.next()? {
        match word.as_str() {
            "--input" => flags.input = Some(words.path("--input")?),
            "--browser" => flags.browser = words.text("--browser")?.parse()?,
            "--open" => flags.open = true,
            "--screenshot" => flags.screenshot = Some(words.path("--screenshot")?),
            other => bail!("demo does not know '{other}'\n{USAGE}"),
        }
    }
    Ok(flags)
}

fn fuzz(mut words: Words) -> Result<Command> {
    let mut seconds = 60;
    while let Some(word) = words.next()? {
        match word.as_str() {
            "--seconds" => {
                let text = words.text("--seconds")?;
                let Ok(number) = text.parse() else { bail!("--seconds takes a number, not '{text}'") };
                seconds = number;
            }
            other => bail!("fuzz does not know '{other}'\n{USAGE}"),
        }
    }
    Ok(Command::Fuzz { seconds })
}

fn setup(mut words: Words) -> Result<SetupFlags> {
    let mut flags = SetupFlags { browsers: Vec::new(), trunk: false };
    while let Some(word) = words.next()? {
        match word.as_str() {
            "--browser" => flags.browsers.push(words.text("--browser")?.parse()?),
            "--trunk" => flags.trunk = true,
            other => bail!("setup does not know '{other}'\n{USAGE}"),
        }
    }
    flags.browsers = or_both(flags.browsers);
    Ok(flags)
}

fn test(mut words: Words) -> Result<TestFlags> {
    let mut flags =
        TestFlags { steps: Vec::new(), browsers: Vec::new(), package: None, arguments: Vec::new() };
    while let Some(word) = words.next()? {
        match word.as_str() {
            "--" => flags.arguments = words.rest.by_ref().collect(),
            "--browser" => flags.browsers.push(words.text("--browser")?.parse()?),
            "--package" | "-p" => flags.package = Some(words.text("--package")?),
            step if !step.starts_with('-') => flags.steps.push(word),
            other => bail!("test does not know '{other}'\n{USAGE}"),
        }
    }
    flags.browsers = or_both(flags.browsers);
    Ok(flags)
}

fn or_both(browsers: Browsers) -> Browsers {
    if browsers.is_empty() { BrowserKind::ALL.to_vec() } else { browsers }
}

struct Words {
    rest: std::vec::IntoIter<OsString>,
}

impl Words {
    fn next(&mut self) -> Result<Option<String>> {
        match self.rest.next().map(OsString::into_string) {
            None => Ok(None),
            Some(Ok(word)) => Ok(Some(word)),
            Some(Err(word)) => bail!("'{}' is not UTF-8", word.display()),
        }
    }

    fn text(&mut self, flag: &str) -> Result<String> {
        match self.next()? {
            Some(word) => Ok(word),
            None => bail!("{flag} needs a value after it\n{USAGE}"),
        }
    }

    fn path(&mut self, flag: &str) -> Result<PathBuf> {
        match self.rest.next() {
            Some(word) => Ok(word.into()),
            None => bail!("{flag} needs a file after it\n{USAGE}"),
        }
    }

    fn end(mut self) -> Result<()> {
        match self.next()? {
            None => Ok(()),
            Some(word) => bail!("'{word}' is one word too many\n{USAGE}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_line(line: &str) -> Result<Command> {
        parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn demo_takes_its_defaults() {
        let Command::Demo(flags) = parse_line("demo").unwrap() else { panic!("not the demo") };
        assert_eq!(flags.browser, BrowserKind::Chromium);
        assert!(flags.input.is_none() && !flags.open && flags.screenshot.is_none());
    }

    #[test]
    fn bench_measures_everything_unless_told_otherwise() {
        let flags = |line| match parse_line(line).unwrap() {
            Command::Bench(flags) => (flags.browsers.len(), flags.native, flags.sizes),
            other => panic!("{other:?}"),
        };
        assert_eq!(flags("bench rpc --json out.json"), (2, true, true));
        assert_eq!(flags("bench rpc --browser firefox --quick"), (1, false, false));
        assert_eq!(flags("bench rpc --browser all"), (2, false, false));
        assert_eq!(flags("bench rpc --native-only --case null"), (0, true, false));
        assert_eq!(flags("bench vfs --case scan"), (1, false, false));
        assert_eq!(flags("bench macro --quick"), (0, false, false));
    }

    #[test]
    fn test_passes_on_what_follows_the_dashes() {
        let line = "test browser --browser firefox -p sabrpc -- --nocapture echo";
        let Command::Test(flags) = parse_line(line).unwrap() else { panic!("not the tests") };
        assert_eq!(flags.steps, ["browser"]);
        assert_eq!(flags.browsers, [BrowserKind::Firefox]);
        assert_eq!(flags.package.as_deref(), Some("sabrpc"));
        assert_eq!(flags.arguments, ["--nocapture", "echo"]);
    }

    #[test]
    fn unknown_words_and_missing_values_are_errors() {
        for line in [
            "bogus",
            "bench",
            "bench x",
            "bench vfs --native-only",
            "bench macro --browser firefox",
            "demo --fast",
            "demo --input",
            "demo --browser opera",
            "docs now",
            "fuzz --seconds soon",
            "miri now",
        ] {
            assert!(parse_line(line).is_err(), "{line}");
        }
    }
}
