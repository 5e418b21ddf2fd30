//! The same macro between native threads: a queue of jobs, and workers that block until there is one.
//!
//! The queue lives on one thread, and is as plain as in a program with one thread: cells, and no lock. What waits there
//! is an `async fn`; to the workers it is an ordinary call, which blocks.
//!
//! ```console
//! $ cargo run --release --example queue
//! ```
#![cfg_attr(target_family = "wasm", no_main)]
#![cfg(not(target_family = "wasm"))]

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::error::Error;
use std::future::poll_fn;
use std::task::{Poll, Waker};
use std::thread;

use sabrpc::{Channel, ChannelConfig, RpcError, native, sab_service};

#[sab_service]
trait Queue {
    /// Puts a job in: to count the primes below `limit`.
    fn put(&self, limit: u32);
    /// Takes the oldest job out, and waits for one where there is none. `None` if there will be no more.
    async fn take(&self) -> Option<u32>;
    /// Hands in what a job came to. The worker goes on at once.
    #[op(oneway)]
    fn done(&self, limit: u32, primes: u32);
    /// There will be no more jobs. Those that are there will be done.
    fn close(&self);
    /// Waits until every job is done; returns each with what it came to.
    async fn results(&self) -> Vec<(u32, u32)>;
}

#[derive(Default)]
struct Jobs {
    put: Cell<usize>,
    closed: Cell<bool>,
    waiting: RefCell<VecDeque<u32>>,
    results: RefCell<Vec<(u32, u32)>>,
    /// Who wants to look again when something has changed.
    wakers: RefCell<Vec<Waker>>,
}

impl Jobs {
    /// Waits until `look` finds something.
    async fn until<T>(&self, look: impl Fn() -> Option<T>) -> T {
        poll_fn(|cx| match look() {
            Some(found) => Poll::Ready(found),
            None => {
                self.wakers.borrow_mut().push(cx.waker().clone());
                Poll::Pending
            }
        })
        .await
    }

    fn changed(&self) {
        self.wakers.take().into_iter().for_each(Waker::wake);
    }
}

impl Queue for Jobs {
    fn put(&self, limit: u32) {
        self.put.set(self.put.get() + 1);
        self.waiting.borrow_mut().push_back(limit);
        self.changed();
    }

    async fn take(&self) -> Option<u32> {
        self.until(|| match self.waiting.borrow_mut().pop_front() {
            Some(limit) => Some(Some(limit)),
            None => self.closed.get().then_some(None),
        })
        .await
    }

    fn done(&self, limit: u32, primes: u32) {
        self.results.borrow_mut().push((limit, primes));
        self.changed();
    }

    fn close(&self) {
        self.closed.set(true);
        self.changed();
    }

    async fn results(&self) -> Vec<(u32, u32)> {
        self.until(|| (self.results.borrow().len() == self.put.get()).then_some(())).await;
        self.results.borrow().clone()
    }
}

/// A worker: does jobs until there are no more; returns how many it did.
fn work(channel: &Channel) -> Result<u32, RpcError> {
    let queue = QueueClient::attach(channel)?;
    let mut jobs = 0;
    while let Some(limit) = queue.take()? {
        queue.done(limit, primes_below(limit))?;
        jobs += 1;
    }
    Ok(jobs)
}

fn primes_below(limit: u32) -> u32 {
    let divisors = |n: u32| (2..n).take_while(move |divisor| divisor * divisor <= n);
    (2..limit).filter(|&n| !divisors(n).any(|divisor| n.is_multiple_of(divisor))).count() as u32
}

/// What the jobs came to, and how many each worker did.
type Outcome = (Vec<(u32, u32)>, [u32; 3]);

/// Has three workers do the jobs.
fn share(limits: &[u32]) -> Result<Outcome, Box<dyn Error>> {
    let channel = Channel::native(ChannelConfig::default())?;
    let _server = native::spawn(&channel, || QueueServer::new(Jobs::default()));
    let queue = QueueClient::attach(&channel)?;
    thread::scope(|scope| {
        let workers = [(); 3].map(|()| scope.spawn(|| work(&channel)));
        limits.iter().try_for_each(|&limit| queue.put(limit))?;
        queue.close()?;
        let mut shares = [0; 3];
        for (share, worker) in shares.iter_mut().zip(workers) {
            *share = worker.join().map_err(|_| "a worker panicked")??;
        }
        Ok((queue.results()?, shares))
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    let (mut results, shares) = share(&[20_000, 40_000, 60_000, 80_000, 100_000, 120_000])?;
    results.sort_unstable();
    for (limit, primes) in results {
        println!("{primes:>6} primes below {limit}");
    }
    println!("jobs that each worker did: {shares:?}");
    Ok(())
}

#[test]
fn every_job_is_done_once() {
    let (mut results, shares) = share(&[10, 0, 100, 1000]).unwrap();
    results.sort_unstable();
    assert_eq!(results, [(0, 0), (10, 4), (100, 25), (1000, 168)]);
    assert_eq!(shares.iter().sum::<u32>(), 4);
}
