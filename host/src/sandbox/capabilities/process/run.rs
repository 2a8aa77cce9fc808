//! A program that is run to its end.

use std::io;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;

use super::bindings::minion::process::process::{Error, Output, Status};
use super::capture::Captured;
use super::end::status;
use super::program::Program;
use crate::sandbox::run::cancel::CancelSignal;

/// How long the outputs of a program that is over are still read: something that it left behind may hold them open
/// for ever.
const AFTERGLOW: Duration = Duration::from_secs(1);

/// Gives a program its input, reads its outputs, and waits for its end, its timeout or the end of the job.
pub(super) async fn to_the_end(
    mut program: Program,
    input: Vec<u8>,
    cap: usize,
    time: Duration,
    cancel: &CancelSignal,
) -> Result<Output, Error> {
    let (mut stdout, mut stderr) = (Captured::new(cap), Captured::new(cap));
    let ended = tokio::select! {
        ended = timeout(time, follow(&mut program, input, &mut stdout, &mut stderr)) => ended,
        () = cancel.cancelled() => {
            program.end().await;
            return Err(Error::Cancelled);
        }
    };
    let status = match ended {
        Ok(ended) => ended.map_err(|error| Error::Other(error.to_string()))?,
        Err(_) => {
            program.end().await;
            Status::TimedOut
        }
    };
    Ok(Output {
        status,
        stdout: stdout.bytes,
        stderr: stderr.bytes,
        stdout_dropped: stdout.dropped,
        stderr_dropped: stderr.dropped,
    })
}

/// Writes the input of a program and reads its outputs until it is over.
async fn follow(
    program: &mut Program,
    input: Vec<u8>,
    stdout: &mut Captured,
    stderr: &mut Captured,
) -> io::Result<Status> {
    let pipes = program.pipes();
    let (stdin, out, err) = (pipes.stdin.take(), pipes.stdout.take(), pipes.stderr.take());
    let feed = async {
        if let Some(mut stdin) = stdin {
            // A program that does not read its input is no failure of ours.
            let _ = stdin.write_all(&input).await;
        }
    };
    let mut streams = std::pin::pin!(async { tokio::join!(feed, stdout.read(out), stderr.read(err)) });
    let ended = tokio::select! {
        ended = program.wait() => ended?,
        _ = &mut streams => return program.wait().await.map(status),
    };
    // What the program had written and nobody had read at its end is still in the pipes.
    let _ = timeout(AFTERGLOW, streams).await;
    Ok(status(ended))
}
