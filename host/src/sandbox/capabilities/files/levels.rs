//! How far below its granted folder something lies: by the folders that it is in, and not by the names that a guest has for
//! them, which lead through links, or are those of a folder that was moved meanwhile.

use std::fs::File;
use std::io;
use std::sync::Arc;

use nix::errno::Errno;
use wasmtime_wasi::runtime::spawn_blocking;

use super::Handle;
use super::looks::Way;
use super::public::{above, is_same};
use super::refusal::Refusal;
use super::walk::{Aim, Blocked, End, Found};
use crate::sandbox::run::guest::Guest;

/// The most levels that are counted. A path that a guest names has fewer.
const MOST: usize = 10_000;

/// The place that a folder has, and the one that it is to have.
pub(super) struct Locations {
    from: Location,
    to: Location,
}

/// A place below a granted folder.
struct Location {
    /// The way to the folder that it is in, or why there is none.
    way: Result<Way, Blocked>,
    /// The granted folder.
    granted: Option<Arc<File>>,
}

impl Locations {
    /// Whether the folder would lie at fewer levels than it does, or below another granted folder: links in it would
    /// lead further out then, or elsewhere.
    pub(super) async fn leads_elsewhere(self) -> Result<bool, Blocked> {
        let (from, to) = (self.from.found().await?, self.to.found().await?);
        let levels = spawn_blocking(move || {
            let (Some((from, granted)), Some((to, also_granted))) = (from, to) else { return Ok(None) };
            if !is_same(&granted.metadata()?, &also_granted.metadata()?) {
                return Ok(None);
            }
            Ok::<_, io::Error>(level(&from.file, &granted)?.zip(level(&to.file, &granted)?))
        });
        Ok(levels.await?.is_none_or(|(from, to)| to < from))
    }
}

impl Location {
    /// The folder that it is in, and the granted folder above that; nothing where no granted folder is known.
    async fn found(self) -> Result<Option<(Found, Arc<File>)>, Blocked> {
        match self.way?.walked().await? {
            End::Found(found) => Ok(self.granted.map(|granted| (found, granted))),
            End::Missing(_) => Err(Errno::ENOENT.into()),
        }
    }
}

impl Guest {
    /// The place of the folder at one path, and the one at another that it is to have. The error ends the guest.
    pub(super) fn places(&self, [from, to]: [(&Handle, &str); 2]) -> wasmtime::Result<Locations> {
        Ok(Locations { from: self.place(from)?, to: self.place(to)? })
    }

    fn place(&self, (folder, path): (&Handle, &str)) -> wasmtime::Result<Location> {
        let granted = self.files.open.get(&folder.rep()).and_then(|open| open.granted.clone());
        let way = match path.trim_end_matches('/').rsplit_once('/').unwrap_or((".", path)) {
            // These have no place of their own that something could be moved from or to.
            (_, "." | ".." | "") => Err(Errno::EINVAL.into()),
            ("", _) => Err(Errno::EPERM.into()),
            (parent, _) => self.way(folder, parent, true, Aim::Look)?,
        };
        Ok(Location { way, granted })
    }

    /// What the guest is answered where it cannot be told how a folder would come to lie.
    pub(super) fn untold<E: From<Refusal> + From<io::Error>>(&self, blocked: Blocked, words: &str) -> E {
        match blocked {
            Blocked::Failed(error) if error.raw_os_error() != Some(Errno::EPERM as i32) => error.into(),
            _ => self.refuse_change(words).into(),
        }
    }
}

/// How many levels a folder lies below the granted one; nothing where it does not.
fn level(folder: &File, granted: &File) -> io::Result<Option<usize>> {
    let granted = granted.metadata()?;
    let (mut here, mut found) = (folder.try_clone()?, folder.metadata()?);
    for level in 0..MOST {
        if is_same(&found, &granted) {
            return Ok(Some(level));
        }
        here = above(&here)?;
        let next = here.metadata()?;
        if is_same(&found, &next) {
            return Ok(None);
        }
        found = next;
    }
    Ok(None)
}
