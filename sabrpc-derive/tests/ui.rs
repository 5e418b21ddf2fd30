//! What the compiler says to a service that is none: one mistake to a file, in folders by what it is about. The
//! toolchain is pinned, so the words stay the same; `TRYBUILD=overwrite cargo test -p sabrpc-derive --test ui` keeps
//! new ones.

#[test]
fn messages_are_as_kept() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    for class in ["args", "attrs", "names", "result", "service", "signature", "spans", "types"] {
        cases.compile_fail(format!("tests/ui/{class}/*.rs"));
    }
}
