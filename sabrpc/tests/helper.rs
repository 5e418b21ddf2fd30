//! The helper module's bytes are what its source says.
#![cfg(not(target_family = "wasm"))]

use std::path::Path;

/// Set to write the bytes anew after a change of the source.
const BLESS: &str = "SAB_BLESS";

/// `module` without its custom sections, which hold nothing but names.
fn without_names(module: &[u8]) -> Vec<u8> {
    let (head, mut rest) = module.split_at(8);
    let mut bare = head.to_vec();
    while let Some((&id, body)) = rest.split_first() {
        let (mut len, mut shift, mut digits) = (0, 0, 0);
        loop {
            let digit = body[digits];
            len |= usize::from(digit & 0x7f) << shift;
            (shift, digits) = (shift + 7, digits + 1);
            if digit < 0x80 {
                break;
            }
        }
        let (section, behind) = rest.split_at(1 + digits + len);
        if id != 0 {
            bare.extend_from_slice(section);
        }
        rest = behind;
    }
    bare
}

#[test]
fn the_helpers_bytes_are_its_source_assembled() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/region/web");
    let source = std::fs::read_to_string(folder.join("helper.wat")).unwrap();
    let assembled = without_names(&wat::parse_str(&source).unwrap());
    let file = folder.join("helper.wasm");
    if std::env::var_os(BLESS).is_some() {
        std::fs::write(&file, &assembled).unwrap();
    }
    let kept = std::fs::read(&file).unwrap_or_default();
    assert!(kept == assembled, "helper.wasm is not helper.wat: {BLESS}=1 cargo test -p sabrpc --test helper");
    assert!(kept.len() < 1024, "{} bytes", kept.len());
}
