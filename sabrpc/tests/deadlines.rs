//! Calls that end before their answer: by a deadline of the service, of the operation, or of the one call.
#![cfg(not(target_family = "wasm"))]

use std::time::Duration;

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
}

struct Sleeper;

impl Slow for Sleeper {
    async fn nap(&self, millis: u64) -> u64 {
        sleep(Duration::from_millis(millis)).await;
        millis
    }

    async fn doze(&self, millis: u64) {
        sleep(Duration::from_millis(millis)).await;
    }
}

/// The service with a deadline of its own, and an operation of it with another.
static IMPATIENT: ServiceInfo = SlowOp::SERVICE.with_deadline(Duration::from_millis(40));
static HASTY_NAP: OpInfo = SlowOp::Nap.info().with_deadline(Duration::from_millis(20));

fn start() -> (Channel, ServerThread) {
    let channel = Channel::native(ChannelConfig { mailboxes: 2, area: 4096 }).unwrap();
    let server = native::spawn(&channel, || SlowServer::new(Sleeper));
    (channel, server)
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
