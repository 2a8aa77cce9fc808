//! One version of a module, as far as it is known.

use std::sync::{Arc, Weak};
use std::time::Duration;

use machine::clock::now_ms;
use wire::digest::Digest;
use wire::message::module::{Module, ModuleState, ModuleVersion};
use wire::message::outcome::FailureKind;
use wire::name::ModuleName;
use wire::value::method::Methods;

use super::index::Kept;
use super::life::{History, Life, Progress};
use crate::modules::error::Refusal;
use crate::policy::RollbackRule;
use crate::sandbox::LoadedModule;

/// A version, and where it is in its life.
pub(in crate::modules) struct Version {
    /// What it is, as far as anybody has looked.
    about: Module,
    life: Life,
    /// Since when it is where it is in its life, in milliseconds since 1970.
    since: u64,
    /// Who signed it.
    signer: Option<String>,
    history: History,
    /// Whether its file is in the store.
    kept: bool,
    /// Its code, for as long as it is held here or jobs run that have it.
    code: Weak<LoadedModule>,
}

impl Version {
    /// One that has just come.
    pub(super) fn new(name: &ModuleName, digest: Digest) -> Self {
        Self {
            about: unknown(name, digest, None),
            life: Life::Coming { progress: Progress::Received, ready: None, discarded: false },
            since: now_ms(),
            signer: None,
            history: History::New,
            kept: false,
            code: Weak::new(),
        }
    }

    /// One that an earlier process kept.
    pub(super) fn recalled(name: &ModuleName, kept: Kept) -> Self {
        let history = match (kept.rolled_back, kept.serving_number) {
            (Some(reason), serving_number) => {
                History::RolledBack { serving_number: serving_number.unwrap_or_default(), reason }
            }
            (None, Some(serving_number)) => History::Served(serving_number),
            (None, None) => History::New,
        };
        let life = match (&history, kept.not_granted) {
            (History::New, Some(reason)) => {
                Life::Failed(Refusal { reason, kind: FailureKind::CapabilityMissing })
            }
            _ => Life::Staged(None).rest(&history),
        };
        Self {
            about: unknown(name, kept.digest, kept.version),
            life,
            since: kept.since,
            signer: kept.signer,
            history,
            kept: true,
            code: Weak::new(),
        }
    }

    /// As the index says it; nothing of a version whose file is not kept.
    pub(super) fn index(&self) -> Option<Kept> {
        let rolled_back = match &self.history {
            History::RolledBack { reason, .. } => Some(reason.clone()),
            History::New | History::Served(_) => None,
        };
        self.kept.then(|| Kept {
            digest: self.about.digest,
            version: self.about.version.clone(),
            signer: self.signer.clone(),
            since: self.since,
            serving_number: self.history.serving_number(),
            rolled_back,
            not_granted: self.awaited_grant().map(str::to_owned),
        })
    }

    /// The digest that it is known by.
    pub(in crate::modules) fn digest(&self) -> Digest {
        self.about.digest
    }

    /// What it is, as far as anybody has looked.
    pub(super) fn about(&self) -> &Module {
        &self.about
    }

    /// As others are told of its life.
    pub(in crate::modules) fn state(&self) -> ModuleState {
        self.life.state()
    }

    /// Since when it is in that state, in milliseconds since 1970.
    pub(in crate::modules) fn since(&self) -> u64 {
        self.since
    }

    /// Its code, where it serves.
    pub(super) fn active(&self) -> Option<&Arc<LoadedModule>> {
        match &self.life {
            Life::Active { module, .. } => Some(module),
            _ => None,
        }
    }

    /// Its code, where jobs still run of it although it is out of service.
    pub(super) fn draining(&self) -> Option<Arc<LoadedModule>> {
        matches!(self.life, Life::Draining).then(|| self.code.upgrade()).flatten()
    }

    /// Its code, wherever that still is.
    pub(super) fn code(&self) -> Option<Arc<LoadedModule>> {
        self.code.upgrade()
    }

    /// When it was put into service last, counted within the module; nothing where it never served.
    pub(super) fn serving_number(&self) -> Option<u64> {
        self.history.serving_number()
    }

    /// Whether its file is in the store.
    pub(in crate::modules) fn is_kept(&self) -> bool {
        self.kept
    }

    /// Whether its file is in the store.
    pub(in crate::modules) fn set_kept(&mut self, kept: bool) {
        self.kept = kept;
    }

    /// Who signed it.
    pub(in crate::modules) fn set_signer(&mut self, signer: Option<String>) {
        self.signer = signer;
    }

    /// Whether it waits to be put into service.
    pub(in crate::modules) fn is_staged(&self) -> bool {
        matches!(self.life, Life::Staged(_))
    }

    /// Whether it was refused, or taken out of service because it trapped.
    pub(in crate::modules) fn is_failed(&self) -> bool {
        matches!(self.life, Life::Failed(_))
    }

