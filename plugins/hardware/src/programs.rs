//! The programs that the module runs, and the packages that have them.

use failure::{Error, Package};
use minion_sdk::process::Output;

const PACKAGES: [Package; 7] = [
    Package { program: "dmidecode", apt: "dmidecode", dnf: "dmidecode" },
    Package { program: "free", apt: "procps", dnf: "procps-ng" },
    Package { program: "lscpu", apt: "util-linux", dnf: "util-linux" },
    Package { program: "lspci", apt: "pciutils", dnf: "pciutils" },
    Package { program: "lsusb", apt: "usbutils", dnf: "usbutils" },
    Package { program: "sensors", apt: "lm-sensors", dnf: "lm_sensors" },
    Package { program: "smartctl", apt: "smartmontools", dnf: "smartmontools" },
];

/// Runs a program that only reads, whatever it says about its end.
pub(crate) fn run(argv: &[&str]) -> Result<Output, Error> {
    failure::run(argv).map_err(|error| failure::or_install(error, argv[0], &PACKAGES))
}

/// What a program prints that only reads, to its good end.
pub(crate) fn text(argv: &[&str]) -> Result<String, Error> {
    failure::read(argv)
        .map(|output| output.stdout_text())
        .map_err(|error| failure::or_install(error, argv[0], &PACKAGES))
}

/// What a program prints as JSON.
pub(crate) fn json<T: serde::de::DeserializeOwned>(program: &str, text: &str) -> Result<T, Error> {
    serde_json::from_str(text)
        .map_err(|error| Error::Other(format!("`{program}` said what cannot be read: {error}")))
}
