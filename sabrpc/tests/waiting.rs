//! How a native server waits and shares its thread: with other futures of the thread, under load and with a slow call
//! under way; and what a pair costs that has nothing to do.
#![cfg(not(target_family = "wasm"))]

mod probe;

use std::{
    future::poll_fn,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    task::Poll,
    thread,
    time::{Duration, Instant},
};

use probe::{ProbeClient, ProbeServer, Prober};
use sabrpc::{Channel, ChannelConfig, Dispatch, Server, Stopper, native, sab_service, sleep};

/// A service of calls that take long, and of some that do not.
#[sab_service]
trait Uneven {
    fn work(&self, micros: u64) -> u64;
    /// Nanoseconds that the server's thread has run.
    fn processor_time(&self) -> u64;
}

struct Worker;

impl Uneven for Worker {
    fn work(&self, micros: u64) -> u64 {
        let end = Instant::now() + Duration::from_micros(micros);
        while Instant::now() < end {}
        micros
    }

    fn processor_time(&self) -> u64 {
        let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        stat.split(' ').next().unwrap().parse().unwrap()
    }
}

/// Lets those call that are not told to stop yet.
fn until(done: &AtomicBool, mut call: impl FnMut()) {
    while !done.load(Ordering::SeqCst) {
        call();
    }
}

/// Checks that a future which shares the thread of a server that `callers` call all the time has its turns.
///
/// A full machine holds up any thread for longer than a server may: the best of a few runs counts, since a server that gives
/// no turns gives none in any of them.
fn assert_shared<S: Dispatch>(what: &str, make: fn() -> S, callers: &[fn(&Channel, &AtomicBool)]) {
    let mut told = String::new();
    for _ in 0..3 {
        let mut pauses = pauses_beside(make, callers);
        pauses.sort();
        let last = pauses.len() - 1;
        let [median, usual, longest] = [last / 2, last * 49 / 50, last].map(|at| pauses[at]);
        told += &format!("{what}: {} turns, one every {median:?}, {usual:?}, {longest:?}\n", pauses.len());
        if median < Duration::from_millis(12) && usual < Duration::from_millis(50) {
            return print!("{told}");
        }
    }
    panic!("the future waits for its turns:\n{told}");
}

/// Serves on a thread that has a future of its own besides, one that wants a turn every millisecond, while each of
/// `callers` calls from a thread until it is told to stop; how long the future waited for each of its turns.
fn pauses_beside<S: Dispatch>(make: fn() -> S, callers: &[fn(&Channel, &AtomicBool)]) -> Vec<Duration> {
    let channel = Channel::native(ChannelConfig::default()).unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let (served, told) = (channel.clone(), Arc::clone(&done));
    let (started, start) = mpsc::channel();
    let server = thread::spawn(move || {
        let mut server = Box::pin(Server::new(&served, make()).run());
        let mut pauses = Vec::new();
        let mut beats = Box::pin(async {
            let (start, mut before) = (Instant::now(), Instant::now());
            while start.elapsed() < Duration::from_millis(800) {
                sleep(Duration::from_millis(1)).await;
                pauses.push(before.elapsed());
                before = Instant::now();
            }
            told.store(true, Ordering::SeqCst);
            Stopper::new(&served).stop();
        });
        let mut beating = true;
        native::block_on(poll_fn(|cx| {
            let serving = server.as_mut().poll(cx).is_pending();
            let _ = started.send(());
            beating = beating && beats.as_mut().poll(cx).is_pending();
            if serving { Poll::Pending } else { Poll::Ready(()) }
        }));
        drop(beats);
        pauses
    });
    start.recv().unwrap();
    let callers: Vec<_> = callers
        .iter()
        .map(|&call| {
            let (channel, done) = (channel.clone(), Arc::clone(&done));
            thread::spawn(move || call(&channel, &done))
        })
        .collect();
    let pauses = server.join().unwrap();
    callers.into_iter().for_each(|caller| caller.join().unwrap());
    pauses
}

fn hot(channel: &Channel, done: &AtomicBool) {
    let client = ProbeClient::attach(channel).unwrap();
    until(done, || _ = client.add(1, 2));
}

#[test]
fn other_futures_run_while_callers_are_hot() {
    let probe = || ProbeServer::new(Prober::default());
    assert_shared("one caller", probe, &[hot]);
    assert_shared("two callers", probe, &[hot, hot]);
}

#[test]
fn other_futures_run_while_short_calls_and_long_ones_come_by_turns() {
    fn uneven(channel: &Channel, done: &AtomicBool) {
        let client = UnevenClient::attach(channel).unwrap();
        // The server times few of the calls that it takes for short ones.
        for micros in [0, 2000].into_iter().cycle() {
            for _ in 0..if micros == 0 { 257 } else { 126 } {
                if done.load(Ordering::SeqCst) {
                    return;
                }
                let _ = client.work(micros);
            }
        }
    }
    assert_shared("short and long calls", || UnevenServer::new(Worker), &[uneven, uneven, uneven]);
}

#[test]
fn a_slow_call_under_way_leaves_the_others_quick() {
    let channel = Channel::native(ChannelConfig::default()).unwrap();
    let _server = native::spawn(&channel, || ProbeServer::new(Prober::default()));
    let client = ProbeClient::attach(&channel).unwrap();
    let time = || {
        // The best of many: whatever else the machine does only ever adds.
        let batches = (0..20).map(|_| {
            let start = Instant::now();
            for call in 0..500 {
                assert_eq!(client.add(call, 1), Ok(call + 1));
            }
            start.elapsed() / 500
        });
        batches.min().unwrap_or_default()
    };
    time();
    let alone = time();
    let holder = thread::spawn({
        let channel = channel.clone();
        move || ProbeClient::attach(&channel).unwrap().hold()
    });
    while client.holding() == Ok(0) {}
    let beside = time();
    client.release().unwrap();
    assert_eq!(holder.join().unwrap(), Ok(true));
    println!("a call takes {alone:?}, and {beside:?} beside a slow one");
    assert!(beside < alone * 4 + Duration::from_micros(2), "{alone:?} alone, {beside:?} beside a slow one");
}

#[cfg(target_os = "linux")]
#[test]
fn a_server_that_nobody_calls_costs_nothing() {
    const SILENCE: Duration = Duration::from_secs(3);
    let channel = Channel::native(ChannelConfig::default()).unwrap();
    let _server = native::spawn(&channel, || UnevenServer::new(Worker));
    let client = UnevenClient::attach(&channel).unwrap();
    assert!((0..1000).all(|_| client.work(0) == Ok(0)));
    let before = client.processor_time().unwrap();
    thread::sleep(SILENCE);
    let used = Duration::from_nanos(client.processor_time().unwrap() - before);
    println!("{used:?} in {SILENCE:?}");
    assert!(used < SILENCE / 200, "{used:?} in {SILENCE:?}");
}
