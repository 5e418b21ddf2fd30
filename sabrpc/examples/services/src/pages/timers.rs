//! The program of `timers.html`: it sleeps, and compares what it asked for with what it got.

use std::time::Duration;

use sabrpc::{Channel, ChannelConfig, sab_service, web};
use wasm_bindgen::prelude::*;

use super::{Failure, thrown, unavailable};
use crate::timers::{self, TimersClient};

/// What the page asks the program.
#[sab_service]
trait TimersProgram {
    /// Sleeps so long; returns how long it took.
    fn nap(&self, duration: Duration) -> Result<Duration, Failure>;
    /// Waits for so many ticks of a clock; returns how many each wait saw, and how long all took.
    fn ticks(&self, period: Duration, waits: u32) -> Result<(Vec<u64>, Duration), Failure>;
    /// Sleeps so long, unless that takes longer than `deadline`.
    fn nap_within(&self, duration: Duration, deadline: Duration) -> Result<(), Failure>;
}

struct Program {
    timers: TimersClient,
}

impl TimersProgram for Program {
    fn nap(&self, duration: Duration) -> Result<Duration, Failure> {
        let start = self.timers.now()?;
        self.timers.sleep(duration)?;
        Ok(self.timers.now()?.saturating_sub(start))
    }

    fn ticks(&self, period: Duration, waits: u32) -> Result<(Vec<u64>, Duration), Failure> {
        let (start, clock) = (self.timers.now()?, self.timers.start(period)?);
        let seen = (0..waits).map(|_| self.timers.tick(clock)).collect::<Result<_, _>>()?;
        self.timers.stop(clock)?;
        Ok((seen, self.timers.now()?.saturating_sub(start)))
    }

    fn nap_within(&self, duration: Duration, deadline: Duration) -> Result<(), Failure> {
        self.timers.caller().set_deadline(Some(deadline));
        let slept = self.timers.sleep(duration);
        self.timers.caller().set_deadline(None);
        Ok(slept?)
    }
}

/// Entry of the worker with the program.
#[wasm_bindgen]
pub fn timers_program(init: JsValue) {
    web::serve(init, async |(): ()| {
        Ok(TimersProgramServer::new(Program { timers: timers::start().await.map_err(unavailable)? }))
    });
}

/// The page's side. It counts in milliseconds, as JavaScript does.
#[wasm_bindgen]
pub struct TimersPage(TimersProgramAsyncClient);

#[wasm_bindgen]
impl TimersPage {
    /// Starts the worker with the program.
    pub async fn start() -> Result<TimersPage, JsError> {
        let channel = Channel::create(ChannelConfig { mailboxes: 1, ..ChannelConfig::default() })?;
        web::spawn("timers_program", &channel, TimersProgramOp::SERVICE, &()).await?;
        Ok(Self(TimersProgramAsyncClient::attach(&channel)?))
    }

    /// Has it sleep so long.
    pub async fn nap(&self, millis: u32) -> Result<String, JsValue> {
        let took = self.0.nap(Duration::from_millis(millis.into())).await.map_err(thrown)?;
        Ok(format!("asked for {millis} ms of sleep, got {}", took.as_millis()))
    }

    /// Has it wait for ticks of a clock.
    pub async fn ticks(&self, millis: u32, waits: u32) -> Result<String, JsValue> {
        let period = Duration::from_millis(millis.into());
        let (seen, took) = self.0.ticks(period, waits).await.map_err(thrown)?;
        let ticks = seen.iter().sum::<u64>();
        Ok(format!(
            "{waits} waits for a clock with a period of {millis} ms saw {ticks} ticks in {} ms",
            took.as_millis()
        ))
    }

    /// Has it sleep so long, unless that takes longer than `deadline`.
    pub async fn nap_within(&self, millis: u32, deadline: u32) -> Result<String, JsValue> {
        let millis_of = |millis: u32| Duration::from_millis(millis.into());
        self.0.nap_within(millis_of(millis), millis_of(deadline)).await.map_err(thrown)?;
        Ok(format!("{millis} ms of sleep were over within {deadline}"))
    }
}
