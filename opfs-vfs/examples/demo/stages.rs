//! The two stages of the demo, as a sequence of calls that an application would make.

use std::fmt;

use js_sys::Uint8Array;
use opfs_vfs::sql::{Database, OpenOptions, SqlWorker, Table, Value};
use sabrpc::OpMetrics;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{RequestInit, Response};

use crate::input::{Input, quoted};
use crate::page::{self, Page};

/// Where the demo keeps its database.
pub(crate) const DATABASE: &str = "/demo/input.db";

/// What the driver is told at the end of a stage.
pub(crate) struct Outcome {
    /// The stage's name.
    pub(crate) stage: &'static str,
    /// Results and metrics as text.
    pub(crate) report: String,
    /// Rows that the table has.
    pub(crate) rows: i64,
}

/// Why a stage ended early, in words.
pub(crate) struct Failure(pub(crate) String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

fn thrown(what: &str) -> impl FnOnce(JsValue) -> Failure {
    move |value| Failure(format!("{what} failed: {value:?}"))
}

/// A fresh database, the input in one committed transaction, and another that is rolled back.
pub(crate) async fn load(page: &Page, worker: &SqlWorker) -> Result<(Database, Outcome), Failure> {
    let input = fetch_input(page).await?;
    for file in worker.list().await? {
        if file.path.starts_with(DATABASE) {
            worker.delete(&file.path).await?;
            page.line(&format!("deleted {} of an earlier run", file.path));
        }
    }
    let database = worker.open(DATABASE, OpenOptions::default()).await?;
    page.line(&format!("opened {DATABASE} with SQLite {}", version(&database).await?));

    let began = js_sys::Date::now();
    database.exec("BEGIN").await?;
    database.exec(&input.create_table()).await?;
    let insert = input.insert();
    let total = input.rows.len();
    let step = total.div_ceil(4).max(1);
    let mut rows = input.rows.into_iter();
    let mut inserted = 0;
    while inserted < total {
        let part: Vec<Vec<Value>> = rows.by_ref().take(step).collect();
        inserted += part.len();
        database.execute_many(&insert, part).await?;
        page.line(&format!("inserted {inserted} of {total} rows"));
    }
    database.exec("COMMIT").await?;
    page.line(&format!("committed {total} rows in {:.0} ms", js_sys::Date::now() - began));

    database.exec("BEGIN").await?;
    let changed = database.exec("DELETE FROM input WHERE rowid % 2 = 0").await?.changes;
    let inside = count(&database).await?;
    database.exec("ROLLBACK").await?;
    let after = count(&database).await?;
    page.line(&format!(
        "deleted {changed} rows in another transaction ({inside} were left), rolled it back: {after} rows again"
    ));
    if after != total as i64 || inside + changed as i64 != after {
        return Err(Failure(format!(
            "the rollback did not bring every row back: {total} were committed, {after} are there"
        )));
    }

    let report = report(page, worker, &database).await?;
    let outcome = Outcome { stage: "load", report, rows: after };
    Ok((database, outcome))
}

/// The database of an earlier page: its rows are there, and its file leaves the browser.
pub(crate) async fn persisted(page: &Page, worker: &SqlWorker) -> Result<(Database, Outcome), Failure> {
    let options = OpenOptions { create: false, ..OpenOptions::default() };
    let database = worker.open(DATABASE, options).await?;
    let rows = count(&database).await?;
    page.line(&format!("after the reload {DATABASE} is there, with {rows} rows"));
    let report = report(page, worker, &database).await?;

    let bytes = worker.export(DATABASE).await?;
    page.line(&format!("exported the database file: {} bytes", bytes.len()));
    let request = RequestInit::new();
    request.set_method("POST");
    request.set_body(&Uint8Array::from(bytes.as_slice()));
    let sent = JsFuture::from(page.window.fetch_with_str_and_init("/export", &request)).await;
    let response: Response = sent.map_err(thrown("sending the file to /export"))?.unchecked_into();
    if !response.ok() {
        return Err(Failure(format!(
            "the server did not take the file at /export: status {}",
            response.status()
        )));
    }
    page.line("sent the file to the server");
    let outcome = Outcome { stage: "persisted", report, rows };
    Ok((database, outcome))
}

async fn fetch_input(page: &Page) -> Result<Input, Failure> {
    let fetched = JsFuture::from(page.window.fetch_with_str("/input")).await;
    let response: Response = fetched.map_err(thrown("fetching /input"))?.unchecked_into();
    if !response.ok() {
        return Err(Failure(format!("there is no input at /input: status {}", response.status())));
    }
    let name = response.headers().get("X-Input-Name").ok().flatten();
    let name = name.unwrap_or_else(|| "input.txt".to_owned());
    let buffer = response.array_buffer().map_err(thrown("reading /input"))?;
    let buffer = JsFuture::from(buffer).await.map_err(thrown("reading /input"))?;
    let bytes = Uint8Array::new(&buffer).to_vec();
    let input = Input::read(&name, &bytes);
    page.line(&format!(
        "read {name}: {} bytes, {} rows of {} columns",
        bytes.len(),
        input.rows.len(),
        input.columns.len()
    ));
    for note in &input.notes {
        page.line(note);
    }
    Ok(input)
}

/// Queries, an integrity check and the metrics; on the page and as text.
async fn report(page: &Page, worker: &SqlWorker, database: &Database) -> Result<String, Failure> {
    let mut report = String::new();
    for (heading, sql) in queries(database).await? {
        let result = database.query(&sql, Vec::new()).await?;
        page.result("results", &heading, &sql, &result);
        report += &format!("{heading}\n{}\n", page::text(&result));
    }
    let checked = database.query("PRAGMA integrity_check", Vec::new()).await?;
    let verdict = checked.scalar().map(Value::to_string).unwrap_or_default();
    if verdict != "ok" {
        return Err(Failure(format!("PRAGMA integrity_check says: {verdict}")));
    }
    page.line("PRAGMA integrity_check says ok");
    for (heading, metrics) in [
        ("SQLite worker: calls of the VFS to the I/O worker", worker.vfs_metrics().await?),
        ("I/O worker: operations served", worker.io_metrics().await?),
        ("Page: calls to the SQLite worker", worker.metrics().await),
    ] {
        page.metrics(heading, &metrics);
        report += &format!("{heading}\n{}\n", OpMetrics::table(&metrics));
    }
    Ok(report)
}

/// What is asked of the table, by the columns it has.
async fn queries(database: &Database) -> Result<Vec<(String, String)>, Failure> {
    let columns = database.query("SELECT name FROM pragma_table_info('input')", Vec::new()).await?;
    let columns: Vec<&str> = columns.rows.iter().filter_map(|row| row.first()?.as_text()).collect();
    let mut queries = vec![("Rows in the table".to_owned(), "SELECT count(*) AS rows FROM input".to_owned())];
    match columns.as_slice() {
        ["zone", "utc", "offset_seconds", "abbreviation", "is_dst"] => {
            queries.push((
                "Zones that changed their clocks most often".to_owned(),
                "SELECT zone, count(*) AS changes, substr(min(utc), 1, 10) AS first, substr(max(utc), 1, 10) AS last, \
                 count(DISTINCT offset_seconds) AS offsets \
                 FROM input GROUP BY zone ORDER BY changes DESC, zone LIMIT 10"
                    .to_owned(),
            ));
            queries.push((
                "Changes in each decade".to_owned(),
                "SELECT substr(utc, 1, 3) || '0s' AS decade, count(*) AS changes, count(DISTINCT zone) AS zones, \
                 sum(is_dst) AS dst_begins FROM input GROUP BY decade ORDER BY decade"
                    .to_owned(),
            ));
        }
        ["line_no", "text"] => queries.push((
            "Longest lines".to_owned(),
            "SELECT line_no, length(text) AS characters, substr(text, 1, 60) AS begins \
             FROM input ORDER BY characters DESC, line_no LIMIT 10"
                .to_owned(),
        )),
        [first, ..] => queries.push((
            format!("Most frequent values of {first}"),
            format!(
                "SELECT {0}, count(*) AS rows FROM input GROUP BY {0} ORDER BY rows DESC, {0} LIMIT 10",
                quoted(first)
            ),
        )),
        [] => {}
    }
    Ok(queries)
}

async fn count(database: &Database) -> Result<i64, Failure> {
    let table: Table = database.query("SELECT count(*) FROM input", Vec::new()).await?;
    let number = table.scalar().and_then(Value::as_integer);
    number.ok_or_else(|| Failure("SELECT count(*) answered no number".to_owned()))
}

async fn version(database: &Database) -> Result<String, Failure> {
    let table = database.query("SELECT sqlite_version()", Vec::new()).await?;
    Ok(table.scalar().map(Value::to_string).unwrap_or_default())
}
