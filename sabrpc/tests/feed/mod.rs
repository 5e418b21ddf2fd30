//! A service that answers in many parts, and the suite that every pair of client and server has to pass.
//!
//! The same code runs between native threads (`streams.rs`) and between workers of a browser (`browser.rs`).

// Each test file uses its own part.
#![allow(dead_code)]

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    task::Poll,
    time::Duration,
};

use sabrpc::{BulkIn, CallError, Channel, Region, RpcError, Sender, Stream, sab_service, sleep};
use serde::{Deserialize, Serialize, Serializer};

/// The feed's own errors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub(crate) enum FeedError {
    /// There is nothing of this kind.
    #[error("nothing")]
    Nothing,
}

/// A number that cannot be sent if it is odd.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Even(pub(crate) u32);

impl Serialize for Even {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if self.0.is_multiple_of(2) { self.0.serialize(to) } else { Err(serde::ser::Error::custom("odd")) }
    }
}

/// Streams of all kinds.
#[sab_service]
pub(crate) trait Feed {
    /// The numbers below `to`.
    fn numbers(&self, to: u32) -> Stream<u32>;
    /// The numbers from 0, without an end.
    fn forever(&self) -> Stream<u64>;
    /// How many of them were made.
    fn made(&self) -> u64;
    /// As many texts as asked for, each with its number.
    fn texts(&self, count: u32, text: &str, times: BulkIn<'_>) -> Result<Stream<String>, FeedError>;
    /// A number every so often.
    async fn ticks(&self, millis: u64) -> Stream<u32>;
    /// What is said from now on.
    fn listen(&self) -> Stream<String>;
    /// Says it to all who listen, and tells how many they are.
    fn say(&self, text: &str) -> u32;
    /// Numbers of which one cannot be encoded.
    fn evens(&self, odd_at: u32) -> Stream<Even>;
    /// Numbers, then a panic.
    fn panics(&self, at: u32) -> Stream<u32>;
    /// How many streams are open.
    fn open(&self) -> u32;
}

/// The feed's implementation.
#[derive(Default)]
pub(crate) struct Feeder {
    alive: Rc<()>,
    made: Rc<Cell<u64>>,
    listeners: RefCell<Vec<Sender<String>>>,
}

impl Feeder {
    fn stream<T: 'static>(&self, items: impl IntoIterator<Item = T, IntoIter: 'static>) -> Stream<T> {
        let (alive, mut items) = (Rc::clone(&self.alive), items.into_iter());
        Stream::from_poll(move |_| {
            let _ = &alive;
            Poll::Ready(items.next())
        })
    }
}

impl Feed for Feeder {
    fn numbers(&self, to: u32) -> Stream<u32> {
        self.stream(0..to)
    }

    fn forever(&self) -> Stream<u64> {
        let made = Rc::clone(&self.made);
        self.stream((0..).inspect(move |_| made.set(made.get() + 1)))
    }

    fn made(&self) -> u64 {
        self.made.get()
    }

    fn texts(&self, count: u32, text: &str, times: BulkIn<'_>) -> Result<Stream<String>, FeedError> {
        if count == 0 {
            return Err(FeedError::Nothing);
        }
        let text = text.repeat(times.len());
        Ok(self.stream((0..count).map(move |number| format!("{number}{text}"))))
    }

    async fn ticks(&self, millis: u64) -> Stream<u32> {
        let alive = Rc::clone(&self.alive);
        sleep(Duration::from_millis(1)).await;
        Stream::unfold((alive, 0), move |(alive, number)| async move {
            sleep(Duration::from_millis(millis)).await;
            Some((number, (alive, number + 1)))
        })
    }

    fn listen(&self) -> Stream<String> {
        let (sender, mut stream) = Stream::channel();
        self.listeners.borrow_mut().push(sender);
        let alive = Rc::clone(&self.alive);
        Stream::from_poll(move |cx| {
            let _ = &alive;
            stream.poll_next(cx)
        })
    }

    fn say(&self, text: &str) -> u32 {
        let mut listeners = self.listeners.borrow_mut();
        listeners.retain(|listener| listener.send(text.to_owned()).is_ok());
        listeners.len() as u32
    }

