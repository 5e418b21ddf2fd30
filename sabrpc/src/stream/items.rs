//! The calling side of streams: what the clients' methods return.

use std::{time::Duration, vec};

use serde::{Serialize, de::DeserializeOwned};

use super::{Ask, Batch};
use crate::{
    AsyncCaller, CallError, Caller, DefaultRegion, OpInfo, Region, RpcError,
    async_client::Awaiting,
    call::{Answer, Expects, Link, Never, UNTOLD, Wait, without_pause},
    client::Blocking,
};

/// Items that the first request wants; later ones want more.
const FIRST_WANT: u32 = 16;
/// Most items that a request wants.
const MOST_WANT: u32 = 256;

/// The bulk inputs of a request that has none, though its operation does.
static NO_BULK: [&[u8]; u8::MAX as usize] = [&[]; u8::MAX as usize];

/// A [`Stream`](crate::Stream) as its blocking caller sees it: an iterator.
///
/// `next` waits for the next item, as long as the client's deadline allows; after [`RpcError::TimedOut`] it can be asked
/// again, after any other error it has ended. Between two items, the client can make other calls. Dropping it tells the
/// server that no more is wanted.
#[must_use = "items are made when they are asked for"]
pub struct Items<'a, T, R: Region = DefaultRegion> {
    caller: &'a Caller<R>,
    place: Place<T>,
}

/// A [`Stream`](crate::Stream) as its awaiting caller sees it.
///
/// Waiting for an item keeps the client's other calls waiting for up to a tenth of a second: what waits for events is
/// better attached as a client of its own.
#[must_use = "items are made when they are asked for"]
pub struct AsyncItems<'a, T, R: Region = DefaultRegion> {
    caller: &'a AsyncCaller<R>,
    place: Place<T>,
}

/// How far a caller is in a stream.
struct Place<T> {
    op: &'static OpInfo,
    id: u32,
    /// Items that have come.
    have: u64,
    /// Those of them that were not taken yet.
    items: vec::IntoIter<T>,
    want: u32,
    /// Nothing more will come.
    ended: bool,
    /// The server has let go of it.
    gone: bool,
}

impl<T> Place<T> {
    fn new(op: &'static OpInfo, id: u32) -> Self {
        Self { op, id, have: 0, items: Vec::new().into_iter(), want: FIRST_WANT, ended: false, gone: false }
    }

    /// Takes in what came. `Some` says that the caller has to hear of it.
    fn put(&mut self, came: Result<Batch<T>, RpcError>) -> Option<RpcError> {
        match came {
            Ok(Batch { ended, items }) => {
                if !items.is_empty() {
                    self.want = (self.want * 2).min(MOST_WANT);
                }
                self.have += items.len() as u64;
                self.items = items.into_iter();
                (self.ended, self.gone) = (ended, ended);
                None
            }
            Err(error) => {
                self.ended = !matches!(error, RpcError::TimedOut(_));
                Some(error)
            }
        }
    }
}

/// When a wait for an item that began at `since` is over for `deadline`.
fn over(since: Duration, now: Duration, deadline: Option<Duration>) -> Option<RpcError> {
    deadline.filter(|&deadline| now.saturating_sub(since) >= deadline).map(RpcError::TimedOut)
}

impl<R: Region> Link<R> {
    fn next_stream(&mut self) -> u32 {
        self.streams = self.streams.wrapping_add(1);
        self.streams
    }

    async fn open_stream<W: Wait, T: DeserializeOwned, E: DeserializeOwned>(
        &mut self,
        place: &mut Place<T>,
        args: &impl Serialize,
        ins: &[&[u8]],
    ) -> Result<(), CallError<E>> {
        let ask = Ask::Open { id: place.id, want: place.want, args };
        let answer = self.call::<W, Batch<T>, E>(place.op, &ask, ins, &mut []).await;
        match answer {
            Ok(Answer::Ok(batch)) => {
                place.put(Ok(batch));
                Ok(())
            }
            Ok(Answer::ServiceError(error)) => {
                place.gone = true;
                Err(CallError::Service(error))
            }
            // The server may have opened it: nobody knows.
            Err(error) => Err(error.into()),
        }
    }

    async fn pull<W: Wait, T: DeserializeOwned>(&mut self, place: &mut Place<T>) -> Option<RpcError> {
        let ask = Ask::<()>::Next { id: place.id, have: place.have, want: place.want };
        let ins = &NO_BULK[..usize::from(place.op.bulk_in)];
        let answer = self.call::<W, Batch<T>, Never>(place.op, &ask, ins, &mut []).await;
        place.put(answer.map(Answer::into_value))
    }

    /// Tells the server that a stream is not wanted any more: at once if nothing is under way, else before the next call.
    /// Nobody waits for the answer. Returns whether there was room for it.
    pub(crate) fn drop_stream(&mut self, op: &'static OpInfo, id: u32) -> bool {
        let ins = &NO_BULK[..usize::from(op.bulk_in)];
        let ask = Ask::<()>::Drop { id };
        self.settle_early();
        if self.is_unsettled() {
            return self.gather(op, &ask, ins, UNTOLD).unwrap_or(true);
        }
        // An error would be one of the stream's destructor, which the next call tells.
        drop(self.begin(op, &ask, ins, &[], Expects::Failure(UNTOLD)));
        true
    }
}

