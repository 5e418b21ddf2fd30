#[sab_service]
/// Answers in many parts.
pub trait Feed {
    /// The changes from now on.
    fn changes(&self) -> Stream<Change>;
    /// The rows of a query.
    async fn rows(&self, query: &str, blob: BulkIn<'_>) -> Result<Stream<Row>, SqlError>;
    fn lines(&self, from: u64) -> io::Result<sabrpc::Stream<String>>;
}
