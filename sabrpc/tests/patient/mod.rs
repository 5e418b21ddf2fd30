//! A native region that counts what is asked of it, and whose polls are patient: each waits for the change however long
//! that takes. Its clock goes on by a microsecond whenever somebody looks. So both sides of a channel stay hot whatever
//! the machine is doing, no call seems slow, and the numbers always come out the same.

// Each test file uses its own part.
#![allow(dead_code)]

use std::{
    future::poll_fn,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::Poll,
    thread,
    time::Duration,
};

use sabrpc::{
    Bytes, Channel, ChannelConfig, Dispatch, Mail, Region, Server, Stopper,
    layout::server_state,
    native::{self, NativeRegion},
};

/// Where the word is that says whether somebody serves; see `sabrpc::layout`.
const AT_SERVER_STATE: u32 = 64;

/// How often each primitive was used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Crossings {
    pub(crate) publish: u32,
    /// Those that saw a change.
    pub(crate) await_change: u32,
    pub(crate) copy_in: u32,
    pub(crate) copy_out: u32,
    /// Words read or written one by one, waits, notifications.
    pub(crate) others: u32,
    /// Copies of more than a few bytes between addresses that differ modulo 8, which V8 does byte by byte.
    pub(crate) askew: u32,
    /// Looks at the clock, which are none of the memory's business but cost as much.
    pub(crate) clock: u32,
}

/// See the module's text. A clone counts together with the original.
#[derive(Clone)]
pub(crate) struct Patient {
    inner: NativeRegion,
    counts: Arc<Mutex<Crossings>>,
    /// Microseconds.
    clock: Arc<AtomicU64>,
    /// Set when the test is over: polls are as usual again.
    hurried: Arc<AtomicBool>,
}

impl Patient {
    /// What was counted since the last time.
    pub(crate) fn take(&self) -> Crossings {
        std::mem::take(&mut self.counts.lock().unwrap())
    }

    /// Lets time pass.
    pub(crate) fn skip(&self, time: Duration) {
        self.clock.fetch_add(time.as_micros() as u64, Ordering::SeqCst);
    }

    fn look_at(&self, offset: u32, bytes: &[u8]) {
        if bytes.len() > 32 && !(offset as usize ^ bytes.as_ptr().addr()).is_multiple_of(8) {
            self.count(|counts| counts.askew += 1);
        }
    }

    fn count(&self, f: impl FnOnce(&mut Crossings)) {
        f(&mut self.counts.lock().unwrap());
    }
}

/// Serves `make` in a thread while `test` calls, through its channel; it is also given what counts at the server. Each
/// poll of the server goes through `around`.
pub(crate) fn with_server<S: Dispatch>(
    make: impl FnOnce() -> S + Send + 'static,
    mut around: impl FnMut(&mut dyn FnMut()) + Send + 'static,
    test: impl FnOnce(&Channel<Patient>, &Patient),
) {
    let channel = Channel::native(ChannelConfig { mailboxes: 1, ..ChannelConfig::default() }).unwrap();
    let region = Patient {
        inner: channel.region().clone(),
        counts: Arc::default(),
        clock: Arc::default(),
        hurried: Arc::default(),
    };
    let serving = Patient { counts: Arc::default(), ..region.clone() };
    let (ours, theirs) = (Channel::open(region).unwrap(), serving.clone());
    let server = thread::spawn(move || {
        let server = Server::new(&Channel::open(theirs).unwrap(), make());
        let mut server = Box::pin(server.run());
        native::block_on(poll_fn(move |cx| {
            let mut polled = Poll::Pending;
            around(&mut || polled = server.as_mut().poll(cx));
            polled
        }))
        .unwrap();
    });
    while ours.region().load(AT_SERVER_STATE) & server_state::MASK != server_state::SERVING {
        thread::yield_now();
    }
    test(&ours, &serving);
    ours.region().hurried.store(true, Ordering::SeqCst);
    Stopper::new(&ours).stop();
    server.join().unwrap();
}

impl Bytes for Patient {
    fn copy_in(&self, offset: u32, bytes: &[u8]) {
        self.count(|counts| counts.copy_in += 1);
        self.look_at(offset, bytes);
        self.inner.copy_in(offset, bytes);
    }

    fn copy_out(&self, offset: u32, bytes: &mut [u8]) {
        self.count(|counts| counts.copy_out += 1);
        self.look_at(offset, bytes);
        self.inner.copy_out(offset, bytes);
    }
}

impl Region for Patient {
    fn spin_polls(&self) -> u32 {
        self.inner.spin_polls()
    }

    fn size(&self) -> u32 {
        self.inner.size()
    }

    fn load(&self, word: u32) -> i32 {
        self.count(|counts| counts.others += 1);
        self.inner.load(word)
    }

    fn store(&self, word: u32, value: i32) {
        self.count(|counts| counts.others += 1);
        self.inner.store(word, value);
    }

    fn add(&self, word: u32, value: i32) -> i32 {
        self.count(|counts| counts.others += 1);
        self.inner.add(word, value)
    }

