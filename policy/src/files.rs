//! Which folders of the host a module may see.

use std::path::PathBuf;

use serde::Deserialize;

/// A folder of the host under a path of the guest's.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, try_from = "Given")]
pub struct FileGrant {
    /// The folder on the host, absolute.
    pub host: PathBuf,
    /// Where the guest finds it.
    pub guest: String,
    /// What it may do there.
    pub mode: FileMode,
    /// Whether it may make symbolic links there, give them further names, or move them.
    pub symlinks: Symlinks,
}

/// Whether a module may make symbolic links.
///
/// A link leads those who follow it wherever it says, out of the folder too: not the module, but a program of
/// the host that trusts what it finds there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Symlinks {
    /// It may not.
    #[default]
    Refused,
    /// It may.
    Allowed,
}

/// What a module may do in a folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum FileMode {
    /// Look and read.
    #[default]
    #[serde(rename = "ro")]
    ReadOnly,
    /// Everything.
    #[serde(rename = "rw")]
    ReadWrite,
}

/// A folder as it stands in the file, before its paths are looked at.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    host: PathBuf,
    guest: Option<String>,
    #[serde(default)]
    mode: FileMode,
    #[serde(default)]
    symlinks: bool,
}

/// A folder that is not given by its whole path.
#[derive(Debug, thiserror::Error)]
#[error("folder \"{0}\" is not an absolute path: write it from \"/\" on")]
struct Relative(String);

impl TryFrom<Given> for FileGrant {
    type Error = Relative;

    /// Without `guest` the guest finds the folder under the host's own path.
    fn try_from(Given { host, guest, mode, symlinks }: Given) -> Result<Self, Relative> {
        let symlinks = if symlinks { Symlinks::Allowed } else { Symlinks::Refused };
        let guest = guest.unwrap_or_else(|| host.to_string_lossy().into_owned());
        match [host.is_absolute(), guest.starts_with('/')] {
            [true, true] => Ok(Self { host, guest, mode, symlinks }),
            [false, _] => Err(Relative(host.to_string_lossy().into_owned())),
            [true, false] => Err(Relative(guest)),
        }
    }
}
