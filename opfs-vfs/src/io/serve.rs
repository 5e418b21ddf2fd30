//! The I/O service on its channel: what a server needs beyond the dispatch, on every platform alike.

use sabrpc::{Channel, Region, Server};

use super::IoService;
use crate::service::OpfsServer;
use crate::store::Store;
use crate::tabs::TabLocks;

/// A server of `service` on `channel`: callers who go give back what they held, `metrics` answers with the server's own
/// counters, and `shutdown` stops it.
pub fn server<S: Store, L: TabLocks, R: Region>(
    channel: &Channel<R>,
    service: IoService<S, L>,
) -> Server<OpfsServer<IoService<S, L>>, R> {
    let shared = OpfsServer::new(service);
    let server = Server::new(channel, shared.clone());
    let (metrics, stopper) = (server.metrics(), server.stopper());
    shared.service().on_metrics(move || metrics.snapshot());
    shared.service().on_shutdown(move || stopper.stop());
    server.on_disconnect(move |caller| shared.service().disconnect(caller))
}
