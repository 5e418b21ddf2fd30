//! The part of the page for people: run SQL on the database, take the file home, begin again.

use std::cell::Cell;
use std::rc::Rc;

use js_sys::{Array, Uint8Array};
use opfs_vfs::sql::{Database, SqlWorker, Table};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::{Blob, Event, HtmlAnchorElement, HtmlElement, HtmlTextAreaElement, KeyboardEvent, Url};

use crate::page::Page;
use crate::stages::{DATABASE, Failure};

/// Rows of a result that the page shows.
const SHOWN: usize = 200;

struct Console {
    page: Page,
    worker: SqlWorker,
    database: Database,
    busy: Cell<bool>,
}

/// Lets the page's buttons work on `database`.
pub(crate) fn open(page: &Page, worker: SqlWorker, database: Database) {
    let console = Rc::new(Console { page: page.clone(), worker, database, busy: Cell::new(false) });
    let run = Rc::clone(&console);
    on(page, "run", "click", move |_| Rc::clone(&run).run());
    let keys = Rc::clone(&console);
    on(page, "sql", "keydown", move |event| {
        let entered = event
            .dyn_ref::<KeyboardEvent>()
            .is_some_and(|key| key.key() == "Enter" && (key.ctrl_key() || key.meta_key()));
        if entered {
            Rc::clone(&keys).run();
        }
    });
    let download = Rc::clone(&console);
    on(page, "download", "click", move |_| Rc::clone(&download).download());
    page.show("console");
}

fn on(page: &Page, id: &str, event: &str, f: impl FnMut(Event) + 'static) {
    let listener = Closure::<dyn FnMut(Event)>::new(f);
    let _ = page.element(id).add_event_listener_with_callback(event, listener.as_ref().unchecked_ref());
    // The page's buttons live as long as the page.
    listener.forget();
}

impl Console {
    /// Runs what the text area holds, unless something is running.
    fn run(self: Rc<Self>) {
        if self.busy.replace(true) {
            return;
        }
        spawn_local(async move {
            let sql = self
                .page
                .element("sql")
                .dyn_into::<HtmlTextAreaElement>()
                .map(|area| area.value())
                .unwrap_or_default();
            let output = self.page.element("output");
            output.set_inner_html("");
            let began = js_sys::Date::now();
            match self.rows(&sql).await {
                Ok((table, more)) => {
                    let took = js_sys::Date::now() - began;
                    let rows = table.rows.len();
                    let cut = if more { ", and more" } else { "" };
                    if table.columns.is_empty() {
                        self.page.add(&output, "p", &format!("done in {took:.0} ms"));
                    } else {
                        self.page.result("output", &format!("{rows} rows{cut} in {took:.0} ms"), "", &table);
                    }
                }
                Err(failure) => self.page.add(&output, "p", &failure.to_string()).set_class_name("error"),
            }
            self.busy.set(false);
        });
    }

    /// The first rows of a statement; a script of several is run without rows.
    async fn rows(&self, sql: &str) -> Result<(Table, bool), Failure> {
        let statement = sql.trim().trim_end_matches(';');
        if statement.contains(';') {
            self.database.exec(sql).await?;
            return Ok((Table::default(), false));
        }
        let mut pages = self.database.pages(statement, Vec::new()).await?;
        let mut table = Table { columns: pages.columns().to_vec(), rows: Vec::new() };
        while table.rows.len() <= SHOWN
            && let Some(rows) = pages.next().await?
        {
            table.rows.extend(rows);
        }
        pages.finish().await?;
        let more = table.rows.len() > SHOWN;
        table.rows.truncate(SHOWN);
        Ok((table, more))
    }

    /// Gives the database file to the person as a download.
    fn download(self: Rc<Self>) {
        spawn_local(async move {
            if let Err(failure) = self.save().await {
                self.page.failure(&format!("failed: {failure}"));
            }
        });
    }

    async fn save(&self) -> Result<(), Failure> {
        let bytes = self.worker.export(DATABASE).await?;
        let failed = |value: JsValue| Failure(format!("the browser did not offer the file: {value:?}"));
        let parts = Array::of1(&Uint8Array::from(bytes.as_slice()));
        let blob = Blob::new_with_u8_array_sequence(&parts).map_err(failed)?;
        let url = Url::create_object_url_with_blob(&blob).map_err(failed)?;
        let link: HtmlAnchorElement = self.page.add(&self.page.element("console"), "a", "").unchecked_into();
        link.set_href(&url);
        link.set_download("input.db");
        link.dyn_ref::<HtmlElement>().map(HtmlElement::click);
        link.remove();
        let _ = Url::revoke_object_url(&url);
        Ok(())
    }
}
