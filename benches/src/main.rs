//! The suite `rpc` between native threads, for `cargo xtask bench rpc`: prints its results as JSON.
//!
//! Arguments: the seconds that a case may take, then the cases that are wanted; none means all.

#[cfg(not(target_family = "wasm"))]
fn main() -> std::process::ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(seconds) = arguments.next().and_then(|word| word.parse().ok()) else {
        eprintln!("usage: benches SECONDS [CASE]...");
        return std::process::ExitCode::FAILURE;
    };
    let wanted: Vec<String> = arguments.collect();
    println!("{}", calls::native::rpc(std::time::Duration::from_secs_f32(seconds), &wanted));
    std::process::ExitCode::SUCCESS
}

#[cfg(target_family = "wasm")]
fn main() {}
