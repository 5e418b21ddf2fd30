//! The page as the demo sees it: a list of lines that grows, tables, and what the driver reads from `window.demo`.

use js_sys::{Array, Object, Reflect};
use opfs_vfs::sql::{Table, Value};
use sabrpc::OpMetrics;
use wasm_bindgen::prelude::*;
use web_sys::{Document, Element, HtmlElement, Window};

/// The page, and the object `window.demo`.
#[derive(Clone)]
pub(crate) struct Page {
    /// The window.
    pub(crate) window: Window,
    document: Document,
    demo: Object,
    lines: Array,
}

impl Page {
    /// The page that this code runs in; makes `window.demo`.
    pub(crate) fn new() -> Result<Self, JsValue> {
        let window = web_sys::window().ok_or("the demo runs in a page, not in a worker")?;
        let document = window.document().ok_or("the window has no document")?;
        let (demo, lines) = (Object::new(), Array::new());
        Reflect::set(&demo, &"lines".into(), &lines)?;
        Reflect::set(&window, &"demo".into(), &demo)?;
        Ok(Self { window, document, demo, lines })
    }

    /// The element with this id, which the page's HTML has.
    pub(crate) fn element(&self, id: &str) -> Element {
        self.document
            .get_element_by_id(id)
            .unwrap_or_else(|| panic!("index.html has no element with the id {id}"))
    }

    /// Appends a line of progress.
    pub(crate) fn line(&self, text: &str) {
        self.lines.push(&text.into());
        self.add(&self.element("lines"), "li", text);
    }

    /// Appends what went wrong.
    pub(crate) fn failure(&self, text: &str) {
        self.line(text);
        if let Some(item) = self.element("lines").last_element_child() {
            item.set_class_name("bad");
        }
    }

    /// Sets the state that the page's head shows: `running`, `ok` or `failed`.
    pub(crate) fn state(&self, state: &str, text: &str) {
        let badge = self.element("state");
        badge.set_class_name(&format!("badge {state}"));
        badge.set_text_content(Some(text));
    }

    /// Tells the driver that the stage is over.
    pub(crate) fn done(&self, stage: &str, report: &str, rows: Option<f64>, ok: bool) {
        let done = Object::new();
        let entries: [(&str, JsValue); 4] = [
            ("stage", stage.into()),
            ("ok", ok.into()),
            ("report", report.into()),
            ("rows", rows.map_or(JsValue::UNDEFINED, JsValue::from)),
        ];
        for (name, value) in entries {
            let _ = Reflect::set(&done, &name.into(), &value);
        }
        let _ = Reflect::set(&self.demo, &"done".into(), &done);
    }

    /// Makes a section of the page visible.
    pub(crate) fn show(&self, id: &str) {
        if let Some(section) = self.element(id).dyn_ref::<HtmlElement>() {
            section.set_hidden(false);
        }
    }

    /// Shows a result below its heading and its SQL, at the end of the section `id`.
    pub(crate) fn result(&self, id: &str, heading: &str, sql: &str, result: &Table) {
        self.show(id);
        let section = self.element(id);
        let figure = self.add(&section, "figure", "");
        let caption = self.add(&figure, "figcaption", "");
        self.add(&caption, "strong", heading);
        if !sql.is_empty() {
            self.add(&caption, "code", sql);
        }
        let cell = |value: &Value| (value.to_string(), matches!(value, Value::Integer(_) | Value::Real(_)));
        let rows: Vec<Vec<(String, bool)>> =
            result.rows.iter().map(|row| row.iter().map(cell).collect()).collect();
        self.table(&figure, &result.columns, &rows);
    }

    /// Shows the metrics of one thread as a table.
    pub(crate) fn metrics(&self, heading: &str, metrics: &[OpMetrics]) {
        self.show("metrics");
        let figure = self.add(&self.element("metrics"), "figure", "");
        let caption = self.add(&figure, "figcaption", "");
        self.add(&caption, "strong", heading);
        let columns = ["operation", "count", "errors", "time ms", "wait ms", "KiB in", "KiB out"];
        let millis = |time: std::time::Duration| format!("{:.2}", time.as_secs_f64() * 1e3);
        let kib = |bytes: u64| format!("{:.1}", bytes as f64 / 1024.0);
        let rows: Vec<Vec<(String, bool)>> = metrics
            .iter()
            .filter(|op| op.count > 0)
            .map(|op| {
                vec![
                    (op.name.clone(), false),
                    (op.count.to_string(), true),
                    (op.errors.to_string(), true),
                    (millis(op.time), true),
                    (millis(op.wait), true),
                    (kib(op.bytes_in), true),
                    (kib(op.bytes_out), true),
                ]
            })
            .collect();
        self.table(&figure, &columns.map(str::to_owned), &rows);
    }

    /// A table of texts, of which those that are marked as numbers stand flush right.
    fn table(&self, parent: &Element, columns: &[String], rows: &[Vec<(String, bool)>]) {
        let scroll = self.add(parent, "div", "");
        scroll.set_class_name("scroll");
        let table = self.add(&scroll, "table", "");
        let head = self.add(&self.add(&table, "thead", ""), "tr", "");
        for (index, column) in columns.iter().enumerate() {
            let cell = self.add(&head, "th", column);
            if rows.first().and_then(|row| row.get(index)).is_some_and(|(_, number)| *number) {
                cell.set_class_name("number");
            }
        }
        let body = self.add(&table, "tbody", "");
        for row in rows {
            let line = self.add(&body, "tr", "");
            for (text, number) in row {
                let cell = self.add(&line, "td", text);
                if *number {
                    cell.set_class_name("number");
                }
            }
        }
        if rows.is_empty() {
            self.add(parent, "p", "no rows");
        }
    }

    /// Appends an element with a text to `parent`.
    pub(crate) fn add(&self, parent: &Element, tag: &str, text: &str) -> Element {
        let Ok(element) = self.document.create_element(tag) else {
            unreachable!("{tag} is the name of an element");
        };
        if !text.is_empty() {
            element.set_text_content(Some(text));
        }
        let _ = parent.append_child(&element);
        element
    }
}

/// A result as text, its columns aligned.
pub(crate) fn text(result: &Table) -> String {
    let mut lines = vec![result.columns.clone()];
    for row in &result.rows {
        lines.push(row.iter().map(ToString::to_string).collect());
    }
    let width = |column: usize| {
        lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..result.columns.len()).map(width).collect();
    lines
        .iter()
        .map(|line| {
            let padded: Vec<String> =
                line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            format!("{}\n", padded.join("  ").trim_end())
        })
        .collect()
}
