//! The I/O service on its channel: what a server needs beyond the dispatch, on every platform alike.

use sabrpc::{Channel, Region, Server};

use super::IoService;
use crate::service::OpfsServer;
use crate::store::Store;
use crate::tabs::TabLocks;

/// A server of `service` on `channel`: callers who go give back what they held, `metrics` answers with the server's own
/// counters, and `shutdown` stops it. The future hands leases over to other tabs; it is to run beside the server, and ends
/// with it.
pub fn server<S: Store, L: TabLocks, R: Region>(
    channel: &Channel<R>,
    service: IoService<S, L>,
) -> (Server<OpfsServer<IoService<S, L>>, R>, impl Future<Output = ()> + use<S, L, R>) {
    let shared = OpfsServer::new(service);
    let server = Server::new(channel, shared.clone());
    let (metrics, stopper) = (server.metrics(), server.stopper());
    shared.service().on_metrics(move || metrics.snapshot());
    shared.service().on_shutdown(move || stopper.stop());
    let notes = channel.clone();
    shared.service().on_notes(move |caller, index| {
        let note = notes.note(caller, index)?;
        Some(Box::new(move |old, new| note.compare_exchange(old, new)))
    });
    let attending = shared.clone();
    let leaving = Leaving(shared);
    let server = server.on_disconnect(move |caller| leaving.0.service().disconnect(caller));
    (server, async move { attending.service().attend().await })
}

/// Goes with the server, and tells the future beside it that this is so.
struct Leaving<S: Store, L: TabLocks>(OpfsServer<IoService<S, L>>);

impl<S: Store, L: TabLocks> Drop for Leaving<S, L> {
    fn drop(&mut self) {
        self.0.service().leave();
    }
}
