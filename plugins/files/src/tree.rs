//! Making, moving and removing files, folders and links.

use std::fs;

use failure::{Change, Done, Error, Kind, changed};
use host_files::errors::{done, of_io};
use host_files::{Temporary, paths, status};
use minion_sdk::job;

use crate::exports::minion::files::files::Written;
use crate::permissions::Wish;
use crate::put::{Content, put, refuse_all_but_files};

/// The mode of a new folder of which nobody says another.
const MODE: u32 = 0o755;

/// Sees to it that a file is as another one.
pub(crate) fn copy(source: &str, path: &str, backup: bool) -> Result<Written, Error> {
    let source = status::of(&paths::followed(source)?)?;
    refuse_all_but_files(&source)?;
    put(path, &Content::Of(&source), &Wish::like(&source.permissions)?, backup)
}

/// Moves something.
pub(crate) fn rename(source: &str, path: &str, overwrite: bool) -> Result<Change, Error> {
    let (from, to) = (paths::place(source)?, paths::place(path)?);
    let (moved, there) = (status::find(&from)?, status::find(&to)?);
    match (moved, there) {
        (None, Some(_)) => return Ok(changed(Vec::new())),
        (None, None) => return Err(Error::NotFound(format!("there is no \"{source}\" on this host"))),
        (Some(_), Some(_)) if from == to => return Ok(changed(Vec::new())),
        (Some(_), Some(there)) if there.kind == Kind::Folder || !overwrite => {
            return Err(Error::Invalid(format!(
                "\"{path}\" is there already: remove it, or say `overwrite` if it is a file"
            )));
        }
        (Some(_), _) => {}
    }
    done(fs::rename(&from, &to), "move", &from)?;
    Ok(changed(vec![format!("moved {from} to {to}")]))
}

/// Sees to it that nothing is at a path.
pub(crate) fn remove(path: &str, with_content: bool) -> Result<Change, Error> {
    let path = paths::place(path)?;
    let Some(there) = status::find(&path)? else { return Ok(changed(Vec::new())) };
    let words = match there.kind {
        Kind::Folder if with_content => {
            if path.matches('/').count() < 2 {
                return Err(Error::Denied(format!(
                    "\"{path}\" is a folder at the top of the host, which is not removed with all that is in it"
                )));
            }
            job::progress(0, 0, "removing the folder");
            // Called by itself, it says in a dry run what would be done.
            let removed = if job::dry_run() { fs::remove_dir(&path) } else { fs::remove_dir_all(&path) };
            done(removed, "remove", &path)?;
            format!("removed the folder {path} with all that was in it")
        }
        Kind::Folder => {
            let is_empty =
                fs::read_dir(&path).map_err(|error| of_io(&error, "look into", &path))?.next().is_none();
            if !is_empty {
                return Err(of_io(&std::io::ErrorKind::DirectoryNotEmpty.into(), "remove", &path));
            }
            done(fs::remove_dir(&path), "remove", &path)?;
            format!("removed the folder {path}")
        }
        _ => {
            done(fs::remove_file(&path), "remove", &path)?;
            format!("removed {path}")
        }
    };
    Ok(changed(vec![words]))
}

/// Sees to it that a folder is there.
pub(crate) fn mkdir(path: &str, wish: &Wish) -> Result<Change, Error> {
    let path = paths::followed(path)?;
    let Some(there) = status::find(&path)? else { return make(&path, wish) };
    if there.kind != Kind::Folder {
        return Err(Error::Invalid(format!("\"{path}\" is there already, and is no folder")));
    }
    let steps = wish.steps(Some(&there.permissions))?;
    steps.take(&path)?;
    Ok(changed(steps.words))
}

/// Makes a folder and those above it that are not there.
fn make(path: &str, wish: &Wish) -> Result<Change, Error> {
    let mut missing = vec![path];
    while let Some((above, _)) = paths::split(missing[missing.len() - 1]) {
        if status::find(above)?.is_some() {
            break;
        }
        missing.push(above);
    }
    let mut words = Vec::new();
    for folder in missing.iter().rev() {
        let wish = if *folder == path { wish } else { &Wish::default() };
        let steps = wish.or_mode(MODE).steps(None)?;
        words.push(format!("made the folder {folder}"));
        if *folder == path {
            words.extend(steps.words.iter().cloned());
        }
        if done(fs::create_dir(folder), "make", folder)? == Done::Now {
            steps.take(folder)?;
        }
    }
    Ok(changed(words))
}

/// Sees to it that a symbolic link is there.
pub(crate) fn link(path: &str, target: &str) -> Result<Change, Error> {
    if target.is_empty() || target.len() > 4095 || target.contains('\0') {
        return Err(Error::Invalid("the target is no path that a link can lead to".to_owned()));
    }
    let path = paths::place(path)?;
    match status::find(&path)? {
        Some(there) if there.target.as_deref() == Some(target) => return Ok(changed(Vec::new())),
        Some(there) if there.kind != Kind::Link => {
            return Err(Error::Invalid(format!(
                "\"{path}\" is there already, and is no link: remove it first"
            )));
        }
        _ => {}
    }
    if job::dry_run() {
        done(symlink("target", &path), "make", &path)?;
    } else {
        let mut new = Temporary::beside(&path)?;
        if target.starts_with('/') {
            // WASI makes no links that begin so.
            failure::change(&["ln", "-s", "-T", "--", target, &new.path])?;
        } else {
            done(symlink(target, &new.path), "make", &path)?;
        }
        new.is_made = true;
        new.put(&path)?;
    }
    Ok(changed(vec![format!("made the link {path} to {target}")]))
}

/// Makes a symbolic link. What the system calls it otherwise is no stable name for WASI.
fn symlink(target: &str, path: &str) -> std::io::Result<()> {
    #[allow(deprecated)]
    fs::soft_link(target, path)
}
