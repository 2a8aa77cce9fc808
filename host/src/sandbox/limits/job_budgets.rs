//! What the host gives to jobs besides their own memory, as three budgets: memory of the host's, descriptors and
//! processes.

use crate::descriptors::Descriptors;
use crate::policy::{ByteSize, Limits};
use crate::sandbox::limits::budget::{Budget, Exhausted, Hold, Share};

/// How many bytes of the host's memory each job can have at any time.
const SURE_MEMORY: u64 = 256 << 10;
/// How many descriptors each job can have at any time.
const SURE_DESCRIPTORS: u64 = 4;
/// How many processes each job can have at any time.
const SURE_PROCESSES: u64 = 2;

/// What all jobs of a sandbox may take together. Clones are the same budgets.
#[derive(Clone, Debug)]
pub(in crate::sandbox) struct Budgets {
    memory: Budget,
    descriptors: Budget,
    processes: Budget,
}

/// What one job has taken, and may take.
pub(in crate::sandbox) struct Holdings {
    /// The bytes that the host keeps for the job.
    pub(in crate::sandbox) memory: Share,
    /// The descriptors that are open for the job.
    pub(in crate::sandbox) descriptors: Share,
    /// The processes that run for the job.
    pub(in crate::sandbox) processes: Share,
    /// The memory of what the job has said, which its followers may still be told.
    said: Hold,
    /// The memory behind the guest's handles, as it was measured last.
    resources: Hold,
    /// The folders that are open for it from its start.
    _folders: Hold,
}

/// How much of a budget is taken, and how much there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// How much is taken.
    pub used: u64,
    /// How much there is.
    pub limit: u64,
}

impl Budgets {
    /// Budgets for so many `jobs` at once: `memory` bytes, `processes`, and the descriptors that this process may
    /// have besides those that it needs for itself.
    pub(in crate::sandbox) fn new(jobs: u64, memory: u64, processes: u64) -> Self {
        let descriptors = Descriptors::of_process().for_guests();
        Self {
            memory: Budget::new(memory, SURE_MEMORY, jobs),
            descriptors: Budget::new(descriptors, SURE_DESCRIPTORS, jobs),
            processes: Budget::new(processes, SURE_PROCESSES, jobs),
        }
    }

    /// The shares of one job that has so many `folders`.
    ///
    /// # Errors
    /// [`Exhausted`], where there are no descriptors for its folders.
    pub(in crate::sandbox) fn job(&self, limits: &Limits, folders: u64) -> Result<Holdings, Exhausted> {
        // What a job says is limited besides, so that a wide limit of output is not a narrow one of the rest.
        let memory = self.memory.share(limits.held.saturating_add(limits.output));
        let descriptors = self.descriptors.share(limits.descriptors);
        Ok(Holdings {
            said: memory.take(0)?,
            resources: memory.take(0)?,
            _folders: descriptors.take(folders)?,
            processes: self.processes.share(limits.processes),
            memory,
            descriptors,
        })
    }

    /// How many bytes the host keeps for jobs.
    pub(in crate::sandbox) fn memory(&self) -> Level {
        self.memory.level().into()
    }

    /// How many descriptors are open for jobs.
    pub(in crate::sandbox) fn descriptors(&self) -> Level {
        self.descriptors.level().into()
    }

    /// How many processes run for jobs.
    pub(in crate::sandbox) fn processes(&self) -> Level {
        self.processes.level().into()
    }
}

impl Holdings {
    /// Takes memory for something that the job has said, until the job is over.
    ///
    /// # Errors
    /// [`Exhausted`], where the host would keep more for the job than it may.
    pub(in crate::sandbox) fn say(&mut self, bytes: u64) -> Result<(), Exhausted> {
        self.said.add(bytes)
    }

    /// Takes note of how much memory is behind the job's handles now.
    ///
    /// # Errors
    /// [`Exhausted`], where the host would keep more for the job than it may.
    pub(in crate::sandbox) fn measured(&mut self, bytes: u64) -> Result<(), Exhausted> {
        self.resources.resize(bytes)
    }
}

impl Exhausted {
    /// What to say where memory of the host is used up.
    pub(in crate::sandbox) fn of_memory(self) -> String {
        match self {
            Exhausted::Job(limit) => format!(
                "the minion would hold more than {} for this job (limits.held, limits.output)",
                ByteSize(limit)
            ),
            Exhausted::Minion(limit) => format!(
                "the minion would hold more than {} for all its jobs (held in [limits]): try again later",
                ByteSize(limit)
            ),
        }
    }

    /// What to say where descriptors are used up.
    pub(in crate::sandbox) fn of_descriptors(self) -> String {
        match self {
            Exhausted::Job(limit) => {
                format!("this job has all {limit} descriptors that it may have (limits.descriptors)")
            }
            Exhausted::Minion(limit) => format!(
                "the jobs of this minion have all {limit} descriptors that there are for them: try again later, \
                 or raise the minion's limit of open files"
            ),
        }
    }

    /// What to say where processes are used up.
    pub(in crate::sandbox) fn of_processes(self) -> String {
        match self {
            Exhausted::Job(limit) => {
                format!("this job has all {limit} processes that it may have (limits.processes)")
            }
            Exhausted::Minion(limit) => format!(
                "the jobs of this minion have all {limit} processes that they may have together (processes in \
                 [limits]): try again later"
            ),
        }
    }
}

impl From<(u64, u64)> for Level {
    fn from((used, limit): (u64, u64)) -> Self {
        Self { used, limit }
    }
}
