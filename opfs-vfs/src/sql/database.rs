//! The page's side of the SQL service: connections and results as an application uses them.
//!
//! Everything is `async` and nothing blocks, so this is for the main thread as well.

use std::rc::Rc;

use sabrpc::{CallError, DefaultRegion, Region};

use super::connector::{Claim, Connector};
use super::error::SqlError;
use super::service::{Executed, OpenOptions, SqlAsyncClient};
use super::value::Value;

/// What a call to the SQL service can fail with.
pub type Error = CallError<SqlError>;

/// About how many bytes of parameters one call of [`Database::execute_many`] carries.
const BATCH: usize = 64 << 10;

/// A connection to a database, in the SQLite worker.
///
/// Dropping it closes the connection as well, a little later and with the last of its [`Pages`]; [`close`](Self::close)
/// closes it now, and hears of errors.
pub struct Database<R: Region = DefaultRegion> {
    claim: Rc<Claim<R>>,
}

impl<R: Region> Database<R> {
    /// Opens the database at `path`.
    ///
    /// # Errors
    /// What SQLite says about the path and the options.
    pub async fn open(connector: &Rc<Connector<R>>, path: &str, options: OpenOptions) -> Result<Self, Error> {
        let claim = connector.claim();
        let opened = connector.ready().await.open(claim.number(), path, options).await;
        claim.kept_by(opened).map(|(claim, ())| Self { claim: Rc::new(claim) })
    }

    fn db(&self) -> u32 {
        self.claim.number()
    }

    async fn client(&self) -> &SqlAsyncClient<R> {
        self.claim.connector().ready().await
    }

    /// Runs every statement of `sql` and drops the rows they answer.
    ///
    /// # Errors
    /// What SQLite says about the first statement that fails; those before it have been done.
    pub async fn exec(&self, sql: &str) -> Result<Executed, Error> {
        self.client().await.exec(self.db(), sql).await
    }

    /// Runs one statement that answers no rows; see [`values!`](crate::values) for the parameters.
    ///
    /// # Errors
    /// What SQLite says, and a number of parameters that is not the statement's.
    pub async fn execute(&self, sql: &str, params: Vec<Value>) -> Result<Executed, Error> {
        self.client().await.execute(self.db(), sql, params).await
    }

    /// Runs one statement once per row of parameters, in as few calls as make sense.
    ///
    /// # Errors
    /// Of the first row that fails; the rows before it have been done, unless a transaction is rolled back.
    pub async fn execute_many(
        &self,
        sql: &str,
        rows: impl IntoIterator<Item = Vec<Value>>,
    ) -> Result<Executed, Error> {
        let mut total = Executed::default();
        let (mut batch, mut weight) = (Vec::new(), 0);
        let mut rows = rows.into_iter().peekable();
        while let Some(row) = rows.next() {
            weight += row.iter().map(Value::weight).sum::<usize>();
            batch.push(row);
            if weight >= BATCH || rows.peek().is_none() {
                let batch = std::mem::take(&mut batch);
                let done = self.client().await.execute_many(self.db(), sql, batch).await?;
                total.changes += done.changes;
                total.last_insert_rowid = done.last_insert_rowid;
                weight = 0;
            }
        }
        Ok(total)
    }

    /// Runs one statement and brings all its rows.
    ///
    /// # Errors
    /// What SQLite says, and a number of parameters that is not the statement's.
    pub async fn query(&self, sql: &str, params: Vec<Value>) -> Result<Table, Error> {
        let mut pages: Pages<R> = self.pages(sql, params).await?;
        let mut table = Table { columns: pages.columns().to_vec(), rows: Vec::new() };
        while let Some(rows) = pages.next().await? {
            table.rows.extend(rows);
        }
        Ok(table)
    }

    /// Runs one statement and brings its rows page by page, for results that are too large to keep.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub async fn pages(&self, sql: &str, params: Vec<Value>) -> Result<Pages<R>, Error> {
        let cursor = self.claim.connector().claim();
        let page = self.client().await.query(self.db(), cursor.number(), sql, params).await;
        let (cursor, page) = cursor.kept_by(page)?;
        let cursor = cursor.held_if(page.more);
        Ok(Pages { cursor, db: Rc::clone(&self.claim), columns: page.columns, first: Some(page.rows) })
    }

    /// Closes the connection; an open transaction is rolled back.
    ///
    /// # Errors
    /// What SQLite says. The connection is gone all the same.
    pub async fn close(self) -> Result<(), Error> {
        let closed = self.client().await.close(self.db()).await;
        if matches!(closed, Ok(()) | Err(CallError::Service(_))) {
            self.claim.void();
        }
        closed
    }
}

/// All rows of a result.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// The columns' names.
    pub columns: Vec<String>,
    /// The rows, each with one value per column.
    pub rows: Vec<Vec<Value>>,
}

impl Table {
    /// The first value of the first row, which is the whole result of such as `SELECT count(*)`.
    pub fn scalar(&self) -> Option<&Value> {
        self.rows.first()?.first()
    }
}

/// The rows of a result, page by page. The statement holds its lock on the database until the last page was brought, or
/// until [`finish`](Self::finish). Dropping it ends the statement as well, a little later.
pub struct Pages<R: Region = DefaultRegion> {
    // Before its connection, in which it is.
    cursor: Option<Claim<R>>,
    db: Rc<Claim<R>>,
    columns: Vec<String>,
    first: Option<Vec<Vec<Value>>>,
}

impl<R: Region> Pages<R> {
    /// The columns' names.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The next rows; none after the last.
    ///
    /// # Errors
    /// What SQLite says; the statement is over then.
    pub async fn next(&mut self) -> Result<Option<Vec<Vec<Value>>>, Error> {
        if let Some(rows) = self.first.take() {
            return Ok(Some(rows));
        }
        let Some(cursor) = self.cursor.take() else {
            return Ok(None);
        };
        let page = cursor.connector().ready().await.fetch(self.db.number(), cursor.number()).await;
        let (cursor, page) = cursor.kept_by(page)?;
        self.cursor = cursor.held_if(page.more);
        Ok(Some(page.rows))
    }

    /// Ends the statement before its last page.
    ///
    /// # Errors
    /// Where the connection was closed meanwhile.
    pub async fn finish(mut self) -> Result<(), Error> {
        match self.cursor.take() {
            Some(cursor) => {
                let finished =
                    cursor.connector().ready().await.finish(self.db.number(), cursor.number()).await;
                cursor.kept_by(finished).map(|(cursor, ())| cursor.void())
            }
            None => Ok(()),
        }
    }
}