    /// Why it is not put into service, where it was refused.
    pub(super) fn refusal(&self) -> Option<&Refusal> {
        match &self.life {
            Life::Failed(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// Whether somebody discarded it while it was on its way.
    pub(in crate::modules) fn is_discarded(&self) -> bool {
        matches!(self.life, Life::Coming { discarded: true, .. })
    }

    /// Whether the minion itself took it out of service because it trapped, and it did not serve since.
    pub(in crate::modules) fn is_rolled_back(&self) -> bool {
        matches!(self.history, History::RolledBack { .. })
    }

    /// Whether there is anything that it could be put into service from.
    pub(in crate::modules) fn is_good(&self) -> bool {
        self.kept && !self.is_failed()
    }

    /// Whether nothing becomes of it by itself: it is out of service, or was refused for good.
    pub(super) fn is_at_rest(&self) -> bool {
        matches!(self.life, Life::Retired | Life::Failed(_)) && self.awaited_grant().is_none()
    }

    /// Whether it served and can be gone back to. One that could not be loaded since can: what was in its way may be gone.
    pub(super) fn can_come_back(&self) -> bool {
        self.kept && matches!(self.history, History::Served(_)) && self.active().is_none()
    }

    /// Why it was refused, where all that it lacks is a grant and it is kept for when that comes.
    pub(in crate::modules) fn awaited_grant(&self) -> Option<&str> {
        match (&self.life, &self.history) {
            (Life::Failed(Refusal { reason, kind: FailureKind::CapabilityMissing }), History::New)
                if self.kept =>
            {
                Some(reason)
            }
            _ => None,
        }
    }

    /// It comes, again or for the first time, or is further on its way. One that serves goes on doing so.
    pub(super) fn come(&mut self, progress: Progress) {
        self.turn_to(|life, _| life.come(progress));
    }

    /// It is wanted again, whoever discarded it on its way.
    pub(in crate::modules) fn want(&mut self) {
        if let Life::Coming { discarded, .. } = &mut self.life {
            *discarded = false;
        }
    }

    /// It is not wanted any more while it is on its way.
    pub(super) fn discard(&mut self) {
        if let Life::Coming { discarded, .. } = &mut self.life {
            *discarded = true;
        }
    }

    /// It is what it was before it came.
    pub(super) fn rest(&mut self) {
        self.turn_to(Life::rest);
    }

    /// It is kept, and can be put into service. One that serves goes on doing so.
    pub(super) fn stage(&mut self, module: Arc<LoadedModule>, signer: Option<String>) {
        self.about = module.describe().clone();
        (self.kept, self.signer) = (true, signer);
        if self.active().is_none() {
            self.code = Arc::downgrade(&module);
            self.turn_to(|_, _| Life::Staged(Some(module)));
        }
    }

    /// It is in service from now on, with this code. `serving_number` counts how often versions of the module were.
    pub(super) fn serve(&mut self, module: Arc<LoadedModule>, serving_number: u64) {
        self.about = module.describe().clone();
        self.code = Arc::downgrade(&module);
        let traps = match self.life {
            Life::Active { traps, .. } => traps,
            _ => {
                self.history = History::Served(serving_number);
                0
            }
        };
        self.turn_to(|_, _| Life::Active { module, traps });
    }

    /// It has been in service since an earlier process put it there.
    pub(super) fn serve_since(&mut self, since: u64) {
        self.since = since;
    }

    /// It is out of service from now on. Its code, where it was in service.
    pub(super) fn take_out(&mut self) -> Option<Arc<LoadedModule>> {
        let module = self.active().cloned()?;
        self.turn_to(|_, _| Life::Draining);
        Some(module)
    }

    /// The last of its jobs is over. Returns whether it is out of service now: it may be back by then, or drain once more.
    pub(super) fn retire(&mut self) -> bool {
        let over = matches!(self.life, Life::Draining) && self.code.strong_count() == 0;
        if over {
            self.turn_to(|_, _| Life::Retired);
        }
        over
    }

    /// It is refused.
    pub(super) fn fail(&mut self, refusal: Refusal) {
        self.turn_to(|_, _| Life::Failed(refusal));
    }

    /// The minion took it out of service by itself, because it trapped.
    pub(super) fn roll_back(&mut self, reason: &str) {
        let serving_number = self.history.serving_number().unwrap_or_default();
        self.history = History::RolledBack { serving_number, reason: reason.to_owned() };
    }

    /// Counts a trap while it serves; how many there were, where that is too many.
    pub(super) fn trapped(&mut self, rule: Option<RollbackRule>) -> Option<u32> {
        let served = Duration::from_millis(now_ms().saturating_sub(self.since));
        let Life::Active { traps, .. } = &mut self.life else { return None };
        *traps = traps.saturating_add(1);
        // The rule may be a newer one than some of the traps.
        let due = rule.is_some_and(|rule| *traps >= rule.traps.get() && served <= rule.within);
        due.then(|| std::mem::take(traps))
    }

    /// As others are told of it.
    pub(super) fn describe(&self) -> ModuleVersion {
        ModuleVersion {
            digest: self.about.digest,
            version: self.about.version.clone(),
            state: self.life.state(),
            since: self.since,
            signer: self.signer.clone(),
        }
    }

    /// Its life goes on like this, and since now where others see a difference.
    fn turn_to(&mut self, next: impl FnOnce(Life, &History) -> Life) {
        let before = self.life.state();
        let life = std::mem::replace(&mut self.life, Life::Retired);
        self.life = next(life, &self.history);
        if self.life.state() != before {
            self.since = now_ms();
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
