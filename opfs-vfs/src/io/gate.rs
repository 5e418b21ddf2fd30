//! A lock between the tasks of one thread: who enters holds up the others at an `.await`, never the thread. It guards one
//! path while its handle or its tab lock is being fetched, which takes turns of the event loop.

use std::cell::RefCell;
use std::future::poll_fn;
use std::task::{Poll, Waker};

/// The gate of one path.
#[derive(Default)]
pub(super) struct Gate {
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    taken: bool,
    waiting: Vec<Waker>,
}

impl Gate {
    /// Waits until nobody is inside, and enters.
    pub(super) async fn enter(&self) -> Inside<'_> {
        poll_fn(|context| {
            let mut state = self.state.borrow_mut();
            if state.taken {
                state.waiting.push(context.waker().clone());
                return Poll::Pending;
            }
            state.taken = true;
            Poll::Ready(())
        })
        .await;
        Inside { gate: self }
    }
}

/// Being inside; dropping it opens the gate.
pub(super) struct Inside<'a> {
    gate: &'a Gate,
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        let waiting = {
            let mut state = self.gate.state.borrow_mut();
            state.taken = false;
            std::mem::take(&mut state.waiting)
        };
        // All are woken, since the first one's task may have been dropped meanwhile; one gets in, the others line up anew.
        for waker in waiting {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::Context;

    use super::*;

    #[test]
    fn one_is_inside_and_the_next_comes_after() {
        let gate = Gate::default();
        let mut context = Context::from_waker(Waker::noop());
        let mut first = pin!(gate.enter());
        let mut second = pin!(gate.enter());
        let Poll::Ready(inside) = first.as_mut().poll(&mut context) else {
            panic!("an empty gate lets in at once");
        };
        assert!(second.as_mut().poll(&mut context).is_pending());
        drop(inside);
        assert!(second.as_mut().poll(&mut context).is_ready());
    }
}
