//! The file that is fetched, in its place.

use std::fs::{self, File};

use failure::{Error, Kind};
use host_files::errors::of_io;
use host_files::reading::digest;
use host_files::{Temporary, modes, paths, status};
use minion_sdk::job;
use sha2::Sha256;

use crate::download::Download;
use crate::exports::minion::fetch::fetch::Fetched;
use crate::way::Way;
use crate::wish::Wish;

/// The mode of a new file of which nobody says another.
const MODE: u32 = 0o644;

/// Sees to it that a file is that of a web server.
pub(crate) fn get(mut way: Way, path: &str, wish: &Wish) -> Result<Fetched, Error> {
    let path = paths::place(path)?;
    let there = There::of(&path)?;
    let mode = wish.mode.or(there.as_ref().map(|there| there.mode)).unwrap_or(MODE);
    let mut fetched =
        Fetched { changed: false, changes: Vec::new(), size: None, sha256: None, resumed_bytes: 0 };
    if let (Some(there), Some(wished)) = (&there, &wish.sha256) {
        if there.sha256 == *wished {
            (fetched.size, fetched.sha256) = (Some(there.size), Some(wished.clone()));
            return finish(fetched, &path, mode);
        }
    }
    if job::dry_run() {
        if wish.sha256.is_none() {
            let (size, sum) = Download::into(None, wish.most, false)?.run(&mut way)?;
            (fetched.size, fetched.sha256) = (Some(size), Some(sum));
        }
    } else {
        fetch(&mut way, &path, mode, wish, there.as_ref(), &mut fetched)?;
    }
    if fetched.sha256.is_none() || there.as_ref().map(|there| &there.sha256) != fetched.sha256.as_ref() {
        fetched.changes.push(format!("fetched {} into {path}", way.url()));
    }
    finish(fetched, &path, mode)
}

/// What is at the path.
struct There {
    mode: u32,
    size: u64,
    sha256: String,
}

impl There {
    fn of(path: &str) -> Result<Option<Self>, Error> {
        let Some(status) = status::find(path)? else { return Ok(None) };
        if status.kind != Kind::File {
            return Err(Error::Invalid(format!("\"{path}\" is there, and is no file")));
        }
        let sha256 = digest::<Sha256>(path)?;
        Ok(Some(Self { mode: modes::bits(&status.permissions), size: status.size, sha256 }))
    }
}

/// Sets the mode, and says what was changed.
fn finish(mut fetched: Fetched, path: &str, mode: u32) -> Result<Fetched, Error> {
    let others = modes::set(vec![(path.to_owned(), mode)], job::dry_run())?;
    if fetched.changes.is_empty() && !others.is_empty() {
        fetched.changes.push(format!("set the mode of {path} to {mode:04o}"));
    }
    fetched.changed = !fetched.changes.is_empty();
    Ok(fetched)
}

/// Fetches it beside its place, and puts it there if it is another than what is there.
fn fetch(
    way: &mut Way,
    path: &str,
    mode: u32,
    wish: &Wish,
    there: Option<&There>,
    fetched: &mut Fetched,
) -> Result<(), Error> {
    let (folder, _) =
        paths::split(path).ok_or_else(|| Error::Invalid("\"/\" is a folder, and no file".to_owned()))?;
    let found = fs::symlink_metadata(folder).map_err(|error| of_io(&error, "write in", folder))?;
    if !found.is_dir() {
        return Err(Error::Invalid(format!("\"{folder}\" is no folder")));
    }
    modes::check(folder, vec![folder.to_owned()], modes::own(folder, false)?)?;
    let mut new = match &wish.sha256 {
        Some(sum) => Temporary::part(path, sum)?,
        None => Temporary::beside(path)?,
    };
    let file = open(&new.path, mode)?;
    // What is there of it already stays for the next call, where its checksum tells whether that is good.
    new.is_made = wish.sha256.is_none();
    let place = new.path.clone();
    let mut download = Download::into(Some((file, &place)), wish.most, wish.sha256.is_some())?;
    let ran = download.run(way);
    if ran.is_err() && download.is_empty() {
        // There is nothing that the next call could go on with.
        new.is_made = true;
    }
    let (mut size, mut sum) = ran?;
    if wish.sha256.as_ref().is_some_and(|wished| *wished != sum) && download.resumed > 0 {
        // A part of before may be of another file.
        download.forget()?;
        (size, sum) = download.run(way)?;
    }
    fetched.resumed_bytes = download.resumed;
    drop(download);
    new.is_made = true;
    if let Some(wished) = wish.sha256.as_ref().filter(|wished| **wished != sum) {
        return Err(Error::Invalid(format!(
            "what came from {} has the SHA-256 {sum}, and not {wished}: nothing is put at \"{path}\"",
            way.url()
        )));
    }
    if there.is_none_or(|there| there.sha256 != sum) {
        modes::set(vec![(new.path.clone(), mode)], false)?;
        new.put(path)?;
    }
    (fetched.size, fetched.sha256) = (Some(size), Some(sum));
    Ok(())
}

/// Opens a file that is fetched into, which may have a part of it already.
fn open(path: &str, mode: u32) -> Result<File, Error> {
    let fail = |error| of_io(&error, "write", path);
    match fs::symlink_metadata(path) {
        Ok(found) if !found.is_file() => {
            Err(Error::Denied(format!("\"{path}\" is in the way, and is no file: remove it")))
        }
        Ok(_) => File::options().read(true).write(true).open(path).map_err(fail),
        Err(_) => {
            let file = File::options().read(true).write(true).create_new(true).open(path).map_err(fail)?;
            // Before anything is in it, so that nobody reads it who may not.
            modes::narrow(path, mode)?;
            Ok(file)
        }
    }
}
