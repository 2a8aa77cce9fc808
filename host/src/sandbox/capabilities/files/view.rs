//! How much of a granted folder a guest is shown: `only` and `public` in `files`.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use super::public;
use crate::policy::{FileGrant, Shown};

/// How much a guest is shown of a folder, and of everything below it.
#[derive(Clone, Default)]
pub(super) struct View {
    /// The grant, where it names what is shown; `None` where everything is.
    pub(super) only: Option<Arc<FileGrant>>,
    /// Whether only those files are shown that every user of the host may read.
    pub(super) public: bool,
}

/// Why something is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hidden {
    /// The grant does not name it.
    NotNamed,
    /// Not every user of the host may get to it.
    NotPublic,
}

impl View {
    /// The view of a granted folder.
    pub(super) fn of(grant: &FileGrant) -> Self {
        Self {
            only: (!grant.only.is_empty()).then(|| Arc::new(grant.clone())),
            public: grant.shown == Shown::Public,
        }
    }

    /// The view of a folder that is shown: everything below it is.
    pub(super) fn below(&self) -> Self {
        Self { only: None, public: self.public }
    }

    /// Whether a guest may look at anything below a folder.
    pub(super) fn may_begin(&self, folder: &File) -> Result<(), Hidden> {
        let may = !self.public || public::is_reachable(folder).unwrap_or(false);
        may.then_some(()).ok_or(Hidden::NotPublic)
    }

    /// Whether a guest may know whether something exists in a folder. `within` is the path of that from the
    /// granted folder on.
    pub(super) fn may_look_up(&self, folder: &File, within: &Path) -> Result<(), Hidden> {
        if self.public && !public::is_searchable(folder).unwrap_or(false) {
            return Err(Hidden::NotPublic);
        }
        let is_on_the_way = |grant: &Arc<FileGrant>| within.to_str().is_some_and(|path| grant.leads_to(path));
        self.only.as_ref().is_none_or(is_on_the_way).then_some(()).ok_or(Hidden::NotNamed)
    }

    /// Whether a guest may look at the thing at a path, which begins at the granted folder.
    pub(super) fn may_see(&self, within: &Path) -> Result<(), Hidden> {
        let is_named = |grant: &Arc<FileGrant>| within.to_str().is_some_and(|path| grant.shows(path));
        self.only.as_ref().is_none_or(is_named).then_some(()).ok_or(Hidden::NotNamed)
    }
}
