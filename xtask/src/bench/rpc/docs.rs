//! The figures of this suite in the book: the tables of `docs/src/speed.md`, and the charts beside it.

use anyhow::Result;

use super::{chart, is_disturbed};
use crate::bench::{
    compare::Record,
    docs::{self, Records, missed, ratio, table},
    report::number,
};

/// Cases that are compared with the bare pair, in the order of the tables.
pub(super) const CALLS: [&str; 9] =
    ["null", "64b", "4k-write", "4k-read", "64k-write", "64k-read", "1m-write", "1m-read", "cold"];

/// Everything that typed calls are compared with besides, by messages.
pub(super) const PEERS: [&str; 5] =
    ["postMessage", "comlink", "coincident", "synclink", "@vscode/sync-api-common"];

/// Writes what `records` have to say.
pub(super) fn write(records: &[Record]) -> Result<()> {
    let records = Records(records);
    let charts = [("speed-calls.svg", chart::calls(&records)), ("speed-peers.svg", chart::peers(&records))];
    docs::write("speed.md", "rpc", &tables(&records), &charts)
}

fn tables(records: &Records) -> String {
    let mut text = "![Every case beside the bare pair](speed-calls.svg)\n\n\
                    ![An empty call beside messages and peers](speed-peers.svg)\n\n"
        .to_owned();
    for (place, name) in records.browsers() {
        if records.0.iter().any(|r| r.place == place && is_disturbed(r)) {
            text += &format!("**The machine was busy while {name} was measured: these say little.**\n\n");
        }
        text += &format!("### Calls in {name}\n\n");
        let head = ["case", "bare pair, us", "helper", "js", "typed call", "typed above raw, us"];
        let rows = CALLS.into_iter().filter_map(|case| {
            let against = |subject| records.get(place, case, subject, "bare-js");
            let bare = against("sabrpc-helper").or(against("sabrpc-typed"))?;
            let subjects =
                ["sabrpc-helper", "sabrpc-js", "sabrpc-typed"].map(|subject| ratio(against(subject)));
            let above = records.get(place, case, "sabrpc-typed", "raw-call");
            let above = above.map_or_else(String::new, |r| format!("{:+.3}", r.difference) + &missed(r));
            Some([vec![case.into(), number(bare.reference_value)], subjects.into(), vec![above]].concat())
        });
        text += &table(&head, rows);
        text += &format!("### Messages and peers in {name}\n\n");
        let head = ["a typed call and", "null, us", "4k-write, us", "4k-read, us", "ours is, null"];
        let ours = ["null", "4k-write", "4k-read"].map(|case| {
            let found = PEERS.iter().find_map(|peer| records.get(place, case, "sabrpc-typed", peer));
            found.map_or_else(String::new, |r| number(r.subject_value))
        });
        let ours = [vec!["sabrpc-typed".to_owned()], ours.into(), vec![String::new()]].concat();
        let rows = PEERS.into_iter().filter_map(|peer| {
            let one = |case| records.get(place, case, "sabrpc-typed", peer);
            let times = ["null", "4k-write", "4k-read"]
                .map(|case| one(case).map_or_else(String::new, |r| number(r.reference_value)));
            let faster = format!("{:.0} times as fast", 1.0 / one("null")?.ratio);
            Some([vec![peer.to_owned()], times.into(), vec![faster]].concat())
        });
        text += &table(&head, std::iter::once(ours).chain(rows));
        text += &format!("### Many calls in {name}\n\n");
        text +=
            &table(&["case", "us a call", "calls a second", "compared with", "ratio"], many(records, place));
        text += &format!("### Beside busy workers in {name}, us a call\n\n");
        let head = ["case", "bare pair", "helper", "js", "typed call"];
        let hogs = ["null-hog-1", "null-hog-2", "4k-read-hog-1", "4k-read-hog-2", "cold-hog-1", "cold-hog-2"];
        let rows = hogs.into_iter().filter_map(|case| {
            let against = |subject| records.get(place, case, subject, "bare-js");
            let bare = number(against("sabrpc-typed")?.reference_value);
            let ours = ["sabrpc-helper", "sabrpc-js", "sabrpc-typed"]
                .map(|subject| against(subject).map_or_else(String::new, |r| number(r.subject_value)));
            Some([vec![case.to_owned(), bare], ours.into()].concat())
        });
        text += &table(&head, rows);
    }
    text += "### Between native threads\n\n";
    text += &table(&["case", "subject", "us", "reference", "us", "ratio"], plain(records, "native"));
    text += "### Sizes, in bytes\n\n";
    text += &table(&["module", "with sabrpc", "without", "added"], sizes(records));
    text
}

