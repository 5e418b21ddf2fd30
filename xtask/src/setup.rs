//! Finding what the commands need (the wasm target, clang, the browsers and their drivers), and
//! installing what is missing, in a way that says what is done and what to do when it fails.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::flags::{BrowserKind, SetupFlags};
use crate::packages::Packages;
use crate::{platforms, project, shell};

/// The target that the browser crates are built for.
pub(crate) const WASM: &str = "wasm32-unknown-unknown";

/// The release of geckodriver that is built where the machine has none.
const GECKODRIVER_VERSION: &str = "0.37.1";

/// The release of trunk that is built when it is asked for.
const TRUNK_VERSION: &str = "0.21.14";

const CLANG: Packages = Packages {
    what: "clang with the wasm32 target (it compiles SQLite)",
    debian: &["clang", "llvm"],
    ubuntu: &["clang", "llvm"],
    fedora: "clang llvm",
    arch: "clang llvm",
    brew: "llvm   (then set CC_wasm32_unknown_unknown and AR_wasm32_unknown_unknown to its clang and llvm-ar)",
};

const CHROMIUM: Packages = Packages {
    what: "Chromium with ChromeDriver",
    debian: &["chromium", "chromium-driver"],
    ubuntu: &["chromium-browser", "chromium-chromedriver"],
    fedora: "chromium chromedriver",
    arch: "chromium",
    brew: "--cask google-chrome chromedriver",
};

const FIREFOX: Packages = Packages {
    what: "Firefox",
    debian: &["firefox-esr"],
    ubuntu: &["firefox"],
    fedora: "firefox",
    arch: "firefox geckodriver",
    brew: "--cask firefox && brew install geckodriver",
};

/// A browser and the WebDriver server that drives it.
#[derive(Clone, Debug)]
pub(crate) struct Browser {
    pub(crate) kind: BrowserKind,
    pub(crate) program: PathBuf,
    pub(crate) driver: PathBuf,
}

/// The C compiler and archiver for wasm32.
#[derive(Clone, Debug)]
pub(crate) struct Clang {
    pub(crate) cc: PathBuf,
    pub(crate) ar: PathBuf,
}

/// `cargo xtask setup`: everything that the other commands would ask for.
pub(crate) fn run(flags: &SetupFlags) -> Result<()> {
    wasm_target()?;
    println!("target {WASM}: there");
    let clang = clang()?;
    println!("clang: {}, {}", clang.cc.display(), clang.ar.display());
    for &kind in &flags.browsers {
        let found = browser(kind)?;
        let name = kind.name();
        println!("{name}: {}, {}", found.program.display(), found.driver.display());
    }
    println!("node: {}", platforms::find_node()?.0.display());
    if flags.trunk && find_trunk()?.is_none() {
        build_trunk()?;
    }
    match find_trunk()? {
        Some(trunk) => println!("trunk: {}", trunk.display()),
        None => println!("trunk: not there, and needed only to test with it; --trunk builds it"),
    }
    Ok(())
}

/// Makes sure that the active toolchain has the standard library for wasm.
pub(crate) fn wasm_target() -> Result<()> {
    let has_target = || {
        let mut question = Command::new("rustc");
        question.args(["--print", "target-libdir", "--target", WASM]).current_dir(project::root());
        let folder = shell::ask(&mut question).map(PathBuf::from);
        folder.and_then(|folder| fs::read_dir(folder).ok()).is_some_and(|mut entries| {
            entries.any(|entry| {
                entry.is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("libstd"))
            })
        })
    };
    if has_target() {
        return Ok(());
    }
    if shell::find_program("rustup").is_none() {
        bail!(
            "the Rust toolchain has no {WASM} target and there is no rustup to add it. Install \
             Rust through rustup, or your distribution's package of that target"
        );
    }
    println!("the Rust toolchain has no {WASM} target: adding it with rustup");
    shell::run(Command::new("rustup").args(["target", "add", WASM]).current_dir(project::root()))?;
    if !has_target() {
        bail!("rustup added {WASM}, and rustc still can't find it; see `rustup show`");
    }
    Ok(())
}

/// Finds or installs a clang that can compile for wasm32, with an archiver.
pub(crate) fn clang() -> Result<Clang> {
    if let Some(found) = find_clang()? {
        return Ok(found);
    }
    CLANG.install()?;
    find_clang()?.context("clang was installed, but can't compile for wasm32; see the messages above")
}

fn find_clang() -> Result<Option<Clang>> {
    let compilers = candidates("CC_wasm32_unknown_unknown", "clang");
    let archivers = candidates("AR_wasm32_unknown_unknown", "llvm-ar");
    let Some(ar) = archivers.iter().find_map(shell::find_program) else {
        return Ok(None);
    };
    for cc in compilers.iter().filter_map(shell::find_program) {
        if compiles_for_wasm(&cc)? {
            return Ok(Some(Clang { cc, ar }));
        }
    }
    Ok(None)
}

/// `variable`'s value if it is set, then `name` plain and with the versions that distributions add.
fn candidates(variable: &str, name: &str) -> Vec<String> {
    let versions = (14..=22).rev().map(|version| format!("{name}-{version}"));
    let homes = ["/opt/homebrew/opt/llvm/bin", "/usr/local/opt/llvm/bin"];
    std::env::var(variable)
        .into_iter()
        .chain([name.to_owned()])
        .chain(versions)
        .chain(homes.map(|home| format!("{home}/{name}")))
        .collect()
}