impl<R: Region> Caller<R> {
    /// Calls an operation that returns a `Stream<T>`.
    ///
    /// # Errors
    /// The framework's.
    pub fn stream_plain<T: DeserializeOwned>(
        &self,
        op: &'static OpInfo,
        args: &impl Serialize,
        ins: &[&[u8]],
    ) -> Result<Items<'_, T, R>, RpcError> {
        self.stream_fallible::<T, Never>(op, args, ins).map_err(Never::cannot_happen)
    }

    /// Calls an operation that returns a `Result<Stream<T>, E>`.
    ///
    /// # Errors
    /// The method's own error, or the framework's.
    pub fn stream_fallible<T: DeserializeOwned, E: DeserializeOwned>(
        &self,
        op: &'static OpInfo,
        args: &impl Serialize,
        ins: &[&[u8]],
    ) -> Result<Items<'_, T, R>, CallError<E>> {
        let id = self.link.borrow_mut().next_stream();
        let mut items = Items { caller: self, place: Place::new(op, id) };
        without_pause(self.link.borrow_mut().open_stream::<Blocking, T, E>(&mut items.place, args, ins))?;
        Ok(items)
    }
}

impl<T: DeserializeOwned, R: Region> Iterator for Items<'_, T, R> {
    type Item = Result<T, RpcError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut since = None;
        loop {
            if let Some(item) = self.place.items.next() {
                return Some(Ok(item));
            }
            if self.place.ended {
                return None;
            }
            let mut link = self.caller.link.borrow_mut();
            let (now, deadline) = (link.now(), link.deadline_of(Some(self.place.op)));
            let error = over(*since.get_or_insert(now), now, deadline);
            let error = error.or_else(|| without_pause(link.pull::<Blocking, T>(&mut self.place)));
            if let Some(error) = error {
                return Some(Err(error));
            }
        }
    }
}

impl<T, R: Region> Drop for Items<'_, T, R> {
    fn drop(&mut self) {
        if !self.place.gone
            && let Ok(mut link) = self.caller.link.try_borrow_mut()
        {
            let Place { op, id, .. } = self.place;
            while !link.drop_stream(op, id) {
                // The area is full of earlier ones.
                link.set_out(None);
                if without_pause(link.drain::<Blocking>()).is_err() {
                    break;
                }
            }
        }
    }
}

impl<R: Region> AsyncCaller<R> {
    /// Calls an operation that returns a `Stream<T>`.
    ///
    /// # Errors
    /// The framework's.
    pub async fn stream_plain<T: DeserializeOwned>(
        &self,
        op: &'static OpInfo,
        args: &impl Serialize,
        ins: &[&[u8]],
    ) -> Result<AsyncItems<'_, T, R>, RpcError> {
        self.stream_fallible::<T, Never>(op, args, ins).await.map_err(Never::cannot_happen)
    }

    /// Calls an operation that returns a `Result<Stream<T>, E>`.
    ///
    /// # Errors
    /// The method's own error, or the framework's.
    pub async fn stream_fallible<T: DeserializeOwned, E: DeserializeOwned>(
        &self,
        op: &'static OpInfo,
        args: &impl Serialize,
        ins: &[&[u8]],
    ) -> Result<AsyncItems<'_, T, R>, CallError<E>> {
        let id = self.turn().await.link.next_stream();
        // Before the call, so that it is dropped if the call is given up.
        let mut items = AsyncItems { caller: self, place: Place::new(op, id) };
        self.turn().await.link.open_stream::<Awaiting, T, E>(&mut items.place, args, ins).await?;
        Ok(items)
    }
}

impl<T: DeserializeOwned, R: Region> AsyncItems<'_, T, R> {
    /// Waits for the next item; `None` at the end. Nothing is lost if its future is dropped. After
    /// [`RpcError::TimedOut`] it can be asked again, after any other error it has ended.
    pub async fn next(&mut self) -> Option<Result<T, RpcError>> {
        let mut since = None;
        loop {
            if let Some(item) = self.place.items.next() {
                return Some(Ok(item));
            }
            if self.place.ended {
                return None;
            }
            // Others have their turn between two requests that brought nothing.
            let mut turn = self.caller.turn().await;
            let (now, deadline) = (turn.link.now(), turn.link.deadline_of(Some(self.place.op)));
            let mut error = over(*since.get_or_insert(now), now, deadline);
            if error.is_none() {
                error = turn.link.pull::<Awaiting, T>(&mut self.place).await;
            }
            if let Some(error) = error {
                return Some(Err(error));
            }
        }
    }
}

impl<T, R: Region> Drop for AsyncItems<'_, T, R> {
    fn drop(&mut self) {
        if !self.place.gone {
            self.caller.drop_stream(self.place.op, self.place.id);
        }
    }
}
