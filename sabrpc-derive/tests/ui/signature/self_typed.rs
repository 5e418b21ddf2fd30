//! Receivers other than `&self`.
use sabrpc::sab_service;
use std::rc::Rc;

#[sab_service]
pub trait Kv {
    fn get(self: Rc<Self>) -> u32;
}

fn main() {}
