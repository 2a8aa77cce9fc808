//! Which children of this process are programs that it started, and what is asked of the sweeper.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::unistd::Pid;

use super::control_group::ControlGroup;
use machine::lock;

/// How often running programs are looked at.
const WATCH: Duration = Duration::from_millis(200);
/// How many groups of programs that are over are remembered.
const MAX_GROUPS: usize = 1_000;

/// What the sweeper goes by.
pub(super) struct Register {
    state: Mutex<State>,
    asked: Condvar,
}

/// The same, while it is held: no program is started meanwhile.
#[derive(Default)]
pub(super) struct State {
    /// The programs that this process started and that nobody has reaped yet.
    pub(super) programs: HashMap<Pid, Entry>,
    /// Control groups of programs that are over, until they are empty.
    pub(super) left: Vec<ControlGroup>,
    /// Whether anything of programs that are over was still there at the last look.
    pub(super) remains: bool,
    /// Which processes these were.
    pub(super) dying: HashSet<Pid>,
    /// Whether every other child of this process is an orphan.
    pub(super) sole_parent: bool,
    /// Process groups of programs that are over.
    pub(super) groups: VecDeque<Pid>,
    /// Whether programs get no control groups, though they might.
    pub(super) without_groups: bool,
    /// How many sweeps were begun.
    begun: u64,
    /// Whether a sweep is wanted.
    wanted: bool,
}

/// A program that was started.
pub(super) struct Entry {
    /// Its control group, where it has one.
    pub(super) group: Option<ControlGroup>,
    /// Told how many processes it has become; says whether it may be so many.
    pub(super) allow: Box<dyn FnMut(u64) -> bool + Send>,
    /// Whether the program has ended for the code that started it, and only waits to be reaped.
    pub(super) over: bool,
}

impl Register {
    pub(super) fn new() -> Self {
        Self { state: Mutex::default(), asked: Condvar::new() }
    }

    /// What is registered, held.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        lock::hold(&self.state)
    }

    /// Every child that is not registered is an orphan from now on.
    pub(super) fn is_sole_parent(&self) {
        self.state().sole_parent = true;
    }

    /// Says whether programs get control groups.
    pub(super) fn use_groups(&self, wanted: bool) {
        self.state().without_groups = !wanted;
    }

    /// Lets the sweeper know that there is a program to watch.
    pub(super) fn wake(&self) {
        self.asked.notify_all();
    }

    /// Asks for a sweep. Returns how many were begun before.
    pub(super) fn ask(&self) -> u64 {
        let mut state = self.state();
        state.wanted = true;
        self.asked.notify_all();
        state.begun
    }

    /// Waits until there is something to look at, and begins a sweep. Returns whether it was asked for.
    pub(super) fn next(&self) -> bool {
        let mut state = self.state();
        while !state.wanted && !state.remains && state.programs.is_empty() {
            state = self.asked.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if !state.wanted && !state.remains {
            state = self.asked.wait_timeout(state, WATCH).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.begun += 1;
        std::mem::take(&mut state.wanted)
    }
}

impl State {
    /// Enters a program that was started.
    pub(super) fn enter(&mut self, program: Pid, entry: Entry) {
        self.programs.insert(program, entry);
    }

    /// Takes out a program that was reaped.
    pub(super) fn remove(&mut self, program: Pid) {
        if let Some(entry) = self.programs.remove(&program) {
            self.left.extend(entry.group);
            self.groups.push_back(program);
            if self.groups.len() > MAX_GROUPS {
                self.groups.pop_front();
            }
        }
    }
}
