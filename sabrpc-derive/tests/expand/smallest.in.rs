#[sab_service]
trait Smallest {
    fn get(&self) -> u32;
}
