//! The charts of this suite: ratios to the bare pair, and the time of a call beside messages and peers.

use super::docs::{CALLS, PEERS};
use crate::bench::{
    chart::{COLORS, Drawing, GAP},
    docs::Records,
    report::number,
};

/// Every case beside the bare pair. The axis ends at twice its time; longer bars are cut, and their label says how long.
pub(super) fn calls(records: &Records) -> String {
    let mut drawing = Drawing::new("Time of a call, bare JavaScript pair = 1 (shorter is better)");
    for (place, browser) in records.browsers() {
        drawing.heading(browser);
        let top = drawing.y;
        for case in CALLS {
            let subjects = ["sabrpc-helper", "sabrpc-js", "sabrpc-typed"];
            drawing.name(case);
            for (subject, color) in subjects.into_iter().zip(COLORS) {
                if let Some(record) = records.get(place, case, subject, "bare-js") {
                    let label = format!("{:.2} {}", record.ratio, subject.trim_start_matches("sabrpc-"));
                    drawing.bar(record.ratio / 2.0, color, &label);
                }
            }
            drawing.y += GAP;
        }
        drawing.rule(0.5, top);
    }
    drawing.finish()
}

/// An empty call beside messages and peers, on an axis from 0.1 us to 1 ms where each step is ten times the last.
pub(super) fn peers(records: &Records) -> String {
    let mut drawing = Drawing::new("An empty call, microseconds on a logarithmic axis (shorter is better)");
    let place_on_axis = |us: f64| (us.log10() + 1.0) / 4.0;
    for (place, browser) in records.browsers() {
        drawing.heading(browser);
        let all = PEERS.map(|peer| (peer, records.get(place, "null", "sabrpc-typed", peer)));
        if let Some(ours) = all.iter().find_map(|(_, record)| *record) {
            drawing.name("sabrpc, typed");
            drawing.bar(place_on_axis(ours.subject_value), COLORS[2], &number(ours.subject_value));
        }
        for (peer, record) in all {
            if let Some(record) = record {
                drawing.name(peer);
                drawing.bar(
                    place_on_axis(record.reference_value),
                    COLORS[3],
                    &number(record.reference_value),
                );
            }
        }
    }
    drawing.finish()
}
