#[sab_service(rename_all = "camelCase", version = 2, deadline = "5s")]
trait Options {
    fn read_all(&self) -> Vec<u8>;
    #[op(deadline = "500ms")]
    fn ping_fast(&self);
    #[op(id = 40, name = "xSync", deadline = "2min")]
    async fn sync_all(&self) -> Result<(), Error>;
    fn close_all(&self);
}
