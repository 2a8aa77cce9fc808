//! How a minion is at this moment, for its owner.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use ledger::MinionLedger;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use wire::message::module::ModuleState;
use wire::name::MinionName;

use crate::descriptors::Descriptors;
use crate::jobs::Jobs;
use crate::link::LinkState;
use crate::membership::Member;
use crate::modules::Modules;
use crate::sandbox::LoadedModule;

/// The parts of a minion that tell how it is. Clones are the same parts.
#[derive(Clone)]
pub(crate) struct Vitals {
    pub(crate) member: watch::Receiver<Member>,
    pub(crate) started_at: u64,
    pub(crate) modules: Modules,
    pub(crate) jobs: Jobs,
    pub(crate) ledger: MinionLedger,
    pub(crate) link: watch::Receiver<LinkState>,
}

/// The state of a minion: what `minion status` shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The minion's name.
    pub name: MinionName,
    /// The version of its software.
    pub version: String,
    /// The id of its process.
    pub pid: u32,
    /// When it started, in milliseconds since 1970.
    pub started_at: u64,
    /// The address of its overlord.
    pub overlord: String,
    /// The last second of its certificate, since 1970.
    #[serde(default)]
    pub valid_until: i64,
    /// Since when it is linked to the overlord, in milliseconds since 1970; `None` where it is not.
    pub linked_since: Option<u64>,
    /// Why it is not linked; `None` where it is.
    pub unlinked: Option<String>,
    /// How instances are allocated, and why.
    pub engine: String,
    /// How many jobs can run at once.
    pub slots: usize,
    /// How many jobs run.
    pub running: usize,
    /// How many jobs wait for their turn.
    pub queued: usize,
    /// How many modules were found compiled in the cache.
    pub cache_hits: u64,
    /// How many modules had to be compiled.
    pub cache_misses: u64,
    /// Why compiled code is not kept; `None` where it is.
    pub cache_problem: Option<String>,
    /// How many bytes the ledger takes on disk; `None` where that cannot be told.
    pub ledger_bytes: Option<u64>,
    /// What the jobs of each version came to since it was loaded: of the versions in service, and of those that
    /// jobs still run of.
    pub modules: Vec<ModuleStatus>,
    /// How many file descriptors are open; `None` where that cannot be told.
    pub descriptors: Option<u64>,
    /// How many file descriptors may be open.
    pub descriptors_limit: u64,
    /// How many file descriptors are open for jobs.
    pub job_descriptors: u64,
    /// How many file descriptors may be open for jobs.
    pub job_descriptors_limit: u64,
    /// How many processes run for jobs.
    pub processes: u64,
    /// How many processes may run for jobs.
    pub processes_limit: u64,
    /// How many bytes are held for jobs besides their own memory.
    pub held_bytes: u64,
    /// How many bytes may be held for jobs besides their own memory.
    pub held_limit: u64,
    /// The ledger's folder.
    pub ledger: PathBuf,
    /// How many bytes may still be written to the ledger's disk.
    pub disk_free_bytes: u64,
    /// Whether that is enough for the minion to accept new jobs.
    pub disk_takes_work: bool,
}

/// What the jobs of one version of a module came to since it was loaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleStatus {
    /// The module's name.
    pub name: String,
    /// The version in its metadata, if it has one.
    pub version: Option<String>,
    /// SHA-256 of its file.
    pub digest: String,
    /// `active`, or `draining` where jobs still run of a version that is not in service any more.
    pub state: String,
    /// How many of its jobs have ended.
    pub jobs: u64,
    /// How many of its jobs ended in each outcome, by the outcome's word.
    pub outcomes: BTreeMap<String, u64>,
    /// The processor time of all its jobs, in microseconds.
    pub cpu_us: u64,
    /// The most memory that any of its jobs had, in bytes.
    pub peak_memory: u64,
}

impl Vitals {
    /// How the minion is now.
    pub(crate) fn status(&self) -> Status {
        let (sandbox, load) = (self.modules.sandbox().status(), self.jobs.load());
        let disk = self.ledger.disk();
        let (linked_since, unlinked) = match &*self.link.borrow() {
            LinkState::Linked { since, .. } => (Some(*since), None),
            LinkState::Unlinked(why) => (None, Some(why.clone())),
        };
        let Member { name, overlord, valid_until, authorities: _ } = self.member.borrow().clone();
        Status {
            name,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            started_at: self.started_at,
            overlord,
            valid_until,
            linked_since,
            unlinked,
            engine: sandbox.mode.to_string(),
            slots: sandbox.slots,
            running: load.running,
            queued: load.waiting,
            cache_hits: sandbox.cache_hits,
            cache_misses: sandbox.cache_misses,
            cache_problem: sandbox.cache_problem,
            ledger_bytes: self.ledger.disk_bytes().ok(),
            modules: self.module_status(),
            descriptors: Descriptors::open(),
            descriptors_limit: Descriptors::of_process().limit(),
            job_descriptors: sandbox.descriptors.used,
            job_descriptors_limit: sandbox.descriptors.limit,
            processes: sandbox.processes.used,
            processes_limit: sandbox.processes.limit,
            held_bytes: sandbox.held.used,
            held_limit: sandbox.held.limit,
            ledger: self.ledger.path().to_owned(),
            disk_free_bytes: disk.free_bytes,
            disk_takes_work: disk.takes_work,
        }
    }

    fn module_status(&self) -> Vec<ModuleStatus> {
        let status = |(state, module): (ModuleState, Arc<LoadedModule>)| {
            let (about, counters) = (module.describe(), module.counters());
            let outcomes = counters.outcomes.iter().map(|(kind, count)| (kind.to_string(), *count));
            ModuleStatus {
                name: about.name.to_string(),
                version: about.version.clone(),
                digest: about.digest.to_string(),
                state: state.as_str().to_owned(),
                jobs: counters.jobs(),
                outcomes: outcomes.collect(),
                cpu_us: u64::try_from(counters.cpu.as_micros()).unwrap_or(u64::MAX),
                peak_memory: counters.peak_memory,
            }
        };
        self.modules.all_running().into_iter().map(status).collect()
    }
}
