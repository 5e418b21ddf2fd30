//! Calls that end before their answer: by a deadline of the service, of the operation, or of the one call; by an
//! interrupt; because their future is dropped. And what the service hears of it.
#![cfg(not(target_family = "wasm"))]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use sabrpc::{
    Caller, Channel, ChannelConfig, OpInfo, RpcError, ServiceInfo,
    native::{self, ServerThread},
    sab_service, sleep,
};

#[sab_service]
trait Slow {
    async fn nap(&self, millis: u64) -> u64;
    #[op(oneway)]
    async fn doze(&self, millis: u64);
    /// Blocks until nobody waits for it, but no longer than that. Returns whether it was cancelled.
    fn grind(&self, millis: u64) -> bool;
    fn count(&self) -> u32;
}

#[derive(Default)]
struct Sleeper {
    /// Naps that were dropped, grinds that were cancelled.
    dropped: Arc<AtomicU32>,
    counted: AtomicU32,
}

struct Dropped<'a>(&'a AtomicU32);

impl Drop for Dropped<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Slow for Sleeper {
    async fn nap(&self, millis: u64) -> u64 {
        let dropped = Dropped(&self.dropped);
        sleep(Duration::from_millis(millis)).await;
        std::mem::forget(dropped);
        millis
    }

    async fn doze(&self, millis: u64) {
        sleep(Duration::from_millis(millis)).await;
    }

    fn grind(&self, millis: u64) -> bool {
        let end = Instant::now() + Duration::from_millis(millis);
        while Instant::now() < end {
            if sabrpc::is_cancelled() {
                self.dropped.fetch_add(1, Ordering::SeqCst);
                return true;
            }
        }
        false
    }

    fn count(&self) -> u32 {
        self.counted.fetch_add(1, Ordering::SeqCst) + 1
    }
}

/// The service with a deadline of its own, and an operation of it with another.
static IMPATIENT: ServiceInfo = SlowOp::SERVICE.with_deadline(Duration::from_millis(40));
static HASTY_NAP: OpInfo = SlowOp::Nap.info().with_deadline(Duration::from_millis(20));

fn start() -> (Channel, ServerThread) {
    let (channel, server, _) = start_counted();
    (channel, server)
}

/// Also gives what counts the calls that the service heard the end of.
fn start_counted() -> (Channel, ServerThread, Arc<AtomicU32>) {
    let channel = Channel::native(ChannelConfig { mailboxes: 2, area: 4096 }).unwrap();
    let sleeper = Sleeper::default();
    let dropped = Arc::clone(&sleeper.dropped);
    let server = native::spawn(&channel, || SlowServer::new(sleeper));
    (channel, server, dropped)
}

/// Waits until `count` is `expected`, for a second at most.
fn comes_to(count: &AtomicU32, expected: u32) -> bool {
    let end = Instant::now() + Duration::from_secs(1);
    while count.load(Ordering::SeqCst) != expected && Instant::now() < end {
        thread::sleep(Duration::from_millis(1));
    }
    count.load(Ordering::SeqCst) == expected
}

fn nap(caller: &Caller, op: &'static OpInfo, millis: u64) -> Result<u64, RpcError> {
    caller.call_plain(op, &(millis,), &[], &mut [])
}

fn timed_out(millis: u64) -> Result<u64, RpcError> {
    Err(RpcError::TimedOut(Duration::from_millis(millis)))
}

#[test]
fn the_nearest_deadline_counts() {
    let (channel, _server) = start();
    let caller = Caller::attach(&channel, &IMPATIENT).unwrap();
    assert_eq!(nap(&caller, SlowOp::Nap.info(), 0), Ok(0));
    assert_eq!(nap(&caller, SlowOp::Nap.info(), 3000), timed_out(40), "the service's");
    drop(caller);

    let caller = Caller::attach(&channel, SlowOp::SERVICE).unwrap();
    assert_eq!(nap(&caller, &HASTY_NAP, 3000), timed_out(20), "the operation's, of a service without");
    drop(caller);

    let caller = Caller::attach(&channel, &IMPATIENT).unwrap();
    assert_eq!(nap(&caller, &HASTY_NAP, 3000), timed_out(20), "the operation's, not the service's");
    drop(caller);

    let caller = Caller::attach(&channel, &IMPATIENT).unwrap();
    caller.set_deadline(Some(Duration::MAX));
    assert_eq!(nap(&caller, &HASTY_NAP, 80), Ok(80), "the caller's, which never passes");
    let ten = || caller.within(Duration::from_millis(10), || nap(&caller, &HASTY_NAP, 60));
    assert_eq!(ten(), timed_out(10), "the call's");
    assert_eq!(nap(&caller, &HASTY_NAP, 80), Ok(80), "which is over");
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        caller.within(Duration::ZERO, || std::panic::resume_unwind(Box::new(())));
    }));
    assert!(panicked.is_err());
    assert_eq!(nap(&caller, &HASTY_NAP, 80), Ok(80), "also after a panic");
    caller.set_deadline(None);
    assert_eq!(nap(&caller, &HASTY_NAP, 3000), timed_out(20));
}

