//! Benchmarks: `cargo xtask bench rpc [--json FILE] [--quick]`.
//!
//! Every figure is measured in alternation with its reference in one run, and means something only as the ratio of the
//! two: absolute times are the machine's.

#[cfg(not(target_family = "wasm"))]
mod cases;
#[cfg(not(target_family = "wasm"))]
mod reference;
#[cfg(not(target_family = "wasm"))]
mod report;

#[cfg(not(target_family = "wasm"))]
const USAGE: &str = "usage: cargo xtask bench rpc [--json FILE] [--quick]";

#[cfg(not(target_family = "wasm"))]
fn main() -> std::process::ExitCode {
    let mut args = std::env::args().skip(1);
    let mut json = None;
    let mut rounds = 40;
    let mut suite = false;
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "rpc" => suite = true,
            "--quick" => rounds = 8,
            "--json" => json = args.next(),
            other => {
                eprintln!("unknown argument {other}\n{USAGE}");
                return std::process::ExitCode::FAILURE;
            }
        }
    }
    if !suite {
        eprintln!("which suite?\n{USAGE}");
        return std::process::ExitCode::FAILURE;
    }
    let records = cases::rpc(rounds);
    print!("{}", report::table(&records));
    if let Some(file) = json
        && let Err(error) = report::write_json(&file, &records)
    {
        eprintln!("{file}: {error}");
        return std::process::ExitCode::FAILURE;
    }
    std::process::ExitCode::SUCCESS
}

#[cfg(target_family = "wasm")]
fn main() {}
