//! Which folders a module may have a program run in.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use crate::wildcard::wildcard;

/// One folder, or with `*` in a name the folders whose names have that form: `/srv/app`, `/srv/repos/*`.
///
/// A `*` stands for no more than one name, and a folder is not granted with those below it, since what lies there
/// may belong to someone else.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "PathBuf")]
pub struct WorkingFolder(PathBuf);

/// The error for a text that names no folder to run programs in.
#[derive(Debug, thiserror::Error)]
#[error("\"{}\" in `cwd` is not a folder: write it from \"/\" on and without \"..\"", .0.display())]
pub struct BadFolder(PathBuf);

impl WorkingFolder {
    /// Whether a folder is granted. `real` is the folder's path without links; links in the parts of the pattern
    /// before its first `*` are followed as well.
    pub fn covers(&self, real: &Path) -> bool {
        let fixed: PathBuf = self.0.components().take_while(|part| !is_wild(part)).collect();
        let Ok(fixed) = fixed.canonicalize() else { return false };
        let pattern = fixed.components().chain(self.0.components().skip_while(|part| !is_wild(part)));
        alike(pattern, real)
    }

    /// Whether a folder that does not exist would be granted as it is written.
    pub fn names(&self, path: &Path) -> bool {
        alike(self.0.components(), path)
    }

    /// The pattern, as a path.
    pub fn as_path(&self) -> &Path {
        &self.0
    }
}

impl TryFrom<PathBuf> for WorkingFolder {
    type Error = BadFolder;

    fn try_from(path: PathBuf) -> Result<Self, BadFolder> {
        let climbs = path.components().any(|part| part == Component::ParentDir);
        if path.is_absolute() && !climbs { Ok(Self(path)) } else { Err(BadFolder(path)) }
    }
}

fn is_wild(part: &Component<'_>) -> bool {
    text(part.as_os_str()).is_some_and(|name| name.contains('*'))
}

fn alike<'a>(mut pattern: impl Iterator<Item = Component<'a>>, path: &Path) -> bool {
    let mut parts = path.components();
    loop {
        match (pattern.next(), parts.next()) {
            (None, None) => return true,
            (Some(pattern), Some(part)) if pattern == part => {}
            (Some(pattern), Some(Component::Normal(name))) => {
                let both = text(pattern.as_os_str()).zip(text(name));
                if !both.is_some_and(|(pattern, name)| wildcard(pattern, name)) {
                    return false;
                }
            }
            _ => return false,
        }
    }
}

fn text(name: &OsStr) -> Option<&str> {
    name.to_str()
}

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn folder(path: &Path) -> WorkingFolder {
        WorkingFolder::try_from(path.to_owned()).unwrap()
    }

    #[test]
    fn a_folder_is_granted_alone_and_a_star_stands_for_one_name() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        for name in ["app/deep", "app.d"] {
            std::fs::create_dir_all(root.join(name)).unwrap();
        }
        let app = folder(&root.join("app"));
        assert!(app.covers(&root.join("app")));
        assert!(
            !app.covers(&root.join("app/deep")) && !app.covers(&root.join("app.d")) && !app.covers(&root)
        );
        let all = folder(&root.join("*"));
        assert!(all.covers(&root.join("app")) && all.covers(&root.join("app.d")));
        assert!(!all.covers(&root.join("app/deep")) && !all.covers(&root));
        assert!(folder(&root.join("*/deep")).covers(&root.join("app/deep")));
        assert!(folder(&root.join("gone")).names(&root.join("gone")));
        assert!(!folder(&root.join("gone")).covers(&root.join("gone")));
    }

    #[test]
    fn a_granted_folder_may_be_a_link_and_a_link_in_it_leads_nowhere() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        std::fs::create_dir(root.join("real")).unwrap();
        symlink("real", root.join("app")).unwrap();
        assert!(folder(&root.join("app")).covers(&root.join("real")));
    }

    #[test]
    fn what_is_no_whole_path_is_refused() {
        for bad in ["", "srv", "./srv", "/srv/../etc"] {
            assert!(WorkingFolder::try_from(PathBuf::from(bad)).is_err(), "{bad:?} was accepted");
        }
    }
}