#[test]
fn a_flush_has_the_service_s_deadline() {
    let (channel, _server) = start();
    let caller = Caller::attach(&channel, &IMPATIENT).unwrap();
    caller.send_plain(SlowOp::Doze.info(), &(300_u64,), &[]).unwrap();
    assert_eq!(caller.flush(), timed_out(40).map(|_| ()));
}

#[test]
fn an_interrupt_wakes_a_blocked_caller_at_once() {
    let (channel, _server) = start();
    let (told, ids) = mpsc::channel();
    let (ended, ends) = mpsc::channel();
    let caller = thread::spawn({
        let channel = channel.clone();
        move || {
            let client = SlowClient::attach(&channel).unwrap();
            for _ in 0..5 {
                told.send(client.caller().id()).unwrap();
                let result = client.nap(3000);
                ended.send(Instant::now()).unwrap();
                assert_eq!(result, Err(RpcError::Interrupted));
            }
            assert_eq!(client.nap(1), Ok(1), "it is used up");
        }
    });
    let took = |id| {
        thread::sleep(Duration::from_millis(20));
        let start = Instant::now();
        assert!(channel.interrupt(id));
        ends.recv().unwrap().saturating_duration_since(start)
    };
    // The machine may be slow, but hardly five times.
    let quickest = ids.iter().map(took).min().unwrap();
    assert!(quickest < Duration::from_millis(50), "{quickest:?}: it came to the caller's next look");
    caller.join().unwrap();
}

#[test]
fn an_interrupt_reaches_whom_it_is_meant_for() {
    let (channel, _server) = start();
    let client = SlowClient::attach(&channel).unwrap();
    let id = client.caller().id();
    assert!(channel.interrupt(id));
    assert_eq!(client.nap(500), Err(RpcError::Interrupted), "the next call that has to wait");
    let other = SlowAsyncClient::attach(&channel).unwrap();
    assert!(channel.interrupt(other.caller().id()));
    assert_eq!(client.nap(5), Ok(5), "another was meant");
    assert_eq!(native::block_on(other.nap(500)), Err(RpcError::Interrupted));
    drop(client);
    assert!(!channel.interrupt(id), "it has gone");
    let next = SlowClient::attach(&channel).unwrap();
    assert!(!channel.interrupt(id), "and another has its mailbox");
    assert_eq!(next.nap(5), Ok(5));
}

#[test]
fn who_gives_up_frees_the_service_and_his_own_next_call() {
    let (channel, _server, dropped) = start_counted();
    let client = SlowClient::attach(&channel).unwrap();
    let start = Instant::now();
    let soon = Duration::from_millis(20);
    assert!(client.caller().within(soon, || client.nap(3000)).is_err());
    assert!(comes_to(&dropped, 1), "an async method is dropped where it waits");
    assert_eq!(client.count(), Ok(1));
    assert!(client.caller().within(soon, || client.grind(3000)).is_err());
    assert!(comes_to(&dropped, 2), "another one asks");
    assert_eq!(client.count(), Ok(2));
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());

    let other = SlowAsyncClient::attach(&channel).unwrap();
    let mut nap = Box::pin(other.nap(3000));
    let begun = std::future::poll_fn(|cx| std::task::Poll::Ready(nap.as_mut().poll(cx).is_pending()));
    assert!(native::block_on(begun));
    // So that the server has begun, too.
    assert_eq!(client.nap(5), Ok(5));
    drop(nap);
    assert!(comes_to(&dropped, 3), "a dropped future is a call given up");
    assert_eq!(native::block_on(other.count()), Ok(3));
}

#[test]
fn what_is_given_up_before_it_was_begun_is_not_executed() {
    let (channel, _server) = start();
    let busy = thread::spawn({
        let channel = channel.clone();
        move || SlowClient::attach(&channel).unwrap().grind(150)
    });
    let client = SlowClient::attach(&channel).unwrap();
    thread::sleep(Duration::from_millis(50));
    let soon = Duration::from_millis(20);
    assert_eq!(client.caller().within(soon, || client.count()), Err(RpcError::TimedOut(soon)));
    assert_eq!(busy.join().unwrap(), Ok(false));
    assert_eq!(client.count(), Ok(1), "for the first time");
}

#[test]
fn a_one_way_call_is_executed_whoever_gives_up_waiting_for_it() {
    let (channel, _server, dropped) = start_counted();
    let client = SlowClient::attach(&channel).unwrap();
    client.doze(100).unwrap();
    let soon = Duration::from_millis(20);
    assert_eq!(client.caller().within(soon, || client.count()), Err(RpcError::TimedOut(soon)));
    assert_eq!(client.count(), Ok(1));
    assert_eq!(dropped.load(Ordering::SeqCst), 0);
}
