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
        let text = "[a](Cargo.toml) [b](https://example.org) [c](none.md#top)\n";
        assert_eq!(links(Path::new("README.md"), text).len(), 1);
    }
}
