//! The serving side of streams: those that a caller has open, and how a request for items of one is answered.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    future::poll_fn,
    pin::pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{Ask, Stream};
use crate::{Frame, RpcError, codec};

/// How long a request waits for an item before it is answered with none. The caller then asks again; but calls of its
/// that wait for their turn come between, and so does a stop of the server.
const PATIENCE: Duration = Duration::from_millis(100);
/// Most items of one answer, whatever a caller wants.
const MOST: u32 = 4096;
/// Bytes after which an answer takes no further item.
const ENOUGH: usize = 64 << 10;
/// Most streams that one caller can have open.
const MOST_OPEN: usize = 1000;

/// The streams that one caller has open.
#[derive(Default)]
pub(crate) struct Streams(RefCell<BTreeMap<u32, Opened>>);

struct Opened {
    source: Box<dyn Source>,
    /// Items that were given so far.
    given: u64,
    /// The last answer: how many items, and their bytes.
    last: (usize, Vec<u8>),
    /// Why there will be no more.
    failed: Option<RpcError>,
}

/// A stream of whatever type, as bytes.
trait Source {
    /// Appends the next item; `None` at the end.
    fn poll_encoded(
        &mut self,
        cx: &mut Context<'_>,
        into: &mut Vec<u8>,
    ) -> Poll<Option<Result<(), RpcError>>>;
}

impl<T: Serialize> Source for Stream<T> {
    fn poll_encoded(
        &mut self,
        cx: &mut Context<'_>,
        into: &mut Vec<u8>,
    ) -> Poll<Option<Result<(), RpcError>>> {
        let item = std::task::ready!(self.poll_next(cx));
        Poll::Ready(item.map(|item| {
            let before = into.len();
            codec::encode(&item, into, "item of a stream").inspect_err(|_| into.truncate(before))
        }))
    }
}

/// What is left of a stream whose method panicked.
struct Lost;

impl Source for Lost {
    fn poll_encoded(&mut self, _: &mut Context<'_>, _: &mut Vec<u8>) -> Poll<Option<Result<(), RpcError>>> {
        Poll::Ready(None)
    }
}

/// A stream that is being pulled. It goes back when that is over, also when the request is given up.
struct Pulled {
    streams: Rc<Streams>,
    id: u32,
    opened: Option<Opened>,
}

impl Drop for Pulled {
    fn drop(&mut self) {
        let Some(mut opened) = self.opened.take() else { return };
        if std::thread::panicking() {
            opened.failed = Some(RpcError::Panicked("a stream panicked earlier".into()));
            opened.last = Default::default();
            opened.source = Box::new(Lost);
        }
        self.streams.0.borrow_mut().insert(self.id, opened);
    }
}

impl Streams {
    /// Drops all of them: their caller has gone.
    pub(crate) fn clear(&self) {
        // What a stream drops may come here again.
        let streams = std::mem::take(&mut *self.0.borrow_mut());
        drop(streams);
    }

    fn take(&self, id: u32) -> Option<Opened> {
        self.0.borrow_mut().remove(&id)
    }
}

/// A request to open a stream; `args` are the method's arguments.
pub struct Opening<A> {
    /// The arguments.
    pub args: A,
    /// Which of its caller's streams it will be.
    pub stream: OpeningStream,
}

/// The stream that is being opened.
pub struct OpeningStream {
    id: u32,
    want: u32,
}

impl Frame {
    /// Decodes a request of an operation that answers with a stream. `None`: it was about a stream that is open, and is
    /// answered.
    ///
    /// # Errors
    /// Those of [`args`](Self::args), and the stream's.
    pub async fn opening<'a, A: Deserialize<'a>>(&'a self) -> Result<Option<Opening<A>>, RpcError> {
        match self.args::<Ask<A>>()? {
            Ask::Open { id, want, args } => {
                if self.streams().0.borrow().len() >= MOST_OPEN {
                    let detail = format!("its caller has {MOST_OPEN} streams open: drop some");
                    return Err(RpcError::malformed("stream", detail));
                }
                Ok(Some(Opening { args, stream: OpeningStream { id, want } }))
            }
            Ask::Next { id, have, want } => self.pull(id, have, want).await.map(|()| None),
            Ask::Drop { id } => {
                drop(self.streams().take(id));
                self.reply_batch(true, 0, &[]).map(|()| None)
            }
        }
    }

