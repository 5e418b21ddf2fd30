//! Time for a worker that blocks: sleeping, and clocks that tick. Rust's own `thread::sleep` and `Instant` do not go in
//! a browser, and a worker that sleeps in a loop of its own would burn its core.

use std::{cell::RefCell, collections::HashMap, time::Duration};

use sabrpc::{Channel, ChannelConfig, sab_service, sleep, web};
use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::*;

/// What can go wrong with a clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum TimerError {
    /// There is no such clock, or no longer.
    #[error("clock {0} is not running")]
    NotRunning(u32),
    /// No clock ticks more often than every millisecond.
    #[error("{0:?} is too short a period: browsers count milliseconds")]
    TooShort(Duration),
}

/// Time as a service.
#[sab_service]
pub trait Timers {
    /// The time since the beginning of 1970.
    fn now(&self) -> Duration;
    /// Waits so long.
    async fn sleep(&self, duration: Duration);
    /// Starts a clock that ticks with this period from now on; returns its number.
    fn start(&self, period: Duration) -> Result<u32, TimerError>;
    /// Waits for the next tick of a clock; returns how many there were since this was asked last: more than one for a
    /// caller that was late.
    async fn tick(&self, clock: u32) -> Result<u64, TimerError>;
    /// Stops a clock; returns how often it ticked.
    fn stop(&self, clock: u32) -> Result<u64, TimerError>;
}

/// Starts the worker that waits. Await this before the calling worker blocks for the first time.
pub async fn start() -> Result<TimersClient, web::StartError> {
    let channel = Channel::create(ChannelConfig { mailboxes: 1, ..ChannelConfig::default() })?;
    web::spawn("timers_worker", &channel, TimersOp::SERVICE, &()).await?;
    Ok(TimersClient::attach(&channel)?)
}

/// Entry of the worker that waits.
#[wasm_bindgen]
pub fn timers_worker(init: JsValue) {
    web::serve(init, async |(): ()| Ok(TimersServer::new(Clocks::default())));
}

/// A clock that runs.
#[derive(Clone, Copy)]
struct Clock {
    started: Duration,
    period: Duration,
    /// How many ticks the caller was told of.
    told: u64,
}

impl Clock {
    /// How often it has ticked at a time.
    fn ticks(&self, now: Duration) -> u64 {
        // The time of day may have been set back.
        (now.saturating_sub(self.started).as_millis() / self.period.as_millis()) as u64
    }
}

/// The service's side.
#[derive(Default)]
struct Clocks(RefCell<HashMap<u32, Clock>>);

impl Clocks {
    fn clock(&self, number: u32) -> Result<Clock, TimerError> {
        self.0.borrow().get(&number).copied().ok_or(TimerError::NotRunning(number))
    }
}

impl Timers for Clocks {
    fn now(&self) -> Duration {
        Duration::from_secs_f64(js_sys::Date::now() / 1e3)
    }

    async fn sleep(&self, duration: Duration) {
        sleep(duration).await;
    }

    fn start(&self, period: Duration) -> Result<u32, TimerError> {
        if period < Duration::from_millis(1) {
            return Err(TimerError::TooShort(period));
        }
        let mut clocks = self.0.borrow_mut();
        let number = (0..).find(|number| !clocks.contains_key(number)).unwrap_or_default();
        clocks.insert(number, Clock { started: self.now(), period, told: 0 });
        Ok(number)
    }

    async fn tick(&self, number: u32) -> Result<u64, TimerError> {
        loop {
            let clock = self.clock(number)?;
            let (now, ticks) = (self.now(), clock.ticks(self.now()));
            if ticks > clock.told {
                self.0.borrow_mut().insert(number, Clock { told: ticks, ..clock });
                return Ok(ticks - clock.told);
            }
            // From the start, so that a late tick does not delay those that follow.
            let next = clock.started + clock.period * (ticks as u32 + 1);
            sleep(next.saturating_sub(now)).await;
        }
    }

    fn stop(&self, number: u32) -> Result<u64, TimerError> {
        let clock = self.0.borrow_mut().remove(&number).ok_or(TimerError::NotRunning(number))?;
        Ok(clock.ticks(self.now()))
    }
}
