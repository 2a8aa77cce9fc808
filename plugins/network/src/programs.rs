//! The programs that the module runs, and what a host lacks that has none of them.

use failure::Error;
use minion_sdk::process::Output;

/// Each with the package that has it where there is apt, and where there is dnf.
const PACKAGES: [(&str, &str, &str); 5] = [
    ("getent", "libc-bin", "glibc-common"),
    ("ip", "iproute2", "iproute"),
    ("ping", "iputils-ping", "iputils"),
    ("ss", "iproute2", "iproute"),
    ("traceroute", "traceroute", "traceroute"),
];

/// Runs a program that only reads, whatever it says about its end.
pub(crate) fn run(argv: &[&str]) -> Result<Output, Error> {
    failure::run(argv).map_err(|error| or_install(error, argv[0]))
}

/// What a program prints that only reads, to its good end.
pub(crate) fn text(argv: &[&str]) -> Result<String, Error> {
    let output = run(argv)?;
    if output.success() { Ok(output.stdout_text()) } else { Err(failure::failed(argv, &output)) }
}

/// The same error, and what to install where it says that there is no such program.
pub(crate) fn or_install(error: Error, program: &str) -> Error {
    match (error, PACKAGES.iter().find(|(name, ..)| *name == program)) {
        (Error::Unsupported(text), Some((_, apt, dnf))) => {
            let other = if apt == dnf { String::new() } else { format!(", or \"{dnf}\" where there is dnf") };
            Error::Unsupported(format!("{text}: install the package \"{apt}\"{other}"))
        }
        (error, _) => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_missing_has_a_package() {
        let told = |program| or_install(Error::Unsupported("none".to_owned()), program);
        let ping = "none: install the package \"iputils-ping\", or \"iputils\" where there is dnf";
        assert_eq!(told("ping"), Error::Unsupported(ping.to_owned()));
        let traceroute = "none: install the package \"traceroute\"";
        assert_eq!(told("traceroute"), Error::Unsupported(traceroute.to_owned()));
        assert_eq!(told("other"), Error::Unsupported("none".to_owned()));
        assert_eq!(or_install(Error::Cancelled, "ping"), Error::Cancelled);
    }
}
