//! Which folders of the host a module may see. What is opened below them is looked at again by the sandbox.

use std::path::PathBuf;

use serde::Deserialize;

/// A folder of the host under a path of the guest's.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, try_from = "Given")]
pub struct FileGrant {
    /// The folder on the host, absolute.
    pub host: PathBuf,
    /// The path at which the guest finds the folder.
    pub guest: String,
    /// What the guest may do in the folder.
    pub mode: FileMode,
    /// Whether the guest may make symbolic links in the folder, give them further names, or move them.
    pub symlinks: Symlinks,
    /// The files and folders that the guest may see, by their paths from the granted folder on; of a folder all
    /// that is below it. Where the list is empty, the guest may see everything.
    pub only: Vec<String>,
    /// Which files the guest may see, by the permissions that the host gives them.
    pub shown: Shown,
}

/// Which files of a folder may be seen, by the permissions that the host gives them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shown {
    /// All that the minion itself may read.
    #[default]
    All,
    /// Those that every user of the host may read, and no others: no keys, and no hashes of passwords.
    Public,
}

/// Whether a module may make symbolic links.
///
/// A link leads those who follow it wherever it says, out of the folder too: not the module, but a program of the
/// host that trusts what it finds there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Symlinks {
    /// The module may not make any.
    #[default]
    Refused,
    /// The module may make them.
    Allowed,
}

/// What a module may do in a folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum FileMode {
    /// List it and read its files.
    #[default]
    #[serde(rename = "ro")]
    ReadOnly,
    /// Everything: also make, change and remove files and folders.
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
    #[serde(default)]
    only: Vec<String>,
    #[serde(default)]
    public: bool,
}

/// Why a folder cannot be granted as it is written.
#[derive(Debug, thiserror::Error)]
enum BadFiles {
    /// The folder is not given by its whole path.
    #[error("folder \"{0}\" is not an absolute path: write it from \"/\" on")]
    Relative(String),
    /// A path below the folder may lead out of it, or nowhere.
    #[error(
        "\"{0}\" in `only` is not a path within the folder: write it without \"/\" in front, \".\" and \"..\""
    )]
    NotWithin(String),
    /// A folder that is granted for writing cannot be limited to some of its files.
    #[error("`{0}` is for reading: leave it out, or `mode = \"rw\"`")]
    Writable(&'static str),
}

impl TryFrom<Given> for FileGrant {
    type Error = BadFiles;

    /// Without `guest` the guest finds the folder under the host's own path.
    fn try_from(Given { host, guest, mode, symlinks, only, public }: Given) -> Result<Self, BadFiles> {
        let symlinks = if symlinks { Symlinks::Allowed } else { Symlinks::Refused };
        let guest = guest.unwrap_or_else(|| host.to_string_lossy().into_owned());
        if let Some(relative) =
            [&*host.to_string_lossy(), &guest].into_iter().find(|path| !path.starts_with('/'))
        {
            return Err(BadFiles::Relative(relative.to_owned()));
        }
        let step = |step: &str| matches!(step, "" | "." | "..");
        if let Some(path) = only.iter().find(|path| path.split('/').any(step)) {
            return Err(BadFiles::NotWithin(path.clone()));
        }
        let is_for_reading = (mode, symlinks) == (FileMode::ReadOnly, Symlinks::Refused);
        let held = [("only", !only.is_empty()), ("public", public)];
        if let Some((key, _)) = held.into_iter().find(|(_, is_set)| *is_set && !is_for_reading) {
            return Err(BadFiles::Writable(key));
        }
        let shown = if public { Shown::Public } else { Shown::All };
        Ok(Self { host, guest, mode, symlinks, only, shown })
    }
}

impl FileGrant {
    /// Whether the guest may see what is at `path`, which begins at the folder. Where the guest may not see
    /// everything, a path with `..` in it is not shown.
    pub fn shows(&self, path: &str) -> bool {
        self.only.is_empty()
            || steps(path).is_some_and(|steps| self.named().any(|named| steps.starts_with(&named)))
    }

