//! The book's tutorial, followed: its files are written to empty folders, its commands run there, and what they make is
//! loaded in each browser. So what it says is what goes.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::flags::TestFlags;
use crate::server::{Server, Site};
use crate::tally::Tally;
use crate::webdriver::Browser;
use crate::{npm, platforms, project, setup, shell, wasm};

/// The part of the tutorial that the others begin with.
const CRATE: &str = "The crate";

/// The other parts, and the folder of each that is to be served.
const PARTS: [(&str, &str); 3] = [("Without a bundler", "."), (TRUNK, "dist"), ("With Vite", "dist")];

/// The part that is followed only where trunk is installed.
const TRUNK: &str = "With Trunk";

/// Commands that install what the tests have already, or that serve until they are stopped.
const LEFT_OUT: [&str; 8] = [
    "mkdir ",
    "cargo init ",
    "rustup ",
    "cargo install ",
    "npm install ",
    "python3 ",
    "trunk serve",
    "npx vite preview",
];

/// What the page has to show.
const WORDS: &str = "12";

/// For a page to show it, on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Follows every part, and loads what it makes in every browser.
pub(crate) fn run(flags: &TestFlags) -> Result<Tally> {
    let text = fs::read_to_string(project::root().join("docs/src/tutorial.md"))?;
    let parts = parts(&text);
    let beginning = parts.get(CRATE).context("the tutorial has no part about the crate")?;
    platforms::find_node()?;
    let npm = project::target().join("platforms");
    npm::install(&project::root().join("sabrpc/examples/round-trip/package.json"), &npm)?;
    // Outside of the workspace, where a reader is.
    let outside = tempfile::tempdir()?;
    let tools = outside.path().join("bin");
    wasm::write_tool(&tools)?;
    let trunk = setup::find_trunk()?;
    match &trunk {
        Some(trunk) => symlink(trunk, tools.join("trunk"))?,
        None => println!("skipped: trunk is not installed; `cargo xtask setup --trunk` builds it"),
    }

    let mut made: Vec<(&str, PathBuf)> = Vec::new();
    for (name, served) in PARTS {
        if name == TRUNK && trunk.is_none() {
            continue;
        }
        let part = parts.get(name).with_context(|| format!("the tutorial has no part '{name}'"))?;
        let folder = outside.path().join(name.replace(' ', "-"));
        write(beginning, &folder)?;
        write(part, &folder)?;
        symlink(npm.join("node_modules"), folder.join("node_modules"))?;
        for command in &part.commands {
            let left_out = LEFT_OUT.iter().any(|word| command.starts_with(word)) || command == "npx vite";
            if !left_out {
                follow(command, &folder, &tools)?;
            }
        }
        made.push((name, folder.join(served)));
    }

    let mut tally = Tally::default();
    for &kind in &flags.browsers {
        let browser = Browser::start(kind)?;
        for (name, folder) in &made {
            let outcome = load(&browser, folder);
            let word = if outcome.is_ok() { "ok" } else { "FAILED" };
            println!("test {}: the tutorial, {} ... {word}", kind.name(), name.to_lowercase());
            tally += match outcome {
                Ok(()) => Tally::PASSED,
                Err(error) => {
                    println!("  {error:#}");
                    Tally::FAILED
                }
            };
        }
    }
    Ok(tally)
}

/// Files and commands of one part, in their order.
#[derive(Debug, Default)]
struct Part {
    files: Vec<(String, String)>,
    commands: Vec<String>,
}

/// The parts by their headings. A block of code below a line with nothing but a file's name is that file.
fn parts(text: &str) -> BTreeMap<&str, Part> {
    let (mut parts, mut heading, mut name) = (BTreeMap::<&str, Part>::new(), "", None);
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(words) = line.strip_prefix("## ") {
            heading = words;
        } else if let Some(file) = line.strip_prefix('`').and_then(|line| line.strip_suffix("`:")) {
            name = Some(file);
        } else if let Some(language) = line.strip_prefix("```") {
            let code: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            let part = parts.entry(heading).or_default();
            if let Some(name) = name.take() {
                part.files.push((name.into(), code.join("\n") + "\n"));
            } else if language == "console" {
                part.commands.extend(code.iter().filter_map(|line| Some(line.strip_prefix("$ ")?.into())));
            }
        }
    }
    parts
}

/// Writes the files of a part. The crates are these here, in the versions and from the build of this workspace.
fn write(part: &Part, folder: &Path) -> Result<()> {
    for (name, text) in &part.files {
        let file = folder.join(name);
        fs::create_dir_all(file.parent().unwrap_or(folder))?;
        let here = project::root().join("sabrpc");
        fs::write(&file, text.replace("\"../sabrpc/sabrpc\"", &format!("{:?}", here.display().to_string())))?;
    }
    if folder.join("Cargo.lock").exists() {
        return Ok(());
    }
    fs::copy(project::root().join("Cargo.lock"), folder.join("Cargo.lock"))?;
    symlink(project::target(), folder.join("target"))?;
    Ok(())
}

/// Runs a command as a reader types it.
fn follow(command: &str, folder: &Path, tools: &Path) -> Result<()> {
    let before = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths([tools.to_owned()].into_iter().chain(std::env::split_paths(&before)))
        .context("PATH can't be extended")?;
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).current_dir(folder).env("PATH", path).env_remove("CARGO_TARGET_DIR");
    // As in this workspace, whose builds of other crates then serve here too.
    shell.env("CARGO_PROFILE_RELEASE_LTO", "thin");
    shell::run(&mut shell)
}

fn load(browser: &Browser, folder: &Path) -> Result<()> {
    let server = Server::start(Site { folder: folder.to_owned(), ..Site::default() })?;
    browser.goto(&server.url("/"))?;
    let end = Instant::now() + PATIENCE;
    loop {
        let shown = browser.run("return document.querySelector('output')?.textContent ?? '…'", &[])?;
        match shown.as_str() {
            Some(WORDS) => return Ok(()),
            Some("…") => {
                ensure!(Instant::now() < end, "nothing was shown; console:\n{}", browser.console())
            }
            _ => bail!("the page shows {shown} and should show {WORDS}; console:\n{}", browser.console()),
        }
        thread::sleep(Duration::from_millis(20));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_below_a_name_are_files_and_the_others_are_commands() {
        let text = "## One\n\n`a/b.js`:\n\n```js\nx\n```\n\n```console\n$ make it\nmade\n```\n## Two\n```text\ny\n```\n";
        let parts = parts(text);
        assert_eq!(parts["One"].files, [("a/b.js".to_owned(), "x\n".to_owned())]);
        assert_eq!(parts["One"].commands, ["make it"]);
        assert!(parts["Two"].files.is_empty() && parts["Two"].commands.is_empty());
    }
}
