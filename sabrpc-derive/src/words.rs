//! Every word that the attributes know and every name that the expansion makes up, each in one place.
//!
//! Nothing here decides anything: `args`, `attrs` and `check` read the words, `expand` reads the suffixes.

/// The attribute on the trait.
pub(crate) const SERVICE: &str = "sab_service";
/// The attribute on a method.
pub(crate) const OP: &str = "op";

/// `#[sab_service(crate = "path")]`: where the crate `sabrpc` is found.
pub(crate) const CRATE: &str = "crate";
/// `#[sab_service(rename_all = "camelCase")]`: how names of operations are made from names of methods.
pub(crate) const RENAME_ALL: &str = "rename_all";
/// `#[sab_service(version = 2)]`: what both sides have to have, for changes that no signature shows.
pub(crate) const VERSION: &str = "version";

/// `#[op(id = 7)]`: the number of the operation on the wire.
pub(crate) const ID: &str = "id";
/// `#[op(name = "xOpen")]`: the name of the operation in tables, metrics and messages.
pub(crate) const NAME: &str = "name";
/// `#[op(oneway)]`: the caller does not wait for an answer.
pub(crate) const ONEWAY: &str = "oneway";
/// `deadline = "500ms"`, of an operation or of all: how long a call may take.
pub(crate) const DEADLINE: &str = "deadline";

/// What a user of `#[op]` may write, for messages.
pub(crate) const OP_FORMS: &str = "`id = 7`, `name = \"xOpen\"`, `oneway`, `deadline = \"500ms\"`";
/// What a user of `#[sab_service]` may write, for messages.
pub(crate) const SERVICE_FORMS: &str =
    "`crate = \"path::to::sabrpc\"`, `rename_all = \"camelCase\"`, `version = 2`, `deadline = \"5s\"`";

/// Suffix of the enum of operations.
pub(crate) const OP_SUFFIX: &str = "Op";
/// Suffix of the blocking client.
pub(crate) const CLIENT_SUFFIX: &str = "Client";
/// Suffix of the async client.
pub(crate) const ASYNC_CLIENT_SUFFIX: &str = "AsyncClient";
/// Suffix of the server.
pub(crate) const SERVER_SUFFIX: &str = "Server";

/// The functions that every client has, with what each does: no method of the service may bear their names.
pub(crate) const CLIENT_OWN: [(&str, &str); 2] =
    [("attach", "connects the client to a channel"), ("caller", "gives access to the connection")];

/// Bytes that a call carries to the server beside the encoded arguments.
pub(crate) const BULK_IN: &str = "BulkIn";
/// Bytes that a call carries back beside the encoded answer.
pub(crate) const BULK_OUT: &str = "BulkOut";
/// The type by whose name a method is known to be fallible.
pub(crate) const RESULT: &str = "Result";

/// The trait of `sabrpc` that tells the types of a `Result` behind an alias.
pub(crate) const FALLIBLE: &str = "Fallible";

/// The type by whose name a method is known to answer in many parts.
pub(crate) const STREAM: &str = "Stream";

/// Operation ids are 16 bits wide on the wire.
pub(crate) const MAX_ID: u32 = u16::MAX as u32;
/// Arguments travel as one tuple; past this many the standard library's traits on tuples end.
pub(crate) const MAX_ARGS: usize = 12;
/// Bulk arguments are counted in one byte on the wire; nobody needs that many.
pub(crate) const MAX_BULK: usize = 12;
