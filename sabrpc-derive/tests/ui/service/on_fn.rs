//! The attribute on a function.
use sabrpc::sab_service;

#[sab_service]
pub async fn serve() {}

fn main() {}
