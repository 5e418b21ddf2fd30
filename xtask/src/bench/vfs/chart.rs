//! The charts of this suite: every case of one tab beside opfs-vfs, and the transactions of several tabs.

use super::{
    MANY, OURS, SHARED,
    docs::{ALONE, subjects, value},
};
use crate::bench::{
    chart::{COLORS, Drawing, GAP},
    docs::Records,
    report::number,
};

/// Times of opfs-vfs at which the axis ends; longer bars are cut, and their label says how long.
const AXIS: f64 = 4.0;

/// Every subject in every case of one tab.
pub(super) fn alone(records: &Records) -> String {
    let mut drawing = Drawing::new("Time with one tab, opfs-vfs = 1 (shorter is better)");
    for (place, _) in records.browsers() {
        for (case, unit) in ALONE {
            let Some(ours) = value(records, place, case, OURS) else {
                continue;
            };
            drawing.heading(&format!("{case}: opfs-vfs takes {} {unit}", number(ours)));
            let top = drawing.y;
            for subject in subjects() {
                if let Some(value) = value(records, place, case, subject) {
                    let color = if subject.starts_with(OURS) { COLORS[0] } else { COLORS[3] };
                    let ratio = value / ours;
                    drawing.name(subject);
                    drawing.bar(ratio / AXIS, color, &number(ratio));
                }
            }
            drawing.rule(1.0 / AXIS, top);
        }
    }
    drawing.finish()
}

/// What one to eight tabs get done together.
pub(super) fn tabs(records: &Records) -> String {
    let mut drawing = Drawing::new("Transactions a second of all tabs together (longer is better)");
    for (place, _) in records.browsers() {
        let rate = |tabs, subject| value(records, place, tabs, subject).map(|micros| 1e6 / micros);
        let all = || [OURS].into_iter().chain(SHARED);
        let rates = all().flat_map(|subject| MANY.map(|tabs| rate(tabs, subject))).flatten();
        let most = rates.fold(0.0, f64::max);
        for tabs in MANY {
            if rate(tabs, OURS).is_none() {
                continue;
            }
            drawing.heading(&tabs.replace("tabs-", "Tabs: "));
            for subject in all() {
                if let Some(rate) = rate(tabs, subject) {
                    let color = if subject == OURS { COLORS[0] } else { COLORS[3] };
                    drawing.name(subject);
                    drawing.bar(rate / most, color, &format!("{rate:.0}"));
                }
            }
            drawing.y += GAP;
        }
    }
    drawing.finish()
}
