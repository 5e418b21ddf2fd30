//! Files of SQLite's sqllogictest corpus on the VFS: SQL whose results are known. The corpus is no part of the repository;
//! it is taken from the folder in `SLT_CORPUS`, or from `shared/sqllogictest` beside the repository.
#![cfg(not(target_family = "wasm"))]

#[path = "slt/md5.rs"]
mod md5;
mod support;

use std::fs;
use std::path::{Path, PathBuf};

use opfs_vfs::store::MemoryStore;
use opfs_vfs::tabs::LocalTabs;
use rusqlite::{Connection, Row, types::ValueRef};
use support::{Tab, integrity};

fn corpus() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/sqllogictest");
    let folder = std::env::var_os("SLT_CORPUS").map_or(beside, PathBuf::from);
    folder.is_dir().then_some(folder)
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the corpus can be listed") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|end| end == "test") {
            found.push(path);
        }
    }
}

#[test]
fn the_corpus_gives_the_known_results() {
    let Some(folder) = corpus() else {
        println!("no sqllogictest corpus: set SLT_CORPUS to a folder with .test files to run it");
        return;
    };
    let mut paths = Vec::new();
    files(&folder, &mut paths);
    paths.sort();
    assert!(!paths.is_empty(), "{} has .test files", folder.display());
    let mut records = 0;
    for path in &paths {
        let text = fs::read_to_string(path).expect("a readable file");
        let tab = Tab::new(MemoryStore::new(), &LocalTabs::new());
        let db = tab.open("slt.db");
        let count = Script { name: path.display().to_string(), db: &db }.run(&text);
        assert_eq!(integrity(&db), "ok", "{}", path.display());
        println!("{}: {count} records", path.display());
        records += count;
    }
    println!("{} files, {records} records", paths.len());
}

struct Script<'a> {
    name: String,
    db: &'a Connection,
}

impl Script<'_> {
    /// Runs all records and says how many there were.
    fn run(&self, text: &str) -> usize {
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        let (mut at, mut count) = (0, 0);
        while at < lines.len() {
            let start = at;
            let end = (start..lines.len()).find(|line| lines[*line].is_empty()).unwrap_or(lines.len());
            at = end + 1;
            let record: Vec<&str> =
                lines[start..end].iter().copied().filter(|line| !line.starts_with('#')).collect();
            let wanted =
                record.iter().take_while(|line| line.starts_with("skipif") || line.starts_with("onlyif"));
            let conditions: Vec<&str> = wanted.copied().collect();
            let skipped = conditions.iter().any(|line| {
                let ours = line.split_whitespace().nth(1) == Some("sqlite");
                line.starts_with("skipif") == ours
            });
            let Some((head, body)) = record[conditions.len()..].split_first() else {
                continue;
            };
            let words: Vec<&str> = head.split_whitespace().collect();
            let place = format!("{}:{}", self.name, start + 1);
            match words[..] {
                _ if skipped => {}
                ["halt"] => break,
                ["hash-threshold", _] => {}
                ["statement", outcome, ..] => {
                    let answer = self.db.execute_batch(&body.join("\n"));
                    assert_eq!(answer.is_ok(), outcome == "ok", "{place}: {answer:?}");
                    count += 1;
                }
                ["query", types, ..] => {
                    self.query(&place, types, words.get(2).copied().unwrap_or("nosort"), body);
                    count += 1;
                }
                _ => panic!("{place}: unknown record {head}"),
            }
        }
        count
    }

    fn query(&self, place: &str, types: &str, sort: &str, body: &[&str]) {
        let dashes = body.iter().position(|line| *line == "----").unwrap_or(body.len());
        let (sql, expected) = (body[..dashes].join("\n"), body.get(dashes + 1..).unwrap_or_default());
        let mut rows = match self.rows(&sql, types) {
            Ok(rows) => rows,
            // The corpus gives a query that must fail as one without values.
            Err(_) if expected.is_empty() => return,
            Err(error) => panic!("{place}: {error}: {sql}"),
        };
        let columns = types.len();
        if sort == "rowsort" {
            rows.sort();
        }
        let mut values: Vec<String> = rows.into_iter().flatten().collect();
        if sort == "valuesort" {
            values.sort();
        }
        if let [only] = expected
            && let Some((number, hash)) = only.split_once(" values hashing to ")
        {
            let text: String = values.iter().map(|value| format!("{value}\n")).collect();
            assert_eq!(
                (values.len().to_string().as_str(), md5::hex(text.as_bytes()).as_str()),
                (number, hash),
                "{place}"
            );
            return;
        }
        // Short results stand one value to a line, or one row to a line.
        let per_line: Vec<String> = values.chunks(columns.max(1)).map(|row| row.join(" ")).collect();
        let single = values.len() == expected.len()
            && values.iter().zip(expected).all(|(got, wanted)| same(got, wanted));
        assert!(single || per_line == expected, "{place}: expected {expected:?}, got {values:?}");
    }

    fn rows(&self, sql: &str, types: &str) -> rusqlite::Result<Vec<Vec<String>>> {
        let mut statement = self.db.prepare(sql)?;
        assert_eq!(statement.column_count(), types.len(), "{}: columns of {sql}", self.name);
        let rows = statement.query_map([], |row| {
            types.chars().enumerate().map(|(at, kind)| value(row, at, kind)).collect()
        })?;
        rows.collect()
    }
}

/// Equal texts, or numbers that agree to the 15 digits that older versions of SQLite printed.
fn same(got: &str, wanted: &str) -> bool {
    let number = |text: &str| text.contains('.').then(|| text.parse::<f64>().ok()).flatten();
    got == wanted
        || matches!((number(got), number(wanted)), (Some(a), Some(b)) if (a - b).abs() <= 1e-15 * a.abs().max(b.abs()))
}

/// A value as the corpus writes it: the column's declared kind decides, as in SQLite's own runner.
fn value(row: &Row<'_>, at: usize, kind: char) -> rusqlite::Result<String> {
    let value = row.get_ref(at)?;
    Ok(match (kind, value) {
        (_, ValueRef::Null) => "NULL".to_owned(),
        ('I', ValueRef::Integer(number)) => number.to_string(),
        ('I', ValueRef::Real(number)) => (number as i64).to_string(),
        ('I', ValueRef::Text(_) | ValueRef::Blob(_)) => "0".to_owned(),
        ('R', ValueRef::Integer(number)) => format!("{:.3}", number as f64),
        ('R', ValueRef::Real(number)) => format!("{number:.3}"),
        (_, ValueRef::Integer(number)) => number.to_string(),
        (_, ValueRef::Real(number)) => number.to_string(),
        (_, ValueRef::Text(bytes) | ValueRef::Blob(bytes)) if bytes.is_empty() => "(empty)".to_owned(),
        (_, ValueRef::Text(bytes) | ValueRef::Blob(bytes)) => bytes
            .iter()
            .map(|byte| if (b' '..=b'~').contains(byte) { char::from(*byte) } else { '@' })
            .collect(),
    })
}
