//! Checks on the sources that no other tool makes: every Rust file says what it is, no file names
//! this or that machine's folders, links in the docs lead somewhere, lines end where they end.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::tally::Tally;
use crate::{project, shell};

/// What a rule says against one file; nothing when it has nothing to say.
type Rule = fn(&Path, &str) -> Vec<String>;

const RULES: &[(&str, Rule)] = &[
    ("every .rs begins with //! and what it owns", heads),
    ("no folders of one machine", machine_paths),
    ("no white space at the ends of lines", line_ends),
    ("relative links in .md lead to files", links),
    ("every wait is on the list in docs/src/waits.md", waits),
];

/// Applies every rule to every file that git knows, and counts the rules that hold.
pub(crate) fn run() -> Result<Tally> {
    let mut listing = Command::new("git");
    listing.args(["ls-files", "--cached", "--others", "--exclude-standard"]);
    let names = shell::ask(listing.current_dir(project::root()))
        .context("git can't list the sources; is this a clone of the repository?")?;
    // Files that are not text, or that are deleted but still in the index, have no rules.
    let files: Vec<(&str, String)> = names
        .lines()
        .filter_map(|name| Some((name, fs::read_to_string(project::root().join(name)).ok()?)))
        .collect();

    let mut tally = Tally::default();
    for (what, rule) in RULES {
        let mut complaints = Vec::new();
        for (name, text) in &files {
            let said = rule(Path::new(name), text);
            complaints.extend(said.into_iter().map(|complaint| format!("{name}:{complaint}")));
        }
        println!("{what}: {}", if complaints.is_empty() { "ok" } else { "FAILED" });
        for complaint in &complaints {
            println!("  {complaint}");
        }
        tally += if complaints.is_empty() { Tally::PASSED } else { Tally::FAILED };
    }
    Ok(tally)
}

fn has_extension(path: &Path, wanted: &str) -> bool {
    path.extension().is_some_and(|extension| extension == wanted)
}

/// Cases of compile-fail and expansion tests are input and output of a macro, and need no head.
fn heads(path: &Path, text: &str) -> Vec<String> {
    let is_case =
        path.components().any(|part| ["ui", "expand"].map(Some).contains(&part.as_os_str().to_str()))
            && path.components().any(|part| part.as_os_str() == "tests");
    if !has_extension(path, "rs") || is_case || text.starts_with("//! ") {
        return Vec::new();
    }
    vec!["1: begin with `//!` and say what this file owns".to_owned()]
}

fn machine_paths(_: &Path, text: &str) -> Vec<String> {
    // Put together here, so that this file keeps its own rule.
    let folders = ["home", "root", "Users", "work"].map(|name| format!("/{name}/"));
    let begins = |line: &str, folder: &str| {
        line.match_indices(folder).any(|(at, _)| {
            // `target/work/x` and `https://host/home/x` are no folders of a machine.
            let before = line[..at].chars().next_back();
            before.is_none_or(|c| c.is_whitespace() || "\"'`(=:,<[".contains(c))
        })
    };
    numbered(text, |line| folders.iter().any(|folder| begins(line, folder)), "names a folder of one machine")
}

fn line_ends(path: &Path, text: &str) -> Vec<String> {
    // Expected compiler messages are kept as they come, and so are bytes that some fuzzer found.
    if has_extension(path, "stderr") || path.components().any(|part| part.as_os_str() == "corpus") {
        return Vec::new();
    }
    let mut complaints =
        numbered(text, |line| line.ends_with([' ', '\t', '\r']), "white space at the end of the line");
    if !text.is_empty() && !text.ends_with('\n') {
        complaints.push("the last line has no end".to_owned());
    }
    complaints
}

fn links(path: &Path, text: &str) -> Vec<String> {
    if !has_extension(path, "md") {
        return Vec::new();
    }
    let folder = project::root().join(path.parent().unwrap_or(Path::new("")));
    let leads_nowhere = |line: &str| {
        line.split("](").skip(1).filter_map(|rest| rest.split_once(')')).any(|(link, _)| {
            let file = link.split('#').next().unwrap_or_default();
            let outside = link.contains("://") || link.starts_with("mailto:");
            !outside && !file.is_empty() && !folder.join(file).exists()
        })
    };
    numbered(text, leads_nowhere, "a link leads to no file")
}

/// Where a thread or a task waits, in Rust and in JavaScript.
const RUST_WAITS: &[&str] = &[
    ".wait(",
    ".wait_timeout(",
    ".wait_async(",
    ".recv()",
    ".join()",
    ".park()",
    "::park()",
    "park_timeout(",
    ".lock()",
    "JsFuture::from(",
    "poll_fn(",
    ".yield_now()",
    "thread::sleep(",
    "sleep(PATIENCE)",
    "sleep(timeout)",
];
const JS_WAITS: &[&str] = &["Atomics.wait(", "Atomics.waitAsync(", "await ", ".send()"];

/// The crates whose waits are listed, and under which heading.
const CRATES: [&str; 2] = ["sabrpc", "opfs-vfs"];

