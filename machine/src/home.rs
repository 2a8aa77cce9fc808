//! Where programs keep what belongs to the user who runs them, by the XDG base directory specification. Daemons
//! keep nothing there. Written by hand, since that is two variables, and crates for it bring the folders of other
//! systems.

use std::ffi::OsString;
use std::path::PathBuf;

/// The user's folder for data: `$XDG_DATA_HOME`, or `~/.local/share`. `None` where neither it nor a home is known.
pub fn data() -> Option<PathBuf> {
    folder(|name| std::env::var_os(name), "XDG_DATA_HOME", ".local/share")
}

/// The user's folder for what can be made again: `$XDG_CACHE_HOME`, or `~/.cache`. `None` where neither it nor a
/// home is known.
pub fn cache() -> Option<PathBuf> {
    folder(|name| std::env::var_os(name), "XDG_CACHE_HOME", ".cache")
}

/// A folder that a variable names, or one in the user's home. A path that is not absolute counts as none.
fn folder(variable: impl Fn(&str) -> Option<OsString>, name: &str, in_home: &str) -> Option<PathBuf> {
    let set = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    set(name).or_else(|| Some(set("HOME")?.join(in_home)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(set: &[(&str, &str)]) -> Option<PathBuf> {
        let variable = |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, path)| path.into());
        folder(variable, "XDG_DATA_HOME", ".local/share")
    }

    #[test]
    fn the_variable_counts_before_the_home_and_relative_paths_not_at_all() {
        let home = ("HOME", "/home/ada");
        assert_eq!(found(&[home, ("XDG_DATA_HOME", "/data")]), Some("/data".into()));
        assert_eq!(found(&[home, ("XDG_DATA_HOME", "data")]), Some("/home/ada/.local/share".into()));
        assert_eq!(found(&[home]), Some("/home/ada/.local/share".into()));
        assert_eq!(found(&[("HOME", "ada")]), None);
        assert_eq!(found(&[]), None);
    }
}
