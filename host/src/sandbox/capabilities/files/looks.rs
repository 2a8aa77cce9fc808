//! What a guest sees of a granted folder of which only some is granted: `only` and `public` in `files`.

use std::path::Path;

use super::Handle;
use super::public::{gives_all, is_reachable};
use super::rules::Refusal;
use crate::policy::{FileGrant, FileMode, Grants};
use crate::sandbox::guest::Guest;

/// What a guest wants to do with what is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Look at it itself, be it a link or not.
    Itself,
    /// See what is there, or where a link leads.
    Followed,
    /// Write there, or where a link leads.
    Written,
}

impl Look {
    /// A look that follows links where this says so.
    pub(super) fn of(follows: bool) -> Self {
        if follows { Look::Followed } else { Look::Itself }
    }
}

impl Guest {
    /// Whether the grant of a folder shows what is at a path of it. What it does not goes to the audit log.
    pub(super) fn look(&self, folder: &Handle, path: &str, look: Look) -> Result<(), Refusal> {
        let open = self.files.open.get(&folder.rep());
        let only = open.and_then(|open| open.only.as_ref());
        let public = open.and_then(|open| open.public.as_ref());
        let is_public = public.is_none_or(|host| is_reachable(&host.join(path), look));
        if is_public && only.is_none_or(|grant| grant.shows(path) && leads_to_shown(grant, path, look)) {
            return Ok(());
        }
        let full = self.path(folder, path);
        self.job.denied_unless("files", format!("look at {full}"), |grants| {
            let mode = if look == Look::Written { FileMode::ReadWrite } else { FileMode::ReadOnly };
            let fits = |grant: &FileGrant| gives_all(grant, mode) || (is_public && mode == grant.mode);
            grants.files.iter().any(|grant| fits(grant) && grant.covers(&full))
        });
        Err(Refusal::NotPermitted)
    }

    /// Notes that the guest has looked for its folders, where it has those of none of the levels that it suggests. A path
    /// outside of all its folders it gives up by itself, and nobody hears of it.
    pub(super) fn note_folders(&self) {
        let has = &self.job.policy.grants.files;
        let is_there = |grants: &Grants| {
            !grants.files.is_empty() && grants.files.iter().all(|grant| has.contains(grant))
        };
        if !self.job.remedies.suggests(is_there) {
            self.job.remedies.denied(|grants| !grants.files.is_empty());
        }
    }
}

/// Whether the links on a path lead to nothing that the grant does not show. WASI itself holds them within the folder.
/// Between the look and the opening others may put a link there, who may write in what is shown.
fn leads_to_shown(grant: &FileGrant, path: &str, look: Look) -> bool {
    let place = grant.host.join(path);
    let real = match (look, place.parent(), place.file_name()) {
        (Look::Itself, Some(parent), Some(name)) => parent.canonicalize().map(|parent| parent.join(name)),
        _ => place.canonicalize(),
    };
    // Of what is not there WASI says that.
    let (Ok(real), Ok(host)) = (real, grant.host.canonicalize()) else { return true };
    let within = real.strip_prefix(host).ok().and_then(Path::to_str);
    within.is_some_and(|within| grant.shows(within))
}
