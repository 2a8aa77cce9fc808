//! One program that was started, with all that it starts.

use std::io;
use std::os::fd::AsFd as _;

use nix::errno::Errno;
use nix::sys::prctl::{set_child_subreaper, set_pdeathsig};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::{Pid, write};
use tokio::process::{Child, Command};

use super::Containment;
use super::life::MARK;
use super::register::Entry;
use crate::descriptors::Descriptors;

/// A program that runs, with all that it has started. Dropped, all of it is killed.
pub(crate) struct Contained {
    /// The program, which leads a process group; `None` once it was reaped.
    program: Option<Pid>,
    containment: &'static Containment,
}

impl Containment {
    /// Starts a program, contained. From time to time, `allow` is told how many processes it has become; where it
    /// says no, all of them are killed.
    pub(crate) fn start(
        &'static self,
        command: &mut Command,
        allow: impl FnMut(u64) -> bool + Send + 'static,
    ) -> io::Result<(Child, Contained)> {
        // Held while it is started: the sweeper must not see it as a child that nobody knows.
        let mut state = self.register.state();
        let groups = self.groups.as_ref().filter(|_| !state.without_groups);
        let group = groups.map(|groups| groups.make()).transpose().unwrap_or_else(|error| {
            tracing::warn!(%error, "a program runs without a control group");
            None
        });
        command.env(MARK, self.life.to_string()).process_group(0).kill_on_drop(true);
        let door = group.as_ref().and_then(|group| group.door().ok());
        prepare(command, door);
        let child = command.spawn()?;
        let program = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
        if let Some(program) = program {
            state.enter(program, Entry { group, allow: Box::new(allow), over: false });
        }
        drop(state);
        // The sweeper watches it from now on.
        self.register.wake();
        Ok((child, Contained { program, containment: self }))
    }
}

impl Contained {
    /// Sends the program a signal. A kill reaches everything that it has started.
    pub(crate) fn signal(&self, signal: Signal) {
        let Some(program) = self.program else { return };
        if signal == Signal::SIGKILL {
            self.kill();
        } else {
            tell(kill(program, signal));
        }
    }

    /// Kills the program and everything that it has started.
    pub(crate) fn kill(&self) {
        let Some(program) = self.program else { return };
        let state = self.containment.register.state();
        if let Some(group) = state.programs.get(&program).and_then(|entry| entry.group.as_ref())
            && let Err(error) = group.kill()
        {
            tracing::warn!(%error, "a control group cannot be killed; its processes are killed one by one");
        }
        tell(killpg(program, Signal::SIGKILL));
        drop(state);
        // What has left the process group is an orphan as soon as the program is gone.
        self.containment.register.ask();
    }

    /// The program was reaped: kills what it has left behind, and waits until that is gone.
    pub(crate) async fn reaped(&mut self) {
        self.kill();
        if let Some(program) = self.program.take() {
            self.containment.register.state().remove(program);
        }
        self.containment.clear().await;
    }
}

impl Drop for Contained {
    fn drop(&mut self) {
        self.kill();
        if let Some(program) = self.program {
            // Its runtime reaps it; until then its id is taken.
            if let Some(entry) = self.containment.register.state().programs.get_mut(&program) {
                entry.over = true;
            }
        }
    }
}

/// Has the program die with the minion, inherit the orphans of its descendants, join its control group, and have
/// the limit of descriptors that the minion was started with.
fn prepare(command: &mut Command, door: Option<std::fs::File>) {
    let descriptors = Descriptors::of_process();
    // SAFETY: between fork and exec only system calls are made, which take no locks and allocate nothing; errors
    // are made of numbers.
    #[allow(unsafe_code)]
    unsafe {
        command.pre_exec(move || {
            set_pdeathsig(Signal::SIGKILL)?;
            set_child_subreaper(true)?;
            descriptors.put_back()?;
            if let Some(door) = &door {
                write(door.as_fd(), b"0")?;
            }
            Ok(())
        });
    }
}

/// Logs a signal that did not arrive. What is gone needs none.
fn tell(outcome: nix::Result<()>) {
    if let Err(error) = outcome
        && error != Errno::ESRCH
    {
        tracing::warn!(%error, "a process of a job could not be signalled");
    }
}
