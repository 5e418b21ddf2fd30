//! SQLite's five lock states between the connections of one page: a pure table for one database, without time, files or
//! tabs.
//!
//! ```text
//!          ┌────────── unlock ──────────┐
//!          ▼                            │
//!        NONE ──▶ SHARED ──▶ RESERVED ──▶ (PENDING) ──▶ EXCLUSIVE
//!                   │                                      ▲
//!                   └────── rolling back a hot journal ────┘
//! ```
//!
//! - Any number of connections are SHARED; at most one is above; EXCLUSIVE is alone.
//! - PENDING is never asked for. It is what a RESERVED connection is left with when EXCLUSIVE is refused because of
//!   readers, and it bars new readers, so that the writer gets its turn.
//! - A connection that goes from SHARED straight to EXCLUSIVE rolls back a hot journal. Refused, it is left SHARED: a
//!   PENDING would look like a live writer to the others, and they would leave the journal alone
//!   (SQLite's test/pendingrace.test).

use crate::wire::LockLevel;

/// Why a lock was not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Another connection stands against it; it may be asked for again.
    Busy,
    /// SQLite's rules have no such step.
    Order {
        /// Level held.
        from: LockLevel,
    },
}

/// Who holds what on one database; a connection that is not listed holds NONE.
#[derive(Clone, Debug)]
pub(crate) struct LockTable<K> {
    held: Vec<(K, LockLevel)>,
}

impl<K> Default for LockTable<K> {
    fn default() -> Self {
        Self { held: Vec::new() }
    }
}

impl<K: Copy + PartialEq> LockTable<K> {
    /// What `who` holds.
    pub(crate) fn level(&self, who: K) -> LockLevel {
        self.held.iter().find(|(holder, _)| *holder == who).map_or(LockLevel::None, |(_, level)| *level)
    }

    /// Whether nobody holds anything.
    pub(crate) fn is_idle(&self) -> bool {
        self.held.is_empty()
    }

    /// Whether this is so of all that hold anything.
    pub(crate) fn all(&self, mut so: impl FnMut(K, LockLevel) -> bool) -> bool {
        self.held.iter().all(|(holder, level)| so(*holder, *level))
    }

    /// Whether anybody holds RESERVED or more.
    pub(crate) fn is_reserved(&self) -> bool {
        self.held.iter().any(|(_, level)| *level >= LockLevel::Reserved)
    }

    /// Whether `who` would get `level` now; changes nothing.
    pub(crate) fn check(&self, who: K, level: LockLevel) -> Result<(), Refused> {
        let from = self.level(who);
        if from >= level {
            return Ok(());
        }
        let legal = matches!(
            (from, level),
            (LockLevel::None, LockLevel::Shared)
                | (LockLevel::Shared, LockLevel::Reserved)
                | (LockLevel::Shared | LockLevel::Reserved | LockLevel::Pending, LockLevel::Exclusive)
        );
        if !legal {
            return Err(Refused::Order { from });
        }
        let strongest = self.others(who).max().unwrap_or(LockLevel::None);
        let clear = match level {
            LockLevel::Shared => strongest < LockLevel::Pending,
            LockLevel::Reserved => strongest < LockLevel::Reserved,
            _ => strongest == LockLevel::None,
        };
        if clear { Ok(()) } else { Err(Refused::Busy) }
    }

    /// Raises the lock of `who`; what it holds already, or more, is given at once.
    pub(crate) fn raise(&mut self, who: K, level: LockLevel) -> Result<(), Refused> {
        let from = self.level(who);
        if from >= level {
            return Ok(());
        }
        match self.check(who, level) {
            Ok(()) => {
                self.set(who, level);
                Ok(())
            }
            Err(Refused::Busy) if level == LockLevel::Exclusive && from == LockLevel::Reserved => {
                self.set(who, LockLevel::Pending);
                Err(Refused::Busy)
            }
            Err(refused) => Err(refused),
        }
    }

    /// Lowers the lock of `who` to SHARED or NONE; what is lower already stays.
    pub(crate) fn lower(&mut self, who: K, level: LockLevel) -> Result<(), Refused> {
        let from = self.level(who);
        if level > LockLevel::Shared {
            return Err(Refused::Order { from });
        }
        if from > level {
            self.set(who, level);
        }
        Ok(())
    }

