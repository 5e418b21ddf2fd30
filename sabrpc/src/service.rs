//! A service's contract as data: its operations and the hash that both sides compare.

use std::time::Duration;

/// One service: what `#[sab_service]` makes a constant of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceInfo {
    /// The trait's name.
    pub name: &'static str,
    /// Hash over ids and signatures of all operations; callers and server have to agree on it.
    pub schema_hash: u64,
    /// The operations, in the order of the trait.
    pub ops: &'static [OpInfo],
    /// How long a call of an operation that says nothing of its own may take. Not part of the contract.
    pub deadline: Option<Duration>,
}

impl ServiceInfo {
    /// A service of these operations. The schema hash is FNV-1a (64 bit) over every operation's id, signature, flags
    /// and numbers of bulk arguments, so it does not change with names, docs or order.
    pub const fn new(name: &'static str, ops: &'static [OpInfo]) -> Self {
        let mut hash = 0;
        let mut i = 0;
        while i < ops.len() {
            // Added up, so that the order in the trait does not count.
            hash = u64::wrapping_add(hash, ops[i].hash());
            i += 1;
        }
        Self { name, schema_hash: hash, ops, deadline: None }
    }

    /// The same service, with a deadline for its calls; see [`Caller::set_deadline`](crate::Caller::set_deadline).
    #[must_use]
    pub const fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline: Some(deadline), ..self }
    }

    /// The operation with this id.
    pub fn op(&self, id: u32) -> Option<&'static OpInfo> {
        self.position(id).map(|at| &self.ops[at])
    }

    /// Where the operation with this id is in [`ops`](Self::ops).
    #[inline]
    pub(crate) fn position(&self, id: u32) -> Option<usize> {
        // Ids mostly count up from the first.
        let first = self.ops.first()?.id;
        let guess = id.wrapping_sub(first) as usize;
        match self.ops.get(guess) {
            Some(op) if op.id == id => Some(guess),
            _ => self.ops.iter().position(|op| op.id == id),
        }
    }
}

/// One operation of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpInfo {
    /// Its number on the wire, at most 65,535.
    pub id: u32,
    /// Its name: the method's, or the one given by `#[op(name = "…")]`.
    pub name: &'static str,
    /// Types of arguments and result, as written in the trait.
    pub signature: &'static str,
    /// Its properties.
    pub flags: OpFlags,
    /// Number of bulk inputs.
    pub bulk_in: u8,
    /// Number of bulk outputs.
    pub bulk_out: u8,
    /// First paragraph of its documentation.
    pub doc: &'static str,
    /// How long a call of it may take; `None` for what the service says. Not part of the contract.
    pub deadline: Option<Duration>,
}

