//! The project's commands, one file each; `cargo xtask` lists them.

mod bench;
mod demo;
mod docs;
mod flags;
mod idle;
mod nightly;
mod npm;
mod packages;
mod platforms;
mod project;
mod runner;
mod server;
mod services;
mod setup;
mod shell;
mod tabs;
mod tally;
mod test;
mod tidy;
mod tutorial;
mod wasm;
mod webdriver;

use std::process::ExitCode;

use flags::Command;

fn main() -> ExitCode {
    let outcome = flags::parse(std::env::args_os().skip(1)).and_then(|command| match command {
        Command::Help => {
            println!("{}", flags::USAGE);
            Ok(())
        }
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Demo(flags) => demo::run(&flags),
        Command::Docs => docs::run(),
        Command::Fuzz { seconds } => nightly::fuzz(seconds),
        Command::Miri => nightly::miri(),
        Command::Services => services::serve(),
        Command::Setup(flags) => setup::run(&flags),
        Command::Test(flags) => test::run(&flags),
        Command::WasmBindgen(arguments) => wasm::bindgen_tool(&arguments),
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
