//! Events of [`tracing`](https://docs.rs/tracing), where that feature is on; nothing at all where it is off.
//!
//! Every call is an event of level TRACE at its caller and at its server, a failed one of level DEBUG, whether it is typed or
//! raw, one-way or one of a batch; so are clients and servers that come and go. A call that is not sent, since something is
//! wrong with it or with an earlier one-way call, is an event of its caller alone.

#[cfg(not(feature = "tracing"))]
pub(crate) use self::off::{attached, called, detached, dropped, ended, opened, refused, served};
#[cfg(feature = "tracing")]
pub(crate) use self::on::{attached, called, detached, dropped, ended, opened, refused, served};

#[cfg(feature = "tracing")]
mod on {
    use std::time::Duration;

    use crate::{CallerId, Channel, OpInfo, Region, RpcError, layout::server_state};

    /// A caller is done with a call, or a one-way call was sent. `lens` are bytes in and out.
    #[inline]
    pub(crate) fn called(
        caller: impl FnOnce() -> CallerId,
        op: &OpInfo,
        lens: (u64, u64),
        slept: Duration,
        ok: bool,
    ) {
        let (bytes_in, bytes_out) = lens;
        if ok && tracing::enabled!(tracing::Level::TRACE) {
            let CallerId { mailbox, generation } = caller();
            tracing::trace!(
                op = op.name,
                mailbox,
                client = generation,
                bytes_in,
                bytes_out,
                ?slept,
                "called"
            );
        } else if !ok && tracing::enabled!(tracing::Level::DEBUG) {
            let CallerId { mailbox, generation } = caller();
            tracing::debug!(op = op.name, mailbox, client = generation, bytes_in, ?slept, "call failed");
        }
    }

    /// A server has executed a call.
    #[inline]
    pub(crate) fn served(caller: CallerId, op: impl FnOnce() -> &'static OpInfo, ok: bool) {
        let CallerId { mailbox, generation } = caller;
        match ok {
            true => tracing::trace!(op = op().name, mailbox, client = generation, "served"),
            false => tracing::debug!(op = op().name, mailbox, client = generation, "served with an error"),
        }
    }

    /// A server has refused a request, whatever that was.
    pub(crate) fn refused(caller: CallerId, error: &RpcError) {
        let CallerId { mailbox, generation } = caller;
        tracing::debug!(%error, mailbox, client = generation, "refused");
    }

    /// A server has dropped a call that its caller gave up.
    pub(crate) fn dropped(caller: CallerId, op: &OpInfo) {
        let CallerId { mailbox, generation } = caller;
        tracing::debug!(op = op.name, mailbox, client = generation, "dropped: its caller has given it up");
    }

    pub(crate) fn attached(service: &str, caller: CallerId) {
        let CallerId { mailbox, generation } = caller;
        tracing::debug!(service, mailbox, client = generation, "client attached");
    }

    pub(crate) fn detached(service: &str, caller: CallerId) {
        let CallerId { mailbox, generation } = caller;
        tracing::debug!(service, mailbox, client = generation, "client detached");
    }

    pub(crate) fn opened<R: Region>(service: &str, channel: &Channel<R>) {
        tracing::debug!(service, channel = format!("{:016x}", channel.number()), "server opened");
    }

    /// A server has ended, in whatever way.
    pub(crate) fn ended<R: Region>(channel: &Channel<R>, state: i32) {
        let how = if state == server_state::STOPPED { "stopped" } else { "failed" };
        tracing::debug!(channel = format!("{:016x}", channel.number()), how, "server ended");
    }
}

#[cfg(not(feature = "tracing"))]
mod off {
    use std::time::Duration;

    use crate::{CallerId, Channel, OpInfo, Region, RpcError};

    #[inline(always)]
    pub(crate) fn called(_: impl FnOnce() -> CallerId, _: &OpInfo, _: (u64, u64), _: Duration, _: bool) {}

    #[inline(always)]
    pub(crate) fn served(_: CallerId, _: impl FnOnce() -> &'static OpInfo, _: bool) {}

    #[inline(always)]
    pub(crate) fn refused(_: CallerId, _: &RpcError) {}

    #[inline(always)]
    pub(crate) fn dropped(_: CallerId, _: &OpInfo) {}

    #[inline(always)]
    pub(crate) fn attached(_: &str, _: CallerId) {}

    #[inline(always)]
    pub(crate) fn detached(_: &str, _: CallerId) {}

    #[inline(always)]
    pub(crate) fn opened<R: Region>(_: &str, _: &Channel<R>) {}

    #[inline(always)]
    pub(crate) fn ended<R: Region>(_: &Channel<R>, _: i32) {}
}