    fn compare_exchange(&self, word: u32, old: i32, new: i32) -> i32 {
        self.count(|counts| counts.others += 1);
        self.inner.compare_exchange(word, old, new)
    }

    fn publish(&self, word: u32, mail: &Mail, sleep_flag: u32) -> bool {
        // Before it is done: the other side may look at the counts as soon as it is.
        self.count(|counts| counts.publish += 1);
        self.inner.publish(word, mail, sleep_flag)
    }

    fn await_change(&self, word: u32, old: i32, polls: u32, also: u32, mail: &mut Mail) -> bool {
        loop {
            if self.inner.await_change(word, old, polls, also, mail) {
                self.count(|counts| counts.await_change += 1);
                return true;
            }
            if self.hurried.load(Ordering::SeqCst) {
                return false;
            }
            thread::yield_now();
        }
    }

    fn wait(&self, word: u32, old: i32, timeout: Duration) {
        self.count(|counts| counts.others += 1);
        self.inner.wait(word, old, timeout);
    }

    fn notify(&self, word: u32) {
        self.count(|counts| counts.others += 1);
        self.inner.notify(word);
    }

    fn wait_async(
        &self,
        word: u32,
        old: i32,
        timeout: Option<Duration>,
    ) -> impl Future<Output = ()> + 'static {
        self.count(|counts| counts.others += 1);
        self.inner.wait_async(word, old, timeout)
    }

    fn can_block(&self) -> bool {
        self.inner.can_block()
    }

    fn yield_now(&self) -> impl Future<Output = ()> + 'static {
        self.inner.yield_now()
    }

    fn now(&self) -> Duration {
        self.count(|counts| counts.clock += 1);
        Duration::from_micros(self.clock.fetch_add(1, Ordering::SeqCst))
    }
}

/// A service whose methods do nothing but what their signatures say, for raw and typed calls.
pub(crate) mod service {
    use sabrpc::{BulkIn, BulkOut, Dispatch, Dispatched, Frame, OpInfo, RpcError, ServiceInfo, sab_service};

    /// What is carried.
    pub(crate) static BYTES: [u8; 4096] = [7; 4096];

    #[sab_service]
    pub(crate) trait Typed {
        fn null(&self);
        fn add(&self, a: u32, b: u32) -> Result<u32, String>;
        fn read(&self, len: u32, out: BulkOut<'_>) -> Result<u32, String>;
        fn write(&self, data: BulkIn<'_>) -> Result<(), String>;
        fn swap(&self, data: BulkIn<'_>, out: BulkOut<'_>) -> Result<(), String>;
        #[op(oneway)]
        fn tell(&self, data: BulkIn<'_>) -> Result<(), String>;
        async fn later(&self, number: u32) -> Result<u32, String>;
    }

    pub(crate) struct Plain;

    fn take(data: &BulkIn<'_>) {
        let mut room = [0; BYTES.len()];
        data.copy_to(0, &mut room[..data.len()]);
        assert_eq!(room[..data.len()], BYTES[..data.len()]);
    }

    impl Typed for Plain {
        fn null(&self) {}

        fn add(&self, a: u32, b: u32) -> Result<u32, String> {
            Ok(a + b)
        }

        fn read(&self, len: u32, mut out: BulkOut<'_>) -> Result<u32, String> {
            out.write_at(0, &BYTES[..len as usize]);
            Ok(len)
        }

        fn write(&self, data: BulkIn<'_>) -> Result<(), String> {
            take(&data);
            Ok(())
        }

        fn swap(&self, data: BulkIn<'_>, mut out: BulkOut<'_>) -> Result<(), String> {
            take(&data);
            out.write_at(0, &BYTES[..data.len()]);
            Ok(())
        }

        fn tell(&self, data: BulkIn<'_>) -> Result<(), String> {
            take(&data);
            Ok(())
        }

        async fn later(&self, number: u32) -> Result<u32, String> {
            Ok(number)
        }
    }

    /// Answers with as many bytes as the first two of the request say; takes the others.
    pub(crate) static RAW: OpInfo = OpInfo::raw(0, "raw");
    pub(crate) static RAWS: ServiceInfo = ServiceInfo::new("Raws", const { &[OpInfo::raw(0, "raw")] });

    impl Dispatch for Plain {
        fn info(&self) -> &'static ServiceInfo {
            &RAWS
        }

        fn dispatch(&self, op: u32, frame: Frame) -> Dispatched {
            frame.reject(RpcError::UnknownOp { service: RAWS.name.into(), op })
        }

        fn dispatch_raw(
            &self,
            _: u32,
            request: BulkIn<'_>,
            response: &mut BulkOut<'_>,
        ) -> Result<(), RpcError> {
            let len = request.len();
            let mut room = [0; BYTES.len() + 2];
            if len > 0 {
                request.copy_to(0, &mut room[..len]);
            }
            let wanted = usize::from(u16::from_le_bytes([room[0], room[1]]));
            if wanted > 0 {
                response.write_at(0, &BYTES[..wanted]);
            }
            Ok(())
        }
    }
}
