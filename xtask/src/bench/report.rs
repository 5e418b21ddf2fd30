//! The records as a table for people and as JSON for programs.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::compare::{Limit, Record};

/// A table for the terminal.
pub(super) fn table(records: &[Record]) -> String {
    let mut table = format!(
        "{:<10}{:<18}{:<14}{:>10}  {:<24}{:>10} {:<6}{:>7}  bar\n",
        "where", "case", "subject", "", "reference", "", "unit", "ratio"
    );
    for r in records {
        table += &format!(
            "{:<10}{:<18}{:<14}{:>10}  {:<24}{:>10} {:<6}{:>7}  {}\n",
            r.place,
            r.case,
            r.subject,
            number(r.subject_value),
            r.reference,
            number(r.reference_value),
            r.unit,
            number(r.ratio),
            verdict(r),
        );
    }
    table
}

/// The bar of a record and whether it was missed, in words.
pub(super) fn verdict(record: &Record) -> String {
    let missed = if record.is_missed() { " MISSED" } else { "" };
    match record.bar {
        Some(Limit::Ratio(limit)) => format!("{}{missed}", (limit * 100.0).round() / 100.0),
        Some(Limit::Difference(limit)) => {
            format!("+{limit} {} ({:+.3}){missed}", record.unit, record.difference)
        }
        None if record.unit == "bytes" => format!("({:+.0})", record.difference),
        None => String::new(),
    }
}

/// Three digits that count; sizes whole.
pub(super) fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 0.1 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// Writes the records as a JSON array.
pub(super) fn write_json(file: &Path, suite: &str, records: &[Record]) -> Result<()> {
    let array: Vec<Value> = records.iter().map(|record| json(suite, record)).collect();
    let text = serde_json::to_string_pretty(&array)? + "\n";
    fs::write(file, text).with_context(|| format!("the records can't be written to {}", file.display()))
}

fn json(suite: &str, r: &Record) -> Value {
    json!({
        "suite": suite,
        "case": r.case,
        "browser": r.place,
        "subject": r.subject,
        "reference": r.reference,
        "ratio": r.ratio,
        "difference": r.difference,
        "subject_value": r.subject_value,
        "reference_value": r.reference_value,
        "subject_mean": r.subject_mean,
        "reference_mean": r.reference_mean,
        "unit": r.unit,
        "samples": r.samples,
        "bar": r.bar.map(|limit| match limit {
            Limit::Ratio(limit) => json!({ "ratio": limit }),
            Limit::Difference(limit) => json!({ "difference": limit }),
        }),
        "missed": r.is_missed(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_digits_that_count() {
        let written = [0.0123, 0.125, 12.3, 685.0, 112_019.0].map(number);
        assert_eq!(written, ["0.012", "0.12", "12.30", "685", "112019"]);
    }
}
