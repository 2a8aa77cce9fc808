//! The sweeper: a thread that kills what programs leave behind, reaps it, and watches how many they become.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use tokio::sync::watch;

use super::life::{Life, MARK};
use super::process_table::{Process, ProcessTable};
use super::register::{Register, State};

/// How often a tree is stopped anew that grows while it is stopped.
const MAX_ROUNDS: usize = 100;
/// Between two looks at what was killed and is not gone yet; each is longer than the one before.
const PAUSE: Duration = Duration::from_millis(1);
/// How many times as long it becomes at most.
const MAX_PAUSES: u32 = 500;

/// Starts the thread, which lives as long as this process.
pub(super) fn start(register: Arc<Register>, swept: watch::Sender<u64>) {
    let sweeper = move || {
        let mut pauses = 0;
        loop {
            let asked = register.next();
            let remains = sweep(&mut register.state(), asked);
            register.state().remains = remains;
            swept.send_modify(|done| *done += 1);
            pauses = if remains { MAX_PAUSES.min(pauses + 1) } else { 0 };
            std::thread::sleep(PAUSE * pauses);
        }
    };
    if let Err(error) = std::thread::Builder::new().name("sweeper".to_owned()).spawn(sweeper) {
        tracing::error!(%error, "programs of modules are not watched over");
    }
}

/// Looks at all that is registered once. Returns whether there is anything left of programs that are over.
fn sweep(state: &mut State, asked: bool) -> bool {
    // Groups tell by themselves how many they are; everything else takes a look at all processes.
    let counted = state.programs.values().all(|entry| entry.group.is_some() && !entry.over);
    let table = (asked || state.remains || !counted).then(ProcessTable::read);
    let too_many = watch_over(state, table.as_ref());
    let Some(table) = table else { return too_many };
    let ours = Pid::this();
    let there: HashSet<Pid> = table.children(ours).map(|process| process.pid).collect();
    let reaped: Vec<Pid> = {
        let over = state.programs.iter().filter(|(_, entry)| entry.over);
        over.map(|(program, _)| *program).filter(|program| !there.contains(program)).collect()
    };
    reaped.into_iter().for_each(|program| state.remove(program));
    let orphans: Vec<Pid> = orphans(state, &table).map(|process| process.pid).collect();
    let over = state.programs.iter().filter(|(_, entry)| entry.over).map(|(program, _)| *program);
    // What the sweep before has killed is among them, unless it is gone.
    state.dying = kill_trees(orphans.iter().copied().chain(over), &table);
    for orphan in orphans {
        // Not ours to wait for, and nobody else's: it was inherited.
        let _ = waitpid(orphan, Some(WaitPidFlag::WNOHANG));
    }
    clear_groups(state);
    too_many || !state.dying.is_empty() || !state.left.is_empty()
}

/// Tells each program that runs how many it is, and kills those that may not be so many. Returns whether there
/// were any.
fn watch_over(state: &mut State, table: Option<&ProcessTable>) -> bool {
    let mut too_many = false;
    for (program, entry) in state.programs.iter_mut().filter(|(_, entry)| !entry.over) {
        let count = match (&entry.group, table) {
            (Some(group), _) => group.count(),
            (None, Some(table)) => table.trees([*program]).len(),
            (None, None) => continue,
        };
        if !(entry.allow)(count as u64) {
            tracing::warn!(%program, count, "a program of a job has become too many processes, and is killed");
            if let Some(group) = &entry.group {
                let _ = group.kill();
            }
            if let Some(table) = table {
                kill_trees([*program], table);
            }
            let _ = kill(*program, Signal::SIGKILL);
            too_many = true;
        }
    }
    too_many
}

/// Kills what is left in the groups of programs that are over, and takes away those that are empty.
fn clear_groups(state: &mut State) {
    state.left.retain(|group| {
        let _ = group.kill();
        !group.remove()
    });
}

/// The children of this process that are descendants of programs that are over.
fn orphans<'a>(state: &'a State, table: &'a ProcessTable) -> impl Iterator<Item = &'a Process> {
    let unknown = table.children(Pid::this()).filter(|child| !state.programs.contains_key(&child.pid));
    // Another part of this process may have children of its own, and they are nobody's orphans.
    unknown.filter(|child| {
        state.sole_parent || state.groups.contains(&child.group) || child.variable(MARK).is_some()
    })
}

/// Kills these and all below them. Returns whom there was to kill.
///
/// They are stopped first, and looked for again, until no more are found: what is stopped starts no others.
fn kill_trees(roots: impl IntoIterator<Item = Pid>, table: &ProcessTable) -> HashSet<Pid> {
    let roots: Vec<Pid> = roots.into_iter().collect();
    let alive = |table: &ProcessTable| -> HashSet<Pid> {
        let tree = table.trees(roots.iter().copied());
        tree.into_iter().filter(|process| !process.dead).map(|process| process.pid).collect()
    };
    let mut found = alive(table);
    if found.is_empty() {
        return found;
    }
    signal_all(&found, Signal::SIGSTOP);
    for _ in 0..MAX_ROUNDS {
        let more: HashSet<Pid> = alive(&ProcessTable::read()).difference(&found).copied().collect();
        if more.is_empty() {
            break;
        }
        signal_all(&more, Signal::SIGSTOP);
        found.extend(more);
    }
    signal_all(&found, Signal::SIGKILL);
    found
}

/// Sends all of these a signal. Those that are gone by now need none.
fn signal_all(processes: &HashSet<Pid>, signal: Signal) {
    for process in processes {
        let _ = kill(*process, signal);
    }
}

/// Kills what minions left behind that were killed themselves: it bears their mark.
pub(super) fn clear_away() {
    let table = ProcessTable::read();
    let left = table.all().filter(|process| {
        let mark = process.variable(MARK);
        let life = mark.and_then(|mark| mark.parse::<Life>().ok());
        process.pid != Pid::this() && life.is_some_and(Life::is_over)
    });
    let left: Vec<Pid> = left.map(|process| process.pid).collect();
    if !left.is_empty() {
        tracing::warn!(processes = left.len(), "killed what a minion left behind that was killed");
        kill_trees(left, &table);
    }
}
