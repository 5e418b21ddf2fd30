//! SQLite through rusqlite for the suite `vfs`: over opfs-vfs, over the pool of sqlite-wasm-vfs, or in memory. The scripts in
//! `web/vfs` call it as they call the SQLites from npm.
#![cfg(target_family = "wasm")]

use opfs_vfs::install::{self, InstallOptions};
use rusqlite::{
    Batch, CachedStatement, Connection, OpenFlags, fallible_iterator::FallibleIterator as _, types::ValueRef,
};
use sqlite_wasm_rs::WasmOsCallback;
use sqlite_wasm_vfs::sahpool::{self, OpfsSAHPoolCfgBuilder};
use wasm_bindgen::prelude::*;

/// Installs a VFS, whose files are in `folder`, in this worker.
///
/// # Errors
/// If it can't be had.
#[wasm_bindgen(js_name = install)]
pub async fn install_vfs(vfs: &str, folder: &str) -> Result<(), JsError> {
    match vfs {
        "opfs-vfs" => {
            // The check is for the first start of an app, not for each, and no peer has one.
            let options =
                InstallOptions { make_default: false, sanity_check: false, ..InstallOptions::default() };
            let installed = install::install(&options).await?;
            // It stays as long as this worker does.
            std::mem::forget(installed);
        }
        "sahpool" => {
            let options = OpfsSAHPoolCfgBuilder::new().vfs_name(vfs).directory(folder).build();
            sahpool::install::<WasmOsCallback>(&options, false).await?;
        }
        _ => {}
    }
    Ok(())
}

/// The version of SQLite.
#[wasm_bindgen]
pub fn version() -> String {
    rusqlite::version().to_owned()
}

/// A database.
#[wasm_bindgen]
pub struct Database(Connection);

#[wasm_bindgen]
impl Database {
    /// Opens `path` over `vfs`.
    ///
    /// # Errors
    /// SQLite's.
    #[wasm_bindgen(constructor)]
    pub fn open(vfs: &str, path: &str) -> Result<Self, JsError> {
        let connection = match vfs {
            "memory" => Connection::open_in_memory()?,
            _ => {
                let name = if vfs == "opfs-vfs" { "opfs" } else { vfs };
                Connection::open_with_flags_and_vfs(path, OpenFlags::default(), name)?
            }
        };
        Ok(Self(connection))
    }

    /// Every statement of a script, each to its end.
    ///
    /// # Errors
    /// SQLite's.
    pub fn exec(&self, sql: &str) -> Result<(), JsError> {
        let mut batch = Batch::new(&self.0, sql);
        while let Some(mut statement) = batch.next()? {
            let mut rows = statement.raw_query();
            while rows.next()?.is_some() {}
        }
        Ok(())
    }

    /// The first value of the first row, as a text.
    ///
    /// # Errors
    /// SQLite's, also where there is no row.
    pub fn first(&self, sql: &str) -> Result<String, JsError> {
        Ok(self.0.query_row(sql, [], |row| {
            Ok(match row.get_ref(0)? {
                ValueRef::Integer(number) => number.to_string(),
                ValueRef::Real(number) => number.to_string(),
                ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
                ValueRef::Null | ValueRef::Blob(_) => String::new(),
            })
        })?)
    }

    /// One statement with as many of `values` as it takes, again and again; returns the sum of the first column of all
    /// rows.
    ///
    /// # Errors
    /// SQLite's.
    pub fn run(&self, sql: &str, values: &[i32]) -> Result<f64, JsError> {
        let mut statement = self.0.prepare_cached(sql)?;
        let parameters = statement.parameter_count();
        let mut sum = 0;
        for row in values.chunks_exact(parameters.max(1)) {
            for (index, value) in row[..parameters].iter().enumerate() {
                statement.raw_bind_parameter(index + 1, value)?;
            }
            sum += step_through(&mut statement)?;
        }
        Ok(sum as f64)
    }

    /// Closes it.
    ///
    /// # Errors
    /// SQLite's.
    pub fn close(self) -> Result<(), JsError> {
        self.0.close().map_err(|(_, error)| error.into())
    }
}

fn step_through(statement: &mut CachedStatement<'_>) -> rusqlite::Result<i64> {
    let mut rows = statement.raw_query();
    let mut sum = 0;
    while let Some(row) = rows.next()? {
        // Like `sqlite3_column_int`, which the others call: a text or a NULL counts nothing.
        sum += row.get_ref(0)?.as_i64().unwrap_or(0);
    }
    Ok(sum)
}
