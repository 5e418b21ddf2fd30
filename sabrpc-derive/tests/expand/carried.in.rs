#[sab_service(crate = "my_app::rpc")]
/// Attributes and names are carried over.
#[cfg(feature = "extra")]
#[deprecated = "use another"]
#[allow(non_snake_case)]
trait r#Carried {
    /// Reads.
    #[cfg(unix)]
    #[inline]
    fn r#type(&self, r#in: u32) -> u32;
    #[deprecated(note = "use `type`")]
    #[cfg_attr(unix, doc = "On Unix.")]
    fn xOld(&self) -> u32 {
        1
    }
    #[cfg(not(unix))]
    #[op(id = 9)]
    #[expect(non_snake_case)]
    async fn xNew(&self);
}
