//! The kernel that runs, and those that are installed.

use std::fs;

use failure::Error;
use host_files::texts::value;

/// Where each kernel has a folder.
const INSTALLED: &str = "/usr/lib/modules";

/// The release of the one that runs.
pub(crate) fn running() -> Result<String, Error> {
    value("/proc/sys/kernel/osrelease")
}

/// The release of the newest one that is installed and of the same kind as this one.
pub(crate) fn newest_like(running: &str) -> Option<String> {
    let folders = fs::read_dir(INSTALLED).into_iter().flatten().flatten();
    let releases = folders.filter_map(|folder| {
        let release = folder.file_name().into_string().ok()?;
        // One that was removed may leave behind what was made on this host, but nothing that its package brought.
        fs::metadata(format!("{INSTALLED}/{release}/modules.builtin")).ok()?;
        Some(release)
    });
    newest(releases.collect(), running)
}

fn newest(releases: Vec<String>, running: &str) -> Option<String> {
    let kind = kind(running);
    let alike = releases.into_iter().filter(|release| self::kind(release) == kind);
    alike.max_by_key(|release| numbers(release))
}

/// Whether the one release is of a later kernel than the other.
pub(crate) fn is_newer(release: &str, than: &str) -> bool {
    numbers(release) > numbers(than)
}

/// The numbers of a release, in order.
fn numbers(release: &str) -> Vec<u64> {
    let digits = release.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty());
    digits.map(|digits| digits.parse().unwrap_or(u64::MAX)).collect()
}

/// Which kind of kernel a release is of: its words without the numbers.
fn kind(release: &str) -> Vec<&str> {
    release.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_is_that_of_the_highest_numbers_of_its_kind() {
        let installed = || {
            ["6.1.0-9-amd64", "6.1.0-18-amd64", "6.1.0-21-cloud-amd64", "6.1.0-13-amd64"]
                .map(str::to_owned)
                .to_vec()
        };
        let found = newest(installed(), "6.1.0-13-amd64").expect("one");
        assert_eq!(found, "6.1.0-18-amd64");
        assert!(is_newer(&found, "6.1.0-13-amd64") && !is_newer(&found, "6.1.0-18-amd64"));
        assert_eq!(newest(installed(), "6.1.0-9-cloud-amd64").as_deref(), Some("6.1.0-21-cloud-amd64"));
        assert_eq!(newest(installed(), "5.15.0-1-generic"), None);
        let found = newest(vec!["5.14.0-427.13.1.el9_4.x86_64".to_owned()], "5.14.0-70.el9_4.x86_64");
        assert_eq!(found.as_deref(), Some("5.14.0-427.13.1.el9_4.x86_64"));
    }
}
