//! What the fuzzer found, and what it might: its corpus and random inputs, as a plain test. See `fuzz/`.
#![cfg(not(target_family = "wasm"))]

mod assault;
mod probe;

use std::panic::catch_unwind;

use probe::Numbers;

/// How many random inputs are tried.
const INPUTS: u32 = 1200;

/// Runs an input; if it fails, says which it was.
fn run(name: &str, bytes: &[u8]) {
    if catch_unwind(|| assault::run(bytes)).is_err() {
        panic!("{name} fails: {bytes:?}");
    }
}

#[test]
fn the_corpus_does_no_harm() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/region");
    let mut files = 0;
    for file in std::fs::read_dir(&folder).unwrap() {
        let file = file.unwrap().path();
        run(&file.display().to_string(), &std::fs::read(&file).unwrap());
        files += 1;
    }
    assert!(files > 50, "{files} files in {}", folder.display());
}

#[test]
fn random_inputs_do_no_harm() {
    let mut numbers = Numbers(0xF022);
    for input in 0..INPUTS {
        let len = numbers.next(if input % 8 == 0 { 4000 } else { 300 });
        let bytes: Vec<u8> = (0..len).map(|_| numbers.next(256) as u8).collect();
        run(&format!("input {input}"), &bytes);
    }
}
