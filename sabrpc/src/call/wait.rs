//! The wait for an answer: polls as long as that pays, then sleeps, in a loop that trusts only what it reads again.

use std::time::Duration;

use super::{
    Wait,
    link::{LIVENESS_SLICE, Link},
};
#[cfg(target_family = "wasm")]
use crate::web::alive;
use crate::{Channel, Region, RpcError, layout::MailboxWords, spin::Way, time, waits};

/// Wake-ups for nothing after which an awaiting caller leaves the event loop a turn, whoever it is that wakes it.
const ROUNDS: u32 = 16;

impl<R: Region> Link<R> {
    /// Polls for the answer to the newest request as long as that is worth its while: its status and length.
    #[inline]
    pub(super) fn poll<W: Wait>(&mut self) -> Option<(i32, i32)> {
        // Both are read from the mail one by one: put together on the way, they would be read as one number before the two
        // that it is made of are out of the processor's store buffer, and that takes longer than the rest.
        self.poll_mail::<W>().then_some((self.mail.a, self.mail.b))
    }

    /// The same; the answer is then in `mail`.
    fn poll_mail<W: Wait>(&mut self) -> bool {
        if W::BLOCKS && self.rang { self.poll_roused::<W>() } else { self.poll_all::<W>() }
    }

    /// The same when the server had to be woken.
    #[cold]
    fn poll_roused<W: Wait>(&mut self) -> bool {
        self.rang = false;
        if self.spin.is_patient() {
            return self.poll_all::<W>();
        }
        let way = self.roused.choose();
        self.rousing = Some((way, self.now()));
        let answered = match way {
            Way::Poll => self.poll_all::<W>(),
            Way::Sleep => self.look_for_mail(1),
        };
        if answered {
            self.has_roused();
        }
        answered
    }

    /// The answer is there of a server that was woken.
    fn has_roused(&mut self) {
        if let Some((way, since)) = self.rousing.take() {
            self.roused.took(way, self.now().saturating_sub(since));
        }
    }

    /// Polls as long as the budget lasts.
    #[inline]
    fn poll_all<W: Wait>(&mut self) -> bool {
        let polls = W::polls(self.spin.budget());
        let is_timed = self.clock.start.is_some() || self.spin.is_exploring();
        let since = is_timed.then(|| self.now());
        let answered = self.look_for_mail(polls);
        let took = since.map(|since| self.took(since));
        if answered {
            self.spin.hit();
        } else {
            self.spin.missed(took.filter(|_| self.spin.is_exploring()));
        }
        answered
    }

    /// How long a spin took that began at `since`; counted as waiting if the call is timed.
    #[cold]
    fn took(&mut self, since: Duration) -> Duration {
        let took = self.now().saturating_sub(since);
        if self.clock.start.is_some() {
            self.clock.wait += took;
        }
        took
    }

    /// Sleeps until the answer to the newest request is there.
    ///
    /// Ends with the answer, when the call has to be over, or when the server is gone: who ends a server wakes all
    /// callers, and a caller looks for itself every [`LIVENESS_SLICE`].
    #[cold]
    pub(super) async fn sleep<W: Wait>(&mut self) -> Result<(i32, i32), RpcError> {
        let since = self.now();
        let answer = self.sleep_until_answered::<W>(since).await;
        self.clock.slept += self.now().saturating_sub(since);
        match answer {
            Ok(_) => self.has_roused(),
            Err(_) => self.rousing = None,
        }
        answer
    }

    async fn sleep_until_answered<W: Wait>(&mut self, since: Duration) -> Result<(i32, i32), RpcError> {
        let channel = self.channel.clone();
        let mut asleep = Asleep { channel: &channel, words: self.words, has_waiters: false, looks: 0 };
        let (region, flag) = (&channel.region, self.words.caller_sleeps);
        let mut rounds = 0_u32;
        #[cfg(target_family = "wasm")]
        let mut looked = since;
        loop {
            // Pairs with the load of the flag in the server's `publish`, and with the store in `wake_caller`. Before
            // everything that is looked at below: who changes any of that from here on takes the flag away.
            region.store(flag, 1);
            // A server ends after its last answer: with the state read first, no answer is missed.
            let alive = self.channel.answering();
            if let Some(answer) = self.look(1) {
                return Ok(answer);
            }
            if self.is_interrupted() {
                self.give_up();
                return Err(RpcError::Interrupted);
            }
            if asleep.would_wait_for_itself(W::BLOCKS) {
                self.give_up();
                return Err(RpcError::WouldDeadlock);
            }
            let mut slice = LIVENESS_SLICE;
            if let Some(until) = self.until {
                let left = until.saturating_sub(region.now());
                if left.is_zero() {
                    return Err(self.timed_out());
                }
                slice = slice.min(left);
            }
            alive?;
            asleep.tell(since);
            W::sleep(region, flag, 1, slice).await;
            // Only who would wait for ever: whoever comes to his event loop hears of the end there, and in some browsers a look
            // takes until the page's thread has time, which would pass a deadline by.
            #[cfg(target_family = "wasm")]
            if W::BLOCKS
                && self.until.is_none()
                && region.load(flag) != 0
                && region.now().saturating_sub(looked) >= alive::LOOK_EVERY
            {
                looked = region.now();
                channel.look_for_server();
            }
            rounds = rounds.wrapping_add(1);
            if !W::BLOCKS && rounds.is_multiple_of(ROUNDS) {
                region.yield_now().await;
            }
        }
    }
}

/// What a mailbox says of a caller that sleeps. It is taken back when the wait is over, also when its future is dropped.
struct Asleep<'a, R: Region> {
    channel: &'a Channel<R>,
    words: MailboxWords,
    has_waiters: bool,
    /// How often it went to sleep.
    looks: u32,
}

impl<R: Region> Asleep<'_, R> {
    /// Says since when, to whoever wonders why nothing goes on. Most waits are over before anybody does.
    fn tell(&mut self, since: Duration) {
        self.looks = self.looks.saturating_add(1);
        if self.looks == 2 {
            let region = &self.channel.region;
            // Read in `Channel::dump` alone, and says all by itself.
            region.store(self.words.since, time::wall_clock(region.now().saturating_sub(since)));
        }
    }

    /// Says whose threads wait for the end of this wait; returns whether the server's own is among them. Asked again with
    /// every look around: those who wait for us may have gone to sleep after us.
    fn would_wait_for_itself(&mut self, blocks: bool) -> bool {
        let Some(waiters) = waits::waiters(blocks) else { return false };
        let server = self.channel.number();
        if server != 0 && waiters.contains(&server) {
            return true;
        }
        if !waiters.is_empty() {
            self.has_waiters = true;
            self.channel.set_waiters(self.words, &waiters);
        }
        false
    }
}

impl<R: Region> Drop for Asleep<'_, R> {
    fn drop(&mut self) {
        let region = &self.channel.region;
        if self.has_waiters {
            // Pairs with the load in `Channel::waiters`: who still sees the number reads what was true a moment ago, and looks
            // again with his next slice.
            region.store(self.words.waiters, 0);
        }
        if self.looks > 1 {
            // As in `tell`.
            region.store(self.words.since, 0);
        }
        // Pairs with the load of the flag in the server's `publish`: whoever still sees it wakes us for nothing.
        region.store(self.words.caller_sleeps, 0);
    }
}
