//! What a server says of its service in the channel, and whether a caller can live with it.
//!
//! Equal schema hashes are enough. Where they differ the caller reads the server's table of operations, which lies at
//! the end of the region: as long as both mean the same by every id that both know, a caller may be older or newer than
//! the server. What only the caller knows is answered with [`RpcError::UnknownOp`].

use serde::{Deserialize, Serialize};

use crate::{
    Channel, OpFlags, OpInfo, Region, RpcError, ServerState, ServiceInfo, codec,
    layout::{self, TABLE},
};

/// How many differences are told.
const TOLD: usize = 3;

/// The service of a running server, as it was built; see [`Channel::served`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ServedService {
    /// The trait's name.
    pub name: String,
    /// The version that its author gave it, 0 if none.
    pub version: u32,
    /// Its operations, in the order of the trait.
    pub ops: Vec<ServedOp>,
}

/// One operation of a [`ServedService`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ServedOp {
    /// Its number on the wire.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// Arguments and result as a person reads them; empty where the table had no room for it.
    pub signature: String,
    /// Its properties.
    pub flags: OpFlags,
    /// Its [contract](OpInfo::contract).
    pub contract: u64,
}

/// The same, on its way into the region.
#[derive(Serialize)]
struct Table<'a> {
    name: &'a str,
    version: u32,
    ops: Vec<(u32, &'a str, &'a str, OpFlags, u64)>,
}

impl<R: Region> Channel<R> {
    /// The service that is served on this channel, with its table of operations: for tools, and to find out what a server
    /// that is older or newer than its caller can do.
    ///
    /// # Errors
    /// [`RpcError::Gone`] if nobody serves, [`RpcError::Malformed`] if the table is none, which is also so for a service of
    /// more than some hundred operations, whose table has no room.
    pub fn served(&self) -> Result<ServedService, RpcError> {
        self.serving()?;
        let life = self.life();
        let served = self.last_served();
        // Another server may have begun to write its own.
        self.serving()?;
        if self.life() != life {
            return Err(RpcError::Gone { state: ServerState::Replaced });
        }
        served
    }

    /// The same, also of a server that has ended.
    pub(crate) fn last_served(&self) -> Result<ServedService, RpcError> {
        let what = "the server's table of operations";
        // Published by the exchange to serving, which whoever asks for a server that serves has seen.
        let len = self.region.load(layout::AT_TABLE_LEN) as u32;
        if len == 0 || len > TABLE {
            return Err(RpcError::malformed(what, format!("{len} bytes of at most {TABLE}")));
        }
        let mut bytes = vec![0; len as usize];
        self.region.copy_out(self.geometry.table(), &mut bytes);
        codec::decode(&bytes, what)
    }

    /// Tells callers what is served: before they can attach, by the server that has taken the channel.
    pub(crate) fn announce(&self, service: &ServiceInfo) {
        let bytes = [true, false].into_iter().find_map(|with_signatures| table(service, with_signatures));
        let bytes = bytes.unwrap_or_default();
        self.region.copy_in(self.geometry.table(), &bytes);
        // Published by the exchange to serving; read by who has seen that.
        self.region.store(layout::AT_TABLE_LEN, bytes.len() as i32);
        self.set_schema_hash(service.schema_hash);
    }

    /// `Ok` if a caller of `service` and the server understand each other.
    pub(crate) fn agree_on(&self, service: &ServiceInfo) -> Result<(), RpcError> {
        self.serving()?;
        let theirs = self.schema_hash();
        if theirs == service.schema_hash {
            return Ok(());
        }
        let difference = match self.served() {
            Ok(served) => difference(service, &served),
            Err(gone @ RpcError::Gone { .. }) => return Err(gone),
            Err(error) => Some(error.to_string()),
        };
        match difference {
            None => Ok(()),
            Some(difference) => Err(RpcError::SchemaMismatch {
                service: service.name.into(),
                ours: service.schema_hash,
                theirs,
                difference,
            }),
        }
    }
}

/// The table's bytes, if they fit.
fn table(service: &ServiceInfo, with_signatures: bool) -> Option<Vec<u8>> {
    let signature = |op: &OpInfo| if with_signatures { op.signature } else { "" };
    let ops = service.ops.iter().map(|op| (op.id, op.name, signature(op), op.flags, op.contract()));
    let table = Table { name: service.name, version: service.version, ops: ops.collect() };
    let mut bytes = Vec::new();
    codec::encode(&table, &mut bytes, "table of operations").ok()?;
    (bytes.len() <= TABLE as usize).then_some(bytes)
}

