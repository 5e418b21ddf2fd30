//! `cargo xtask docs`: the API documentation by rustdoc, and the book by mdbook.

use std::process::Command;

use anyhow::{Result, bail};

use crate::{project, shell};

/// Builds both.
pub(crate) fn run() -> Result<()> {
    shell::run(&mut api())?;
    println!("the API documentation is in {}", project::target().join("doc").display());
    if shell::find_program("mdbook").is_none() {
        bail!("the book needs mdbook: `cargo install mdbook`, then run this again");
    }
    let book = project::target().join("book");
    shell::run(Command::new("mdbook").arg("build").arg(project::root().join("docs")).arg("-d").arg(&book))?;
    println!("the book is in {}", book.display());
    Ok(())
}

/// rustdoc with its warnings, such as links that lead nowhere, denied.
pub(crate) fn api() -> Command {
    let mut command = Command::new("cargo");
    command
        .args(["doc", "--no-deps", "--package", "sabrpc", "--package", "sabrpc-derive"])
        .args(["--package", "opfs-vfs"])
        .current_dir(project::root())
        .env("RUSTDOCFLAGS", "--deny warnings");
    command
}
