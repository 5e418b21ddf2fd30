//! The thirteenth bulk argument.
use sabrpc::{BulkIn, sab_service};

#[sab_service]
pub trait Kv {
    #[allow(clippy::too_many_arguments)]
    fn put(
        &self,
        a1: BulkIn<'_>,
        a2: BulkIn<'_>,
        a3: BulkIn<'_>,
        a4: BulkIn<'_>,
        a5: BulkIn<'_>,
        a6: BulkIn<'_>,
        a7: BulkIn<'_>,
        a8: BulkIn<'_>,
        a9: BulkIn<'_>,
        a10: BulkIn<'_>,
        a11: BulkIn<'_>,
        a12: BulkIn<'_>,
        a13: BulkIn<'_>,
    );
}

fn main() {}
