//! A query that is read page by page.
//!
//! A statement that is being stepped borrows its connection, and its rows borrow the statement. What owns all three
//! between two calls is a future that is never given to an executor: polled once, it steps until a page is full. So the
//! rows of a result stay in SQLite until they are asked for.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, Statement};

use super::error::SqlError;
use super::service::Page;
use super::value::Value;

/// A page is full when its rows take this many bytes: well within the default mailbox, with the last row to spare.
const PAGE: usize = 48 << 10;

/// A statement somewhere between two of its rows.
pub(super) struct Cursor {
    steps: Pin<Box<dyn Future<Output = Result<(), SqlError>>>>,
    page: Rc<RefCell<Page>>,
}

impl Cursor {
    /// A query that has not begun.
    pub(super) fn new(connection: Rc<Connection>, sql: &str, params: Vec<Value>) -> Self {
        let page = Rc::new(RefCell::new(Page::default()));
        let steps = Box::pin(step(connection, sql.to_owned(), params, Rc::clone(&page)));
        Self { steps, page }
    }

    /// Steps until a page is full or the rows are at their end; says whether there may be more. Not to be called again
    /// after an end or an error.
    pub(super) fn advance(&mut self) -> Result<(Page, bool), SqlError> {
        // Nothing ever wakes the future: it is ready to go on whenever it is polled.
        let mut context = Context::from_waker(Waker::noop());
        let more = match self.steps.as_mut().poll(&mut context) {
            Poll::Ready(outcome) => {
                outcome?;
                false
            }
            Poll::Pending => true,
        };
        Ok((self.page.take(), more))
    }
}

async fn step(
    connection: Rc<Connection>,
    sql: String,
    params: Vec<Value>,
    page: Rc<RefCell<Page>>,
) -> Result<(), SqlError> {
    let mut statement = connection.prepare(&sql)?;
    bind(&mut statement, &params)?;
    let width = statement.column_count();
    page.borrow_mut().columns = statement.column_names().map(str::to_owned).collect();
    let mut rows = statement.raw_query();
    let mut weight = 0;
    while let Some(row) = rows.next()? {
        let values = read(row, width)?;
        weight += values.iter().map(Value::weight).sum::<usize>() + 5;
        page.borrow_mut().rows.push(values);
        if weight >= PAGE {
            weight = 0;
            pause().await;
        }
    }
    Ok(())
}

/// Comes back at the next poll.
async fn pause() {
    let mut paused = false;
    poll_fn(|_| {
        if paused {
            return Poll::Ready(());
        }
        paused = true;
        Poll::Pending
    })
    .await;
}

fn read(row: &Row<'_>, width: usize) -> Result<Vec<Value>, SqlError> {
    (0..width)
        .map(|column| match row.get_ref(column)? {
            ValueRef::Null => Ok(Value::Null),
            ValueRef::Integer(number) => Ok(Value::Integer(number)),
            ValueRef::Real(number) => Ok(Value::Real(number)),
            ValueRef::Text(text) => match std::str::from_utf8(text) {
                Ok(text) => Ok(Value::Text(text.to_owned())),
                Err(_) => Err(SqlError::NotUtf8 { column: column as u64 }),
            },
            ValueRef::Blob(bytes) => Ok(Value::Blob(bytes.to_vec())),
        })
        .collect()
}

/// Gives the statement its parameters, one for each.
pub(super) fn bind(statement: &mut Statement<'_>, params: &[Value]) -> Result<(), SqlError> {
    let expected = statement.parameter_count();
    if expected != params.len() {
        return Err(SqlError::Parameters { expected: expected as u64, given: params.len() as u64 });
    }
    for (index, value) in params.iter().enumerate() {
        statement.raw_bind_parameter(index + 1, value)?;
    }
    Ok(())
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        Ok(rusqlite::types::ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Real(number) => ValueRef::Real(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection() -> Rc<Connection> {
        Rc::new(Connection::open_in_memory().unwrap())
    }

    const COUNT: &str = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < ?1) \
                         SELECT i, 'row ' || i AS name FROM n";

    #[test]
    fn a_short_result_is_one_page() {
        let mut cursor = Cursor::new(connection(), COUNT, crate::values![3]);
        let (page, more) = cursor.advance().unwrap();
        assert_eq!(page.columns, ["i", "name"]);
        assert_eq!(page.rows.last().unwrap(), &crate::values![3, "row 3"]);
        assert!(!more);
    }

    #[test]
    fn a_long_result_comes_in_pages_without_a_row_lost_or_doubled() {
        let mut cursor = Cursor::new(connection(), COUNT, crate::values![20_000]);
        let (mut seen, mut pages) = (0, 0);
        loop {
            let (page, more) = cursor.advance().unwrap();
            assert_eq!(page.columns.is_empty(), pages > 0, "columns come once");
            for row in &page.rows {
                seen += 1;
                assert_eq!(row.first(), Some(&Value::Integer(seen)));
            }
            pages += 1;
            if !more {
                break;
            }
        }
        assert_eq!(seen, 20_000);
        assert!(pages > 5, "{pages} pages");
    }

    #[test]
    fn an_error_on_the_way_surfaces_in_its_page() {
        let sql = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) \
                   SELECT CASE WHEN i < 10000 THEN i ELSE abs(-9223372036854775808) END FROM n";
        let mut cursor = Cursor::new(connection(), sql, Vec::new());
        assert!(cursor.advance().unwrap().1);
        let error = loop {
            match cursor.advance() {
                Ok((_, more)) => assert!(more),
                Err(error) => break error,
            }
        };
        assert!(error.to_string().contains("integer overflow"), "{error}");
    }

    #[test]
    fn parameters_are_counted() {
        let error = Cursor::new(connection(), "SELECT ?1, ?2", crate::values![1]).advance().unwrap_err();
        assert_eq!(error, SqlError::Parameters { expected: 2, given: 1 });
    }

    #[test]
    fn text_that_is_not_utf8_is_named_by_its_column() {
        let error =
            Cursor::new(connection(), "SELECT 1, CAST(x'ff' AS TEXT)", Vec::new()).advance().unwrap_err();
        assert_eq!(error, SqlError::NotUtf8 { column: 1 });
    }
}
