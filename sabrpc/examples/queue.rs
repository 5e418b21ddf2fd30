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
use std::collections::{BTreeMap, VecDeque};
use std::error::Error;
use std::future::poll_fn;
use std::task::{Poll, Waker};
use std::thread;

use sabrpc::{CallError, Channel, ChannelConfig, RpcError, native, sab_service};
use serde::{Deserialize, Serialize};

/// Why a job is not put in, or not taken out.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
enum QueueError {
    /// There will be no more jobs.
    #[error("the queue is closed")]
    Closed,
}

/// What is to be done: to count the primes below `limit`.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Job {
    number: u32,
    limit: u32,
}

#[sab_service]
trait Queue {
    /// Puts a job in; returns its number.
    fn put(&self, limit: u32) -> Result<u32, QueueError>;
    /// Takes the oldest job out, and waits for one where there is none.
    async fn take(&self) -> Result<Job, QueueError>;
    /// Hands in what a job came to. The worker goes on at once.
    #[op(oneway)]
    fn done(&self, number: u32, primes: u32);
    /// No more jobs may come. Those that are there will be done.
    fn close(&self);
    /// Waits until every job is done; returns what they came to, by their numbers.
    async fn results(&self) -> BTreeMap<u32, u32>;
}

#[derive(Default)]
struct Jobs {
    put: Cell<u32>,
    closed: Cell<bool>,
    waiting: RefCell<VecDeque<Job>>,
    results: RefCell<BTreeMap<u32, u32>>,
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
    fn put(&self, limit: u32) -> Result<u32, QueueError> {
        if self.closed.get() {
            return Err(QueueError::Closed);
        }
        let number = self.put.replace(self.put.get() + 1);
        self.waiting.borrow_mut().push_back(Job { number, limit });
        self.changed();
        Ok(number)
    }

    async fn take(&self) -> Result<Job, QueueError> {
        self.until(|| match self.waiting.borrow_mut().pop_front() {
            Some(job) => Some(Ok(job)),
            None => self.closed.get().then_some(Err(QueueError::Closed)),
        })
        .await
    }

    fn done(&self, number: u32, primes: u32) {
        self.results.borrow_mut().insert(number, primes);
        self.changed();
    }

    fn close(&self) {
        self.closed.set(true);
        self.changed();
    }

    async fn results(&self) -> BTreeMap<u32, u32> {
        self.until(|| (self.results.borrow().len() == self.put.get() as usize).then_some(())).await;
        self.results.borrow().clone()
    }
}

/// A worker: does jobs until there are no more; returns how many it did.
fn work(channel: &Channel) -> Result<u32, RpcError> {
    let queue = QueueClient::attach(channel)?;
    let mut jobs = 0;
    loop {
        match queue.take() {
            Ok(Job { number, limit }) => queue.done(number, primes_below(limit))?,
            Err(CallError::Service(QueueError::Closed)) => return Ok(jobs),
            Err(CallError::Rpc(error)) => return Err(error),
        }
        jobs += 1;
    }
}

fn primes_below(limit: u32) -> u32 {
    let divisors = |n: u32| (2..n).take_while(move |divisor| divisor * divisor <= n);
    (2..limit).filter(|&n| !divisors(n).any(|divisor| n.is_multiple_of(divisor))).count() as u32
}

/// Has three workers do the jobs; returns what they came to, and how many each worker did.
fn share(limits: &[u32]) -> Result<(Vec<u32>, Vec<u32>), Box<dyn Error>> {
    let channel = Channel::native(ChannelConfig::default())?;
    let _server = native::spawn(&channel, || QueueServer::new(Jobs::default()));
    let queue = QueueClient::attach(&channel)?;
    thread::scope(|scope| {
        let workers = [(); 3].map(|()| scope.spawn(|| work(&channel)));
        for &limit in limits {
            queue.put(limit)?;
        }
        queue.close()?;
        let results = queue.results()?.into_values().collect();
        let shares = workers
            .into_iter()
            .map(|worker| worker.join().map_err(|_| "a worker panicked")?.map_err(Into::into));
        Ok((results, shares.collect::<Result<_, Box<dyn Error>>>()?))
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    let limits: Vec<u32> = (1..=12).map(|job| job * 20_000).collect();
    let (results, shares) = share(&limits)?;
    for (limit, primes) in limits.iter().zip(&results) {
        println!("{primes:>6} primes below {limit}");
    }
    println!("jobs that each worker did: {shares:?}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_job_is_done_once() {
        let (results, shares) = share(&[10, 0, 100, 1000]).unwrap();
        assert_eq!(results, [4, 0, 25, 168]);
        assert_eq!(shares.iter().sum::<u32>(), 4);
    }

    #[test]
    fn a_closed_queue_says_so_once_it_is_empty() {
        let jobs = Jobs::default();
        jobs.put(5).unwrap();
        jobs.close();
        assert_eq!(jobs.put(6), Err(QueueError::Closed));
        assert_eq!(native::block_on(jobs.take()), Ok(Job { number: 0, limit: 5 }));
        assert_eq!(native::block_on(jobs.take()), Err(QueueError::Closed));
    }
}
