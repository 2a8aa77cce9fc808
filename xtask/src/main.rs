//! `cargo modules` and `cargo demo`.

use std::process::ExitCode;

fn main() -> ExitCode {
    let command = std::env::args().nth(1);
    let result = match command.as_deref() {
        Some("modules") => xtask::demo::modules().map(|()| ExitCode::SUCCESS),
        Some("demo") => xtask::demo::demo(),
        _ => {
            eprintln!("usage: cargo modules   build the bundled modules into target/debug/modules");
            eprintln!("       cargo demo      start three minions and call a method on all of them");
            return ExitCode::from(2);
        }
    };
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
