//! Modes of what is written, and who else could change it meanwhile.

use std::collections::BTreeMap;
use std::fs::{self, File};

use failure::{Error, Permissions};

use crate::errors::of_io;
use crate::{Temporary, paths, status};

/// What all others may do with a new file, as the system makes it.
const READ: u32 = 0o044;
/// The bits that let others than the owner write.
const OTHERS_WRITE: u32 = 0o022;
/// The bit that keeps everybody in a folder from replacing what is not theirs.
const STICKY: u32 = 0o1000;
/// How many files are given a mode at once.
const AT_ONCE: usize = 100;

/// Takes rights away from a new file that it is not to have.
///
/// # Errors
/// Where `chmod` fails.
pub fn narrow(path: &str, mode: u32) -> Result<(), Error> {
    if mode & READ != READ {
        failure::change(&["chmod", "--", &format!("{:05o}", mode & 0o600), path])?;
    }
    Ok(())
}

/// Sees to it that paths have their modes; gives back those that had another.
///
/// # Errors
/// Where they cannot be looked at, or `chmod` fails.
pub fn set(wished: Vec<(String, u32)>, is_dry: bool) -> Result<Vec<(String, u32)>, Error> {
    let paths: Vec<String> = wished.iter().map(|(path, _)| path.clone()).collect();
    let wished: BTreeMap<String, u32> = wished.into_iter().collect();
    let mut others: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    for status in status::all(&paths)? {
        let Some(mode) = wished.get(&status.path) else { continue };
        if bits(&status.permissions) != *mode {
            others.entry(*mode).or_default().push(status.path);
        }
    }
    for (mode, paths) in &others {
        for some in paths.chunks(AT_ONCE).filter(|_| !is_dry) {
            // With five digits also a bit that a folder passes on to what is made in it is taken away.
            let mode = format!("{mode:05o}");
            let argv = ["chmod", "--", &mode].into_iter().chain(some.iter().map(String::as_str));
            failure::change(&argv.collect::<Vec<_>>())?;
        }
    }
    Ok(others.into_iter().flat_map(|(mode, paths)| paths.into_iter().map(move |path| (path, mode))).collect())
}

/// The number of the user whose files are that this module makes; none in a dry run, which makes none.
///
/// # Errors
/// Where nothing may be written there.
pub fn own(folder: &str, is_dry: bool) -> Result<Option<u32>, Error> {
    if is_dry {
        return Ok(None);
    }
    let mut at = folder;
    while fs::symlink_metadata(at).is_err() {
        let Some((above, _)) = paths::split(at) else { break };
        at = above;
    }
    let mut tried = Temporary::beside(&paths::join(at, "own"))?;
    File::options()
        .write(true)
        .create_new(true)
        .open(&tried.path)
        .map_err(|error| of_io(&error, "write in", at))?;
    tried.is_made = true;
    Ok(Some(status::of(&tried.path)?.permissions.uid))
}

/// Refuses folders in which others could put something else in the place of what is written: what is done there goes by the
/// path, and would be done to whatever a link leads to.
///
/// # Errors
/// Where there is one.
pub fn check(root: &str, folders: Vec<String>, own: Option<u32>) -> Result<(), Error> {
    let mut all = folders;
    let mut left = root;
    while let Some((above, _)) = paths::split(left) {
        all.push(above.to_owned());
        left = above;
    }
    for status in status::all(&all)? {
        let mode = bits(&status.permissions);
        let is_ours = own.is_none_or(|own| [0, own].contains(&status.permissions.uid));
        if !is_ours || (mode & OTHERS_WRITE != 0 && mode & STICKY == 0) {
            return Err(Error::Denied(format!(
                "nothing is written, because others than the user that the minion runs as may write in \"{}\", who could put \
                 a link there meanwhile: use a folder that is not theirs",
                status.path
            )));
        }
    }
    Ok(())
}

/// The bits of a mode.
pub fn bits(permissions: &Permissions) -> u32 {
    u32::from_str_radix(&permissions.mode, 8).unwrap_or_default()
}
