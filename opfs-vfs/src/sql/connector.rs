//! One caller of the SQL service, which numbers what it opens, so that it can give up also what it never saw opened.

use std::cell::{Cell, RefCell};
use std::ops::Deref;
use std::rc::Rc;

use sabrpc::{CallError, DefaultRegion, Region};

use super::service::SqlAsyncClient;

/// A client of the SQL service from which databases are opened.
///
/// It gives every connection and every cursor its number. What is dropped without having been closed, a future too, is
/// given up by that number: at once where nothing else is under way, else before the next call of a
/// [`Database`](super::Database). In a browser a task of its own sees to it when no such call comes.
pub struct Connector<R: Region = DefaultRegion> {
    client: SqlAsyncClient<R>,
    next: Cell<u32>,
    given_up: RefCell<Vec<u32>>,
}

impl<R: Region> Connector<R> {
    /// What opens databases over `client`.
    pub fn new(client: SqlAsyncClient<R>) -> Rc<Self> {
        Rc::new(Self { client, next: Cell::new(1), given_up: RefCell::default() })
    }

    /// A number that nothing of this client had before.
    pub(super) fn claim(self: &Rc<Self>) -> Claim<R> {
        let number = self.next.get();
        self.next.set(number.wrapping_add(1));
        Claim { connector: Rc::clone(self), number, kept: Cell::new(true) }
    }

    /// The client, after it was told what has been given up.
    pub(super) async fn ready(&self) -> &SqlAsyncClient<R> {
        self.tell().await;
        &self.client
    }

    async fn tell(&self) {
        loop {
            let numbers = self.given_up.borrow().clone();
            if numbers.is_empty() {
                return;
            }
            // One-way: sent when this is over, and not sent where it was dropped before. Calls are executed in the order
            // in which they are made, so whatever is given up has been opened by then, or never will be.
            if self.client.release(&numbers).await.is_err() {
                // Tried again before the next call. Where the worker is gone, its connections are too.
                return;
            }
            self.given_up.borrow_mut().retain(|number| !numbers.contains(number));
        }
    }

    #[cfg(target_family = "wasm")]
    fn tell_soon(self: &Rc<Self>) {
        let connector = Rc::clone(self);
        wasm_bindgen_futures::spawn_local(async move { connector.tell().await });
    }

    #[cfg(not(target_family = "wasm"))]
    fn tell_soon(self: &Rc<Self>) {
        use std::task::{Context, Waker};

        // There is no executor to leave it to. What cannot be sent yet waits for the next call.
        let _ = std::pin::pin!(self.tell()).poll(&mut Context::from_waker(Waker::noop()));
    }
}

impl<R: Region> Deref for Connector<R> {
    type Target = SqlAsyncClient<R>;

    fn deref(&self) -> &SqlAsyncClient<R> {
        &self.client
    }
}

/// The number of a connection or a cursor; given up when dropped.
pub(super) struct Claim<R: Region> {
    connector: Rc<Connector<R>>,
    number: u32,
    kept: Cell<bool>,
}

impl<R: Region> Claim<R> {
    pub(super) fn connector(&self) -> &Rc<Connector<R>> {
        &self.connector
    }

    pub(super) fn number(&self) -> u32 {
        self.number
    }

    /// The claim with what a call for it brought. Where the service itself refused, it keeps nothing of that number;
    /// where the call failed, it may.
    pub(super) fn kept_by<T, E>(self, outcome: Result<T, CallError<E>>) -> Result<(Self, T), CallError<E>> {
        match outcome {
            Ok(value) => Ok((self, value)),
            Err(error) => {
                if matches!(error, CallError::Service(_)) {
                    self.void();
                }
                Err(error)
            }
        }
    }

    /// The claim, if the service has something of that number.
    pub(super) fn held_if(self, held: bool) -> Option<Self> {
        if held {
            return Some(self);
        }
        self.void();
        None
    }

    /// The service has nothing of that number: there is nothing to give up.
    pub(super) fn void(&self) {
        self.kept.set(false);
    }
}

impl<R: Region> Drop for Claim<R> {
    fn drop(&mut self) {
        if self.kept.get() {
            self.connector.given_up.borrow_mut().push(self.number);
            self.connector.tell_soon();
        }
    }
}
