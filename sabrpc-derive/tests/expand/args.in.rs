#[sab_service]
pub(crate) trait Args {
    fn owned(&self, name: String, list: Vec<u8>) -> io::Result<String>;
    fn borrowed(&self, text: &str, bytes: &[u8], maybe: Option<&str>, cow: Cow<'_, str>);
    fn lent(&self, config: &Config, numbers: &[u32], _unused: &(u8, u8)) -> Config;
    async fn bulk(&self, first: BulkIn<'_>, second: sabrpc::BulkIn<'_>, one: BulkOut<'_>, two: BulkOut<'_>, n: u8);
    fn clash(&self, frame: R, args: T, service: u8) -> Result<R, T>;
}