    /// Answers with the first items of a new stream.
    ///
    /// # Errors
    /// The stream's.
    pub async fn reply_stream<T: Serialize + 'static>(
        &self,
        opening: OpeningStream,
        stream: Stream<T>,
    ) -> Result<(), RpcError> {
        let OpeningStream { id, want } = opening;
        let opened = Opened { source: Box::new(stream), given: 0, last: Default::default(), failed: None };
        self.streams().0.borrow_mut().insert(id, opened);
        self.pull(id, 0, want).await
    }

    /// Answers with the first items of a new stream, or with the method's error.
    ///
    /// # Errors
    /// The stream's.
    pub async fn reply_stream_fallible<T: Serialize + 'static, E: Serialize>(
        &self,
        opening: OpeningStream,
        stream: Result<Stream<T>, E>,
    ) -> Result<(), RpcError> {
        match stream {
            Ok(stream) => self.reply_stream(opening, stream).await,
            Err(error) => self.reply_fallible(Err::<(), E>(error)),
        }
    }

    /// Answers with items behind the first `have`, once there is one.
    async fn pull(&self, id: u32, have: u64, want: u32) -> Result<(), RpcError> {
        let Some(opened) = self.streams().take(id) else {
            // It has ended, and nobody heard of it.
            return self.reply_batch(true, 0, &[]);
        };
        let mut pulled = Pulled { streams: Rc::clone(self.streams()), id, opened: Some(opened) };
        let Some(stream) = &mut pulled.opened else { return Ok(()) };
        let (count, bytes) = &stream.last;
        if have.checked_add(*count as u64) == Some(stream.given) && *count > 0 {
            return self.reply_batch(false, *count, bytes);
        }
        if have != stream.given {
            let detail = format!("the caller has {have} of {} items", stream.given);
            return Err(RpcError::malformed("request for items", detail));
        }
        let ended = stream.gather(want.clamp(1, MOST)).await;
        let (count, bytes) = &stream.last;
        match &stream.failed {
            Some(error) if *count == 0 => return Err(error.clone()),
            _ => self.reply_batch(ended, *count, bytes)?,
        }
        if ended {
            pulled.opened = None;
        }
        Ok(())
    }

    fn reply_batch(&self, ended: bool, count: usize, items: &[u8]) -> Result<(), RpcError> {
        self.reply_encoded((ended, count), items)
    }
}

impl Opened {
    /// Makes the next answer: what is there already, up to `want` items, or else the first that comes. Returns whether the
    /// stream has ended and nothing was left to give.
    async fn gather(&mut self, want: u32) -> bool {
        let Self { source, given, last: (count, bytes), failed } = self;
        *count = 0;
        bytes.clear();
        let mut patience = pin!(crate::sleep(PATIENCE));
        poll_fn(|cx| {
            while failed.is_none() && *count < want as usize && bytes.len() < ENOUGH {
                match source.poll_encoded(cx, bytes) {
                    Poll::Ready(Some(Ok(()))) => {
                        *count += 1;
                        *given += 1;
                    }
                    Poll::Ready(Some(Err(error))) => *failed = Some(error),
                    Poll::Ready(None) => return Poll::Ready(*count == 0),
                    Poll::Pending if *count > 0 => break,
                    Poll::Pending => return patience.as_mut().poll(cx).map(|()| false),
                }
            }
            Poll::Ready(false)
        })
        .await
    }
}
