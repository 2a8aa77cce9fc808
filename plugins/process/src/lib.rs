//! The module `process`: the processes of the host. What each method does is said in `wit/process.wit`.
//!
//! It reads what `ps` prints, since the host's `/proc` as a folder would show the memory and the environment of every
//! process, the minion's own keys among them.

mod open;
mod row;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use failure::{Error, Failure, change, read};

use exports::minion::processes::process::{
    Branch, Guest, OpenFile, Order, Process as Found, Sent, Signal, Socket,
};
use open::no_process;

minion_sdk::module!({
    path: ["../types", "wit"],
    world: "minion:processes/module",
    with: { "minion:types/types@0.1.0": failure::types },
    additional_derives: [PartialEq],
});

struct Process;

export!(Process);

/// The columns that `ps` is asked for. The policy that the module suggests has the same words.
const COLUMNS: &str = "pid=,ppid=,uid=,user:32=,stat=,etimes=,times=,rss=,nlwp=,comm:15=,args=";

/// How many characters of a program's name the system keeps.
const KEPT_NAME: usize = 15;

/// What the minion's own program is called.
const MINION: &str = "minion";

impl Guest for Process {
    fn list() -> Result<Vec<Found>, Error> {
        all()
    }

    fn tree(pid: Option<u32>) -> Result<Vec<Branch>, Error> {
        let found = all()?;
        let roots: Vec<u32> = match pid {
            Some(pid) => vec![one(&found, pid)?.pid],
            None => found
                .iter()
                .filter(|one| !found.iter().any(|other| other.pid == one.parent))
                .map(|one| one.pid)
                .collect(),
        };
        Ok(branches(found, &roots))
    }

    fn top(by: Option<Order>, count: Option<u32>) -> Result<Vec<Found>, Error> {
        let mut found = all()?;
        match by.unwrap_or(Order::Memory) {
            Order::Memory => found.sort_by_key(|one| Reverse(one.memory)),
            Order::Cpu => found.sort_by(|one, other| other.cpu_percent.total_cmp(&one.cpu_percent)),
            Order::CpuTime => found.sort_by_key(|one| Reverse(one.cpu_time_s)),
        }
        found.truncate(count.unwrap_or(10) as usize);
        Ok(found)
    }

    fn info(pid: u32) -> Result<Found, Error> {
        Ok(one(&all()?, pid)?.clone())
    }

    fn by_name(name: String) -> Result<Vec<Found>, Error> {
        named(all()?, &name)
    }

    fn open_files(pid: u32) -> Result<Vec<OpenFile>, Error> {
        one(&all()?, pid)?;
        open::files(pid)
    }

    fn sockets(pid: u32) -> Result<Vec<Socket>, Error> {
        one(&all()?, pid)?;
        open::sockets(pid)
    }

    fn kill(pid: u32, signal: Option<Signal>) -> Result<Sent, Error> {
        let Table { found, lifeline } = table()?;
        send(std::slice::from_ref(one(&found, pid)?), &lifeline, signal)
    }

    fn kill_by_name(name: String, signal: Option<Signal>) -> Result<Sent, Error> {
        let Table { found, lifeline } = table()?;
        send(&named(found, &name)?, &lifeline, signal)
    }
}

/// The processes of the host.
struct Table {
    /// By their ids, but for the `ps` that told of them.
    found: Vec<Found>,
    /// The ids of the minion and of what it was started by.
    lifeline: Vec<u32>,
}

fn all() -> Result<Vec<Found>, Error> {
    table().map(|table| table.found)
}

fn table() -> Result<Table, Error> {
    let output = read(&["ps", "-ww", "-eo", COLUMNS])?;
    if output.stdout_dropped > 0 {
        let dropped = output.stdout_dropped;
        return Err(Error::Other(format!(
            "the host has more processes than fit: {dropped} bytes are left out"
        )));
    }
    let text = output.stdout_text();
    let rows = text.lines().filter(|line| !line.trim().is_empty());
    let mut found: Vec<Found> = rows.map(row::read).collect::<Result<_, _>>()?;
    found.sort_by_key(|one| one.pid);
    let is_ps = |one: &Found| one.name == "ps" && one.command.ends_with(COLUMNS);
    // The minion started it.
    let lifeline = found.iter().filter(|one| is_ps(one)).flat_map(|ps| ancestors(&found, ps)).collect();
    found.retain(|one| !is_ps(one));
    Ok(Table { found, lifeline })
}

/// Whom a process was started by, and whom that was started by, and so on.
fn ancestors(found: &[Found], of: &Found) -> Vec<u32> {
    let mut line = Vec::new();
    let mut parent = of.parent;
    while let Ok(at) = found.binary_search_by_key(&parent, |one| one.pid) {
        // While ids are used again, one may seem to be its own ancestor.
        if line.contains(&parent) {
            break;
        }
        line.push(parent);
        parent = found[at].parent;
    }
    line
}

