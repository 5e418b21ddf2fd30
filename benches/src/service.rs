//! What the calls are made to: a service that keeps bytes, as one over files would; typed, and by hand.

use std::cell::{Cell, RefCell};

use sabrpc::{BulkIn, BulkOut, Dispatch, Dispatched, Frame, OpInfo, RpcError, ServiceInfo, sab_service};
use serde::{Deserialize, Serialize};

/// The smallest payload, in bytes.
pub(crate) const SMALL: usize = 64;
/// The largest payload of any case.
pub(crate) const LARGEST: usize = 1 << 20;

/// Why the service would refuse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Refusal {
    /// More than it keeps.
    TooLarge,
}

/// The service as a user would declare it.
#[sab_service]
pub(crate) trait Store {
    fn null(&self) -> Result<(), Refusal>;
    fn swap(&self, message: &str) -> Result<String, Refusal>;
    fn write(&self, data: BulkIn<'_>) -> Result<u32, Refusal>;
    fn read(&self, out: BulkOut<'_>) -> Result<u32, Refusal>;
    #[op(oneway)]
    fn count(&self, by: u32) -> Result<(), Refusal>;
}

/// Copies bulk bytes to and from a buffer of its own.
pub(crate) struct Buffer {
    bytes: RefCell<Vec<u8>>,
    message: RefCell<String>,
    counted: Cell<u32>,
}

impl Buffer {
    pub(crate) fn new() -> Self {
        Self {
            bytes: RefCell::new(vec![7; LARGEST]),
            message: RefCell::new("7".repeat(SMALL)),
            counted: Cell::new(0),
        }
    }
}

impl Store for Buffer {
    fn null(&self) -> Result<(), Refusal> {
        Ok(())
    }

    fn swap(&self, message: &str) -> Result<String, Refusal> {
        let mut kept = self.message.borrow_mut();
        let before = kept.clone();
        kept.clear();
        kept.push_str(message);
        Ok(before)
    }

    fn write(&self, data: BulkIn<'_>) -> Result<u32, Refusal> {
        let mut bytes = self.bytes.borrow_mut();
        data.copy_to(0, bytes.get_mut(..data.len()).ok_or(Refusal::TooLarge)?);
        Ok(data.len() as u32)
    }

    fn read(&self, mut out: BulkOut<'_>) -> Result<u32, Refusal> {
        let len = out.capacity();
        out.write_at(0, self.bytes.borrow().get(..len).ok_or(Refusal::TooLarge)?);
        Ok(len as u32)
    }

    fn count(&self, by: u32) -> Result<(), Refusal> {
        self.counted.set(self.counted.get().wrapping_add(by));
        Ok(())
    }
}

/// The same work without codec, result and metrics: bytes in, bytes out, dispatched by hand.
pub(crate) struct RawStore(pub(crate) Buffer);

/// Keeps the request.
pub(crate) static RAW_WRITE: OpInfo = OpInfo::raw(0, "write");
/// Keeps the request and returns as many bytes.
pub(crate) static RAW_SWAP: OpInfo = OpInfo::raw(1, "swap");
/// The operations that return so many bytes.
pub(crate) static RAW_READS: [(usize, OpInfo); 3] = [
    (4 << 10, OpInfo::raw(2, "read 4 KiB")),
    (64 << 10, OpInfo::raw(3, "read 64 KiB")),
    (LARGEST, OpInfo::raw(4, "read 1 MiB")),
];
/// All of them.
pub(crate) static RAW_STORE: ServiceInfo = ServiceInfo::new(
    "RawStore",
    const {
        &[
            OpInfo::raw(0, "write"),
            OpInfo::raw(1, "swap"),
            OpInfo::raw(2, "read 4 KiB"),
            OpInfo::raw(3, "read 64 KiB"),
            OpInfo::raw(4, "read 1 MiB"),
        ]
    },
);

impl Dispatch for RawStore {
    fn info(&self) -> &'static ServiceInfo {
        &RAW_STORE
    }

    fn dispatch(&self, op: u32, frame: Frame) -> Dispatched {
        frame.reject(unknown(op))
    }

    fn dispatch_raw(&self, op: u32, request: BulkIn<'_>, response: &mut BulkOut<'_>) -> Result<(), RpcError> {
        let returned = match op {
            0 => 0,
            1 => SMALL,
            _ => RAW_READS.get(op as usize - 2).ok_or_else(|| unknown(op))?.0,
        };
        let bytes = &mut *self.0.bytes.borrow_mut();
        if !request.is_empty() {
            request.copy_to(0, &mut bytes[..request.len()]);
        }
        if returned > 0 {
            response.write_at(0, &bytes[..returned]);
        }
        Ok(())
    }
}

fn unknown(op: u32) -> RpcError {
    RpcError::UnknownOp { service: RAW_STORE.name.into(), op }
}
