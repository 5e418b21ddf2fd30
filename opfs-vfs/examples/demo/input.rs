//! The input file as rows of a table: CSV by its header's columns, any other text line by line.

use opfs_vfs::sql::Value;

/// What the input file holds.
pub(crate) struct Input {
    /// The columns' names, each different from all others, and their SQL types.
    pub(crate) columns: Vec<(String, &'static str)>,
    /// One row per record or line; every row is as long as `columns`.
    pub(crate) rows: Vec<Vec<Value>>,
    /// What the user should know about how the bytes were read.
    pub(crate) notes: Vec<String>,
}

impl Input {
    /// Reads the bytes of the file `name`.
    pub(crate) fn read(name: &str, bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let mut notes = Vec::new();
        if matches!(text, std::borrow::Cow::Owned(_)) {
            notes.push(format!("{name} is not UTF-8 throughout: other bytes became \u{fffd}"));
        }
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
        let (columns, rows) = match ending.as_deref() {
            Some("csv") => table(records(text, ',')),
            Some("tsv") => table(records(text, '\t')),
            _ => lines(text),
        };
        Self { columns, rows, notes }
    }

    /// The statement that makes the table `input` for these columns.
    pub(crate) fn create_table(&self) -> String {
        let columns: Vec<String> =
            self.columns.iter().map(|(name, sql_type)| format!("{} {sql_type}", quoted(name))).collect();
        format!("CREATE TABLE input ({})", columns.join(", "))
    }

    /// The statement that inserts one row.
    pub(crate) fn insert(&self) -> String {
        format!("INSERT INTO input VALUES ({})", vec!["?"; self.columns.len()].join(", "))
    }
}

/// A name as an SQL identifier.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn lines(text: &str) -> (Vec<(String, &'static str)>, Vec<Vec<Value>>) {
    let columns = vec![("line_no".to_owned(), "INTEGER PRIMARY KEY"), ("text".to_owned(), "TEXT")];
    let rows = text.lines().zip(1_i64..).map(|(line, number)| vec![number.into(), line.into()]).collect();
    (columns, rows)
}

/// The first record names the columns; every record gets as many fields as the longest has.
fn table(mut records: Vec<Vec<String>>) -> (Vec<(String, &'static str)>, Vec<Vec<Value>>) {
    let width = records.iter().map(Vec::len).max().unwrap_or(0).max(1);
    let header = if records.is_empty() { Vec::new() } else { records.remove(0) };
    let mut columns: Vec<(String, &'static str)> = Vec::with_capacity(width);
    for index in 0..width {
        let mut name = header.get(index).map(|name| name.trim().to_owned()).unwrap_or_default();
        let taken = |name: &str| columns.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
        if name.is_empty() || name.contains('\0') {
            name = format!("column_{}", index + 1);
        }
        while taken(&name) {
            name.push('_');
        }
        columns.push((name, sql_type(&records, index)));
    }
    let rows = records
        .into_iter()
        .map(|record| {
            let mut row: Vec<Value> = record.into_iter().map(Value::from).collect();
            row.resize(width, Value::Null);
            row
        })
        .collect();
    (columns, rows)
}

/// The narrowest type that keeps every field of a column as it is written; SQLite converts by it.
fn sql_type(records: &[Vec<String>], index: usize) -> &'static str {
    let mut fields = records.iter().filter_map(|record| record.get(index)).peekable();
    let exact = |field: &String| field.parse::<i64>().is_ok_and(|number| number.to_string() == *field);
    if fields.peek().is_some() && fields.all(exact) { "INTEGER" } else { "TEXT" }
}

/// The records of comma- or tab-separated text, by the rules of RFC 4180; empty lines are none.
fn records(text: &str, separator: char) -> Vec<Vec<String>> {
    let mut records = Vec::new();
    let (mut record, mut field, mut quoted) = (Vec::new(), String::new(), false);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.next_if_eq(&'"').is_some() => field.push('"'),
            '"' if quoted => quoted = false,
            '"' if field.is_empty() => quoted = true,
            '\r' if !quoted && characters.peek() == Some(&'\n') => {}
            '\n' if !quoted => {
                if !record.is_empty() || !field.is_empty() {
                    record.push(std::mem::take(&mut field));
                    records.push(std::mem::take(&mut record));
                }
            }
            other if other == separator && !quoted => record.push(std::mem::take(&mut field)),
            other => field.push(other),
        }
    }
    if !record.is_empty() || !field.is_empty() {
        record.push(field);
        records.push(record);
    }
    records
}