    fn evens(&self, odd_at: u32) -> Stream<Even> {
        self.stream((0..).map(move |at| Even(2 * at + u32::from(at == odd_at))))
    }

    fn panics(&self, at: u32) -> Stream<u32> {
        self.stream((0..).inspect(move |number| assert!(*number < at, "on purpose")))
    }

    fn open(&self) -> u32 {
        Rc::strong_count(&self.alive) as u32 - 1
    }
}

/// Everything that a blocking client can be expected to do, on a channel with two free mailboxes.
pub(crate) fn suite<R: Region>(channel: &Channel<R>) {
    let client = FeedClient::attach(channel).unwrap();
    items_come_in_order(&client);
    items_are_made_on_demand(&client);
    streams_and_calls_take_turns(&client);
    errors_come_where_they_arise(&client);
    events_are_heard(channel, &client);
    silence_is_not_longer_than_the_deadline(&client);
    streams_end_with_their_caller(channel, &client);
}

fn items_come_in_order<R: Region>(client: &FeedClient<R>) {
    for count in [0, 1, 15, 16, 17, 10_000] {
        let all: Vec<u32> = client.numbers(count).unwrap().collect::<Result<_, _>>().unwrap();
        assert!(all.into_iter().eq(0..count), "{count} numbers");
    }
    // Items larger than the area, and answers larger than it.
    for (count, times) in [(3, 100_000), (200, 900)] {
        let texts = client.texts(count, "é", &vec![0; times]).unwrap();
        let mut number = 0;
        for text in texts {
            assert_eq!(text.unwrap(), format!("{number}{}", "é".repeat(times)));
            number += 1;
        }
        assert_eq!(number, count);
    }
    let mut ticks = client.ticks(1).unwrap();
    assert_eq!((ticks.next(), ticks.next()), (Some(Ok(0)), Some(Ok(1))));
    drop(ticks);
    assert_eq!(client.open(), Ok(0));
}

fn items_are_made_on_demand<R: Region>(client: &FeedClient<R>) {
    let before = client.made().unwrap();
    let mut forever = client.forever().unwrap();
    assert_eq!(client.open(), Ok(1));
    assert_eq!(forever.next(), Some(Ok(0)));
    assert_eq!(forever.nth(1), Some(Ok(2)));
    let made = client.made().unwrap() - before;
    assert!((3..=16).contains(&made), "{made}");
    drop(forever);
    assert_eq!(client.open(), Ok(0), "it was dropped before the next call");
    assert_eq!(client.made().unwrap() - before, made);
}

fn streams_and_calls_take_turns<R: Region>(client: &FeedClient<R>) {
    let mut pairs = client.forever().unwrap().zip(client.numbers(40).unwrap());
    for expected in 0..40 {
        let (left, right) = pairs.next().unwrap();
        assert_eq!((left, right), (Ok(u64::from(expected)), Ok(expected)));
        assert_eq!(client.open(), Ok(2));
    }
    assert!(pairs.next().is_none());
    assert_eq!(client.open(), Ok(1), "the one that ended is gone");
    drop(pairs);
    assert_eq!(client.open(), Ok(0));
    // Also where one-way calls are gathered.
    client.caller().batch(|| drop(client.forever())).unwrap();
    assert_eq!(client.open(), Ok(0));
}

fn errors_come_where_they_arise<R: Region>(client: &FeedClient<R>) {
    let error = client.texts(0, "", &[]).err();
    assert_eq!(error, Some(CallError::Service(FeedError::Nothing)));
    for odd_at in [0, 5, 16, 100] {
        let mut evens = client.evens(odd_at).unwrap_or_else(|error| {
            assert_eq!(odd_at, 0, "{error}");
            client.evens(1).unwrap()
        });
        for at in 0..odd_at {
            assert_eq!(evens.next(), Some(Ok(Even(2 * at))));
        }
        if odd_at > 0 {
            assert!(matches!(evens.next(), Some(Err(RpcError::Unencodable { .. }))));
            assert_eq!(evens.next(), None);
        }
    }
    assert_eq!(client.open(), Ok(0));
}

