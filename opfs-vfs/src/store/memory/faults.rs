//! Faults on order: which operation of the memory store fails, when, and how. Pure bookkeeping; what a fault does to the
//! bytes is `disk.rs`'s affair.

use std::time::Duration;

/// The operations of a store, as the fault plan names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "each is the store operation of its name")]
pub enum StoreOp {
    Open,
    Exists,
    Create,
    Delete,
    List,
    Read,
    Write,
    Truncate,
    Sync,
    Size,
}

impl StoreOp {
    /// Whether the operation changes what is stored, or what of it survives a crash.
    pub fn changes(self) -> bool {
        matches!(self, Self::Create | Self::Delete | Self::Write | Self::Truncate | Self::Sync)
    }
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The operation fails and changes nothing.
    Io,
    /// The operation finds no space left, and changes nothing.
    Full,
    /// A write stops after that many bytes and fails; any other operation simply fails.
    Torn(usize),
    /// The power goes: this operation and all after it fail, on every handle, until
    /// [`MemoryStore::crash`](super::MemoryStore::crash). A change under way may or may not reach the disk.
    PowerOff,
    /// The operation takes that long, then succeeds.
    Delay(Duration),
}

/// Which operations a rule counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// All of them.
    Any,
    /// Those that change something ([`StoreOp::changes`]).
    Changing,
    /// Those of one kind.
    Only(StoreOp),
}

impl Which {
    fn covers(self, op: StoreOp) -> bool {
        match self {
            Self::Any => true,
            Self::Changing => op.changes(),
            Self::Only(only) => only == op,
        }
    }
}

/// One order: the `nth` operation from now on that `which` covers meets `fault`, and `times` operations in all do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    which: Which,
    skip: u64,
    times: u64,
    fault: Fault,
}

impl Rule {
    /// The `nth` operation from now on, counted from 1, meets `fault`; the ones after it do not.
    pub fn nth(which: Which, nth: u64, fault: Fault) -> Self {
        Self { which, skip: nth.saturating_sub(1), times: 1, fault }
    }

    /// Every operation meets `fault`.
    pub fn always(which: Which, fault: Fault) -> Self {
        Self { which, skip: 0, times: u64::MAX, fault }
    }

    fn meet(&mut self, op: StoreOp) -> Option<Fault> {
        if !self.which.covers(op) || self.times == 0 {
            return None;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        self.times -= 1;
        Some(self.fault)
    }
}

/// The orders given, and how many operations there have been.
#[derive(Default)]
pub(super) struct Faults {
    rules: Vec<Rule>,
    counts: Vec<(StoreOp, u64)>,
}

impl Faults {
    pub(super) fn add(&mut self, rule: Rule) {
        self.rules.push(rule);
    }

    pub(super) fn clear(&mut self) {
        self.rules.clear();
    }

    /// Counts `op` and says what it meets. Every rule counts every operation; the first that strikes decides.
    pub(super) fn next(&mut self, op: StoreOp) -> Option<Fault> {
        match self.counts.iter_mut().find(|(counted, _)| *counted == op) {
            Some((_, count)) => *count += 1,
            None => self.counts.push((op, 1)),
        }
        let mut struck = None;
        for rule in &mut self.rules {
            let fault = rule.meet(op);
            struck = struck.or(fault);
        }
        struck
    }

    pub(super) fn count(&self, which: Which) -> u64 {
        self.counts.iter().filter(|(op, _)| which.covers(*op)).map(|(_, count)| count).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nth_operation_of_a_kind_is_struck_once() {
        let mut faults = Faults::default();
        faults.add(Rule::nth(Which::Only(StoreOp::Write), 2, Fault::Io));
        let struck: Vec<_> = [StoreOp::Write, StoreOp::Read, StoreOp::Write, StoreOp::Write]
            .into_iter()
            .map(|op| faults.next(op))
            .collect();
        assert_eq!(struck, [None, None, Some(Fault::Io), None]);
        assert_eq!(faults.count(Which::Any), 4);
        assert_eq!(faults.count(Which::Changing), 3);
    }

    #[test]
    fn always_strikes_until_cleared() {
        let mut faults = Faults::default();
        faults.add(Rule::always(Which::Changing, Fault::Full));
        assert_eq!(faults.next(StoreOp::Sync), Some(Fault::Full));
        assert_eq!(faults.next(StoreOp::Read), None);
        assert_eq!(faults.next(StoreOp::Delete), Some(Fault::Full));
        faults.clear();
        assert_eq!(faults.next(StoreOp::Delete), None);
    }
}
