//! Figures in the book: tables that stand between two markers of a page, and charts beside it.

use std::fs;

use anyhow::{Context, Result};

use super::{compare::Record, report::verdict};
use crate::project;

const END: &str = "<!-- End of the written figures. -->\n";

/// Puts `tables` between the markers of `page`, which lies in the book's folder, and writes the charts there.
pub(super) fn write(page: &str, suite: &str, tables: &str, charts: &[(&str, String)]) -> Result<()> {
    let begin =
        format!("<!-- The figures from here on are written by `cargo xtask bench {suite} --docs`. -->\n");
    let folder = project::root().join("docs/src");
    let file = folder.join(page);
    let text = fs::read_to_string(&file).with_context(|| format!("{} can't be read", file.display()))?;
    let around = text.split_once(&begin).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) = around.with_context(|| format!("the markers are gone from {}", file.display()))?;
    fs::write(&file, format!("{before}{begin}\n{}\n\n{END}{after}", tables.trim()))?;
    for (name, chart) in charts {
        fs::write(folder.join(name), chart)?;
    }
    println!("\nthe tables and charts of {} are written", file.display());
    Ok(())
}

/// The records, with ways to find some.
pub(super) struct Records<'a>(pub(super) &'a [Record]);

impl<'a> Records<'a> {
    pub(super) fn get(&self, place: &str, case: &str, subject: &str, reference: &str) -> Option<&'a Record> {
        let is_it = |r: &&Record| {
            (r.place, r.case.as_str(), r.subject, r.reference) == (place, case, subject, reference)
        };
        self.0.iter().find(is_it)
    }

    /// The browsers that there are figures of, with their proper names.
    pub(super) fn browsers(&self) -> Vec<(&'static str, &'static str)> {
        let all = [("chromium", "Chromium"), ("firefox", "Firefox")];
        all.into_iter().filter(|(place, _)| self.0.iter().any(|r| r.place == *place)).collect()
    }
}

/// A record's ratio, and its bar if that was missed.
pub(super) fn ratio(record: Option<&Record>) -> String {
    record.map_or_else(String::new, |r| format!("{:.2}", r.ratio) + &missed(r))
}

/// The bar of a record that missed it.
pub(super) fn missed(record: &Record) -> String {
    if record.is_missed() { format!(" (bar: {})", verdict(record)) } else { String::new() }
}

/// A table in Markdown; nothing if it has no rows.
pub(super) fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let body: String = rows.into_iter().map(line).collect();
    if body.is_empty() {
        return "Not measured in this run.\n\n".to_owned();
    }
    let rule = line(vec!["---".to_owned(); head.len()]);
    line(head.iter().map(ToString::to_string).collect()) + &rule + &body + "\n"
}
