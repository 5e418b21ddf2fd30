//! What happens in a model: callers, a server, and what comes between them.
#![expect(
    unsafe_code,
    reason = "loom wants of a thread with a stack of its own that it can be sent to another"
)]

use std::{cell::Cell, pin::Pin, time::Duration};

use loom::thread::{Builder, JoinHandle};
use sabrpc::{
    BulkIn, BulkOut, CallError, Channel, ChannelError, RpcError, Server, ServerState, Stopper, sab_service,
};

use super::{Fault, Model, block_on};

/// Words that a thread's stack has room for.
const STACK: usize = 1 << 16;

/// Runs `scenario` with every schedule, see `interleavings.rs`.
pub(crate) fn explore(fault: Fault, scenario: fn(Channel<Model>)) {
    let number = |name: &str, default| match std::env::var(name) {
        Ok(value) => value.parse().unwrap_or_else(|_| panic!("{name} is no number: {value}")),
        Err(_) => default,
    };
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(number("SABRPC_MODEL_PREEMPTIONS", 2));
    let seconds = number("SABRPC_MODEL_SECONDS", 10) as u64;
    model.max_duration = (seconds > 0).then(|| Duration::from_secs(seconds));
    model.max_branches = 20_000;
    model.checkpoint_interval = LOOK_EVERY;
    let start = std::time::Instant::now();
    let schedules = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counter = std::sync::Arc::clone(&schedules);
    model.check(move || {
        // The first thread's stack is small.
        thread(move || scenario(Model::channel(fault)))();
        counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    });
    let schedules = schedules.load(std::sync::atomic::Ordering::Relaxed);
    let took = start.elapsed();
    let are_all = model.max_duration.is_none_or(|most| took < most);
    let all = if are_all { "all" } else { "as many as there was time for" };
    println!("{schedules} schedules to their ends in {took:.1?}, {all}");
    // However slow the machine is: it is not looked at the clock before.
    let least = if are_all { 1 } else { LOOK_EVERY - 1 };
    assert!(schedules >= least, "a model of {schedules} schedules shows nothing");
}

/// How many schedules are tried between two looks at whether the time is over.
const LOOK_EVERY: usize = 500;

/// Runs `f` as a single thread of a model.
pub(crate) fn alone(f: fn()) {
    let mut model = loom::model::Builder::new();
    model.max_branches = 1_000_000;
    model.check(move || thread(f)());
}

/// What does not leave this thread of the system, on which all threads of a model run.
struct Stays<T>(T);

// SAFETY: see above; the model's threads are coroutines.
unsafe impl<T> Send for Stays<T> {}

/// A thread of the model.
fn thread<T: 'static>(f: impl FnOnce() -> T + 'static) -> impl FnOnce() -> T {
    let f = Stays(f);
    let run = move || {
        // Taken whole, not field by field.
        let stays = f;
        Stays(stays.0())
    };
    let thread: JoinHandle<_> = Builder::new().stack_size(STACK).spawn(run).unwrap();
    || thread.join().unwrap().0
}

#[sab_service]
trait Trial {
    fn add(&self, a: u32, b: u32) -> u32;
    /// Copies `data` to `out`, and adds 1 to each byte.
    fn raise(&self, data: BulkIn<'_>, out: BulkOut<'_>) -> Result<(), u32>;
    #[op(oneway)]
    fn put(&self, number: u32);
    fn sum(&self) -> u32;
    async fn later(&self, number: u32) -> u32;
}

#[derive(Default)]
struct Subject {
    sum: Cell<u32>,
}

impl Trial for Subject {
    fn add(&self, a: u32, b: u32) -> u32 {
        a + b
    }

    fn raise(&self, data: BulkIn<'_>, mut out: BulkOut<'_>) -> Result<(), u32> {
        let mut bytes = data.to_vec();
        bytes.iter_mut().for_each(|byte| *byte += 1);
        out.write_at(0, &bytes);
        Ok(())
    }

    fn put(&self, number: u32) {
        self.sum.set(self.sum.get() + number);
    }

    fn sum(&self) -> u32 {
        self.sum.get()
    }

    async fn later(&self, number: u32) -> u32 {
        let mut again = true;
        std::future::poll_fn(|cx| {
            if std::mem::take(&mut again) {
                cx.waker().wake_by_ref();
                return std::task::Poll::Pending;
            }
            std::task::Poll::Ready(())
        })
        .await;
        number
    }
}

type Run = Pin<Box<dyn Future<Output = Result<(), ChannelError>>>>;

/// A server that has begun to serve, and sleeps.
fn open(channel: &Channel<Model>, gone: &std::rc::Rc<Cell<u32>>) -> Run {
    let gone = std::rc::Rc::clone(gone);
    let server = Server::new(channel, TrialServer::new(Subject::default()))
        .on_disconnect(move |_| gone.set(gone.get() + 1));
    let mut run: Run = Box::pin(server.run());
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(run.as_mut().poll(&mut cx).is_pending());
    run
}

/// Serves in a thread while `f` calls; then stops the server. Returns how many clients the server saw go.
fn serve(channel: &Channel<Model>, f: impl FnOnce()) -> u32 {
    let gone = std::rc::Rc::default();
    let mut run = open(channel, &gone);
    let server = thread(move || block_on(run.as_mut()).unwrap());
    f();
    Stopper::new(channel).stop();
    server();
    gone.get()
}

