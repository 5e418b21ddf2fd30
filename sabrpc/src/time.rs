//! Sleeping without a runtime: a timer of the event loop on the web, one timer thread natively.

use std::time::Duration;

/// Waits for `duration`, without blocking the thread. Works in any executor, on the web and natively.
///
/// ```
/// # use std::time::{Duration, Instant};
/// let start = Instant::now();
/// sabrpc::native::block_on(sabrpc::sleep(Duration::from_millis(5)));
/// assert!(start.elapsed() >= Duration::from_millis(5));
/// ```
#[cfg(not(target_family = "wasm"))]
pub fn sleep(duration: Duration) -> impl Future<Output = ()> {
    let until = std::time::Instant::now().checked_add(duration);
    let mut asked: Option<std::task::Waker> = None;
    std::future::poll_fn(move |cx| {
        // A time that the clock does not reach never comes.
        let Some(until) = until else { return std::task::Poll::Pending };
        if std::time::Instant::now() >= until {
            return std::task::Poll::Ready(());
        }
        if !asked.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            asked = native::wake_at(until, cx.waker()).then(|| cx.waker().clone());
        }
        std::task::Poll::Pending
    })
}

/// Waits for `duration`, without blocking the thread. Works in any executor, on the web and natively.
#[cfg(target_family = "wasm")]
pub async fn sleep(duration: Duration) {
    crate::region::web::timeout(duration).await;
}

/// When it was so long ago, on a clock that all threads share: the low 32 bits of the milliseconds since 1970, and never 0.
pub(crate) fn wall_clock(ago: Duration) -> i32 {
    #[cfg(target_family = "wasm")]
    let now = js_sys::Date::now() as u64;
    // Before 1970 is as good as then.
    #[cfg(not(target_family = "wasm"))]
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_millis() as u64;
    match now.wrapping_sub(ago.as_millis() as u64) as i32 {
        0 => 1,
        word => word,
    }
}

/// How long ago that was, by the word of somebody who may be wrong.
pub(crate) fn since(word: i32) -> Duration {
    let millis = wall_clock(Duration::ZERO).wrapping_sub(word);
    // Clocks of threads differ a little, and are set.
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}

#[cfg(not(target_family = "wasm"))]
mod native {
    use std::{
        cmp::Reverse,
        collections::BTreeMap,
        sync::{Condvar, Mutex, PoisonError},
        task::Waker,
        time::Instant,
    };

    use once_cell::sync::OnceCell;

    #[derive(Default)]
    struct Timers {
        due: Mutex<BTreeMap<(Instant, Reverse<u64>), Waker>>,
        added: Condvar,
    }

    /// Wakes `waker` once at `until`, from the process's timer thread, which starts with the first use. `false` says that
    /// the system has no thread to spare: then it wakes at once, and is to be asked again.
    pub(super) fn wake_at(until: Instant, waker: &Waker) -> bool {
        static TIMERS: OnceCell<&'static Timers> = OnceCell::new();
        let timers = TIMERS.get_or_try_init(|| {
            let timers: &'static Timers = Box::leak(Box::default());
            std::thread::Builder::new().name("sabrpc-timer".into()).spawn(move || run(timers)).map(|_| timers)
        });
        let Ok(timers) = timers else {
            waker.wake_by_ref();
            return false;
        };
        let mut due = timers.due.lock().unwrap_or_else(PoisonError::into_inner);
        let mut id = due.len() as u64;
        while due.contains_key(&(until, Reverse(id))) {
            id += 1;
        }
        due.insert((until, Reverse(id)), waker.clone());
        timers.added.notify_one();
        true
    }

    fn run(timers: &'static Timers) -> ! {
        let mut due = timers.due.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let now = Instant::now();
            match due.first_entry() {
                Some(first) if first.key().0 <= now => {
                    let waker = first.remove();
                    drop(due);
                    // A waker that panics must not end the sleep of others.
                    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| waker.wake()));
                    due = timers.due.lock().unwrap_or_else(PoisonError::into_inner);
                }
                Some(first) => {
                    let pause = first.key().0 - now;
                    due = timers.added.wait_timeout(due, pause).unwrap_or_else(PoisonError::into_inner).0;
                }
                None => due = timers.added.wait(due).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}