fn events_are_heard<R: Region>(channel: &Channel<R>, client: &FeedClient<R>) {
    let other = FeedClient::attach(channel).unwrap();
    let mut heard = client.listen().unwrap();
    for text in ["one", "two"] {
        assert_eq!(other.say(text), Ok(1));
    }
    assert_eq!(heard.next(), Some(Ok("one".into())));
    assert_eq!(heard.next(), Some(Ok("two".into())));
    drop(heard);
    assert_eq!(client.say("three"), Ok(0));
}

fn silence_is_not_longer_than_the_deadline<R: Region>(client: &FeedClient<R>) {
    let mut silent = client.listen().unwrap();
    let deadline = Duration::from_millis(250);
    client.caller().set_deadline(Some(deadline));
    assert_eq!(silent.next(), Some(Err(RpcError::TimedOut(deadline))));
    assert_eq!(client.say("heard"), Ok(1));
    assert_eq!(silent.next(), Some(Ok("heard".into())));
    // Shorter than the server waits for an item.
    client.caller().set_deadline(Some(Duration::from_millis(20)));
    assert!(matches!(silent.next(), Some(Err(RpcError::TimedOut(_)))));
    client.caller().set_deadline(None);
    assert_eq!(client.say("late"), Ok(1));
    assert_eq!(silent.next(), Some(Ok("late".into())));
    drop(silent);
    assert_eq!(client.open(), Ok(0));
}

fn streams_end_with_their_caller<R: Region>(channel: &Channel<R>, client: &FeedClient<R>) {
    let other = FeedClient::attach(channel).unwrap();
    let forever = other.forever().unwrap();
    assert_eq!(client.open(), Ok(1));
    // Its end is not told, as when its thread dies: only the mailbox is given back.
    std::mem::forget(forever);
    drop(other);
    assert_eq!(client.open(), Ok(0));
}

/// The same for a client that awaits.
pub(crate) async fn async_suite<R: Region>(channel: &Channel<R>) {
    let client = FeedAsyncClient::attach(channel).unwrap();
    let mut numbers = client.numbers(1000).await.unwrap();
    for expected in 0..1000 {
        assert_eq!(numbers.next().await, Some(Ok(expected)));
    }
    assert_eq!((numbers.next().await, numbers.next().await), (None, None));
    assert_eq!(client.texts(0, "", &[]).await.err(), Some(CallError::Service(FeedError::Nothing)));

    // A wait for an item that is given up loses none, and leaves room for others.
    let mut heard = client.listen().await.unwrap();
    for text in ["one", "two", "three"] {
        assert_eq!(poll_once(heard.next()).await, None);
        assert_eq!(client.say(text).await, Ok(1));
        let early = poll_once(heard.next()).await;
        sleep(Duration::from_millis(20)).await;
        let item = match early {
            Some(item) => item,
            None => heard.next().await,
        };
        assert_eq!(item, Some(Ok(text.into())));
    }

    // Others have their turn while it is silent.
    let (mut wait, mut open) = (Box::pin(heard.next()), Box::pin(client.open()));
    let open = std::future::poll_fn(|cx| {
        assert!(wait.as_mut().poll(cx).is_pending());
        open.as_mut().poll(cx)
    })
    .await;
    assert_eq!(open, Ok(1));
    drop(wait);

    // Dropped while another call is under way.
    let mut opening = Box::pin(client.ticks(1));
    assert!(poll_once(opening.as_mut()).await.is_none());
    drop(heard);
    let mut ticks = opening.await.unwrap();
    assert_eq!(client.open().await, Ok(1));
    assert_eq!(ticks.next().await, Some(Ok(0)));
    drop(ticks);
    assert_eq!(client.open().await, Ok(0));

    // Given up while it was being opened.
    drop(client.forever());
    drop(poll_once(client.ticks(1)).await);
    assert_eq!(client.open().await, Ok(0));
    drop(client.forever().await.unwrap());
    assert_eq!(client.open().await, Ok(0));
}

/// Polls once, and drops the future.
async fn poll_once<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|cx| {
        Poll::Ready(match future.as_mut().poll(cx) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        })
    })
    .await
}
