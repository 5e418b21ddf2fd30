//! Answers in many parts, which the caller pulls: results that do not fit at once, and those that never end.
//!
//! A method returns a [`Stream`]; its caller gets an iterator, [`Items`], or [`AsyncItems`] to await. Both pull by
//! ordinary calls of the same operation, so a stream is produced no faster than it is used, and nothing of it is special
//! on the wire. What a caller asks for is an [`Ask`], what it gets a [`Batch`]. A stream belongs to the caller that
//! opened it: the server drops it when the caller says so, or goes.

mod items;
mod serve;

use std::{
    cell::RefCell,
    collections::VecDeque,
    future::poll_fn,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use serde::{Deserialize, Serialize};

pub use self::items::{AsyncItems, Items};
pub(crate) use self::serve::Streams;
pub use self::serve::{Opening, OpeningStream};

/// What a caller wants of a stream. It is in the place of the arguments, which only the first request has.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Ask<A> {
    /// Calls the method, and wants the first items.
    Open { id: u32, want: u32, args: A },
    /// Wants items behind the first `have`. What was given last and is not among these is given once more, so a caller
    /// that gave up a request has lost nothing.
    Next { id: u32, have: u64, want: u32 },
    /// Wants no more.
    Drop { id: u32 },
}

/// Items of a stream. There may be none for now; the end comes in a batch of its own.
#[derive(Deserialize)]
struct Batch<T> {
    ended: bool,
    items: Vec<T>,
}

/// What a service's method returns for a result in many parts.
///
/// The trait says `Stream<T>`, or `Result<Stream<T>, E>` where the beginning may fail. The blocking client then gets an
/// iterator, [`Items`], and the async client [`AsyncItems`]. An item that may fail is a `Result` itself.
///
/// ```
/// use sabrpc::{Channel, ChannelConfig, Stream, native, sab_service};
///
/// #[sab_service]
/// trait Numbers {
///     /// The squares, without an end.
///     fn squares(&self) -> Stream<u64>;
/// }
///
/// struct Counting;
/// impl Numbers for Counting {
///     fn squares(&self) -> Stream<u64> {
///         Stream::of((0..).map(|n| n * n))
///     }
/// }
///
/// let channel = Channel::native(ChannelConfig::default())?;
/// let server = native::spawn(&channel, || NumbersServer::new(Counting));
/// let client = NumbersClient::attach(&channel)?;
/// let first: Vec<u64> = client.squares()?.take(4).collect::<Result<_, _>>()?;
/// assert_eq!(first, [0, 1, 4, 9]);
/// # drop(client);
/// # drop(server);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// It is pulled by the caller: items are made when they are asked for, up to some hundred ahead where making them takes
/// no waiting. It outlives the call that made it, so it borrows nothing: what it needs of the service is in an `Rc`.
pub struct Stream<T> {
    poll: Box<Poller<T>>,
}