    fn others(&self, who: K) -> impl Iterator<Item = LockLevel> + '_ {
        self.held.iter().filter(move |(holder, _)| *holder != who).map(|(_, level)| *level)
    }

    fn set(&mut self, who: K, level: LockLevel) {
        self.held.retain(|(holder, _)| *holder != who);
        if level > LockLevel::None {
            self.held.push((who, level));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use LockLevel::{Exclusive, None as Free, Pending, Reserved, Shared};

    const LEVELS: [LockLevel; 5] = [Free, Shared, Reserved, Pending, Exclusive];

    /// Every state that SQLite's rules allow for two connections.
    fn compatible(a: LockLevel, b: LockLevel) -> bool {
        let (low, high) = if a <= b { (a, b) } else { (b, a) };
        match high {
            Free | Shared => true,
            Reserved | Pending => low <= Shared,
            Exclusive => low == Free,
        }
    }

    fn table(levels: &[LockLevel]) -> LockTable<usize> {
        let mut table = LockTable::default();
        for (who, level) in levels.iter().enumerate() {
            table.set(who, *level);
        }
        table
    }

    /// What must come out for connection 0 at `mine` asking for `want` while connection 1 is at `other`: SQLite's rules
    /// written as a list of cases rather than as comparisons.
    fn expected(mine: LockLevel, other: LockLevel, want: LockLevel) -> (Result<(), Refused>, LockLevel) {
        let order = (Err(Refused::Order { from: mine }), mine);
        match (mine, want, other) {
            (Exclusive, _, _) => (Ok(()), mine),
            (_, Free, _) => (Ok(()), mine),
            (Free, Shared, Free | Shared | Reserved) => (Ok(()), Shared),
            (Free, Shared, Pending | Exclusive) => (Err(Refused::Busy), Free),
            (Free, _, _) => order,
            (Shared | Reserved | Pending, Shared, _) => (Ok(()), mine),
            (Shared, Reserved, Free | Shared) => (Ok(()), Reserved),
            (Shared, Reserved, _) => (Err(Refused::Busy), Shared),
            (Reserved | Pending, Reserved, _) => (Ok(()), mine),
            (Pending, Pending, _) => (Ok(()), Pending),
            (Shared | Reserved, Pending, _) => order,
            (Shared | Reserved | Pending, Exclusive, Free) => (Ok(()), Exclusive),
            (Shared, Exclusive, _) => (Err(Refused::Busy), Shared),
            (Reserved | Pending, Exclusive, _) => (Err(Refused::Busy), Pending),
        }
    }

    #[test]
    fn every_pair_of_connections_and_every_request() {
        let mut seen = 0;
        for mine in LEVELS {
            for other in LEVELS.into_iter().filter(|other| compatible(mine, *other)) {
                for want in LEVELS {
                    let mut table = table(&[mine, other]);
                    let (answer, after) = expected(mine, other, want);
                    assert_eq!(table.raise(0, want), answer, "{mine:?} wants {want:?} beside {other:?}");
                    assert_eq!(table.level(0), after, "{mine:?} wants {want:?} beside {other:?}");
                    assert_eq!(table.level(1), other);
                    assert!(compatible(table.level(0), table.level(1)));
                    seen += 1;
                }
            }
        }
        assert_eq!(seen, 14 * 5, "pairs of states that can be, times requests");
    }

    #[test]
    fn unlocking_goes_to_shared_or_none_only() {
        for held in LEVELS {
            for to in LEVELS {
                let mut table = table(&[held]);
                let answer = table.lower(0, to);
                if to > Shared {
                    assert_eq!((answer, table.level(0)), (Err(Refused::Order { from: held }), held));
                } else {
                    assert_eq!((answer, table.level(0)), (Ok(()), held.min(to)));
                }
            }
        }
    }

    #[test]
    fn a_writer_left_pending_bars_new_readers_and_gets_its_turn() {
        let mut table = table(&[Reserved, Shared, Free]);
        assert_eq!(table.raise(0, Exclusive), Err(Refused::Busy));
        assert_eq!(table.level(0), Pending);
        assert_eq!(table.raise(2, Shared), Err(Refused::Busy));
        table.lower(1, Free).unwrap();
        assert_eq!(table.raise(0, Exclusive), Ok(()));
    }

    #[test]
    fn a_refused_recovery_does_not_look_like_a_writer() {
        let mut table = table(&[Shared, Shared]);
        assert_eq!(table.raise(0, Exclusive), Err(Refused::Busy));
        assert!(!table.is_reserved());
        assert_eq!(table.level(0), Shared);
    }

    /// Long random walks of four connections: the table never reaches a state that SQLite's rules forbid, and answers as
    /// the pairwise rules say.
    #[test]
    fn random_walks_keep_every_pair_compatible() {
        let mut seed = 3_u64;
        let mut random = move |below: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as usize % below
        };
        let mut table = LockTable::default();
        let mut got = [0_usize; 5];
        for _ in 0..200_000 {
            let (who, level) = (random(4), LEVELS[random(5)]);
            let before: Vec<_> = (0..4).map(|other| table.level(other)).collect();
            if random(3) == 0 {
                let _ = table.lower(who, level);
            } else {
                let answer = table.raise(who, level);
                let others = (0..4).filter(|other| *other != who);
                let alone: Vec<_> = others.map(|other| expected(before[who], before[other], level)).collect();
                // Given exactly when no single other connection stands against it.
                let refused = alone.iter().map(|(answer, _)| *answer).find(|answer| answer.is_err());
                assert_eq!(answer, refused.unwrap_or(Ok(())));
            }
            for a in 0..4 {
                for b in (0..4).filter(|b| *b != a) {
                    assert!(compatible(table.level(a), table.level(b)));
                }
                got[table.level(a) as usize] += 1;
            }
            assert_eq!(table.is_idle(), (0..4).all(|who| table.level(who) == Free));
            assert_eq!(table.is_reserved(), (0..4).any(|who| table.level(who) >= Reserved));
        }
        assert!(got.iter().all(|count| *count > 1000), "every state was visited: {got:?}");
    }
}
