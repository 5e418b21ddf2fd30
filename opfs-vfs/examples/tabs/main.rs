//! A page for tests of several tabs on one database: functions at `window.tab` that a driver calls.
//!
//! Each tab has a SQLite worker and an I/O worker of its own, as every page has; the SQL is the driver's.
#![cfg(target_family = "wasm")]

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Array, Object, Promise, Reflect};
use opfs_vfs::sql::{Database, OpenOptions, SqlOptions, SqlWorker, Value};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;

/// The tab's worker and its one connection.
struct Tab {
    worker: SqlWorker,
    database: RefCell<Option<Rc<Database>>>,
}

/// Starts the workers and sets `window.tab`, or `window.tabFailed` to the reason why not.
#[wasm_bindgen]
pub async fn run() -> Result<(), JsValue> {
    let global = js_sys::global();
    match SqlWorker::start(&SqlOptions::default()).await {
        Ok(worker) => {
            let tab = Rc::new(Tab { worker, database: RefCell::default() });
            Reflect::set(&global, &"tab".into(), functions(&tab)?.as_ref())?;
        }
        Err(error) => {
            Reflect::set(&global, &"tabFailed".into(), &error.to_string().into())?;
        }
    }
    Ok(())
}

/// The object of functions, each of which answers a promise.
fn functions(tab: &Rc<Tab>) -> Result<Object, JsValue> {
    let functions = Object::new();
    add(&functions, "open", tab, async |tab, path, _| {
        let opened = tab.worker.open(&text(&path)?, OpenOptions::default()).await.map_err(error)?;
        *tab.database.borrow_mut() = Some(Rc::new(opened));
        Ok(JsValue::UNDEFINED)
    })?;
    add(&functions, "exec", tab, async |tab, sql, _| {
        tab.database()?.exec(&text(&sql)?).await.map_err(error)?;
        Ok(JsValue::UNDEFINED)
    })?;
    add(&functions, "query", tab, async |tab, sql, _| {
        let table = tab.database()?.query(&text(&sql)?, Vec::new()).await.map_err(error)?;
        let rows = table.rows.iter().map(|row| row.iter().map(cell).collect::<Array>());
        Ok(rows.collect::<Array>().into())
    })?;
    add(&functions, "insertMany", tab, async |tab, sql, times| {
        let times = times.as_f64().ok_or("insertMany takes the SQL and a number")? as usize;
        let rows = vec![Vec::new(); times];
        let done = tab.database()?.execute_many(&text(&sql)?, rows).await.map_err(error)?;
        Ok((done.changes as f64).into())
    })?;
    add(&functions, "close", tab, async |tab, _, _| {
        let database = tab.database.take().and_then(Rc::into_inner);
        database.ok_or("no database is open, or it is in use")?.close().await.map_err(error)?;
        Ok(JsValue::UNDEFINED)
    })?;
    add(&functions, "list", tab, async |tab, _, _| {
        let files = tab.worker.list().await.map_err(error)?;
        let entries =
            files.iter().map(|file| Array::of2(&file.path.as_str().into(), &(file.size as f64).into()));
        Ok(entries.collect::<Array>().into())
    })?;
    Ok(functions)
}

/// Adds one function of up to two arguments.
fn add<F>(functions: &Object, name: &str, tab: &Rc<Tab>, body: F) -> Result<(), JsValue>
where
    F: AsyncFn(Rc<Tab>, JsValue, JsValue) -> Result<JsValue, JsValue> + Copy + 'static,
{
    let tab = Rc::clone(tab);
    let function = Closure::<dyn Fn(JsValue, JsValue) -> Promise>::new(move |first, second| {
        let tab = Rc::clone(&tab);
        future_to_promise(async move { body(tab, first, second).await })
    });
    Reflect::set(functions, &name.into(), &function.into_js_value())?;
    Ok(())
}

impl Tab {
    fn database(&self) -> Result<Rc<Database>, JsValue> {
        self.database.borrow().clone().ok_or_else(|| "no database is open; call open first".into())
    }
}

/// A value as text, `null` for NULL.
fn cell(value: &Value) -> JsValue {
    match value {
        Value::Null => JsValue::NULL,
        other => other.to_string().into(),
    }
}

fn text(value: &JsValue) -> Result<String, JsValue> {
    value.as_string().ok_or_else(|| "expected a string".into())
}

fn error(error: impl std::fmt::Display) -> JsValue {
    js_sys::Error::new(&error.to_string()).into()
}
