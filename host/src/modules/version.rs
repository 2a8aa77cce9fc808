//! One version of a module, as far as it is known.

use std::sync::{Arc, Weak};

use machine::clock::now_ms;
use wire::digest::Digest;
use wire::message::module::{Module, ModuleState, ModuleVersion};
use wire::message::outcome::FailureKind;
use wire::name::ModuleName;
use wire::value::signature::Methods;

use crate::modules::error::Refusal;
use crate::modules::index::Kept;
use crate::sandbox::LoadedModule;

/// A version and where it is on its way.
pub(super) struct Version {
    /// What it is, as far as anybody has looked.
    pub(super) about: Module,
    pub(super) state: ModuleState,
    /// Since when it is in that state, in milliseconds since 1970.
    pub(super) since: u64,
    /// Who signed it.
    pub(super) signer: Option<String>,
    /// When it was put into service last, counted within the module.
    pub(super) turn: Option<u64>,
    /// Whether its file is in the store.
    pub(super) kept: bool,
    /// Why the minion itself took it out of service, where it did because it trapped: its file in the folder is
    /// then no reason to put it back.
    pub(super) rolled_back: Option<String>,
    /// Whether it was discarded while it was on its way.
    pub(super) discarded: bool,
    /// Its code, while it is staged.
    pub(super) ready: Option<Arc<LoadedModule>>,
    /// Its code, as long as jobs run that have it.
    pub(super) draining: Weak<LoadedModule>,
    /// As what calls are rejected where it failed and none serves.
    pub(super) kind: FailureKind,
    /// Since when an earlier process had it in service, until another version is.
    pub(super) resumed: Option<u64>,
    /// How many of its jobs trapped since it was put into service.
    pub(super) traps: u32,
}

impl Version {
    /// One that has just come.
    pub(super) fn new(name: &ModuleName, digest: Digest) -> Self {
        Self {
            about: unknown(name, digest, None),
            state: ModuleState::Received,
            since: now_ms(),
            signer: None,
            turn: None,
            kept: false,
            rolled_back: None,
            discarded: false,
            ready: None,
            draining: Weak::new(),
            kind: FailureKind::UnknownModule,
            resumed: None,
            traps: 0,
        }
    }

    /// One that an earlier process kept.
    pub(super) fn recalled(name: &ModuleName, kept: Kept, served: bool) -> Self {
        let state = match (&kept.rolled_back, kept.turn, &kept.not_granted) {
            (Some(reason), ..) | (None, None, Some(reason)) => ModuleState::Failed(reason.clone()),
            (None, Some(_), _) => ModuleState::Retired,
            (None, None, None) => ModuleState::Staged,
        };
        let kind = match kept.not_granted {
            Some(_) => FailureKind::CapabilityMissing,
            None => FailureKind::UnknownModule,
        };
        Self {
            kind,
            about: unknown(name, kept.digest, kept.version),
            state,
            since: kept.since,
            signer: kept.signer,
            turn: kept.turn,
            kept: true,
            rolled_back: kept.rolled_back,
            resumed: served.then_some(kept.since),
            ..Self::new(name, kept.digest)
        }
    }

    /// As the index says it; nothing of a version whose file is not kept.
    pub(super) fn kept(&self) -> Option<Kept> {
        self.kept.then(|| Kept {
            digest: self.about.digest,
            version: self.about.version.clone(),
            signer: self.signer.clone(),
            since: self.since,
            turn: self.turn,
            rolled_back: self.rolled_back.clone(),
            not_granted: self.awaited_grant().map(str::to_owned),
        })
    }

    /// It is in this state from now on.
    pub(super) fn now(&mut self, state: ModuleState) {
        if self.state != state {
            (self.state, self.since) = (state, now_ms());
        }
    }

    /// It is what it was before it was wanted. Part of what is kept.
    pub(super) fn rest(&mut self) {
        let rested = match (&self.rolled_back, self.turn) {
            (Some(reason), _) => ModuleState::Failed(reason.clone()),
            (None, Some(_)) => ModuleState::Retired,
            (None, None) => ModuleState::Staged,
        };
        self.now(rested);
    }

    /// It is not in service, and why.
    pub(super) fn failed(&mut self, refusal: Refusal) {
        self.ready = None;
        self.kind = refusal.kind;
        self.now(ModuleState::Failed(refusal.reason));
    }

    /// Whether there is anything that it could be put into service from.
    pub(super) fn is_good(&self) -> bool {
        self.kept && !matches!(self.state, ModuleState::Failed(_))
    }

    /// As others are told of it.
    pub(super) fn describe(&self) -> ModuleVersion {
        ModuleVersion {
            digest: self.about.digest,
            version: self.about.version.clone(),
            state: self.state.clone(),
            since: self.since,
            signer: self.signer.clone(),
        }
    }
}

fn unknown(name: &ModuleName, digest: Digest, version: Option<String>) -> Module {
    Module {
        name: name.clone(),
        version,
        digest,
        description: None,
        state: ModuleState::Received,
        methods: Methods::default(),
        imports: Vec::new(),
        versions: Vec::new(),
    }
}
