//! The one interface of the package managers, and which of them this host has.
//!
//! This file and those of the families name each other: they are such families, and here one of them is chosen.

use failure::{Error, run};

use crate::debian::Debian;
use crate::exports::minion::packages::package::{Details, Deviation, Found, Installed, Newer, Step};
use crate::plan::Plan;
use crate::redhat::RedHat;
use crate::waiting::Wait;

/// How the packages of a kind of host are looked at and changed. All names and versions that it is given are checked.
pub(crate) trait Family {
    /// All packages, those among them of which only files of configuration are left.
    fn table(&self) -> Result<Vec<Installed>, Error>;

    /// Whether the version `has` is the one that somebody means by `wished`.
    fn is_version(&self, has: &str, wished: &str) -> bool;

    fn info(&self, name: &str) -> Result<Details, Error>;

    fn search(&self, text: &str) -> Result<Vec<Found>, Error>;

    fn upgradable(&self) -> Result<Vec<Newer>, Error>;

    fn held(&self) -> Result<Vec<String>, Error>;

    fn owner(&self, path: &str) -> Result<Vec<String>, Error>;

    fn files(&self, name: &str) -> Result<Vec<String>, Error>;

    fn verify(&self, name: &str) -> Result<Vec<Deviation>, Error>;

    /// What a plan would do where this is installed.
    fn would(&self, plan: &Plan, table: &[Installed]) -> Result<Vec<Step>, Error>;

    fn carry_out(&self, plan: &Plan, wait: Wait) -> Result<(), Error>;

    /// Reads the repositories, and says whether there was anything to read.
    fn refresh(&self, wait: Wait) -> Result<bool, Error>;

    /// Holds packages, or lets them go.
    fn mark(&self, hold: bool, names: &[String], wait: Wait) -> Result<(), Error>;
}

/// The family that this host is of: the one whose own tool is a package of it. A Debian may have rpm to unpack with, and a
/// Fedora dpkg, but neither is in its own table there.
pub(crate) fn of_host() -> Result<&'static dyn Family, Error> {
    if is_own(&["dpkg-query", "--show", "--showformat=${db:Status-Status}", "--", "dpkg"])? {
        return Ok(&Debian);
    }
    if is_own(&["rpm", "--query", "--queryformat=%{NAME}\\n", "--", "rpm"])? {
        return Ok(&RedHat);
    }
    Err(Error::Unsupported("this host has neither dpkg and apt nor rpm and dnf".to_owned()))
}

fn is_own(argv: &[&str]) -> Result<bool, Error> {
    match run(argv) {
        Ok(output) => Ok(output.success() && output.stdout_text().trim() != "not-installed"),
        Err(Error::Unsupported(_)) => Ok(false),
        Err(error) => Err(error),
    }
}
