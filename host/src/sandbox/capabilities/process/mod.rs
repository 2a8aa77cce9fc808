//! `minion:process`: programs of the host, as far as policy grants them.

mod capture;
mod child;
mod program;

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use wasmtime::component::{HasSelf, Linker, Resource};

use self::bindings::minion::process::process::{self, Command, Error, Host, Output, Status};
use self::capture::capture;
pub(in crate::sandbox) use self::child::Child;
use self::program::{Invocation, Program, find};
use crate::policy::ProcessGrant;
use crate::sandbox::dry_run::RunMode;
use crate::sandbox::guest::Guest;

/// The most bytes of each output that are kept.
const MAX_OUTPUT: u64 = 1 << 20;
/// The most programs of one job at once.
const MAX_CHILDREN: usize = 16;

mod bindings {
    #![allow(missing_docs, clippy::all)]
    wasmtime::component::bindgen!({
        path: "../wit/process",
        interfaces: "import minion:process/process@0.1.0;",
        imports: { default: async | trappable },
        with: { "minion:process/process.child": super::Child },
    });
}

/// Makes the interface available.
pub(in crate::sandbox) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    process::add_to_linker::<Guest, HasSelf<Guest>>(linker, |guest| guest)
}

impl Host for Guest {
    async fn run(&mut self, command: Command) -> wasmtime::Result<Result<Output, Error>> {
        let mut program = match start(self, &command) {
            Ok(program) => program,
            Err(error) => return Ok(Err(error)),
        };
        let timeout = command.timeout_ms.map_or(Duration::MAX, Duration::from_millis);
        let cap = usize::try_from(command.max_output.unwrap_or(MAX_OUTPUT).min(MAX_OUTPUT)).unwrap_or(0);
        let cancel = self.job.cancel.clone();
        let ran = tokio::select! {
            ran = tokio::time::timeout(timeout, to_the_end(&mut program, command.stdin.unwrap_or_default(), cap)) => ran,
            () = cancel.cancelled() => {
                program.end().await;
                return Ok(Err(Error::Cancelled));
            }
        };
        Ok(match ran {
            Ok(Ok(output)) => Ok(output),
            Ok(Err(error)) => Err(Error::Other(error.to_string())),
            Err(_) => {
                program.end().await;
                let nothing = || (Vec::new(), 0);
                let ((stdout, stdout_dropped), (stderr, stderr_dropped)) = (nothing(), nothing());
                Ok(Output { status: Status::TimedOut, stdout, stderr, stdout_dropped, stderr_dropped })
            }
        })
    }

    async fn start(&mut self, command: Command) -> wasmtime::Result<Result<Resource<Child>, Error>> {
        Ok(match start(self, &command) {
            Ok(program) => Ok(self.table.push(Child::new(program, command, &self.job.cancel))?),
            Err(error) => Err(error),
        })
    }
}