fn many(records: &Records, place: &str) -> Vec<Vec<String>> {
    let ours =
        records.0.iter().filter(|r| r.place == place && ["two-way", "one-caller"].contains(&r.reference));
    let row = |case: &str, us: f64, reference: &str, ratio: String| {
        vec![case.to_owned(), number(us), format!("{:.0}", 1e6 / us), reference.to_owned(), ratio]
    };
    let mut rows = Vec::new();
    for r in ours {
        // The reference has a row of its own, before the first that is compared with it.
        if !rows.iter().any(|row: &Vec<String>| row[0] == r.reference) {
            rows.push(row(r.reference, r.reference_value, "", String::new()));
        }
        rows.push(row(&r.case, r.subject_value, r.reference, ratio(Some(r))));
    }
    rows
}

fn plain(records: &Records, place: &str) -> Vec<Vec<String>> {
    let rows = records.0.iter().filter(|r| r.place == place).map(|r| {
        let (case, subject, reference) = (r.case.clone(), r.subject.to_owned(), r.reference.to_owned());
        vec![case, subject, number(r.subject_value), reference, number(r.reference_value), ratio(Some(r))]
    });
    rows.collect()
}

fn sizes(records: &Records) -> Vec<Vec<String>> {
    let rows = records.0.iter().filter(|r| r.unit == "bytes").map(|r| {
        vec![r.case.clone(), number(r.subject_value), number(r.reference_value), number(r.difference)]
    });
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::compare::Limit;

    fn record(case: &str, reference: &'static str, ratio: f64, bar: Option<Limit>) -> Record {
        Record {
            case: case.to_owned(),
            place: "chromium",
            subject: "sabrpc-typed",
            reference,
            ratio,
            difference: ratio - 1.0,
            subject_value: ratio,
            reference_value: 1.0,
            subject_mean: ratio,
            reference_mean: 1.0,
            unit: "us".to_owned(),
            samples: 1,
            bar,
        }
    }

    #[test]
    fn every_record_is_in_a_table_and_a_missed_bar_is_said() {
        let all = [
            record("4k-read", "bare-js", 1.5, Some(Limit::Ratio(1.0))),
            record("null", "comlink", 0.01, None),
            record("batch", "two-way", 0.25, None),
            record("null-hog-2", "bare-js", 7.5, None),
        ];
        let text = tables(&Records(&all));
        assert!(text.contains("| 4k-read | 1.00 |  |  | 1.50 (bar: 1 MISSED) |  |"), "{text}");
        assert!(text.contains("| comlink | 1.00 |  |  | 100 times as fast |"), "{text}");
        assert!(text.contains("| batch | 0.25 | 4000000 | two-way | 0.25 |"), "{text}");
        assert!(text.contains("| null-hog-2 | 1.00 |  |  | 7.50 |"), "{text}");
    }

    #[test]
    fn charts_are_well_formed_and_cut_long_bars() {
        let all = [record("null", "bare-js", 40.0, None), record("null", "comlink", 0.01, None)];
        for svg in [chart::calls(&Records(&all)), chart::peers(&Records(&all))] {
            assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
            assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count());
            let widths =
                svg.split("width=\"").skip(1).filter_map(|rest| rest.split('"').next()?.parse().ok());
            assert!(widths.fold(0.0, f64::max) <= 760.0);
        }
    }
}
