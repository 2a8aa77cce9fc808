//! The programs that the module runs, and what a host lacks that has none of them.

use failure::{Error, Package};
use minion_sdk::process::Output;

const PACKAGES: [Package; 5] = [
    Package { program: "getent", apt: "libc-bin", dnf: "glibc-common" },
    Package { program: "ip", apt: "iproute2", dnf: "iproute" },
    Package { program: "ping", apt: "iputils-ping", dnf: "iputils" },
    Package { program: "ss", apt: "iproute2", dnf: "iproute" },
    Package { program: "traceroute", apt: "traceroute", dnf: "traceroute" },
];

/// Runs a program that only reads, whatever it says about its end.
pub(crate) fn run(argv: &[&str]) -> Result<Output, Error> {
    failure::run(argv).map_err(|error| or_install(error, argv[0]))
}

/// What a program prints that only reads, to its good end.
pub(crate) fn text(argv: &[&str]) -> Result<String, Error> {
    failure::read(argv).map(|output| output.stdout_text()).map_err(|error| or_install(error, argv[0]))
}

/// The same error, and what to install where it says that there is no such program.
pub(crate) fn or_install(error: Error, program: &str) -> Error {
    failure::or_install(error, program, &PACKAGES)
}