type Poller<T> = dyn FnMut(&mut Context<'_>) -> Poll<Option<T>>;

impl<T: 'static> Stream<T> {
    /// The items of an iterator.
    pub fn of(items: impl IntoIterator<Item = T, IntoIter: 'static>) -> Self {
        let mut items = items.into_iter();
        Self::from_poll(move |_| Poll::Ready(items.next()))
    }

    /// Items that `next` makes one after the other, each from what it left behind with the one before; `None` ends them.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use sabrpc::Stream;
    /// let mut countdown = Stream::unfold(3, async |n: u32| {
    ///     sabrpc::sleep(Duration::from_millis(1)).await;
    ///     (n > 0).then(|| (n, n - 1))
    /// });
    /// # sabrpc::native::block_on(async {
    /// assert_eq!(countdown.next().await, Some(3));
    /// # });
    /// ```
    pub fn unfold<S, F, Fut>(first: S, mut next: F) -> Self
    where
        S: 'static,
        F: FnMut(S) -> Fut + 'static,
        Fut: Future<Output = Option<(T, S)>> + 'static,
    {
        let mut state = Some(first);
        let mut making: Option<Pin<Box<Fut>>> = None;
        Self::from_poll(move |cx| {
            if making.is_none()
                && let Some(state) = state.take()
            {
                making = Some(Box::pin(next(state)));
            }
            let Some(future) = &mut making else { return Poll::Ready(None) };
            let made = std::task::ready!(future.as_mut().poll(cx));
            making = None;
            Poll::Ready(made.map(|(item, next)| {
                state = Some(next);
                item
            }))
        })
    }

    /// A stream of what is sent through the [`Sender`], for things that happen by themselves: changes, messages, events.
    ///
    /// What nobody has pulled yet is kept, without a limit.
    pub fn channel() -> (Sender<T>, Self) {
        let queue = Rc::new(RefCell::new(Queue { items: VecDeque::new(), waker: None }));
        let sender = Sender { queue: Rc::downgrade(&queue), _open: Rc::new(Open(Rc::downgrade(&queue))) };
        let open = Rc::downgrade(&sender._open);
        let stream = Self::from_poll(move |cx| {
            let mut queue = queue.borrow_mut();
            match queue.items.pop_front() {
                Some(item) => Poll::Ready(Some(item)),
                None if open.strong_count() == 0 => Poll::Ready(None),
                None => {
                    queue.waker = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        });
        (sender, stream)
    }

    /// A stream that `poll` makes, such as from one of the crate `futures`:
    /// `Stream::from_poll(move |cx| stream.as_mut().poll_next(cx))`.
    pub fn from_poll(poll: impl FnMut(&mut Context<'_>) -> Poll<Option<T>> + 'static) -> Self {
        Self { poll: Box::new(poll) }
    }
}

impl<T> Stream<T> {
    /// The next item, for who calls an implementation without a channel; `None` at the end.
    pub async fn next(&mut self) -> Option<T> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// The same, for a poll.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        (self.poll)(cx)
    }
}

/// Puts items into a [`Stream::channel`]. The stream ends when all clones of it are gone.
pub struct Sender<T> {
    queue: std::rc::Weak<RefCell<Queue<T>>>,
    _open: Rc<Open<T>>,
}

struct Queue<T> {
    items: VecDeque<T>,
    waker: Option<Waker>,
}

impl<T> Sender<T> {
    /// Adds an item.
    ///
    /// # Errors
    /// Gives it back if nobody will pull it: the stream was dropped, because its caller wants no more or has gone.
    pub fn send(&self, item: T) -> Result<(), T> {
        let Some(queue) = self.queue.upgrade() else { return Err(item) };
        let waker = {
            let mut queue = queue.borrow_mut();
            queue.items.push_back(item);
            queue.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }

    /// Whether nobody will pull what is sent.
    pub fn is_closed(&self) -> bool {
        self.queue.strong_count() == 0
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone(), _open: Rc::clone(&self._open) }
    }
}

/// Wakes the stream at the end of its last sender.
struct Open<T>(std::rc::Weak<RefCell<Queue<T>>>);

impl<T> Drop for Open<T> {
    fn drop(&mut self) {
        if let Some(queue) = self.0.upgrade() {
            let waker = queue.borrow_mut().waker.take();
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll<T>(stream: &mut Stream<T>) -> Poll<Option<T>> {
        stream.poll_next(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn what_is_sent_comes_out_until_the_last_sender_goes() {
        let (sender, mut stream) = Stream::channel();
        assert_eq!(poll(&mut stream), Poll::Pending);
        let other = sender.clone();
        assert_eq!((sender.send(1), other.send(2)), (Ok(()), Ok(())));
        drop(sender);
        assert_eq!(poll(&mut stream), Poll::Ready(Some(1)));
        assert_eq!(poll(&mut stream), Poll::Ready(Some(2)));
        assert_eq!(poll(&mut stream), Poll::Pending);
        drop(other);
        assert_eq!(poll(&mut stream), Poll::Ready(None));

        let (sender, stream) = Stream::channel();
        drop(stream);
        assert!(sender.is_closed());
        assert_eq!(sender.send(3), Err(3));
    }

    #[test]
    fn an_ended_stream_stays_ended() {
        let mut stream = Stream::unfold(0, |n| async move { (n < 2).then(|| (n, n + 1)) });
        let all: Vec<_> = (0..4).map(|_| poll(&mut stream)).collect();
        assert_eq!(all, [Poll::Ready(Some(0)), Poll::Ready(Some(1)), Poll::Ready(None), Poll::Ready(None)]);
    }
}
