//! What one process of a minion is called, so that later ones know whether it is gone.

use std::fmt;
use std::str::FromStr;

use nix::unistd::Pid;

use super::process_table::Process;

/// The environment variable by which a program and its descendants are known after the minion's own death.
pub(super) const MARK: &str = "MINION_CONTAINED";

/// The life of one process: its id with the time at which it was started, which together no other process has,
/// and the space of ids that both are of, since a container has its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Life {
    space: u64,
    pid: i32,
    started: u64,
}

impl Life {
    /// That of this process.
    pub(super) fn of_process() -> Self {
        let started = Process::read(Pid::this()).map_or(0, |ours| ours.started);
        Self { space: own_space(), pid: Pid::this().as_raw(), started }
    }

    /// Whether it is known to be over. Of another space of ids nothing is known.
    pub(super) fn is_over(self) -> bool {
        let there = || Process::read(Pid::from_raw(self.pid));
        self.space == own_space() && there().is_none_or(|process| process.started != self.started)
    }
}

impl fmt::Display for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.space, self.pid, self.started)
    }
}

impl FromStr for Life {
    type Err = NoLife;

    fn from_str(text: &str) -> Result<Self, NoLife> {
        let parts: Vec<&str> = text.split('-').collect();
        let [space, pid, started] = parts[..] else { return Err(NoLife) };
        let number = |text: &str| text.parse::<u64>().map_err(|_| NoLife);
        Ok(Self { space: number(space)?, pid: pid.parse().map_err(|_| NoLife)?, started: number(started)? })
    }
}

/// A text that names no life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoLife;

/// The number of this process's space of ids.
fn own_space() -> u64 {
    let link = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    let digits: String = link.to_string_lossy().chars().filter(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_is_over_when_its_process_is_another() {
        let ours = Life::of_process();
        assert_eq!(ours.to_string().parse(), Ok(ours));
        assert!(!ours.is_over());
        assert!(Life { started: ours.started + 1, ..ours }.is_over());
        assert!(!Life { started: ours.started + 1, space: ours.space + 1, ..ours }.is_over());
        assert_eq!("of-another-kind".parse::<Life>(), Err(NoLife));
    }
}