    /// Whether what is at a path may be gone through on the way to something that the guest may see, or may itself be seen.
    pub fn leads_to(&self, path: &str) -> bool {
        let is_on_the_way =
            |steps: &[&str]| self.named().any(|named| steps.starts_with(&named) || named.starts_with(steps));
        self.only.is_empty() || steps(path).is_some_and(|steps| is_on_the_way(&steps))
    }

    /// What `only` names, step by step.
    fn named(&self) -> impl Iterator<Item = Vec<&str>> {
        self.only.iter().map(|only| only.split('/').collect())
    }

    /// Whether what is at `path`, as the guest names it, is in the folder and may be seen, as far as the path
    /// tells that: links on the way are for the sandbox to follow.
    pub fn covers(&self, path: &str) -> bool {
        let guest = self.guest.trim_end_matches('/');
        let below = path.strip_prefix(guest).filter(|below| below.is_empty() || below.starts_with('/'));
        below.is_some_and(|below| self.shows(below.trim_start_matches('/')))
    }
}

/// The steps of a path from a folder on; `None` where it begins elsewhere or climbs.
fn steps(path: &str) -> Option<Vec<&str>> {
    let steps: Vec<&str> = path.split('/').filter(|step| !matches!(*step, "" | ".")).collect();
    (!path.starts_with('/') && !steps.contains(&"..")).then_some(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(text: &str) -> Result<FileGrant, String> {
        toml::from_str(text).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn of_a_folder_only_some_files_may_be_seen() {
        let proc = grant("host = '/proc'\nonly = ['uptime', 'sys/kernel']").expect("a grant");
        for shown in ["uptime", "./uptime", "sys/kernel", "sys//kernel/hostname", "sys/kernel/random/uuid"] {
            assert!(proc.shows(shown), "{shown}");
        }
        for hidden in [
            "",
            ".",
            "..",
            "sys",
            "uptimes",
            "1/mem",
            "self/environ",
            "sys/kernel/../../1/mem",
            "/uptime",
            "uptime/..",
        ] {
            assert!(!proc.shows(hidden), "{hidden}");
        }
        assert!(
            proc.covers("/proc/uptime") && !proc.covers("/proc/1/mem") && !proc.covers("/process/uptime")
        );
        for way in ["", "sys", "sys/kernel", "sys/kernel/hostname", "uptime"] {
            assert!(proc.leads_to(way), "{way}");
        }
        for aside in ["1", "sys/fs", "uptimes", "sy", "sys/..", "/sys"] {
            assert!(!proc.leads_to(aside), "{aside}");
        }
        let all = grant("host = '/srv'\nguest = '/'").expect("a grant");
        assert!(all.shows("anything") && all.covers("/anything") && all.leads_to("anything"));
        let app = grant("host = '/srv/app'\nguest = '/app/'").expect("a grant");
        assert!(app.covers("/app") && app.covers("/app/log") && !app.covers("/application"));
    }

    #[test]
    fn files_are_named_from_their_folder_on_and_for_reading() {
        for (text, named) in [
            ("host = '/proc'\nonly = ['/uptime']", "\"/uptime\" in `only`"),
            ("host = '/proc'\nonly = ['a/../b']", "\"a/../b\" in `only`"),
            ("host = '/proc'\nonly = ['']", "in `only`"),
            ("host = '/proc'\nonly = ['uptime']\nmode = 'rw'", "`only` is for reading"),
            ("host = '/'\npublic = true\nmode = 'rw'", "`public` is for reading"),
            ("host = '/'\npublic = true\nsymlinks = true", "`public` is for reading"),
            ("host = 'proc'", "\"proc\" is not an absolute path"),
            ("host = '/proc'\nguest = 'proc'", "\"proc\" is not an absolute path"),
        ] {
            let told = grant(text).expect_err(text);
            assert!(told.contains(named), "{text}: {told}");
        }
    }
}