/// Functions that wait and are not on the list; of the list itself, what is not there any more.
fn waits(path: &Path, text: &str) -> Vec<String> {
    let list = project::root().join("docs/src/waits.md");
    if path == Path::new("docs/src/waits.md") {
        let source = |package: &str, file: &str| {
            let folder = project::root().join(package);
            let inside = if file.starts_with("js/") { folder } else { folder.join("src") };
            fs::read_to_string(inside.join(file)).unwrap_or_default()
        };
        let rows = CRATES.map(|package| (package, listed(text, package)));
        let missing = rows.iter().flat_map(|(package, rows)| {
            rows.iter().filter_map(move |(files, functions)| {
                let sources: String = files.iter().map(|file| source(package, file)).collect();
                let absent = functions.iter().find(|name| {
                    !["fn ", "function "].iter().any(|word| {
                        let head = format!("{word}{name}");
                        sources
                            .match_indices(&head)
                            .any(|(at, _)| sources[at + head.len()..].starts_with(['(', '<']))
                    })
                })?;
                Some(format!("1: no function {absent} in {}", files.join(", ")))
            })
        });
        return missing.collect();
    }
    let Ok(list) = fs::read_to_string(list) else {
        return vec!["1: docs/src/waits.md is missing".to_owned()];
    };
    CRATES.iter().flat_map(|package| unlisted(package, path, text, &listed(&list, package))).collect()
}

/// The rows of the table under the heading of a crate: files, and functions in them.
fn listed(list: &str, package: &str) -> Vec<(Vec<String>, Vec<String>)> {
    let section = list.split_once(&format!("## {package}\n")).map_or("", |(_, section)| section);
    let section = section.split("\n## ").next().unwrap_or_default();
    let quoted = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    let rows = section.lines().filter(|line| line.starts_with('|')).map(|line| {
        let cells: Vec<&str> = line.split('|').collect();
        (quoted(cells.get(2).unwrap_or(&"")), quoted(cells.get(3).unwrap_or(&"")))
    });
    rows.collect()
}

/// The functions of a source that wait and have no row.
fn unlisted(package: &str, path: &Path, text: &str, rows: &[(Vec<String>, Vec<String>)]) -> Vec<String> {
    let Ok(inside) = path.strip_prefix(package) else { return Vec::new() };
    let (file, words, head) = match inside.strip_prefix("src") {
        Ok(file) if has_extension(path, "rs") => (file, RUST_WAITS, "fn "),
        _ if inside.starts_with("js") => (inside, JS_WAITS, "function "),
        _ => return Vec::new(),
    };
    let file = file.display().to_string();
    let mut name = String::new();
    let mut complaints = Vec::new();
    for (index, line) in text.lines().enumerate().take_while(|(_, line)| *line != "#[cfg(test)]") {
        if line.trim_start().starts_with("//") {
            continue;
        }
        if let Some((_, rest)) = line.split_once(head) {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            name = rest[..end].to_owned();
        }
        let has_row = || rows.iter().any(|(files, names)| files.contains(&file) && names.contains(&name));
        // What begins with a dot is called on something; what only declares one has no dot.
        if words.iter().any(|word| line.contains(word)) && !has_row() {
            complaints.push(format!("{}: `{name}` waits and is not in docs/src/waits.md", index + 1));
        }
    }
    complaints
}

fn numbered(text: &str, bad: impl Fn(&str) -> bool, complaint: &str) -> Vec<String> {
    let lines = text.split('\n').enumerate().filter(|(_, line)| bad(line));
    lines.map(|(index, line)| format!("{}: {complaint}: {}", index + 1, line.trim())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_finds_what_it_is_for() {
        assert_eq!(heads(Path::new("a/b.rs"), "use x;\n").len(), 1);
        assert!(heads(Path::new("a/b.rs"), "//! Owns b.\n").is_empty());
        assert!(heads(Path::new("a/tests/ui/args/c.rs"), "use x;\n").is_empty());
        let home = format!("see \"/{}/someone/x\"", "home");
        assert_eq!(machine_paths(Path::new("a.md"), &home).len(), 1);
        assert!(machine_paths(Path::new("a.md"), "https://example.org/home/x, target/work/").is_empty());
        assert_eq!(line_ends(Path::new("a.md"), "x \ny\n").len(), 1);
        assert_eq!(line_ends(Path::new("a.md"), "x").len(), 1);
        let list = "## sabrpc\n| a | `a.rs` | `b`, `c` | |\n## opfs-vfs\n| a | `d.rs` | `e` | |\n";
        let source = "fn b() {\n    x.recv();\n}\nfn f<T>() {\n    // x.recv();\n    x.recv();\n}\n";
        let rows = listed(list, "sabrpc");
        assert_eq!(unlisted("sabrpc", Path::new("sabrpc/src/a.rs"), source, &rows).len(), 1);
        assert_eq!(unlisted("sabrpc", Path::new("sabrpc/src/d.rs"), source, &rows).len(), 2);
        assert!(unlisted("sabrpc", Path::new("sabrpc/tests/d.rs"), source, &rows).is_empty());
        let text = "[a](Cargo.toml) [b](https://example.org) [c](none.md#top)\n";
        assert_eq!(links(Path::new("README.md"), text).len(), 1);
    }
}
