//! The processes of this host, as `/proc` shows them.

use std::collections::{HashMap, HashSet};

use nix::unistd::Pid;

/// One process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Process {
    /// Its id.
    pub(super) pid: Pid,
    /// The process that hears of its end.
    pub(super) parent: Pid,
    /// Its process group.
    pub(super) group: Pid,
    /// When it was started, in ticks since the host was: with the id, it names the process and no later one.
    pub(super) started: u64,
    /// Whether all that is left of it is its exit code.
    pub(super) dead: bool,
}

/// All processes at one moment.
pub(super) struct ProcessTable(Vec<Process>);

impl ProcessTable {
    /// Reads it. What cannot be read is gone, or none.
    pub(super) fn read() -> Self {
        let folders = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let ids = folders.filter_map(|folder| folder.file_name().to_str()?.parse().ok());
        Self(ids.filter_map(|id| Process::read(Pid::from_raw(id))).collect())
    }

    /// The processes whose parent is this one.
    pub(super) fn children(&self, parent: Pid) -> impl Iterator<Item = &Process> {
        self.0.iter().filter(move |process| process.parent == parent)
    }

    /// Every process.
    pub(super) fn all(&self) -> impl Iterator<Item = &Process> {
        self.0.iter()
    }

    /// These processes and all that descend from them, as far as they are there.
    pub(super) fn trees(&self, roots: impl IntoIterator<Item = Pid>) -> Vec<Process> {
        let mut below: HashMap<Pid, Vec<&Process>> = HashMap::new();
        for process in &self.0 {
            below.entry(process.parent).or_default().push(process);
        }
        let mut ids: Vec<Pid> = roots.into_iter().collect();
        let mut seen: HashSet<Pid> = ids.iter().copied().collect();
        let mut next = 0;
        while let Some(id) = ids.get(next).copied() {
            next += 1;
            let children = below.get(&id).into_iter().flatten();
            ids.extend(children.map(|child| child.pid).filter(|child| seen.insert(*child)));
        }
        self.0.iter().filter(|process| seen.contains(&process.pid)).copied().collect()
    }
}

impl Process {
    /// Reads what is known of one; `None` where there is none.
    pub(super) fn read(pid: Pid) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // Behind the name, which may hold anything, parentheses and blanks among it.
        let (_, rest) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let id = |place: usize| fields.get(place)?.parse().ok().map(Pid::from_raw);
        Some(Self {
            pid,
            parent: id(1)?,
            group: id(2)?,
            started: fields.get(19)?.parse().ok()?,
            dead: matches!(*fields.first()?, "Z" | "X"),
        })
    }

    /// The value of an environment variable that it was started with.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        let environment = std::fs::read(format!("/proc/{}/environ", self.pid)).ok()?;
        let mut variables = environment.split(|byte| *byte == 0);
        let value = variables.find_map(|one| one.strip_prefix(name.as_bytes())?.strip_prefix(b"="))?;
        String::from_utf8(value.to_vec()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: i32, parent: i32) -> Process {
        let [pid, parent] = [pid, parent].map(Pid::from_raw);
        Process { pid, parent, group: pid, started: 0, dead: false }
    }

    #[test]
    fn a_tree_is_all_that_descends_from_its_root() {
        let table = ProcessTable(vec![process(4, 3), process(2, 1), process(3, 2), process(5, 1)]);
        let ids = |root| -> Vec<i32> {
            table.trees([Pid::from_raw(root)]).iter().map(|process| process.pid.as_raw()).collect()
        };
        assert_eq!(ids(2), [4, 2, 3]);
        assert_eq!(ids(5), [5]);
        assert_eq!(ids(9), [0; 0]);
    }

    #[test]
    fn this_process_is_found_with_its_parent() {
        let ours = Process::read(Pid::this()).expect("it is there");
        assert_eq!((ours.parent, ours.dead), (Pid::parent(), false));
        assert!(ProcessTable::read().children(Pid::parent()).any(|process| process.pid == Pid::this()));
    }
}
