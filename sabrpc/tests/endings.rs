//! How calls and servers end: deadlines, stops, failures, restarts, clients that go; and that no error is lost on the way.
#![cfg(not(target_family = "wasm"))]

use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
        mpsc,
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use sabrpc::{
    BulkIn, BulkOut, Bytes as _, CallError, Channel, ChannelConfig, Mail, Region as _, RpcError, Server,
    ServerState, Stopper,
    layout::{self, request_flags, server_state, status},
    native::{self, ServerThread},
    sab_service, sleep,
};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum FirstError {
    Text(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum SecondError {
    Plain,
}

/// A type that refuses some of the values of its wire form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Even(u32);

impl<'de> Deserialize<'de> for Even {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let number = u32::deserialize(from)?;
        if number.is_multiple_of(2) { Ok(Self(number)) } else { Err(serde::de::Error::custom("odd")) }
    }
}

#[sab_service]
trait Trial {
    fn add(&self, a: u32, b: u32) -> u32;
    fn echo(&self, data: BulkIn<'_>, out: BulkOut<'_>) -> Result<u32, FirstError>;
    async fn panic_later(&self, out: BulkOut<'_>) -> Result<u32, FirstError>;
    fn halve(&self, number: Even, out: BulkOut<'_>) -> Result<u32, FirstError>;
    #[op(oneway)]
    fn put(&self, data: BulkIn<'_>) -> Result<(), FirstError>;
    #[op(oneway)]
    fn fail_first(&self, len: u32) -> Result<(), FirstError>;
    #[op(oneway)]
    fn fail_second(&self) -> Result<(), SecondError>;
    fn carry_second(&self) -> Result<(), SecondError>;
    #[op(oneway)]
    fn poke_panic(&self);
    #[op(oneway)]
    async fn count_later(&self, millis: u64);
    #[op(oneway)]
    fn count(&self);
    fn counted(&self) -> u32;
    fn block(&self, millis: u64);
    async fn nap(&self, millis: u64) -> bool;
    async fn take_turns(&self, turns: u32);
    fn shutdown(&self, millis: u64);
}

struct Subject {
    count: Cell<u32>,
    channel: Channel,
}

impl Trial for Subject {
    fn add(&self, a: u32, b: u32) -> u32 {
        a + b
    }

    fn echo(&self, data: BulkIn<'_>, mut out: BulkOut<'_>) -> Result<u32, FirstError> {
        out.write_at(0, &data.to_vec());
        Ok(data.len() as u32)
    }

    async fn panic_later(&self, _out: BulkOut<'_>) -> Result<u32, FirstError> {
        sleep(Duration::from_millis(1)).await;
        panic!("on purpose")
    }

    fn halve(&self, number: Even, _out: BulkOut<'_>) -> Result<u32, FirstError> {
        Ok(number.0 / 2)
    }

    fn put(&self, _data: BulkIn<'_>) -> Result<(), FirstError> {
        Ok(())
    }

    fn fail_first(&self, len: u32) -> Result<(), FirstError> {
        Err(FirstError::Text("x".repeat(len as usize)))
    }

    fn fail_second(&self) -> Result<(), SecondError> {
        Err(SecondError::Plain)
    }

    fn carry_second(&self) -> Result<(), SecondError> {
        Ok(())
    }

    fn poke_panic(&self) {
        panic!("poked")
    }

    async fn count_later(&self, millis: u64) {
        sleep(Duration::from_millis(millis)).await;
        self.count();
    }

    fn count(&self) {
        self.count.set(self.count.get() + 1);
    }

    fn counted(&self) -> u32 {
        self.count.get()
    }

    fn block(&self, millis: u64) {
        std::thread::sleep(Duration::from_millis(millis));
    }

    async fn nap(&self, millis: u64) -> bool {
        sleep(Duration::from_millis(millis)).await;
        true
    }

    async fn take_turns(&self, turns: u32) {
        let mut left = turns;
        std::future::poll_fn(|cx| {
            if left == 0 {
                return std::task::Poll::Ready(());
            }
            left -= 1;
            cx.waker().wake_by_ref();
            std::task::Poll::Pending
        })
        .await;
    }

    fn shutdown(&self, millis: u64) {
        Stopper::new(&self.channel).stop();
        self.block(millis);
    }
}

fn start(mailboxes: u32) -> (Channel, ServerThread) {
    let channel = Channel::native(ChannelConfig { mailboxes, area: 4096 }).unwrap();
    let server = serve(&channel);
    (channel, server)
}

fn serve(channel: &Channel) -> ServerThread {
    native::spawn_with(channel, |channel| {
        let subject = Subject { count: Cell::new(0), channel: channel.clone() };
        Server::new(channel, TrialServer::new(subject))
    })
}

fn in_thread<T: Send + 'static>(
    channel: &Channel,
    call: impl FnOnce(TrialClient) -> T + Send + 'static,
) -> JoinHandle<T> {
    let channel = channel.clone();
    let thread = std::thread::spawn(move || call(TrialClient::attach(&channel).unwrap()));
    std::thread::sleep(Duration::from_millis(50));
    thread
}

const REPLACED: RpcError = RpcError::Gone { state: ServerState::Replaced };

#[test]
fn a_panic_of_an_async_method_with_bulk_output_is_told() {
    let (channel, _server) = start(2);
    let client = TrialClient::attach(&channel).unwrap();
    let panicked = RpcError::Panicked("on purpose".into());
    assert_eq!(client.panic_later(&mut [0; 100]), Err(CallError::Rpc(panicked)));
}

#[test]
fn arguments_that_are_refused_beside_bulk_output_are_told() {
    let (channel, _server) = start(2);
    let client = TrialClient::attach(&channel).unwrap();
    assert_eq!(client.halve(Even(2), &mut [0; 100]), Ok(1));
    let error = client.halve(Even(3), &mut [0; 100]).unwrap_err();
    assert!(
        matches!(&error, CallError::Rpc(RpcError::Malformed { what, .. }) if what == "halve"),
        "{error:?}"
    );
}

#[test]
fn an_unknown_operation_after_bulk_output_is_told() {
    let (channel, _server) = start(2);
    let client = TrialClient::attach(&channel).unwrap();
    assert_eq!(client.echo(&[7; 300], &mut [0; 300]), Ok(300));
    let (code, bytes) = raw_request(&channel, 4242, &[]);
    assert_eq!(code, status::RPC_ERROR);
    assert!(matches!(postcard::from_bytes(&bytes), Ok(RpcError::UnknownOp { op: 4242, .. })));
    std::mem::forget(client);
}

#[test]
fn the_tail_of_a_message_is_not_taken_for_a_message() {
    let (channel, _server) = start(2);
    let client = TrialClient::attach(&channel).unwrap();
    assert_eq!(client.add(1, 1), Ok(2));
    let (code, _) = raw_request(&channel, request_flags::PIECE | request_flags::LAST, &[2, 0, 0, 0, 5, 6]);
    assert_eq!(code, status::RPC_ERROR);
    std::mem::forget(client);
}

/// Publishes words and bytes in mailbox 0; gives status and bytes of the answer.
fn raw_request(channel: &Channel, op: i32, bytes: &[u8]) -> (i32, Vec<u8>) {
    const REQUEST: u32 = 256;
    const RESPONSE: u32 = REQUEST + 128;
    const OWNER: u32 = REQUEST + 256;
    let region = channel.region();
    let seq = region.load(REQUEST) + 1;
    region.copy_in(channel.geometry().area(0), bytes);
    let op = op | request_flags::asker(region.load(OWNER));
    let mut mail = Mail { value: seq, a: op, b: bytes.len() as i32, ..Mail::EMPTY };
    mail.inline[..bytes.len()].copy_from_slice(bytes);
    region.publish(REQUEST, &mail, 192);
    region.add(128, 1);
    region.notify(128);
    let answered = (0..200).any(|_| {
        std::thread::sleep(Duration::from_millis(5));
        region.load(RESPONSE) == seq
    });
    assert!(answered);
    let mut answer = vec![0; region.load(RESPONSE + 8) as usize];
    let at = if answer.len() <= layout::INLINE { RESPONSE + 12 } else { channel.geometry().area(0) };
    region.copy_out(at, &mut answer);
    (region.load(RESPONSE + 4), answer)
}

#[test]
fn a_one_way_call_given_up_in_pieces_leaves_nothing_behind() {
    let (channel, _server) = start(3);
    let client = TrialClient::attach(&channel).unwrap();
    let blocked = in_thread(&channel, |other| other.block(250));
    client.caller().set_deadline(Some(Duration::from_millis(20)));
    let error = client.put(&[1; 20_000]);
    assert!(matches!(error, Err(CallError::Rpc(RpcError::TimedOut(_)))), "{error:?}");
    client.caller().set_deadline(None);
    assert_eq!(blocked.join().unwrap(), Ok(()));
    assert_eq!(client.add(1, 2), Ok(3));
    assert_eq!(client.put(&[1; 20_000]), Ok(()));
}

#[test]
fn one_way_errors_of_any_size_type_and_number_are_told() {
    let (channel, _server) = start(2);
    let client = TrialClient::attach(&channel).unwrap();
    client.fail_first(10_000).unwrap();
    assert_eq!(client.put(&[]), Err(CallError::Service(FirstError::Text("x".repeat(10_000)))));

    client.fail_first(1).unwrap();
    client.fail_second().unwrap();
    assert_eq!(client.carry_second(), Err(CallError::Service(SecondError::Plain)));
    assert_eq!(client.put(&[]), Err(CallError::Service(FirstError::Text("x".into()))));

    client.fail_first(1).unwrap();
    client.poke_panic().unwrap();
    assert_eq!(client.add(1, 2), Err(RpcError::Panicked("poked".into())), "any call can carry that");
    assert_eq!(client.put(&[]), Err(CallError::Service(FirstError::Text("x".into()))));
    assert_eq!(client.add(1, 2), Ok(3));
}

#[test]
fn one_way_calls_of_clients_that_went_are_executed() {
    let (channel, _server) = start(3);
    let client = TrialClient::attach(&channel).unwrap();
    let counts_to = |expected| (0..100).any(|_| client.nap(5).is_ok() && client.counted() == Ok(expected));

    let going = TrialAsyncClient::attach(&channel).unwrap();
    assert_eq!(native::block_on(going.add(1, 2)), Ok(3));
    native::block_on(going.count_later(50)).unwrap();
    drop(going);
    assert!(counts_to(1), "an async method goes on without its caller");

    let blocked = in_thread(&channel, |other| other.block(100));
    let unseen = TrialAsyncClient::attach(&channel).unwrap();
    native::block_on(unseen.count()).unwrap();
    drop(unseen);
    assert_eq!(blocked.join().unwrap(), Ok(()));
    assert!(counts_to(2), "of a client that the server never saw");
}

#[test]
fn a_stop_finishes_what_is_under_way() {
    let (channel, server) = start(2);
    let napping = in_thread(&channel, |client| client.nap(700));
    server.stop();
    assert_eq!(napping.join().unwrap(), Ok(true));
}

#[test]
fn the_operation_that_stops_the_server_is_answered() {
    let (channel, _server) = start(2);
    let client = TrialClient::attach(&channel).unwrap();
    assert!((0..200).all(|_| client.add(1, 2) == Ok(3)));
    assert_eq!(client.shutdown(300), Ok(()));
    assert_eq!(client.add(1, 2), Err(RpcError::Gone { state: ServerState::Stopped }));
}

#[test]
fn clients_of_an_earlier_server_are_told_whatever_serves_now() {
    #[sab_service]
    trait Other {
        fn wipe(&self, a: u32, b: u32) -> u32;
    }
    struct Wiper;
    impl Other for Wiper {
        fn wipe(&self, _: u32, _: u32) -> u32 {
            666
        }
    }

    let (channel, server) = start(3);
    let client = TrialClient::attach(&channel).unwrap();
    client.count().unwrap();
    assert_eq!(client.counted(), Ok(1));
    server.stop();
    let server = serve(&channel);
    assert_eq!(client.counted(), Err(REPLACED));
    assert_eq!(client.counted(), Err(REPLACED), "once is not enough: its server's state is gone for good");
    assert_eq!(TrialClient::attach(&channel).unwrap().counted(), Ok(0));
    server.stop();
    let _server = native::spawn(&channel, || OtherServer::new(Wiper));
    assert_eq!(client.add(1, 2), Err(REPLACED));
    drop(client);
    assert_eq!(OtherClient::attach(&channel).unwrap().wipe(1, 2), Ok(666));
}

#[test]
fn requests_published_to_nobody_are_not_executed_later() {
    let (channel, server) = start(3);
    let client = TrialClient::attach(&channel).unwrap();
    assert_eq!(client.add(1, 2), Ok(3));
    server.stop();
    assert!(client.count().is_ok(), "published, and nobody there");
    let _server = serve(&channel);
    assert_eq!(client.counted(), Err(REPLACED));
    assert_eq!(TrialClient::attach(&channel).unwrap().counted(), Ok(0));
}

#[test]
fn a_channel_has_one_server_at_a_time() {
    let (channel, server) = start(4);
    let napping = in_thread(&channel, |client| client.nap(300));
    let occupied = native::block_on(Server::new(&channel, subject(&channel)).run());
    assert_eq!(occupied, Err(sabrpc::ChannelError::Occupied));
    server.stopper().stop();
    let occupied = native::block_on(Server::new(&channel, subject(&channel)).run());
    assert_eq!(occupied, Err(sabrpc::ChannelError::Occupied), "it is not over yet");
    drop(server);
    assert_eq!(napping.join().unwrap(), Ok(true));
    let _next = serve(&channel);
    assert_eq!(TrialClient::attach(&channel).unwrap().add(1, 2), Ok(3));
}

fn subject(channel: &Channel) -> TrialServer<Subject> {
    TrialServer::new(Subject { count: Cell::new(0), channel: channel.clone() })
}

#[test]
fn a_failure_stays_one() {
    let (channel, server) = start(2);
    channel.mark_failed();
    channel.region().add(128, 1);
    channel.region().notify(128);
    drop(server);
    let failed = RpcError::Gone { state: ServerState::Failed };
    assert_eq!(TrialClient::attach(&channel).err(), Some(failed));
}

#[test]
fn tasks_and_the_event_loop_have_their_turn_under_load() {
    let (channel, _server) = start(8);
    let stop = Arc::new(AtomicBool::new(false));
    let served = Arc::new(AtomicU32::new(0));
    let busy: Vec<_> = (0..4)
        .map(|_| {
            let (stop, served) = (Arc::clone(&stop), Arc::clone(&served));
            in_thread(&channel, move |client| {
                while !stop.load(Ordering::SeqCst) {
                    client.block(3).unwrap();
                    served.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    let client = TrialClient::attach(&channel).unwrap();
    let before = served.load(Ordering::SeqCst);
    assert_eq!(client.take_turns(5), Ok(()));
    let meanwhile = served.load(Ordering::SeqCst) - before;
    stop.store(true, Ordering::SeqCst);
    busy.into_iter().for_each(|thread| thread.join().unwrap());
    // Counted rather than timed, since the machine may be slow.
    assert!(meanwhile < 100, "{meanwhile} calls of 3 ms were served while a task took five turns");
}

#[test]
fn a_server_that_promises_more_and_sends_nothing_is_found_out() {
    let (channel, server) = start(1);
    let client = TrialClient::attach(&channel).unwrap();
    assert_eq!(client.add(1, 2), Ok(3));
    server.stop();
    let region = channel.region().clone();
    region.store(64, region.load(64) & !server_state::MASK | server_state::SERVING);
    let quit = Arc::new(AtomicBool::new(false));
    let hostile = std::thread::spawn({
        let (region, quit) = (region.clone(), Arc::clone(&quit));
        move || {
            while !quit.load(Ordering::SeqCst) {
                let (asked, answered) = (region.load(256), region.load(256 + 128));
                let more = status::OK | status::MORE;
                if asked != answered
                    && region.publish(256 + 128, &Mail { value: asked, a: more, ..Mail::EMPTY }, 256 + 260)
                {
                    region.store(256 + 260, 0);
                    region.notify(256 + 260);
                }
            }
        }
    });
    let (done, told) = mpsc::channel();
    std::thread::spawn(move || done.send(client.add(1, 2)));
    let got = told.recv_timeout(Duration::from_secs(5));
    quit.store(true, Ordering::SeqCst);
    hostile.join().unwrap();
    assert!(matches!(got, Ok(Err(RpcError::Malformed { .. }))), "{got:?}");
}

#[test]
fn a_nested_block_on_keeps_the_wake_ups_of_the_outer_one() {
    let (done, told) = mpsc::channel();
    std::thread::spawn(move || {
        let mut first = true;
        native::block_on(std::future::poll_fn(move |cx| {
            if !std::mem::replace(&mut first, false) {
                return std::task::Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            native::block_on(sleep(Duration::from_millis(5)));
            std::task::Poll::Pending
        }));
        done.send(()).unwrap();
    });
    told.recv_timeout(Duration::from_secs(5)).expect("the wake was lost");
}

#[test]
fn a_deadline_is_the_whole_call_s() {
    let (channel, _server) = start(2);
    let client = TrialClient::attach(&channel).unwrap();
    client.caller().set_deadline(Some(Duration::MAX));
    assert_eq!(client.add(1, 2), Ok(3));
    let deadline = Duration::from_millis(200);
    client.caller().set_deadline(Some(deadline));
    assert_eq!(client.nap(380), Err(RpcError::TimedOut(deadline)));
    let start = Instant::now();
    assert_eq!(client.nap(1000), Err(RpcError::TimedOut(deadline)), "waiting for the first counts too");
    assert!(start.elapsed() < Duration::from_millis(300), "{:?}", start.elapsed());
}

#[test]
fn dropping_a_client_does_not_wait_for_a_call_that_was_given_up() {
    let (channel, _server) = start(2);
    let client = TrialClient::attach(&channel).unwrap();
    client.caller().set_deadline(Some(Duration::from_millis(50)));
    assert!(client.nap(5000).is_err());
    let start = Instant::now();
    drop(client);
    assert!(start.elapsed() < Duration::from_millis(300), "{:?}", start.elapsed());
}