impl OpInfo {
    /// An operation whose request and response are bytes that the service itself gives a meaning, with no codec in
    /// between: for hand-written dispatch of what is called a million times a second.
    ///
    /// It is called by [`Caller::call_raw`](crate::Caller::call_raw) and served by
    /// [`Dispatch::dispatch_raw`](crate::Dispatch::dispatch_raw):
    ///
    /// ```
    /// use sabrpc::{
    ///     BulkIn, BulkOut, Caller, Channel, ChannelConfig, Dispatch, Dispatched, Frame, OpInfo, RpcError, ServiceInfo,
    ///     native,
    /// };
    ///
    /// static SUM: OpInfo = OpInfo::raw(0, "sum");
    /// static SUMS: ServiceInfo = ServiceInfo::new("Sums", const { &[OpInfo::raw(0, "sum")] });
    ///
    /// struct Sums;
    /// impl Dispatch for Sums {
    ///     fn info(&self) -> &'static ServiceInfo {
    ///         &SUMS
    ///     }
    ///
    ///     fn dispatch(&self, op: u32, frame: Frame) -> Dispatched {
    ///         frame.reject(RpcError::UnknownOp { service: "Sums".into(), op })
    ///     }
    ///
    ///     fn dispatch_raw(&self, _: u32, request: BulkIn<'_>, response: &mut BulkOut<'_>) -> Result<(), RpcError> {
    ///         let sum = request.to_vec().iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    ///         response.write_at(0, &[sum]);
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let channel = Channel::native(ChannelConfig::default())?;
    /// let server = native::spawn(&channel, || Sums);
    /// let caller = Caller::attach(&channel, &SUMS)?;
    /// let mut sum = [0];
    /// assert_eq!(caller.call_raw(&SUM, &[1, 2, 3], &mut sum)?, 1);
    /// assert_eq!(sum, [6]);
    /// # drop(caller);
    /// # drop(server);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn raw(id: u32, name: &'static str) -> Self {
        let (signature, flags) = ("[u8] -> [u8]", OpFlags::RAW);
        Self { id, name, signature, flags, bulk_in: 1, bulk_out: 1, doc: "", deadline: None }
    }

    /// The same operation, with a deadline for its calls.
    #[must_use]
    pub const fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline: Some(deadline), ..self }
    }

    const fn hash(&self) -> u64 {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        // Whether the server awaits inside is its own affair.
        let flags = self.flags.0 & !OpFlags::ASYNC.0;
        let head = [(self.id & 0xff) as u8, (self.id >> 8) as u8, flags, self.bulk_in, self.bulk_out];
        let mut i = 0;
        while i < head.len() {
            hash = (hash ^ head[i] as u64).wrapping_mul(0x0100_0000_01b3);
            i += 1;
        }
        let signature = self.signature.as_bytes();
        let mut i = 0;
        while i < signature.len() {
            // White space is how a type is written, not what it is.
            if !signature[i].is_ascii_whitespace() {
                hash = (hash ^ signature[i] as u64).wrapping_mul(0x0100_0000_01b3);
            }
            i += 1;
        }
        hash
    }
}

/// Properties of an operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpFlags(u8);

impl OpFlags {
    /// None.
    pub const NONE: Self = Self(0);
    /// The caller does not wait for it.
    pub const ONEWAY: Self = Self(1);
    /// It is an `async fn` at the server.
    pub const ASYNC: Self = Self(2);
    /// It returns a `Result`.
    pub const FALLIBLE: Self = Self(4);
    /// Its messages are bytes of the service's own making; see [`OpInfo::raw`].
    pub const RAW: Self = Self(8);

    /// Both sets together.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` are in this set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: OpInfo = OpInfo {
        id: 1,
        name: "a",
        signature: "(u32) -> u32",
        flags: OpFlags::NONE,
        bulk_in: 0,
        bulk_out: 0,
        doc: "",
        deadline: None,
    };
    const B: OpInfo = OpInfo { id: 2, name: "b", signature: "()", ..A };

    #[test]
    fn the_hash_changes_with_the_wire_and_with_nothing_else() {
        const BASE: u64 = ServiceInfo::new("S", &[A, B]).schema_hash;
        const REORDERED: u64 = ServiceInfo::new("S", &[B, A]).schema_hash;
        const RENAMED: u64 = ServiceInfo::new("T", &[OpInfo { name: "x", doc: "y", ..A }, B])
            .with_deadline(Duration::from_secs(1))
            .schema_hash;
        const URGENT: u64 = ServiceInfo::new("S", &[A.with_deadline(Duration::ZERO), B]).schema_hash;
        const SPACED: u64 =
            ServiceInfo::new("S", &[OpInfo { signature: "( u32 )->u32", ..A }, B]).schema_hash;
        assert_eq!([REORDERED, RENAMED, URGENT, SPACED], [BASE; 4]);

        const ID: u64 = ServiceInfo::new("S", &[OpInfo { id: 3, ..A }, B]).schema_hash;
        const TYPE: u64 = ServiceInfo::new("S", &[OpInfo { signature: "(u64) -> u32", ..A }, B]).schema_hash;
        const BULK: u64 = ServiceInfo::new("S", &[OpInfo { bulk_in: 1, ..A }, B]).schema_hash;
        const LESS: u64 = ServiceInfo::new("S", &[A]).schema_hash;
        for changed in [ID, TYPE, BULK, LESS] {
            assert_ne!(changed, BASE);
        }
    }
}