/// Not every clang has the target: Apple's has not.
fn compiles_for_wasm(cc: &PathBuf) -> Result<bool> {
    let folder = tempfile::tempdir()?;
    let source = folder.path().join("probe.c");
    fs::write(&source, "int probe(int x) { return x + 1; }\n")?;
    let mut command = Command::new(cc);
    command.arg("--target=wasm32-unknown-unknown").arg("-c").arg(&source);
    command.arg("-o").arg(folder.path().join("probe.o"));
    Ok(shell::ask(&mut command).is_some())
}

/// Finds or installs `kind` with its driver.
pub(crate) fn browser(kind: BrowserKind) -> Result<Browser> {
    let packages = match kind {
        BrowserKind::Chromium => CHROMIUM,
        BrowserKind::Firefox => FIREFOX,
    };
    let have_driver = kind == BrowserKind::Firefox || find_driver(kind)?.is_some();
    if find_browser(kind)?.is_none() || !have_driver {
        packages.install()?;
    }
    if kind == BrowserKind::Firefox && find_driver(kind)?.is_none() {
        build_geckodriver()?;
    }
    let program = find_browser(kind)?
        .with_context(|| format!("{} was installed, but is not in PATH", packages.what))?;
    let driver = find_driver(kind)?
        .with_context(|| format!("the driver of {} was installed, but is not in PATH", kind.name()))?;
    Ok(Browser { kind, program, driver })
}

/// Finds `kind` with its driver where they are, and installs nothing.
pub(crate) fn find(kind: BrowserKind) -> Result<Browser> {
    match (find_browser(kind)?, find_driver(kind)?) {
        (Some(program), Some(driver)) => Ok(Browser { kind, program, driver }),
        _ => bail!(
            "{name} or its driver is missing; `cargo xtask setup --browser {name}` installs them",
            name = kind.name()
        ),
    }
}

fn find_browser(kind: BrowserKind) -> Result<Option<PathBuf>> {
    match kind {
        BrowserKind::Chromium => named_or_first(
            "CHROMIUM",
            &[
                "chromium",
                "chromium-browser",
                "google-chrome",
                "google-chrome-stable",
                "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
                "/Applications/Chromium.app/Contents/MacOS/Chromium",
            ],
        ),
        BrowserKind::Firefox => named_or_first(
            "FIREFOX",
            &["firefox-esr", "firefox", "/Applications/Firefox.app/Contents/MacOS/firefox"],
        ),
    }
}

fn find_driver(kind: BrowserKind) -> Result<Option<PathBuf>> {
    match kind {
        BrowserKind::Chromium => named_or_first(
            "CHROMEDRIVER",
            &["chromedriver", "chromium.chromedriver", "/usr/lib/chromium-browser/chromedriver"],
        ),
        BrowserKind::Firefox => {
            let built = project::tools().join("bin").join("geckodriver");
            let built = built.to_string_lossy();
            named_or_first("GECKODRIVER", &["geckodriver", "firefox.geckodriver", &built])
        }
    }
}

/// The program that `variable` names, which then has to be there, or the first of `names` that is.
fn named_or_first(variable: &str, names: &[&str]) -> Result<Option<PathBuf>> {
    match std::env::var_os(variable) {
        Some(name) => match shell::find_program(&name) {
            Some(program) => Ok(Some(program)),
            None => bail!("{variable} names '{}', which is not there", name.display()),
        },
        None => Ok(names.iter().find_map(shell::find_program)),
    }
}

/// Finds trunk, which is not built unless it is asked for: that takes longer than all of its tests.
pub(crate) fn find_trunk() -> Result<Option<PathBuf>> {
    let built = project::tools().join("bin").join("trunk");
    named_or_first("TRUNK", &["trunk", &built.to_string_lossy()])
}

fn build_trunk() -> Result<()> {
    println!("trunk is missing: building {TRUNK_VERSION}, which takes five to ten minutes");
    // What it would fetch over the network is there already.
    install("trunk", TRUNK_VERSION, &["--no-default-features"])
        .context("trunk could not be built. Install one by other means, or name it in TRUNK")
}

fn build_geckodriver() -> Result<()> {
    println!("geckodriver is missing: building {GECKODRIVER_VERSION}, which takes a few minutes");
    install("geckodriver", GECKODRIVER_VERSION, &[])
        .context("geckodriver could not be built. Install one by other means, or name it in GECKODRIVER")
}

/// Builds a crate's programs into the tools' folder.
fn install(name: &str, version: &str, features: &[&str]) -> Result<()> {
    let install = |locked: &[&str]| {
        let mut command = Command::new("cargo");
        command.args(["install", name, "--version", version]).args(features);
        // Optimising it would only make this take twice as long.
        command.arg("--debug").args(locked).arg("--root").arg(project::tools());
        shell::run(command.current_dir(project::root()))
    };
    // The locked set may hold a version that was withdrawn; any set that builds will do.
    install(&["--locked"]).or_else(|_| install(&[]))
}
