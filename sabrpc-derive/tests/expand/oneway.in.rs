#[sab_service]
pub trait Log {
    /// Adds a line.
    #[op(oneway)]
    fn line(&self, text: &str);
    #[op(oneway, id = 0x10, name = "flushAll")]
    async fn flush(&self) -> Result<(), Error>;
}
