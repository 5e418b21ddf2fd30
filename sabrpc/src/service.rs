//! A service's contract as data: its operations and the hash that both sides compare.

use std::time::Duration;

/// One service: what `#[sab_service]` makes a constant of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceInfo {
    /// The trait's name.
    pub name: &'static str,
    /// The version that its author gave it, 0 if none. Callers and server have to have the same.
    pub version: u32,
    /// Hash over the version and the [contracts](OpInfo::contract) of all operations. If callers and server have the
    /// same, they understand each other; if not, they compare operation by operation.
    pub schema_hash: u64,
    /// The operations, in the order of the trait.
    pub ops: &'static [OpInfo],
    /// How long a call of an operation that says nothing of its own may take. Not part of the contract.
    pub deadline: Option<Duration>,
}

impl ServiceInfo {
    /// A service of these operations, without a version. The schema hash is the sum of their contracts, so the order in
    /// the trait does not count, nor does the trait's name.
    pub const fn new(name: &'static str, ops: &'static [OpInfo]) -> Self {
        let mut hash = 0;
        let mut i = 0;
        while i < ops.len() {
            hash = u64::wrapping_add(hash, ops[i].contract());
            i += 1;
        }
        Self { name, version: 0, schema_hash: hash, ops, deadline: None }
    }

    /// The same service in this version: for a change that no signature shows, such as a field more in an argument's type.
    #[must_use]
    pub const fn with_version(self, version: u32) -> Self {
        let schema_hash = self.schema_hash ^ Fnv::new().bytes(&version.to_le_bytes()).0;
        Self { version, schema_hash, ..self }
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
    /// Arguments and result as a person reads them: `(path: &str, flags: u32) -> Result<FileId, VfsError>`.
    pub signature: &'static str,
    /// Hash of the types that are encoded, each spelled in one way, as [`wire_hash`] makes it.
    pub wire: u64,
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
        let (signature, flags) = ("([u8]) -> [u8]", OpFlags::RAW);
        Self { id, name, signature, wire: 0, flags, bulk_in: 1, bulk_out: 1, doc: "", deadline: None }
    }

    /// The same operation, with a deadline for its calls.
    #[must_use]
    pub const fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline: Some(deadline), ..self }
    }

    /// What caller and server have to agree on for this operation, as FNV-1a (64 bit): its id, its name, what is encoded,
    /// the numbers of bulk arguments, and its flags but for `ASYNC`. Neither docs nor names of arguments count.
    pub const fn contract(&self) -> u64 {
        // Whether the server awaits inside is its own affair.
        let flags = self.flags.0 & !OpFlags::ASYNC.0;
        let head = [(self.id & 0xff) as u8, (self.id >> 8) as u8, flags, self.bulk_in, self.bulk_out];
        Fnv::new().bytes(&head).bytes(&self.wire.to_le_bytes()).bytes(self.name.as_bytes()).0
    }
}

/// Hash of the types of an operation's encoded arguments and of its result, which generated code spells in one way:
/// `&str` as `String`, `&[T]` as `Vec<T>`, without lifetimes and names.
pub const fn wire_hash(types: &str) -> u64 {
    Fnv::new().bytes(types.as_bytes()).0
}

/// FNV-1a, 64 bit.
#[derive(Clone, Copy)]
struct Fnv(u64);

impl Fnv {
    const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    const fn bytes(self, bytes: &[u8]) -> Self {
        let mut hash = self.0;
        let mut i = 0;
        while i < bytes.len() {
            hash = (hash ^ bytes[i] as u64).wrapping_mul(0x0100_0000_01b3);
            i += 1;
        }
        Self(hash)
    }
}

/// Properties of an operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
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
    /// It answers with a [`Stream`](crate::Stream).
    pub const STREAM: Self = Self(16);

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
        signature: "(n: u32) -> u32",
        wire: wire_hash("(u32) -> u32"),
        flags: OpFlags::NONE,
        bulk_in: 0,
        bulk_out: 0,
        doc: "",
        deadline: None,
    };
    const B: OpInfo = OpInfo { id: 2, name: "b", signature: "()", wire: wire_hash("()"), ..A };

    #[test]
    fn the_hash_changes_with_the_contract_and_with_nothing_else() {
        const BASE: ServiceInfo = ServiceInfo::new("S", &[A, B]);
        const SECOND: Duration = Duration::from_secs(1);
        const SAME: [ServiceInfo; 5] = [
            ServiceInfo::new("S", &[B, A]),
            ServiceInfo::new("T", &[OpInfo { doc: "y", ..A }, B]).with_deadline(SECOND),
            ServiceInfo::new("S", &[A.with_deadline(Duration::ZERO), B]),
            ServiceInfo::new("S", &[OpInfo { signature: "(m: u32) -> u32", ..A }, B]),
            ServiceInfo::new("S", &[OpInfo { flags: OpFlags::ASYNC, ..A }, B]),
        ];
        for same in SAME {
            assert_eq!(same.schema_hash, BASE.schema_hash, "{same:?}");
        }

        const OTHER: [ServiceInfo; 9] = [
            ServiceInfo::new("S", &[OpInfo { id: 3, ..A }, B]),
            ServiceInfo::new("S", &[OpInfo { name: "x", ..A }, B]),
            ServiceInfo::new("S", &[OpInfo { wire: wire_hash("(u64) -> u32"), ..A }, B]),
            ServiceInfo::new("S", &[OpInfo { bulk_in: 1, ..A }, B]),
            ServiceInfo::new("S", &[OpInfo { bulk_out: 1, ..A }, B]),
            ServiceInfo::new("S", &[OpInfo { flags: OpFlags::ONEWAY, ..A }, B]),
            ServiceInfo::new("S", &[OpInfo { flags: OpFlags::STREAM, ..A }, B]),
            ServiceInfo::new("S", &[A]),
            BASE.with_version(1),
        ];
        for other in OTHER {
            assert_ne!(other.schema_hash, BASE.schema_hash, "{other:?}");
        }
        // Two operations that trade their ids.
        let swapped = ServiceInfo::new("S", const { &[OpInfo { id: 2, ..A }, OpInfo { id: 1, ..B }] });
        assert_ne!(swapped.schema_hash, BASE.schema_hash);
    }
}
