//! What the calls are made to: a service that keeps bytes, as one over files would.

use std::cell::{Cell, RefCell};

use sabrpc::{BulkIn, BulkOut, sab_service};
use serde::{Deserialize, Serialize};

/// The largest payload of any case.
pub(crate) const LARGEST: usize = 1 << 20;

/// 64 bytes of arguments, and of result.
pub(crate) type Message = [[u8; 32]; 2];

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
    fn echo(&self, message: Message) -> Result<Message, Refusal>;
    fn write(&self, data: BulkIn<'_>) -> Result<u32, Refusal>;
    fn read(&self, out: BulkOut<'_>) -> Result<u32, Refusal>;
    #[op(oneway)]
    fn count(&self, by: u32) -> Result<(), Refusal>;
}

/// Copies bulk bytes to and from a buffer of its own.
pub(crate) struct Buffer {
    pub(crate) bytes: RefCell<Vec<u8>>,
    counted: Cell<u32>,
}

impl Buffer {
    pub(crate) fn new() -> Self {
        Self { bytes: RefCell::new(vec![7; LARGEST]), counted: Cell::new(0) }
    }
}

impl Store for Buffer {
    fn null(&self) -> Result<(), Refusal> {
        Ok(())
    }

    fn echo(&self, message: Message) -> Result<Message, Refusal> {
        Ok(message)
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
