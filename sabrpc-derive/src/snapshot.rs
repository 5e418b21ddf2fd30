//! Compares expansions with the ones kept in `tests/expand`: `NAME.in.rs` holds one trait under `#[sab_service]`,
//! `NAME.out.rs` what it becomes, formatted. `SAB_BLESS=1 cargo test -p sabrpc-derive snapshot` writes the latter.

use crate::{pipeline, words};
use quote::ToTokens;
use std::path::{Path, PathBuf};
use std::{env, fs};
use syn::{Item, Meta};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expand")
}

/// The expansion of the one trait in `source`, with everything around it left as it is.
fn expand(source: &str) -> String {
    let mut file = syn::parse_file(source).expect("the input is Rust");
    let mut found = 0;
    for item in &mut file.items {
        let Item::Trait(service) = item else { continue };
        let Some(index) = service.attrs.iter().position(|attr| attr.path().is_ident(words::SERVICE)) else {
            continue;
        };
        found += 1;
        let args = match service.attrs.remove(index).meta {
            Meta::List(list) => list.tokens,
            _ => proc_macro2::TokenStream::new(),
        };
        *item = Item::Verbatim(pipeline::run(args, service.to_token_stream()));
    }
    assert_eq!(found, 1, "one trait to a file");
    let tokens = file.to_token_stream();
    prettyplease::unparse(&syn::parse2(tokens).expect("the expansion is Rust"))
}

#[test]
fn expansions_are_as_kept() {
    let bless = env::var_os("SAB_BLESS").is_some_and(|value| value == "1");
    let mut inputs: Vec<PathBuf> = fs::read_dir(folder())
        .expect("the folder is there")
        .map(|entry| entry.expect("the folder can be read").path())
        .filter(|path| path.to_string_lossy().ends_with(".in.rs"))
        .collect();
    inputs.sort();
    assert!(inputs.len() >= 10, "the inputs are there: {inputs:?}");
    let mut changed = Vec::new();
    for input in &inputs {
        let output = PathBuf::from(input.to_string_lossy().replace(".in.rs", ".out.rs"));
        let made = expand(&fs::read_to_string(input).expect("the input can be read"));
        if bless {
            fs::write(&output, made).expect("the folder can be written");
        } else if fs::read_to_string(&output).ok().as_ref() != Some(&made) {
            changed.push(format!("{}: the expansion is now\n{made}", output.display()));
        }
    }
    assert!(
        changed.is_empty(),
        "{}\nif this is meant: SAB_BLESS=1 cargo test -p sabrpc-derive snapshot",
        changed.join("\n")
    );
}
