//! Who has which mailbox: callers come and go without asking the server, which notices here.

use super::{CallerId, Server};
use crate::{
    Mail, Region,
    frame::Dispatch,
    layout::{self, request_flags as flag, status},
};

/// How often a mailbox may change hands during one look at it.
const CHANGES: u32 = 8;

impl<S: Dispatch, R: Region> Server<S, R> {
    /// Notices who came, who went, and whether to stop.
    pub(super) fn look_around(&mut self) {
        for index in 0..self.desks.len() {
            self.look_at(index);
            if self.desks[index].owner % 2 != 0 {
                self.look_for_giving_up(index);
                #[cfg(target_family = "wasm")]
                self.watch(index);
            }
        }
        self.stopping = self.stop_asked();
    }

    /// Notices whether a mailbox has changed hands. Who has gone is served to the end: the request that he left is
    /// executed, and what he waited for is given up.
    pub(super) fn look_at(&mut self, index: usize) {
        for _ in 0..CHANGES {
            // Pairs with the exchanges in `Link::attach` and `Channel::release`: what the owner did before is seen.
            let owner = self.channel.region.load(self.desks[index].words.owner);
            let known = self.desks[index].owner;
            if owner == known {
                return;
            }
            self.hot_is_stale = true;
            self.desks[index].raw_op = None;
            // Nothing of one caller's answers goes to the next.
            self.desks[index].mail = Mail::EMPTY;
            self.desks[index].frame = None;
            if known % 2 != 0 {
                if !self.say_goodbye(index) {
                    return;
                }
                self.desks[index].owner = known.wrapping_add(1);
                continue;
            }
            // The newest owner, or one that came and went unseen and left a request behind.
            let newest = if owner % 2 != 0 { owner } else { owner.wrapping_sub(1) };
            let asker = self.pending(index);
            let before = newest.wrapping_sub(2);
            let left_behind = [before, newest].into_iter().find(|left| asker == Some(flag::asker(*left)));
            let desk = &mut self.desks[index];
            desk.stale = false;
            desk.owner = left_behind.unwrap_or(owner);
            #[cfg(target_family = "wasm")]
            {
                desk.is_watched = false;
            }
        }
        // Nobody who keeps to the rules is that quick. Others have their turn; the bell brings us back.
        self.channel.ring();
    }

    /// Notices whether a caller does not wait any more. What is under way for him is dropped, and what was not begun is
    /// not executed.
    fn look_for_giving_up(&mut self, index: usize) {
        let desk = &self.desks[index];
        // Pairs with the store in `Link::give_up`. It says all by itself; the bell that is rung after it brings us here.
        let which = self.channel.region.load(desk.words.given_up);
        if which == 0 {
            return;
        }
        if let Some(task) = &desk.task {
            if !task.oneway && which == layout::given_up(desk.taken) {
                self.drop_task(index);
            }
        } else if !desk.is_busy()
            && self.pending(index) == Some(flag::asker(self.desks[index].owner))
            && which == layout::given_up(self.mail.value)
        {
            let (seq, desk) = (self.mail.value, &mut self.desks[index]);
            (desk.taken, desk.rest, desk.pieces) = (seq, None, None);
            desk.answer(&self.channel.region, seq, status::LOST, 0);
        }
    }

    /// Has a caller missed who vouches for himself.
    #[cfg(target_family = "wasm")]
    fn watch(&mut self, index: usize) {
        let desk = &mut self.desks[index];
        // Pairs with the store in `Link::attach`, which says all by itself.
        if !desk.is_watched && self.channel.region.load(desk.words.vouched) == desk.owner {
            desk.is_watched = true;
            let caller = CallerId { mailbox: index as u32, generation: desk.owner };
            crate::web::alive::watch_caller(&self.channel, caller);
        }
    }

    /// Serves a caller who has gone to the end; returns whether that is reached.
    fn say_goodbye(&mut self, index: usize) -> bool {
        let known = self.desks[index].owner;
        if !self.desks[index].is_busy() && self.pending(index) == Some(flag::asker(known)) {
            self.take(index);
        }
        let desk = &mut self.desks[index];
        desk.rest = None;
        desk.pieces = None;
        if desk.batch.is_open || desk.task.as_ref().is_some_and(|task| task.oneway) {
            // Nobody waits for it, and so nobody gave it up.
            return false;
        }
        if desk.task.take().is_some() {
            desk.answer(&self.channel.region, desk.taken, status::LOST, 0);
        }
        desk.streams.clear();
        let stale = std::mem::take(&mut desk.stale);
        if let Some(on_disconnect) = self.on_disconnect.as_mut().filter(|_| !stale) {
            on_disconnect(CallerId { mailbox: index as u32, generation: known });
        }
        true
    }

    /// Who asks in a mailbox, if its request was not taken yet. The request is then in `mail`.
    fn pending(&mut self, index: usize) -> Option<i32> {
        self.see(index, 1).then_some(self.mail.a & flag::ASKER)
    }
}
