#[sab_service]
/// A store of values under keys.
pub trait Kv {
    /// The value under `key`.
    ///
    /// It is a copy.
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KvError>;
    #[op(id = 7, name = "xOpen")]
    async fn open(&self, path: &str, flags: u32) -> Result<u32, KvError>;
    fn read(&self, file: u32, out: BulkOut<'_>, offset: u64) -> Result<u32, KvError>;
    #[op(oneway)]
    fn write(&self, file: u32, data: BulkIn<'_>, offset: u64) -> Result<(), KvError>;
    fn count(&self) -> u32;
    fn ping(&self);
}
