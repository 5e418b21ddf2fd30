#[sab_service]
pub(super) trait T {
    fn frame(&self, args: R, op: &str, service: T0, opening: u8) -> R;
    async fn clone(&self, error: R) -> Result<(), R>;
    fn r#move(&self, r#in: u8) -> Stream<R>;
}
