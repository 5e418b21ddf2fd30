//! Who waits for whom: what a thread knows of the call that it executes, and of those that wait for its end.
//!
//! A caller that goes to sleep inside a service's method writes into its mailbox whose threads wait for it: the channels
//! that its own thread serves, which nobody serves meanwhile, and those that already wait for the method's end. If the
//! channel that it calls is among them, the call would wait for itself. All this happens on the way to sleep, and costs a
//! call that is answered at once nothing.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use crate::{
    CallerId, Channel, Region,
    layout::{AT_NUMBER, MAX_WAITERS, MailboxWords, given_up},
};

thread_local! {
    /// Whose call is being executed.
    static CALLER: Cell<Option<CallerId>> = const { Cell::new(None) };
    /// The channel whose server is being polled.
    static HOST: RefCell<Option<Rc<dyn Host>>> = const { RefCell::new(None) };
    /// The channels that are served by this thread.
    static HOSTED: RefCell<Vec<Rc<dyn Host>>> = const { RefCell::new(Vec::new()) };
}

/// Who made the call that is being executed; inside a service's method, also after an `.await`. Elsewhere `None`.
pub fn current_caller() -> Option<CallerId> {
    CALLER.get()
}

/// Whether nobody waits any more for the call that is being executed: its deadline passed, it was interrupted, or its
/// future was dropped. For methods that take long and can stop early; an `async fn` is dropped at its next `.await`
/// without asking. Outside a service's method, and in one-way calls, `false`.
///
/// ```
/// # use std::time::Duration;
/// # use sabrpc::{Channel, ChannelConfig, RpcError, native, sab_service};
/// #[sab_service]
/// trait Search {
///     fn find(&self, needle: u64) -> Option<u64>;
/// }
///
/// struct Haystack;
/// impl Search for Haystack {
///     fn find(&self, needle: u64) -> Option<u64> {
///         (0..).take_while(|_| !sabrpc::is_cancelled()).find(|straw| *straw == needle)
///     }
/// }
/// # let channel = Channel::native(ChannelConfig::default())?;
/// # let server = native::spawn(&channel, || SearchServer::new(Haystack));
///
/// let client = SearchClient::attach(&channel)?;
/// let caller = client.caller();
/// let found = caller.within(Duration::from_millis(20), || client.find(u64::MAX));
/// assert!(matches!(found, Err(RpcError::TimedOut(_))));
/// assert_eq!(client.find(7)?, Some(7), "the server is free again");
/// # drop(client);
/// # drop(server);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn is_cancelled() -> bool {
    CALLER.get().is_some_and(|caller| with_host(|host| host.is_given_up(caller.mailbox)) == Some(true))
}

/// Runs `f` with [`current_caller`] set.
#[inline(always)]
pub(crate) fn as_caller<T>(caller: CallerId, f: impl FnOnce() -> T) -> T {
    let before = CALLER.replace(Some(caller));
    let result = f();
    CALLER.set(before);
    result
}

fn with_host<T>(f: impl FnOnce(&dyn Host) -> T) -> Option<T> {
    let host = HOST.with_borrow(Clone::clone)?;
    Some(f(&*host))
}

/// A channel, to code that does not know its region.
trait Host {
    fn number(&self) -> u64;
    fn is_given_up(&self, mailbox: u32) -> bool;
    fn waiters(&self, mailbox: u32) -> Vec<u64>;
}

impl<R: Region> Host for Channel<R> {
    fn number(&self) -> u64 {
        Channel::number(self)
    }

    fn is_given_up(&self, mailbox: u32) -> bool {
        let words = self.words(mailbox);
        // Pairs with the store in `Link::give_up`, which says all by itself.
        // The request that is executed is the newest: the next comes when it is answered.
        self.region.load(words.given_up) == given_up(self.region.load(words.request))
    }

    fn waiters(&self, mailbox: u32) -> Vec<u64> {
        Channel::waiters(self, mailbox)
    }
}

/// A channel is served by this thread as long as this lives.
pub(crate) struct Hosting(Rc<dyn Host>);

impl Hosting {
    pub(crate) fn begin<R: Region>(channel: &Channel<R>) -> Self {
        let host: Rc<dyn Host> = Rc::new(channel.clone());
        HOSTED.with_borrow_mut(|hosted| hosted.push(Rc::clone(&host)));
        Self(host)
    }

    /// Runs a poll of the server.
    pub(crate) fn during<T>(&self, f: impl FnOnce() -> T) -> T {
        let before = HOST.replace(Some(Rc::clone(&self.0)));
        let result = f();
        HOST.set(before);
        result
    }
}

impl Drop for Hosting {
    fn drop(&mut self) {
        // The thread's own data may be gone when it is dropped as part of that.
        let _ = HOSTED.try_with(|hosted| hosted.borrow_mut().retain(|host| !Rc::ptr_eq(host, &self.0)));
    }
}

/// Whose threads wait for the end of the method that is being executed, and so for a call that it makes: blocking, with
/// the channels that this thread serves, or not. `None` outside of methods.
pub(crate) fn waiters(blocking: bool) -> Option<Vec<u64>> {
    let caller = CALLER.get()?;
    let mut waiters = with_host(|host| host.waiters(caller.mailbox))?;
    if blocking {
        waiters.extend(HOSTED.with_borrow(|all| all.iter().map(|host| host.number()).collect::<Vec<_>>()));
    }
    Some(waiters)
}

impl<R: Region> Channel<R> {
    /// The number that tells this channel from others; 0 if it has none.
    pub(crate) fn number(&self) -> u64 {
        let mut number = [0; 8];
        self.region.copy_out(AT_NUMBER, &mut number);
        u64::from_le_bytes(number)
    }

    /// Whose threads wait for the request of a mailbox, as its caller says.
    pub(crate) fn waiters(&self, mailbox: u32) -> Vec<u64> {
        let words = self.words(mailbox);
        // Pairs with the store in `set_waiters`: the numbers are seen.
        let len = (self.region.load(words.waiters) as u32).min(MAX_WAITERS);
        let mut numbers = vec![0; 8 * len as usize];
        self.region.copy_out(words.waiters + 8, &mut numbers);
        numbers.as_chunks::<8>().0.iter().map(|number| u64::from_le_bytes(*number)).collect()
    }

    /// Says so, as the caller. The newest are kept.
    pub(crate) fn set_waiters(&self, words: MailboxWords, waiters: &[u64]) {
        let newest = &waiters[waiters.len().saturating_sub(MAX_WAITERS as usize)..];
        let numbers: Vec<u8> = newest.iter().flat_map(|number| number.to_le_bytes()).collect();
        self.region.copy_in(words.waiters + 8, &numbers);
        // Stored last: who reads it before knows of none, and looks again later.
        self.region.store(words.waiters, newest.len() as i32);
    }
}
