//! The figures of this suite as tables: for the terminal, and for `docs/src/speed-vfs.md` with charts beside it.

use anyhow::Result;

use super::{MANY, OURS, OURS_DELETE, SHARED, SINGLE, SINGLE_WAL, TABS, chart};
use crate::bench::{
    compare::Record,
    docs::{self, Records, table},
    report::{number, verdict},
};

/// Cases of one tab, with their units, in the order of the tables.
pub(super) const ALONE: [(&str, &str); 7] = [
    ("autocommit", "us"),
    ("bulk", "ms"),
    ("random-read", "us"),
    ("scan", "ms"),
    ("speedtest", "ms"),
    ("cold-open", "ms"),
    ("reopen", "ms"),
];

/// Writes what `records` have to say.
pub(super) fn write(records: &[Record]) -> Result<()> {
    let charts = [
        ("speed-vfs-alone.svg", chart::alone(&Records(records))),
        ("speed-vfs-tabs.svg", chart::tabs(&Records(records))),
    ];
    let pictures = "![One tab, beside opfs-vfs](speed-vfs-alone.svg)\n\n\
                    ![Transactions a second of several tabs](speed-vfs-tabs.svg)\n\n";
    docs::write("speed-vfs.md", "vfs", &(pictures.to_owned() + &tables(records)), &charts)
}

/// The tables for the terminal: columns are as wide as what is in them.
pub(super) fn print(records: &[Record]) -> String {
    let mut text = String::new();
    let mut rows: Vec<Vec<&str>> = Vec::new();
    let all = tables(records);
    for line in all.lines().chain([""]) {
        if let Some(inner) = line.strip_prefix("| ").and_then(|line| line.strip_suffix(" |")) {
            rows.push(inner.split(" | ").collect());
            continue;
        }
        // The second row of Markdown's only says that this is a table.
        for row in rows.iter().enumerate().filter(|(index, _)| *index != 1).map(|(_, row)| row) {
            let cells = row.iter().enumerate().map(|(column, cell)| {
                let width = rows.iter().filter_map(|row| Some(row.get(column)?.len())).max().unwrap_or(0);
                format!("{cell:<width$}")
            });
            text += cells.collect::<Vec<_>>().join("  ").trim_end();
            text += "\n";
        }
        rows.clear();
        text += line;
        text += "\n";
    }
    text
}

/// Everybody that has a row, in the order of the tables.
pub(super) fn subjects() -> impl Iterator<Item = &'static str> {
    [OURS, OURS_DELETE]
        .into_iter()
        .chain(SHARED)
        .chain(SINGLE)
        .chain(SINGLE_WAL)
        .chain(["memory", "write-flush"])
}

/// What was measured of a subject.
pub(super) fn value(records: &Records, place: &str, case: &str, subject: &str) -> Option<f64> {
    let of_case = || records.0.iter().filter(|r| (r.place, r.case.as_str()) == (place, case));
    let own = of_case().find(|r| r.subject == subject).map(|r| r.subject_value);
    own.or_else(|| of_case().find(|r| r.reference == subject).map(|r| r.reference_value))
}

fn tables(records: &[Record]) -> String {
    let records = Records(records);
    let mut text = String::new();
    for (place, name) in records.browsers() {
        text += &format!("### One tab in {name}\n\n");
        text += &alone(&records, place);
        text += &format!("### Several tabs in {name}\n\n");
        text += &several(&records, place);
        text += &format!("### The bars in {name}\n\n");
        let head = ["case", "compared with", OURS, "reference", "unit", "ratio", "bar"];
        let rows = records.0.iter().filter(|r| r.place == place && r.bar.is_some()).map(|r| {
            let (ours, theirs) = (number(r.subject_value), number(r.reference_value));
            let (case, reference, unit) = (r.case.clone(), r.reference.to_owned(), r.unit.clone());
            vec![case, reference, ours, theirs, unit, number(r.ratio), verdict(r)]
        });
        text += &table(&head, rows);
    }
    text
}

fn alone(records: &Records, place: &str) -> String {
    let cell = |case, subject| value(records, place, case, subject).map_or_else(String::new, number);
    let cases: Vec<_> =
        ALONE.iter().filter(|(case, _)| subjects().any(|subject| !cell(case, subject).is_empty())).collect();
    let heads: Vec<String> = cases.iter().map(|(case, unit)| format!("{case}, {unit}")).collect();
    let head: Vec<&str> =
        ["subject", "flushes a commit"].into_iter().chain(heads.iter().map(String::as_str)).collect();
    let rows = subjects().filter_map(|subject| {
        let cells: Vec<String> = cases.iter().map(|(case, _)| cell(case, subject)).collect();
        let is_measured = cells.iter().any(|cell| !cell.is_empty());
        is_measured.then(|| [vec![subject.to_owned(), cell("flushes", subject)], cells].concat())
    });
    table(&head, rows)
}

