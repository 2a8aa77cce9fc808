//! `minion:process`: programs of the host, as far as policy grants them.
//!
//! This file and those beside it name each other: they do what the functions here are asked for, in the words of the
//! interface, whose bindings are made here, and deny it in the name of this capability.

mod capture;
mod child;
mod command_line;
mod end;
mod folder;
mod input;
mod permission;
mod program;
mod run;

use std::time::Duration;

use wasmtime::component::Resource;

use self::bindings::minion::process::process::{Command, Error, Host, Output};
use self::child::Child;
use self::command_line::shown;
use self::input::hold;
use self::permission::Permission;
use self::program::{Invocation, Program, Taken, find};
use super::package::Package;
use super::{Capability, Grant, interface};
use crate::policy::{ByteSize, caution};
use crate::sandbox::run::dry_run::{DryRun, RunMode};
use crate::sandbox::run::guest::Guest;

/// The most bytes that are kept of each output.
const MAX_OUTPUT: u64 = 1 << 20;
/// How long a program may run that has no timeout; the job's own limits are far below that.
const NEVER: Duration = Duration::from_secs(30 * 365 * 24 * 3600);
/// The most programs of one job at once.
pub(in crate::sandbox) const MAX_CHILDREN: usize = 16;
/// How many descriptors a program takes: its pipes, and one that tells of its end.
const DESCRIPTORS: u64 = 4;
/// The most bytes of memory that a command line takes with its environment; systems take no more of one word.
const MAX_COMMAND: usize = 256 << 10;

/// A line that grants a program.
const LINE: &str = r#"process = [{ command = "…", args = ["…"] }]"#;

/// What the sandbox has to know of it.
pub(super) const CAPABILITY: Capability = Capability {
    grant: Some(Grant {
        cautions: caution::of_processes,
        ..Grant::to_load(LINE, |grants| !grants.process.is_empty())
    }),
    ..Capability::ours("process", &[Package::ours("minion:process", &["process"])], DryRun::Recorded, link)
};

interface!(
    process,
    "../wit/process",
    "import minion:process/process@0.1.0;",
    imports: { default: async | trappable },
    with: { "minion:process/process.child": super::child::Child }
);

impl Host for Guest {
    async fn run(&mut self, command: Command) -> wasmtime::Result<Result<Output, Error>> {
        let program = match start(self, &command) {
            Ok(program) => program,
            Err(error) => return Ok(Err(error)),
        };
        let cap = usize::try_from(command.max_output.unwrap_or(MAX_OUTPUT).min(MAX_OUTPUT)).unwrap_or(0);
        let time = command.timeout_ms.map_or(NEVER, Duration::from_millis).min(NEVER);
        let input = command.stdin.unwrap_or_default();
        let _held = match hold(self, input.len()) {
            Ok(held) => held,
            Err(error) => return Ok(Err(error)),
        };
        Ok(run::to_the_end(program, input, cap, time, &self.job.cancel).await)
    }

    async fn start(&mut self, command: Command) -> wasmtime::Result<Result<Resource<Child>, Error>> {
        let program = match start(self, &command) {
            Ok(program) => program,
            Err(error) => return Ok(Err(error)),
        };
        let time = command.timeout_ms.map_or(NEVER, Duration::from_millis).min(NEVER);
        let mut child = Child::new(program, time, self.job.cancel.clone());
        if let Some(input) = command.stdin {
            let written = match hold(self, input.len()) {
                Ok(_held) => child.write(&input).await,
                Err(error) => Err(error),
            };
            if let Err(error) = written {
                return Ok(Err(error));
            }
        }
        Ok(Ok(self.table.push(child)?))
    }
}

/// Starts a program, where policy, the kind of run and the host allow it.
fn start(guest: &mut Guest, command: &Command) -> Result<Program, Error> {
    if guest.job.cancel.is_cancelled() {
        return Err(Error::Cancelled);
    }
    // The words are measured before anything is made of them, since messages and records repeat them.
    let words = command.argv.iter().chain(&command.cwd).chain(command.env.iter().flat_map(|(n, v)| [n, v]));
    if words.map(|word| size_of::<String>() + word.len()).sum::<usize>() > MAX_COMMAND {
        let most = ByteSize(MAX_COMMAND as u64);
        return Err(Error::Other(format!("the command with its environment is over {most}")));
    }
    let permission = Permission::of(&guest.job, command)?;
    if guest.job.mode == RunMode::Dry && !permission.is_harmless(&guest.job.policy) {
        guest.unless_dry(&CAPABILITY, || format!("run {}", shown(&command.argv))).map_err(Error::DryRun)?;
    }
    // A place is never waited for: the module may be about to end a program itself.
    let place = guest.programs.clone().try_acquire_owned();
    let place =
        place.map_err(|_| Error::Other(format!("{MAX_CHILDREN} programs of this job run already")))?;
    let (name, args) = command.argv.split_first().map_or(("", &[][..]), |(name, args)| (name, args));
    let program = find(name).ok_or_else(|| Error::NotFound(format!("there is no program \"{name}\"")))?;
    let Permission { grant, folder } = &permission;
    let invocation = Invocation { program: &program, args, env: &command.env, grant, folder };
    let descriptors = guest.holdings.descriptors.take(DESCRIPTORS);
    let descriptors = descriptors.map_err(|error| Error::Other(error.of_descriptors()))?;
    let processes = guest.holdings.processes.take(1);
    let processes = processes.map_err(|error| Error::Other(error.of_processes()))?;
    guest.has_programs = true;
    let taken = Taken { _place: place, _descriptors: descriptors };
    Program::start(&invocation, taken, processes).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound | std::io::ErrorKind::PermissionDenied => {
            Error::NotFound(format!("\"{}\" cannot be run: {error}", program.display()))
        }
        _ => Error::Other(error.to_string()),
    })
}