/// In what caller and server differ so that one would misunderstand the other.
fn difference(ours: &ServiceInfo, theirs: &ServedService) -> Option<String> {
    if ours.version != theirs.version {
        return Some(format!(
            "the caller has version {}, the server has version {}",
            ours.version, theirs.version
        ));
    }
    let common = || {
        let ops = ours.ops.iter();
        ops.filter_map(|op| Some((op, theirs.ops.iter().find(|their| their.id == op.id)?)))
    };
    if common().next().is_none() {
        return Some(format!("the server serves {}, which has none of the caller's operations", theirs.name));
    }
    let mut told = Vec::new();
    let mut more = 0;
    for (op, their) in common().filter(|(op, their)| op.contract() != their.contract) {
        if told.len() == TOLD {
            more += 1;
            continue;
        }
        told.push(format!(
            "as operation {} the caller has {}{}, the server has {}{}{}",
            op.id,
            op.name,
            op.signature,
            their.name,
            their.signature,
            if op.name == their.name { other_flags(op.flags, their.flags) } else { "" },
        ));
    }
    if more > 0 {
        told.push(format!("and {more} more"));
    }
    (!told.is_empty()).then(|| told.join("; "))
}

/// What signatures do not show.
fn other_flags(ours: OpFlags, theirs: OpFlags) -> &'static str {
    match (ours.contains(OpFlags::ONEWAY), theirs.contains(OpFlags::ONEWAY)) {
        (true, false) => " and does not have it one-way",
        (false, true) => " and has it one-way",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::wire_hash;

    const OPEN: OpInfo = OpInfo {
        id: 0,
        name: "open",
        signature: "(path, flags)",
        wire: wire_hash("(String, u32)"),
        flags: OpFlags::NONE,
        bulk_in: 0,
        bulk_out: 0,
        deadline: None,
        doc: "",
    };
    const SYNC: OpInfo = OpInfo { id: 1, name: "sync", signature: "()", wire: 1, ..OPEN };

    fn served(service: &ServiceInfo) -> ServedService {
        codec::decode(&table(service, true).unwrap(), "table").unwrap()
    }

    #[test]
    fn a_table_is_read_as_it_was_written() {
        let service = ServiceInfo::new("Files", &[OPEN, SYNC]).with_version(3);
        let table = served(&service);
        assert_eq!((table.name.as_str(), table.version), ("Files", 3));
        let op = &table.ops[0];
        assert_eq!((op.id, op.name.as_str(), op.signature.as_str()), (0, "open", "(path, flags)"));
        assert_eq!((op.flags, op.contract), (OPEN.flags, OPEN.contract()));
    }

    #[test]
    fn who_has_more_operations_is_understood_and_who_has_others_is_not() {
        let old = ServiceInfo::new("Files", &[OPEN]);
        let new = ServiceInfo::new("Files", &[OPEN, SYNC]);
        assert_eq!(difference(&new, &served(&old)), None);
        assert_eq!(difference(&old, &served(&new)), None);

        let older = ServiceInfo::new("Files", &[OpInfo { signature: "(path)", wire: 2, ..OPEN }]);
        assert_eq!(
            difference(&new, &served(&older)).unwrap(),
            "as operation 0 the caller has open(path, flags), the server has open(path)"
        );
        let renamed = ServiceInfo::new("Files", &[OpInfo { name: "delete", ..OPEN }]);
        assert_eq!(
            difference(&new, &served(&renamed)).unwrap(),
            "as operation 0 the caller has open(path, flags), the server has delete(path, flags)"
        );
        let oneway = ServiceInfo::new("Files", &[OpInfo { flags: OpFlags::ONEWAY, ..OPEN }]);
        assert!(difference(&new, &served(&oneway)).unwrap().ends_with("and has it one-way"));
        let other = ServiceInfo::new("Other", &[SYNC]);
        let text = difference(&old, &served(&other)).unwrap();
        assert_eq!(text, "the server serves Other, which has none of the caller's operations");
        let text = difference(&old, &served(&old.with_version(1))).unwrap();
        assert_eq!(text, "the caller has version 0, the server has version 1");
    }

    #[test]
    fn few_of_many_differences_are_told() {
        const fn ops(wire: u64) -> [OpInfo; 5] {
            let mut ops = [OPEN; 5];
            let mut i = 0;
            while i < ops.len() {
                (ops[i].id, ops[i].wire) = (i as u32, wire);
                i += 1;
            }
            ops
        }
        let ours = ServiceInfo::new("S", const { &ops(1) });
        let theirs = ServiceInfo::new("S", const { &ops(2) });
        let text = difference(&ours, &served(&theirs)).unwrap();
        assert!(text.ends_with("; and 2 more"), "{text}");
    }

    #[test]
    fn a_table_without_room_goes_without_signatures() {
        const fn ops() -> [OpInfo; 200] {
            let mut ops = [OPEN; 200];
            let mut i = 0;
            while i < ops.len() {
                ops[i].id = i as u32;
                ops[i].signature = "(path: &str, flags: OpenFlags) -> Result<FileId, VfsError>";
                i += 1;
            }
            ops
        }
        let service = ServiceInfo::new("S", const { &ops() });
        assert_eq!(table(&service, true), None);
        assert!(table(&service, false).is_some());
    }
}
