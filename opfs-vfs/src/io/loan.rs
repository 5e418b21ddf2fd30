//! Loans: a thread that is the only one of its page on a log gets the locks of the wal-index to itself, so that a transaction
//! costs it no call for them. A word in its mailbox says what is lent and what goes on:
//!
//! ```text
//!      lend                  begin                  end
//!  0 ───────▶ LENT | BUSY ◀─────────── LENT ◀───────────── LENT | BUSY
//!                                       │ recall             │ recall
//!                                       ▼                    ▼
//!                                       0      ◀── return ── LENT | BUSY | WANTED
//! ```
//!
//! What is lent and idle the I/O worker takes back at any time, by one exchange and without asking; the thread notices when it
//! begins its next transaction, and calls. From a thread at work it is wanted back; the thread returns it with the end
//! of its last transaction.
//!
//! CHANGED says that the thread's copy of the index was not handed in. Taken back from an idle thread the index would be
//! lost, and would have to be made anew out of the log. So that thread has a moment to begin another transaction and to
//! return everything with its end; only one that has nothing to do loses it.
//!
//! What another tab waits for is lent until it is time to hand it over.

use std::cell::Cell;
use std::time::Duration;

use sabrpc::CallerId;

use super::IoService;
use super::node::Node;
use super::wal::Index;
use crate::platform;
use crate::store::Store;
use crate::tabs::TabLocks;
use crate::wire::Lent;
use crate::wire::loan::{BUSY, LENT, NOTES, SHIFT, WANTED};

/// Exchanges the word of a note for another one, if it is what is expected; gives what was found.
pub(super) type Exchange = Box<dyn Fn(i32, i32) -> i32>;

/// What is lent to whom.
pub(super) struct Loan {
    pub(super) caller: CallerId,
    lent: Lent,
    exchange: Exchange,
    /// Since when it is wanted back from a thread that is idle and has changed the index.
    wanted: Cell<Option<Duration>>,
}

impl Loan {
    /// Whether the word of the note speaks of this loan.
    fn is_in(&self, word: i32) -> bool {
        word & -1 << SHIFT == self.lent.mark && word & LENT != 0
    }
}

/// What came of taking something back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recalled {
    /// It is not lent any more.
    Done,
    /// The thread returns it at the end of its transaction.
    Busy,
    /// The thread is idle; it has a moment more.
    Idle,
}

/// How long a thread that is idle has to return a changed index.
pub(super) const GRACE: Duration = Duration::from_millis(4);

impl<F> Index<F> {
    /// Whether `caller` has the locks to itself.
    pub(super) fn is_lent_to(&self, caller: Option<CallerId>) -> bool {
        self.loan.borrow().as_ref().is_some_and(|loan| Some(loan.caller) == caller)
    }

    /// Takes the locks back, at once if there is no time to lose, or says that they are wanted back.
    pub(super) fn recall(&self, at_once: bool) -> Recalled {
        let lent = self.loan.borrow();
        let Some(loan) = &*lent else {
            return Recalled::Done;
        };
        let is_over = |since: Duration| platform::now().saturating_sub(since) >= GRACE;
        let over = at_once || loan.wanted.get().is_some_and(is_over);
        let free = loan.lent.mark | LENT;
        let mut found = (loan.exchange)(free, 0);
        let changed = loop {
            // The word that is to stand there, and what that means.
            let (word, then) = match found {
                // The mailbox has changed hands: the server will hear of it.
                other if !loan.is_in(other) => break true,
                word if word == free => break false,
                busy if busy & BUSY != 0 => (busy | WANTED, Recalled::Busy),
                _ if over => (0, Recalled::Done),
                idle => (idle | WANTED, Recalled::Idle),
            };
            let was = if word == found { found } else { (loan.exchange)(found, word) };
            if was != found {
                // A thread that has just ended its transaction has left it free, and that is to be taken like any other.
                found = if was == free { (loan.exchange)(free, 0) } else { was };
            } else if then == Recalled::Done {
                break true;
            } else {
                if then == Recalled::Idle && loan.wanted.get().is_none() {
                    loan.wanted.set(Some(platform::now()));
                }
                return then;
            }
        };
        drop(lent);
        self.loan.take();
        // What it held when it was lent is given up, since it is idle.
        self.locks.borrow_mut().clear(false);
        if changed {
            self.forget();
        }
        Recalled::Done
    }

    /// The thread has returned them, with the index `handed_in` as it is now, or is gone. Then an index that it had changed is
    /// lost, also where it was only at work on it.
    pub(super) fn end_loan(&self, handed_in: bool) {
        if let Some(loan) = self.loan.take() {
            let free = loan.lent.mark | LENT;
            let mut found = free;
            loop {
                let was = (loan.exchange)(found, 0);
                if was == found {
                    break;
                }
                found = was;
                if !loan.is_in(found) {
                    break;
                }
            }
            if found != free && !handed_in {
                self.forget();
            }
            self.locks.borrow_mut().clear(false);
        }
    }
}

