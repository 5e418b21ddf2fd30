//! The project's commands, one file each; `cargo xtask` lists them.

mod flags;
mod packages;
mod project;
mod runner;
mod setup;
mod shell;
mod tally;
mod test;
mod wasm;

use std::process::ExitCode;

use flags::Command;

fn main() -> ExitCode {
    let outcome = flags::parse(std::env::args_os().skip(1)).and_then(|command| match command {
        Command::Help => {
            println!("{}", flags::USAGE);
            Ok(())
        }
        Command::Demo(_) | Command::Docs => anyhow::bail!("not there"),
        Command::Setup(flags) => setup::run(&flags),
        Command::Test(flags) => test::run(&flags),
        Command::WasmTestRunner(arguments) => runner::run(&arguments),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
