//! One record per case, as JSON and as a table.

use serde::Serialize;

/// A case measured against its reference. `ratio` is subject over reference: lower is better.
#[derive(Serialize)]
pub(crate) struct Record {
    pub(crate) suite: &'static str,
    pub(crate) case: &'static str,
    /// Where it ran: `native`, or a browser.
    pub(crate) browser: &'static str,
    pub(crate) subject: &'static str,
    pub(crate) reference: &'static str,
    pub(crate) ratio: f64,
    pub(crate) subject_value: f64,
    pub(crate) reference_value: f64,
    pub(crate) unit: &'static str,
    /// Calls of the subject that were measured.
    pub(crate) samples: u32,
}

/// A table for people.
pub(crate) fn table(records: &[Record]) -> String {
    let mut table = format!(
        "{:<12}{:<16}{:>10}  {:<12}{:>10}{:>9}\n",
        "case", "subject", "us", "reference", "us", "ratio"
    );
    for r in records {
        table += &format!(
            "{:<12}{:<16}{:>10.3}  {:<12}{:>10.3}{:>9.2}\n",
            r.case, r.subject, r.subject_value, r.reference, r.reference_value, r.ratio
        );
    }
    table
}

/// Writes the records as a JSON array.
pub(crate) fn write_json(file: &str, records: &[Record]) -> std::io::Result<()> {
    let json = serde_json::to_string_pretty(records).map_err(std::io::Error::other)?;
    std::fs::write(file, json + "\n")
}
