//! What is known of files: from WASI whether they may be seen, and from `stat` the rest.

use std::fs;
use std::io::ErrorKind;

use failure::{Error, Kind, Permissions, Timestamp, run, time};
use minion_sdk::job;

use crate::errors::of_io;
use crate::paths;

/// What is known of a file, a folder or a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its path.
    pub path: String,
    /// What it is.
    pub kind: Kind,
    /// How many bytes are in it.
    pub size: u64,
    /// Whose it is, and what who may do with it.
    pub permissions: Permissions,
    /// When what is in it was changed.
    pub modified: Timestamp,
    /// How many names it has.
    pub names: u64,
    /// Where it leads, if it is a link.
    pub target: Option<String>,
}

/// What `stat` is to print of each: mode, names, user, group, their names, size, time, path. The policy that the module
/// suggests has the same words.
const FORMAT: &str = "%f:%h:%u:%g:%U:%G:%s:%Y:%n";
/// How many are asked for at once, since a program takes only so many arguments.
const AT_ONCE: usize = 100;

/// What is at a path, which has no links on the way; an error where that is nothing.
///
/// # Errors
/// Also where it cannot be looked at.
pub fn of(path: &str) -> Result<Status, Error> {
    fs::symlink_metadata(path).map_err(|error| of_io(&error, "look at", path))?;
    let argv = ["stat", "-c", FORMAT, "--", path];
    let output = run(&argv)?;
    match take(&mut output.stdout_text().as_str(), path) {
        Some(status) if status.kind == Kind::Link => Ok(Status { target: paths::target(path)?, ..status }),
        Some(status) => Ok(status),
        None => Err(failure::failed(&argv, &output)),
    }
}

/// The same; none where nothing is there.
///
/// # Errors
/// Where it cannot be looked at.
pub fn find(path: &str) -> Result<Option<Status>, Error> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        _ => of(path).map(Some),
    }
}

/// What is at each of these paths that is still there, without where links lead.
///
/// # Errors
/// Where `stat` cannot be run, or the job is cancelled.
pub fn all(paths: &[String]) -> Result<Vec<Status>, Error> {
    let mut found = Vec::new();
    for some in paths.chunks(AT_ONCE) {
        if job::cancelled() {
            return Err(Error::Cancelled);
        }
        let mut argv = vec!["stat", "-c", FORMAT, "--"];
        argv.extend(some.iter().map(String::as_str));
        let text = run(&argv)?.stdout_text();
        let mut left = text.as_str();
        found.extend(some.iter().filter_map(|path| take(&mut left, path)));
    }
    Ok(found)
}

/// Takes the line of a path off what `stat` printed, if it comes next: a path that is gone has none. A name may have line
/// ends in it, so that the text alone does not say where a line ends.
fn take(text: &mut &str, path: &str) -> Option<Status> {
    let mut fields = text.splitn(9, ':');
    let mut next = || fields.next();
    let (mode, names, uid, gid) = (next()?, next()?, next()?, next()?);
    let (user, group, size, modified, rest) = (next()?, next()?, next()?, next()?, next()?);
    let rest = rest.strip_prefix(path)?.strip_prefix('\n')?;
    let mode = u32::from_str_radix(mode, 16).ok()?;
    let named = |name: &str, number: &str| if name == "UNKNOWN" { number } else { name }.to_owned();
    let kind = match mode & 0o170_000 {
        0o100_000 => Kind::File,
        0o040_000 => Kind::Folder,
        0o120_000 => Kind::Link,
        _ => Kind::Other,
    };
    let status = Status {
        path: path.to_owned(),
        kind,
        size: size.parse().ok()?,
        permissions: Permissions {
            mode: format!("{:04o}", mode & 0o7777),
            user: named(user, uid),
            uid: uid.parse().ok()?,
            group: named(group, gid),
            gid: gid.parse().ok()?,
        },
        modified: time(modified.parse().ok()?),
        names: names.parse().ok()?,
        target: None,
    };
    *text = rest;
    Some(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stat_prints_is_told_apart_whatever_names_are() {
        let text = "81a4:1:0:0:root:root:5:1700000000:/x/a\nb:c\n\
                    41ed:2:1234:0:UNKNOWN:domain users:4096:-5:/x/d\n";
        let mut left = text;
        assert!(take(&mut left, "/x/gone").is_none());
        let first = take(&mut left, "/x/a\nb:c").unwrap();
        assert_eq!((first.kind, first.size, first.permissions.mode.as_str()), (Kind::File, 5, "0644"));
        assert_eq!(first.modified.text, "2023-11-14T22:13:20Z");
        let second = take(&mut left, "/x/d").unwrap();
        assert_eq!((second.kind, second.permissions.mode.as_str()), (Kind::Folder, "0755"));
        assert_eq!((second.permissions.user.as_str(), second.permissions.uid), ("1234", 1234));
        assert_eq!((second.permissions.group.as_str(), second.modified.seconds), ("domain users", -5));
        assert_eq!(left, "");
    }
}
