//! The charts of the book, drawn as SVG: ratios to the bare pair, and the time of a call beside messages and peers.

use super::docs::{CALLS, PEERS, Records};
use super::report::number;

const WIDTH: f64 = 760.0;
const ROW: f64 = 15.0;
const GAP: f64 = 9.0;
/// Where bars begin: to the left are the names.
const LEFT: f64 = 185.0;
const RIGHT: f64 = WIDTH - 75.0;

/// Fill colours that can be told apart in any kind of sight.
const COLORS: [&str; 4] = ["#0072b2", "#e69f00", "#009e73", "#777777"];

/// A drawing that grows downwards.
struct Drawing {
    body: String,
    y: f64,
}

impl Drawing {
    fn new(title: &str) -> Self {
        let mut drawing = Self { body: String::new(), y: 24.0 };
        drawing.text(16.0, 15.0, "start", title);
        drawing.y += 14.0;
        drawing
    }

    fn text(&mut self, x: f64, size: f64, anchor: &str, text: &str) {
        let y = self.y;
        self.body +=
            &format!("<text x=\"{x:.0}\" y=\"{y:.1}\" font-size=\"{size}\" text-anchor=\"{anchor}\">");
        self.body += &format!("{text}</text>\n");
    }

    fn heading(&mut self, text: &str) {
        self.y += 18.0;
        self.text(16.0, 13.0, "start", text);
        self.y += 8.0;
    }

    /// A bar with its value behind it; `end` is where it ends, between 0 and 1.
    fn bar(&mut self, end: f64, color: &str, label: &str) {
        let (y, width) = (self.y, (RIGHT - LEFT) * end.clamp(0.0, 1.0));
        self.body += &format!(
            "<rect x=\"{LEFT}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{:.0}\" fill=\"{color}\"/>\n",
            ROW - 3.0
        );
        self.y += ROW - 5.0;
        self.text(LEFT + width + 5.0, 11.0, "start", label);
        self.y += 5.0;
    }

    fn name(&mut self, text: &str) {
        self.y += ROW - 5.0;
        self.text(LEFT - 8.0, 12.0, "end", text);
        self.y -= ROW - 5.0;
    }

    fn rule(&mut self, at: f64, from: f64) {
        let (x, to) = (LEFT + (RIGHT - LEFT) * at, self.y);
        self.body += &format!(
            "<line x1=\"{x:.1}\" y1=\"{from:.1}\" x2=\"{x:.1}\" y2=\"{to:.1}\" stroke=\"#222\" stroke-dasharray=\"4 3\"/>\n"
        );
    }

    fn finish(self) -> String {
        let height = self.y + 12.0;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" \
             font-family=\"sans-serif\" fill=\"#222\">\n\
             <rect width=\"{WIDTH}\" height=\"{height:.0}\" fill=\"#fff\"/>\n{}</svg>\n",
            self.body
        )
    }
}

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