fn attach(channel: &Channel<Model>) -> TrialClient<Model> {
    TrialClient::attach(channel).unwrap()
}

/// Bytes that do not fit into a mailbox.
const LONG: usize = 150;

/// A call whose messages lie in the mailbox, then one whose lie in the area.
pub(crate) fn one_caller(channel: Channel<Model>) {
    serve(&channel, || {
        let client = attach(&channel);
        assert_eq!(client.add(1, 2), Ok(3));
        let mut out = [0; LONG];
        assert_eq!(client.raise(&[7; LONG], &mut out), Ok(()));
        assert_eq!(out, [8; LONG]);
    });
}

pub(crate) fn two_callers(channel: Channel<Model>) {
    serve(&channel, || {
        let other = channel.clone();
        let other = thread(move || assert_eq!(attach(&other).add(10, 20), Ok(30)));
        assert_eq!(attach(&channel).add(1, 2), Ok(3));
        other();
    });
}

pub(crate) fn one_way_calls(channel: Channel<Model>) {
    serve(&channel, || {
        let client = attach(&channel);
        assert_eq!(client.put(4), Ok(()));
        assert_eq!(client.put(5), Ok(()));
        assert_eq!(client.sum(), Ok(9));
    });
}

pub(crate) fn async_method(channel: Channel<Model>) {
    serve(&channel, || {
        let other = channel.clone();
        let other = thread(move || assert_eq!(attach(&other).later(30), Ok(30)));
        assert_eq!(attach(&channel).add(1, 2), Ok(3));
        other();
    });
}

/// Whatever became of the first call, the second gets its own answer.
pub(crate) fn deadline(channel: Channel<Model>) {
    serve(&channel, || {
        let clock = channel.clone();
        let clock = thread(move || clock.region().let_time_pass());
        let client = attach(&channel);
        let deadline = Duration::from_millis(20);
        match client.caller().within(deadline, || client.add(1, 2)) {
            Ok(3) => {}
            error => assert_eq!(error, Err(RpcError::TimedOut(deadline))),
        }
        assert_eq!(client.add(10, 20), Ok(30));
        clock();
    });
}

/// The server drops the task of a call whose time is over, or has finished it.
pub(crate) fn given_up(channel: Channel<Model>) {
    serve(&channel, || {
        let clock = channel.clone();
        let clock = thread(move || clock.region().let_time_pass());
        let client = attach(&channel);
        let deadline = Duration::from_millis(20);
        match client.caller().within(deadline, || client.later(3)) {
            Ok(3) => {}
            error => assert_eq!(error, Err(RpcError::TimedOut(deadline))),
        }
        assert_eq!(client.later(30), Ok(30));
        clock();
    });
}

/// It ends one of the calls, or none; the others get their own answers.
pub(crate) fn interrupt(channel: Channel<Model>) {
    serve(&channel, || {
        let client = attach(&channel);
        let (other, id) = (channel.clone(), client.caller().id());
        let other = thread(move || assert!(other.interrupt(id)));
        let results = [client.add(1, 2), client.add(10, 20)];
        assert!(results.iter().filter(|result| result.is_err()).count() <= 1, "{results:?}");
        for (result, sum) in results.into_iter().zip([3, 30]) {
            assert!(result == Ok(sum) || result == Err(RpcError::Interrupted), "{result:?}");
        }
        other();
    });
}

/// A request and an answer that are larger than the area.
pub(crate) fn pieces(channel: Channel<Model>) {
    const LEN: usize = sabrpc::layout::MIN_AREA as usize + 100;
    serve(&channel, || {
        let mut out = [0; LEN];
        assert_eq!(attach(&channel).raise(&[7; LEN], &mut out), Ok(()));
        assert!(out == [8; LEN]);
    });
}

/// The stop comes at any time: before, during and after the call.
pub(crate) fn stop(channel: Channel<Model>) {
    serve(&channel, || {
        let other = channel.clone();
        let other = thread(move || match TrialClient::attach(&other) {
            Ok(client) => match client.add(1, 2) {
                Ok(sum) => assert_eq!(sum, 3),
                Err(error) => assert_eq!(error, RpcError::Gone { state: ServerState::Stopped }),
            },
            Err(error) => assert_eq!(error, RpcError::Gone { state: ServerState::Stopped }),
        });
        Stopper::new(&channel).stop();
        other();
    });
}

/// A server that is dropped while it serves.
pub(crate) fn death(channel: Channel<Model>) {
    let run = open(&channel, &std::rc::Rc::default());
    let other = channel.clone();
    let caller = thread(move || {
        let failed = RpcError::Gone { state: ServerState::Failed };
        match TrialClient::attach(&other) {
            Ok(client) => assert_eq!(client.raise(&[7; LONG], &mut [0; LONG]), Err(CallError::Rpc(failed))),
            Err(error) => assert_eq!(error, failed),
        }
    });
    drop(run);
    caller();
}

/// One mailbox is handed from client to client, also with a one-way call under way.
pub(crate) fn come_and_go(channel: Channel<Model>) {
    let gone = serve(&channel, || {
        let other = channel.clone();
        let other = thread(move || assert_eq!(attach(&other).put(1), Ok(())));
        for _ in 0..2 {
            assert_eq!(attach(&channel).add(1, 2), Ok(3));
        }
        other();
    });
    // Who comes and goes unseen is not missed.
    assert!(gone <= 3, "{gone} clients went");
}
