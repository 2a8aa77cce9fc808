//! Where a version is in its life, and what it has behind it.

use std::sync::Arc;

use wire::message::module::ModuleState;

use crate::modules::error::Refusal;
use crate::sandbox::LoadedModule;

/// Where a version is in its life, with what is held for it there.
pub(super) enum Life {
    /// It came, again or for the first time, and is on its way to being ready.
    Coming {
        /// How far it is.
        progress: Progress,
        /// Its code, where it was staged before it came again.
        ready: Option<Arc<LoadedModule>>,
        /// Whether somebody discarded it meanwhile: it goes when it has come.
        discarded: bool,
    },
    /// It can be put into service. Its code, unless an earlier process staged it.
    Staged(Option<Arc<LoadedModule>>),
    /// It serves.
    Active {
        /// What calls get.
        module: Arc<LoadedModule>,
        /// How many of its jobs trapped since it was put into service.
        traps: u32,
    },
    /// It is out of service, and jobs still run of it.
    Draining,
    /// It is out of service, and no job runs of it.
    Retired,
    /// It is not put into service, and why.
    Failed(Refusal),
}

/// How far a version is that is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::modules) enum Progress {
    /// Its bytes are here.
    Received,
    /// They are a component that may be loaded.
    Verified,
    /// The compiler is at work.
    Compiling,
}

/// What a version has behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum History {
    /// It never served.
    New,
    /// It served. The number is that of the last time that it was put into service, counted within the module.
    Served(u64),
    /// The minion itself took it out of service because it trapped: its file in the folder is then no reason to put it back.
    RolledBack {
        /// When it was put into service last, counted within the module.
        serving_number: u64,
        /// Reads on from the module's name.
        reason: String,
    },
}

impl Life {
    /// As others are told of it.
    pub(super) fn state(&self) -> ModuleState {
        match self {
            Life::Coming { progress, .. } => progress.state(),
            Life::Staged(_) => ModuleState::Staged,
            Life::Active { .. } => ModuleState::Active,
            Life::Draining => ModuleState::Draining,
            Life::Retired => ModuleState::Retired,
            Life::Failed(refusal) => ModuleState::Failed(refusal.reason.clone()),
        }
    }

    /// The life of a version that comes, again or for the first time, or is further on its way.
    pub(super) fn come(self, progress: Progress) -> Self {
        match self {
            Life::Coming { ready, discarded, .. } => Life::Coming { progress, ready, discarded },
            Life::Staged(ready) => Life::Coming { progress, ready, discarded: false },
            Life::Active { .. } => self,
            Life::Draining | Life::Retired | Life::Failed(_) => {
                Life::Coming { progress, ready: None, discarded: false }
            }
        }
    }

    /// The life of a version that is not wanted any more on its way: what it was before it came.
    pub(super) fn rest(self, history: &History) -> Self {
        match (history, self) {
            (History::RolledBack { reason, .. }, _) => Life::Failed(Refusal::new(reason)),
            (History::Served(_), _) => Life::Retired,
            (History::New, Life::Coming { ready, .. } | Life::Staged(ready)) => Life::Staged(ready),
            (History::New, _) => Life::Staged(None),
        }
    }
}

impl Progress {
    /// As others are told of it.
    pub(in crate::modules) fn state(self) -> ModuleState {
        match self {
            Progress::Received => ModuleState::Received,
            Progress::Verified => ModuleState::Verified,
            Progress::Compiling => ModuleState::Compiling,
        }
    }
}

impl History {
    /// When it was put into service last, counted within the module; nothing where it never served.
    pub(super) fn serving_number(&self) -> Option<u64> {
        match self {
            History::New => None,
            History::Served(serving_number) | History::RolledBack { serving_number, .. } => {
                Some(*serving_number)
            }
        }
    }
}
