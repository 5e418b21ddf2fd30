//! Runs `tests/assault` on what libFuzzer makes up: `cargo xtask fuzz`.
#![no_main]

#[path = "../../tests/assault/mod.rs"]
mod assault;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| assault::run(bytes));