fn one(found: &[Found], pid: u32) -> Result<&Found, Error> {
    let one = found.iter().find(|one| one.pid == pid);
    one.ok_or_else(|| no_process(pid))
}

/// Those whose program has this name.
fn named(mut found: Vec<Found>, name: &str) -> Result<Vec<Found>, Error> {
    if name.is_empty() {
        return Err(Error::Invalid("the name of a program is empty".to_owned()));
    }
    let kept: String = name.chars().take(KEPT_NAME).collect();
    found.retain(|one| one.name == kept);
    Ok(found)
}

/// The processes below each root, every one behind its parent.
fn branches(found: Vec<Found>, roots: &[u32]) -> Vec<Branch> {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for one in found.iter().rev() {
        children.entry(one.parent).or_default().push(one.pid);
    }
    let mut by_pid: BTreeMap<u32, Found> = found.into_iter().map(|one| (one.pid, one)).collect();
    let mut left: Vec<(u32, u32)> = roots.iter().rev().map(|pid| (0, *pid)).collect();
    let mut branches = Vec::new();
    while let Some((depth, pid)) = left.pop() {
        // Taken out, so that one that is its own ancestor, as while ids are used again, is there once.
        let Some(process) = by_pid.remove(&pid) else { continue };
        left.extend(children.get(&pid).into_iter().flatten().map(|child| (depth + 1, *child)));
        branches.push(Branch { depth, process });
    }
    branches
}

/// Sends a signal to these, if the minion lives by none of them.
fn send(to: &[Found], lifeline: &[u32], signal: Option<Signal>) -> Result<Sent, Error> {
    let lives_by = |one: &&Found| one.pid <= 1 || one.name == MINION || lifeline.contains(&one.pid);
    if let Some(refused) = to.iter().find(lives_by) {
        let Found { pid, name, .. } = refused;
        return Err(Error::Denied(format!(
            "process {pid} ({name}) gets no signal from here: the host, or its minion, lives by it"
        )));
    }
    let signal = word(signal.unwrap_or(Signal::Term));
    let mut pids = Vec::new();
    for one in to {
        let pid = one.pid.to_string();
        match change(&["kill", "-s", signal, "--", &pid]) {
            Ok(_) => pids.push(one.pid),
            // It ended by itself in this moment.
            Err(Error::Failed(Failure { stderr, .. })) if stderr.contains("No such process") => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Sent { changed: !pids.is_empty(), pids })
}

/// The name by which `kill` knows a signal.
fn word(signal: Signal) -> &'static str {
    match signal {
        Signal::Term => "TERM",
        Signal::Kill => "KILL",
        Signal::Int => "INT",
        Signal::Hup => "HUP",
        Signal::Usr1 => "USR1",
        Signal::Usr2 => "USR2",
        Signal::Stop => "STOP",
        Signal::Cont => "CONT",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: u32, parent: u32) -> Found {
        let line = format!("{pid} {parent} 0 root Ss 1 1 1 1 name            command");
        row::read(&line).expect("a row")
    }

    #[test]
    fn every_process_stands_behind_its_parent_once() {
        let found = vec![process(1, 0), process(5, 1), process(7, 5), process(6, 1), process(9, 9)];
        let shown = |roots: &[u32]| -> Vec<(u32, u32)> {
            branches(found.clone(), roots).iter().map(|branch| (branch.depth, branch.process.pid)).collect()
        };
        assert_eq!(shown(&[1]), [(0, 1), (1, 5), (2, 7), (1, 6)]);
        assert_eq!(shown(&[5, 9]), [(0, 5), (1, 7), (0, 9)]);
    }

    #[test]
    fn the_first_process_and_the_minion_get_no_signal() {
        assert!(matches!(send(&[process(1, 0)], &[], None), Err(Error::Denied(_))));
        let minion = Found { name: MINION.to_owned(), ..process(50, 1) };
        assert!(matches!(send(&[process(60, 1), minion], &[], Some(Signal::Kill)), Err(Error::Denied(_))));
        // One that has another name is known by what it started.
        let found = vec![process(1, 0), process(40, 1), process(50, 40), process(60, 50), process(70, 1)];
        let lifeline = ancestors(&found, &found[3]);
        assert_eq!(lifeline, [50, 40, 1]);
        assert!(matches!(send(&found[1..2], &lifeline, None), Err(Error::Denied(_))));
        assert_eq!(send(&[], &lifeline, None), Ok(Sent { changed: false, pids: Vec::new() }));
    }

    #[test]
    fn a_name_is_a_whole_name_as_the_system_keeps_it() {
        let long = Found { name: "a-program-with-a".chars().take(15).collect(), ..process(5, 1) };
        let found = |name: &str| named(vec![long.clone()], name).map(|found| found.len());
        assert_eq!((found("a-program-with-a-long-name"), found("a-program")), (Ok(1), Ok(0)));
        assert!(matches!(found(""), Err(Error::Invalid(_))));
    }
}
