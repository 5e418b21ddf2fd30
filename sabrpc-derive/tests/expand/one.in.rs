#[sab_service]
pub trait Store {
    async fn get(&self, key: &str) -> u32;
}
