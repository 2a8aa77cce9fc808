//! What to install where a program is missing.

use crate::Error;

/// A program, and the packages that have it.
#[derive(Clone, Copy, Debug)]
pub struct Package {
    /// The program.
    pub program: &'static str,
    /// The package where there is apt.
    pub apt: &'static str,
    /// The package where there is dnf.
    pub dnf: &'static str,
}

/// The same error, and what to install where it says that this host has no such program.
pub fn or_install(error: Error, program: &str, packages: &[Package]) -> Error {
    match (error, packages.iter().find(|package| package.program == program)) {
        (Error::Unsupported(text), Some(Package { apt, dnf, .. })) => {
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
        let packages = [
            Package { program: "ping", apt: "iputils-ping", dnf: "iputils" },
            Package { program: "traceroute", apt: "traceroute", dnf: "traceroute" },
        ];
        let told = |program| or_install(Error::Unsupported("none".to_owned()), program, &packages);
        let ping = "none: install the package \"iputils-ping\", or \"iputils\" where there is dnf";
        assert_eq!(told("ping"), Error::Unsupported(ping.to_owned()));
        let traceroute = "none: install the package \"traceroute\"";
        assert_eq!(told("traceroute"), Error::Unsupported(traceroute.to_owned()));
        assert_eq!(told("other"), Error::Unsupported("none".to_owned()));
        assert_eq!(or_install(Error::Cancelled, "ping", &packages), Error::Cancelled);
    }
}
