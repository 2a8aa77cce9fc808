//! Programs of the host with everything that they start, so that nothing of them outlives them.
//!
//! Two things hold a program's descendants. Where the host lets the minion make control groups, each program is
//! in one of its own, and the group is killed as a whole. And everywhere, each program is made the one that
//! inherits its orphans, and the minion the one that inherits those of all programs: a descendant is below a
//! program that runs, or is a child of the minion that the minion did not start. Whatever is the latter belongs
//! to a program that is over, and is killed by the sweeper.
//!
//! This file and `contained` name each other: here is what holds for all programs of this process, and there is how one
//! of them is started within that.

mod contained;
mod control_group;
mod life;
mod process_table;
mod register;
mod sweep;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use nix::sys::prctl::set_child_subreaper;
use tokio::sync::watch;

pub(crate) use self::contained::Contained;
use self::control_group::ControlGroups;
use self::life::Life;
use self::register::Register;

/// How long the end of a job waits for the last of its processes. They are killed; only the kernel can keep one
/// for longer, and then the sweeper goes on.
const PATIENCE: Duration = Duration::from_secs(5);

/// The containment of this process. There is one, since a process inherits orphans as a whole.
pub(crate) struct Containment {
    register: Arc<Register>,
    groups: Option<ControlGroups>,
    /// How many sweeps were done since the start.
    swept: watch::Sender<u64>,
    /// What programs are marked with.
    life: Life,
}

impl Containment {
    /// That of this process. The first call sets it up.
    pub(crate) fn of_process() -> &'static Self {
        static OURS: OnceLock<Containment> = OnceLock::new();
        OURS.get_or_init(Self::set_up)
    }

    /// Says that this process starts no children but contained programs: whatever else becomes a child of it is a
    /// descendant of one, and is killed. Also kills what earlier minions left behind that were killed.
    pub(crate) fn is_sole_parent() {
        Self::of_process().register.is_sole_parent();
        ControlGroups::clear_away();
        sweep::clear_away();
    }

    /// Says whether programs get control groups where the host has them.
    pub(crate) fn use_control_groups(wanted: bool) {
        Self::of_process().register.use_groups(wanted);
    }

    /// Waits until nothing is left of programs that are over.
    pub(crate) async fn clear(&self) {
        let mut swept = self.swept.subscribe();
        // The sweep that goes on may have looked already, so it is the one after it that counts.
        let enough = self.register.ask() + 1;
        let clear = async {
            // The sweeper lives as long as this process, so there is always another sweep.
            let _ = swept.wait_for(|done| *done >= enough).await;
            // One sweep reaches everything that was there when it began: later ones only see that it is gone, and
            // what they find besides belongs to other jobs.
            let dying = self.register.state().dying.clone();
            let gone = || self.register.state().dying.is_disjoint(&dying);
            let _ = swept.wait_for(|_| gone()).await;
        };
        if tokio::time::timeout(PATIENCE, clear).await.is_err() {
            tracing::error!("processes of jobs that are over cannot be killed; the minion goes on trying");
        }
        self.tidy();
    }

    /// Takes the folder of control groups away, where nothing needs it.
    fn tidy(&self) {
        let state = self.register.state();
        if let Some(groups) = &self.groups
            && state.programs.is_empty()
            && state.left.is_empty()
        {
            groups.tidy();
        }
    }

    fn set_up() -> Self {
        if let Err(error) = set_child_subreaper(true) {
            tracing::error!(%error, "orphans of programs that modules start cannot be inherited");
        }
        let life = Life::of_process();
        let (register, swept) = (Arc::new(Register::new()), watch::Sender::new(0));
        sweep::start(register.clone(), swept.clone());
        Self { register, groups: ControlGroups::of_process(&life), swept, life }
    }
}