fn several(records: &Records, place: &str) -> String {
    let head = [
        "subject",
        "tabs",
        "transactions a second",
        "of one tab's",
        "slowest tab's share",
        "writing p50, ms",
        "p99, ms",
        "BUSY",
    ];
    let subjects = [OURS].into_iter().chain(SHARED);
    let rows = subjects.flat_map(|subject| MANY.map(|tabs| (subject, tabs))).filter_map(|(subject, tabs)| {
        let get = |what: &str| value(records, place, &format!("{tabs}{what}"), subject);
        let micros = get("")?;
        let text = |value: Option<f64>| value.map_or_else(String::new, number);
        let of_one = value(records, place, MANY[0], subject).filter(|_| TABS.contains(&tabs));
        Some(vec![
            subject.to_owned(),
            tabs.trim_start_matches("tabs-").to_owned(),
            format!("{:.0}", 1e6 / micros),
            text(of_one.map(|one| one / micros)),
            text(get("-slowest").map(|slowest| micros / slowest)),
            text(get("-p50")),
            text(get("-p99")),
            get("-busy").map_or_else(String::new, |busy| format!("{busy:.0}")),
        ])
    });
    table(&head, rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::{Measured, Run, compare, vfs::suite};

    fn measured(values: &[(&str, &str, f64)]) -> Vec<Record> {
        let one = |&(case, subject, value): &(&str, &str, f64)| Measured {
            case: case.to_owned(),
            subject: subject.to_owned(),
            value,
            mean: value,
            unit: "us".to_owned(),
            samples: 10,
        };
        let run = Run { place: "chromium", measured: values.iter().map(one).collect() };
        compare::records(&suite(), &[run])
    }

    #[test]
    fn everybody_has_a_row_and_a_missed_bar_is_said() {
        let records = measured(&[
            ("autocommit", OURS, 130.0),
            ("autocommit", OURS_DELETE, 300.0),
            ("autocommit", "opfs", 200.0),
            ("autocommit", "write-flush", 100.0),
            ("flushes", OURS, 1.0),
            ("flushes", "opfs", 3.0),
        ]);
        let text = tables(&records);
        assert!(text.contains("| opfs-vfs | 1.00 | 130 |"), "{text}");
        assert!(text.contains("| opfs-vfs-delete |  | 300 |"), "{text}");
        assert!(text.contains("| opfs | 3.00 | 200 |"), "{text}");
        assert!(text.contains("| autocommit | write-flush | 130 | 100 | us | 1.30 | 1.2 MISSED |"), "{text}");
        assert!(text.contains("| autocommit | opfs | 130 | 200 | us | 0.65 | 1 |"), "{text}");
        let printed = print(&records);
        assert!(
            !printed.contains('|') && printed.contains("autocommit  write-flush    130       100"),
            "{printed}"
        );
    }

    #[test]
    fn tabs_are_compared_with_one_tab_with_a_fair_share_and_with_peers() {
        let records = measured(&[
            ("tabs-1", OURS, 100.0),
            ("tabs-4", OURS, 200.0),
            ("tabs-4-slowest", OURS, 220.0),
            ("tabs-4-busy", OURS, 0.0),
            ("tabs-4-busy", "none", 0.0),
            ("tabs-1", "OPFSWriteAheadVFS", 100.0),
            ("tabs-4", "OPFSWriteAheadVFS", 500.0),
        ]);
        let missed = |case, reference| {
            let found =
                records.iter().find(|r| (r.case.as_str(), r.subject, r.reference) == (case, OURS, reference));
            found.map(|r| (r.bar.is_some(), r.is_missed()))
        };
        // Half of one tab's rate, where 0.7 is wanted.
        assert_eq!(missed("tabs-4", "one-tab"), Some((true, true)));
        assert_eq!(missed("tabs-4-slowest", "fair-share"), Some((true, false)));
        assert_eq!(missed("tabs-4", "OPFSWriteAheadVFS"), Some((true, false)));
        assert_eq!(missed("tabs-4-busy", "none"), Some((true, false)));
        let text = tables(&records);
        assert!(text.contains("| opfs-vfs | 4 | 5000 | 0.50 | 0.91 |  |  | 0 |"), "{text}");
        assert!(text.contains("| OPFSWriteAheadVFS | 4 | 2000 | 0.20 |"), "{text}");
    }

    #[test]
    fn one_busy_error_misses_the_bar() {
        let records = measured(&[("tabs-8-busy", OURS, 1.0), ("tabs-8-busy", "none", 0.0)]);
        assert!(records.iter().any(Record::is_missed));
    }

    #[test]
    fn charts_are_well_formed() {
        let records = measured(&[
            ("scan", OURS, 100.0),
            ("scan", "memory", 1.0),
            ("scan", "opfs", 1000.0),
            ("tabs-1", OURS, 100.0),
            ("tabs-1", "opfs", 400.0),
        ]);
        for svg in [chart::alone(&Records(&records)), chart::tabs(&Records(&records))] {
            assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
            assert_eq!(svg.matches("<rect").count(), 3 + usize::from(svg.contains("memory")), "{svg}");
        }
    }
}