impl<S: Store, L: TabLocks> IoService<S, L> {
    /// Lends the locks of an index to the thread that has just taken some, where that is the only one on the log and no
    /// other tab waits.
    pub(super) fn lend(&self, node: &Node<S::File, L::Guard>) -> Option<Lent> {
        let caller = sabrpc::current_caller()?;
        let index = &node.index;
        if index.users.borrow().iter().any(|(_, user)| *user != Some(caller))
            || !self.keeps()
            || self.tabs.is_wanted(&node.path) && self.is_time(node)
        {
            return None;
        }
        let databases = self.nodes.databases();
        let taken = |note: u32| {
            let is = |loan: &Loan| loan.caller == caller && loan.lent.note == note;
            databases.iter().any(|node| node.index.loan.borrow().as_ref().is_some_and(is))
        };
        let note = (0..NOTES).find(|note| !taken(*note))?;
        let exchange = self.notes.borrow().as_ref()?(caller, note)?;
        let number = self.loans.replace(self.loans.get().wrapping_add(1));
        let lent = Lent { note, mark: number << SHIFT };
        if exchange(0, lent.mark | LENT | BUSY) != 0 {
            return None;
        }
        *index.loan.borrow_mut() = Some(Loan { caller, lent, exchange, wanted: Cell::new(None) });
        Some(lent)
    }

    /// A thread gives the locks back at the end of a transaction, or says that it has handed in no more than a part.
    pub(super) fn return_loan(&self, node: &Node<S::File, L::Guard>, whole: bool, beginning: bool) {
        let (index, caller) = (&node.index, sabrpc::current_caller());
        if index.is_lent_to(caller) {
            index.end_loan(whole);
            index.locks.borrow_mut().clear(beginning);
            self.settle(node);
        } else if !whole && index.loan.borrow().is_none() && !index.locks.borrow().is_foreign(caller) {
            index.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use serde::Deserialize;
    use serde::de::value::{Error, SeqDeserializer};

    use super::*;
    use crate::wire::loan::CHANGED;

    /// An index that is lent, its note, and what the thread does to the note before each exchange of the worker's.
    fn lent(start: i32, moves: &'static [Option<i32>]) -> (Index<()>, Rc<Cell<i32>>) {
        let caller =
            CallerId::deserialize(SeqDeserializer::<_, Error>::new([1, 1].into_iter())).expect("two numbers");
        let (note, step) = (Rc::new(Cell::new(start)), Cell::new(0));
        let word = Rc::clone(&note);
        let exchange: Exchange = Box::new(move |old, new| {
            if let Some(Some(now)) = moves.get(step.replace(step.get() + 1)) {
                word.set(*now);
            }
            let found = word.get();
            if found == old {
                word.set(new);
            }
            found
        });
        let index = Index::default();
        let lent = Lent { note: 0, mark: MARK };
        *index.loan.borrow_mut() = Some(Loan { caller, lent, exchange, wanted: Cell::new(None) });
        (index, note)
    }

    const MARK: i32 = 7 << SHIFT;
    const FREE: i32 = MARK | LENT;

    #[test]
    fn what_a_thread_gives_up_during_the_recall_is_taken() {
        // The note is busy at the first exchange, and free by the second.
        let (index, note) = lent(FREE | BUSY, &[None, Some(FREE)]);
        assert_eq!(index.recall(false), Recalled::Done);
        assert_eq!(note.get(), 0, "the thread would begin its next transaction without a call");
        // The thread begins again before that can be taken.
        let (index, note) = lent(FREE | BUSY, &[None, Some(FREE), Some(FREE | BUSY)]);
        assert_eq!(index.recall(true), Recalled::Busy);
        assert_eq!(note.get(), FREE | BUSY | WANTED);
        assert!(index.loan.borrow().is_some());
    }

    #[test]
    fn what_was_handed_in_stays_and_what_was_not_is_made_anew() {
        let cases =
            [(FREE | BUSY | CHANGED, true, 1), (FREE | BUSY, false, 0), (FREE, false, 1), (0, false, 0)];
        for (word, handed_in, regions) in cases {
            let (index, note) = lent(word, &[]);
            index.regions.borrow_mut().push(Vec::new());
            index.end_loan(handed_in);
            assert_eq!((index.regions.borrow().len(), note.get()), (regions, 0), "{word:#x}");
        }
        // Free by the second exchange.
        let (index, note) = lent(FREE | BUSY, &[None, Some(FREE)]);
        index.end_loan(true);
        assert_eq!(note.get(), 0);
    }
}
