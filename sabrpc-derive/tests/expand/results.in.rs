#[sab_service]
pub trait Results {
    fn nothing(&self);
    fn unit(&self) -> ();
    fn plain(&self) -> (u8, Option<String>);
    fn cow(&self) -> Cow<'static, str>;
    fn fallible(&self) -> Result<Vec<u8>, Error>;
    fn fallible_unit(&self) -> std::result::Result<(), Error>;
    fn alias(&self) -> io::Result<u64>;
    /// The body stays in the trait; clients ask the server.
    fn with_body(&self, n: u32) -> u32 {
        n + 1
    }
}
