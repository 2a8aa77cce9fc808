//! Paths of the host.

use std::fs;

use failure::Error;

/// The longest path that the system takes.
const LONGEST: usize = 4096;
/// How many links may be on the way: as many as the system follows.
const MOST_LINKS: usize = 40;

/// What a link at the end of a path means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    /// What it leads to.
    Followed,
    /// The link.
    Itself,
}

/// The path of what somebody means, without links on the way; one at its end is what is meant.
///
/// # Errors
/// Where it is no whole path, or a link on it cannot be read.
pub fn place(path: &str) -> Result<String, Error> {
    resolve(path, Last::Itself)
}

/// The path of what somebody means, without any links.
///
/// # Errors
/// Where it is no whole path, or a link on it cannot be read.
pub fn followed(path: &str) -> Result<String, Error> {
    resolve(path, Last::Followed)
}

/// The folder that something is in, and its name there; none where it is `/`.
pub fn split(path: &str) -> Option<(&str, &str)> {
    let (folder, name) = path.rsplit_once('/')?;
    (!name.is_empty()).then_some((if folder.is_empty() { "/" } else { folder }, name))
}

/// The path of something in a folder.
pub fn join(folder: &str, name: &str) -> String {
    format!("{}/{name}", folder.trim_end_matches('/'))
}

/// Follows the links on a path by itself: WASI follows none that begins with `/`, though the whole host may be granted.
fn resolve(path: &str, last: Last) -> Result<String, Error> {
    check(path)?;
    let mut left: Vec<String> = steps(path);
    let (mut at, mut links) = (String::new(), 0);
    while let Some(step) = left.pop() {
        if step == ".." {
            at.truncate(at.rfind('/').unwrap_or(0));
            continue;
        }
        let next = format!("{at}/{step}");
        let is_meant = last == Last::Itself && left.is_empty();
        // What cannot be looked at is told by what is then done with it.
        let target = if is_meant { None } else { target(&next)? };
        let Some(target) = target else {
            at = next;
            continue;
        };
        links += 1;
        if links > MOST_LINKS {
            return Err(Error::Invalid(format!("\"{path}\" leads from link to link without an end")));
        }
        if target.starts_with('/') {
            at.clear();
        }
        left.extend(steps(&target));
    }
    Ok(if at.is_empty() { "/".to_owned() } else { at })
}

/// Where a link leads; none where there is no link, or nothing that may be seen. WASI does not say it of one that begins
/// with `/`, though it may be seen.
///
/// # Errors
/// Where `readlink` is needed and cannot be run.
pub fn target(path: &str) -> Result<Option<String>, Error> {
    match fs::read_link(path) {
        Ok(target) => Ok(Some(target.to_string_lossy().into_owned())),
        Err(_) if fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink()) => {
            let output = failure::run(&["readlink", "--", path])?;
            Ok(output.success().then(|| output.stdout_text().trim_end_matches('\n').to_owned()))
        }
        Err(_) => Ok(None),
    }
}

/// The steps of a path, the last one first.
fn steps(path: &str) -> Vec<String> {
    path.split('/').rev().filter(|step| !matches!(*step, "" | ".")).map(str::to_owned).collect()
}

/// Refuses what is no whole path.
///
/// # Errors
/// Where it is none.
pub fn check(path: &str) -> Result<(), Error> {
    let wrong = match path {
        _ if path.len() > LONGEST => "is longer than any path of the system",
        _ if path.contains('\0') => "has a character in it that no path has",
        _ if !path.starts_with('/') => "is no whole path: write it from \"/\" on",
        _ if path.split('/').any(|step| step == "..") => "has a \"..\" in it: write the path without",
        _ => return Ok(()),
    };
    let shown: String = path.chars().take(200).collect();
    Err(Error::Invalid(format!("\"{}\" {wrong}", shown.escape_debug())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_on_the_way_are_followed_and_the_last_one_where_that_is_meant() {
        let dir = std::env::temp_dir().canonicalize().unwrap().join(format!("paths-{}", std::process::id()));
        let at = |name: &str| dir.join(name).to_str().unwrap().to_owned();
        fs::create_dir_all(dir.join("real/deep")).unwrap();
        for (target, name) in
            [(at("real"), "whole"), ("real/deep/..".into(), "up"), ("whole".into(), "twice")]
        {
            std::os::unix::fs::symlink(target, dir.join(name)).unwrap();
        }
        std::os::unix::fs::symlink("loop", dir.join("loop")).unwrap();
        for name in ["whole", "up", "twice"] {
            assert_eq!(followed(&at(name)), Ok(at("real")), "{name}");
            assert_eq!(place(&at(name)), Ok(at(name)), "{name}");
            assert_eq!(place(&at(&format!("{name}/./deep//"))), Ok(at("real/deep")), "{name}");
        }
        assert_eq!(followed(&at("nothing/more")), Ok(at("nothing/more")));
        assert!(matches!(followed(&at("loop")), Err(Error::Invalid(_))));
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for path in ["", "etc", "/etc/../etc", "/..", "/a\0b", &"/x".repeat(3000)] {
            assert!(matches!(place(path), Err(Error::Invalid(_))), "{path:?}");
        }
        assert_eq!(place("/"), Ok("/".to_owned()));
        assert_eq!(split("/etc/motd"), Some(("/etc", "motd")));
        assert_eq!((split("/etc"), split("/")), (Some(("/", "etc")), None));
        assert_eq!(join("/", "etc"), "/etc");
    }
}
