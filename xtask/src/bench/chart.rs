//! Charts of the book, drawn as SVG.

/// Of every drawing.
pub(super) const WIDTH: f64 = 760.0;
const ROW: f64 = 15.0;
/// Between groups of bars.
pub(super) const GAP: f64 = 9.0;
/// Where bars begin: to the left are the names.
const LEFT: f64 = 185.0;
const RIGHT: f64 = WIDTH - 75.0;

/// Fill colours that can be told apart in any kind of sight.
pub(super) const COLORS: [&str; 4] = ["#0072b2", "#e69f00", "#009e73", "#777777"];

/// A drawing that grows downwards.
pub(super) struct Drawing {
    body: String,
    pub(super) y: f64,
}

impl Drawing {
    pub(super) fn new(title: &str) -> Self {
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

    pub(super) fn heading(&mut self, text: &str) {
        self.y += 18.0;
        self.text(16.0, 13.0, "start", text);
        self.y += 8.0;
    }

    /// A bar with its value behind it; `end` is where it ends, between 0 and 1.
    pub(super) fn bar(&mut self, end: f64, color: &str, label: &str) {
        let (y, width) = (self.y, (RIGHT - LEFT) * end.clamp(0.0, 1.0));
        self.body += &format!(
            "<rect x=\"{LEFT}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{:.0}\" fill=\"{color}\"/>\n",
            ROW - 3.0
        );
        self.y += ROW - 5.0;
        self.text(LEFT + width + 5.0, 11.0, "start", label);
        self.y += 5.0;
    }

    pub(super) fn name(&mut self, text: &str) {
        self.y += ROW - 5.0;
        self.text(LEFT - 8.0, 12.0, "end", text);
        self.y -= ROW - 5.0;
    }

    pub(super) fn rule(&mut self, at: f64, from: f64) {
        let (x, to) = (LEFT + (RIGHT - LEFT) * at, self.y);
        self.body += &format!(
            "<line x1=\"{x:.1}\" y1=\"{from:.1}\" x2=\"{x:.1}\" y2=\"{to:.1}\" stroke=\"#222\" stroke-dasharray=\"4 3\"/>\n"
        );
    }

    pub(super) fn finish(self) -> String {
        let height = self.y + 12.0;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" \
             font-family=\"sans-serif\" fill=\"#222\">\n\
             <rect width=\"{WIDTH}\" height=\"{height:.0}\" fill=\"#fff\"/>\n{}</svg>\n",
            self.body
        )
    }
}
