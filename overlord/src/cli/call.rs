//! `overlord call`

use std::time::Duration;

use clap::Args;
use serde_json::json;
use tokio::signal::unix::Signal;
use wire::message::call::Share;
use wire::message::job::JobId;
use wire::message::operator::{Call, Follow, Target, TargetWarning};
use wire::name::{MethodPath, MinionName};
use wire::value::arguments::Arguments;
use wire::value::given;

use super::durations::Waiting;
use super::follow::{Followed, Form, View, follow};
use super::selection::{Selection, confirm, is_unconfirmed, settle_target, warn, with_warnings};
use super::signals::interrupts;
use super::{CliError, brief_duration, raw, words};
use crate::client::{Client, ClientError, JobEvent, JobStream};
use output::{Exit, note, print};

/// Run a method on all minions that match
///
/// Waits for the outcomes and prints them. Ctrl-C detaches from the job, which goes on; a second one cancels it. Where
/// all minions that are not done are out of touch, it waits for them as long as --patience says, or as long as --queue keeps
/// the call if nothing is said, and exits with 1.
///
/// Options may stand anywhere. Negative numbers are arguments; behind `--` everything is, whatever it begins with.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord call '*' test.add 2 -3
  overlord call 'web*,db1' -x web3 test.sleep 2000 --async
  overlord call web1 test.concat --args '{\"a\": \"x\", \"b\": \"y\"}' --json
  overlord call web1 test.echo-string @/etc/motd
  overlord call web1 test.echo-bytes - --output raw <in >out
  overlord call web1 test.concat -- --foo bar")]
pub(super) struct CallCommand {
    /// Which minions: names, globs, facts, lists (see `overlord targets --help`)
    target: String,
    /// What to run
    #[arg(value_name = "MODULE.METHOD")]
    method: MethodPath,
    /// One argument for each parameter: text for a string, JSON or WAVE for other types; for a string or bytes also @FILE
    /// or - (standard input), and @@WORD for a word that begins with @; for an option `none`, and 'some("none")' for that
    /// text
    #[arg(value_name = "ARG", allow_negative_numbers = true)]
    words: Vec<String>,
    /// All arguments at once: a JSON array, or an object by parameter name; @FILE or - (standard input) where it is in there
    #[arg(long = "args", value_name = "JSON", conflicts_with = "words")]
    json_arguments: Option<String>,
    #[command(flatten)]
    selection: Selection,
    /// Accept the job only when it is safe on disk, say its id at once, and show all that happens
    #[arg(long = "async", conflicts_with = "no_wait")]
    durable: bool,
    /// Do not wait: print the job's id as soon as it is safe on disk
    #[arg(long = "nowait")]
    no_wait: bool,
    /// How long each minion may take
    #[arg(long, value_name = "DURATION", value_parser = brief_duration)]
    timeout: Option<Duration>,
    /// Keep it this long for minions that are not connected, and deliver it when they are back
    #[arg(long, value_name = "DURATION", value_parser = brief_duration)]
    queue: Option<Duration>,
    /// Let at most this many minions have it at once; one that is out of touch for longer than --patience does not count
    #[arg(long, value_name = "N|N%")]
    batch: Option<Share>,
    /// With --batch: give it to no further minion once so many are not ok, or are out of touch for longer than --patience
    #[arg(long, value_name = "N|N%")]
    max_failures: Option<Share>,
    /// Do nothing that has effects: report what would be done
    #[arg(long)]
    dry_run: bool,
    /// Go on even where the target is wide
    #[arg(long)]
    yes: bool,
    /// Leave out the minions on which your roles do not allow it, instead of calling nothing
    #[arg(long)]
    permitted: bool,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    view: View,
}

impl CallCommand {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        self.check()?;
        let (no_wait, durable, view, waiting) = (self.no_wait, self.durable, self.view, self.waiting);
        let heard = match (no_wait, durable) {
            (true, _) => Follow::No,
            (false, true) => Follow::Everything,
            (false, false) => view.follow(),
        };
        let Some(confirmed) = settle_target(client, self.yes, &self.target()).await? else {
            note(DECLINED);
            return Ok(Exit::Interrupted);
        };
        // From here on Ctrl-C is not the end of this process: whatever became a job is told.
        let mut interrupts = interrupts()?;
        if view.form() == Form::Raw {
            raw::check(client, &self.target(), &self.method).await?;
        }
        let call = self.into_call(client).await?;
        let submit = async |confirmed| {
            let events = client.call(Call { confirmed, ..call.clone() }, heard).await?;
            Ok(events.with_patience(waiting.bounds(), []))
        };
        let accepted = accept(submit, confirmed, &mut interrupts, DECLINED).await?;
        let Some(Accepted { job, targets, events }) = accepted else { return Ok(Exit::Interrupted) };
        if no_wait {
            return print_id(job, view, events.warnings());
        }
        if durable {
            note(format_args!("job {job}"));
        }
        follow(client, events, Followed::begun(job, targets), view.form(), interrupts).await
    }

    fn target(&self) -> Target {
        self.selection.clone().of(self.target.clone())
    }

    /// Refuses settings that would do nothing.
    fn check(&self) -> Result<(), CliError> {
        if self.max_failures.is_some() && self.batch.is_none() {
            return Err(CliError::Usage(
                "--max-failures does nothing without --batch, which says how many minions have the job at once: give both",
            ));
        }
        if self.no_wait && self.view.form() == Form::Raw {
            return Err(CliError::Usage(
                "--output raw does nothing with --nowait: take `overlord job result JOB --output raw`",
            ));
        }
        if self.no_wait && self.waiting.wait.is_some() {
            return Err(CliError::Usage("--wait does nothing with --nowait: give one of them"));
        }
        if self.no_wait && self.waiting.patience.is_some() && self.batch.is_none() {
            return Err(CliError::Usage("--patience does nothing with --nowait, unless there is a --batch"));
        }
        Ok(())
    }

    async fn into_call(self, client: &Client) -> Result<Call, CliError> {
        let target = self.target();
        let arguments = match self.json_arguments {
            Some(json) => Arguments::Json(given::json(json, std::io::stdin())?),
            None => words::arguments(client, &target, &self.method, self.words).await?,
        };
        Ok(Call {
            target,
            method: self.method,
            arguments,
            timeout_ms: self.timeout.map(milliseconds),
            queue_ms: self.queue.map(milliseconds),
            batch: self.batch,
            max_failures: self.max_failures,
            patience_ms: self.waiting.patience_ms(),
            permitted: self.permitted,
            dry_run: self.dry_run,
            durable: self.durable || self.no_wait,
            confirmed: self.yes,
        })
    }
}

/// What a user is told who does not want a call after all.
const DECLINED: &str = "nothing was called";

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A call that has become a job.
pub(super) struct Accepted {
    pub(super) job: JobId,
    pub(super) targets: Vec<MinionName>,
    pub(super) events: JobStream,
}

/// Hands in a call, once more where the user confirms it. `None` where the user interrupts or does not confirm
/// it, and was told what that means: `declined`.
pub(super) async fn accept(
    submit: impl AsyncFn(bool) -> Result<JobStream, ClientError>,
    mut confirmed: bool,
    interrupts: &mut Signal,
    declined: &str,
) -> Result<Option<Accepted>, CliError> {
    loop {
        let answered = async {
            let mut events = submit(confirmed).await?;
            Ok((events.next().await?, events))
        };
        let answered = tokio::select! {
            answered = answered => answered,
            _ = interrupts.recv() => {
                note("interrupted before the overlord had answered: `overlord job list` shows whether it took the call");
                return Ok(None);
            }
        };
        match answered {
            Ok((Some(JobEvent::Accepted { job, targets }), events)) => {
                warn(events.warnings());
                return Ok(Some(Accepted { job, targets, events }));
            }
            Ok((Some(JobEvent::WaitOver(_)), _)) => return Err(CliError::NotAnswered),
            Ok(_) => return Err(ClientError::Unexpected.into()),
            Err(ClientError::Refusal(refusal)) if is_unconfirmed(&refusal, confirmed) => {
                if !confirm(&refusal.message).await? {
                    note(declined);
                    return Ok(None);
                }
                confirmed = true;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

pub(super) fn print_id(job: JobId, view: View, warnings: &[TargetWarning]) -> Result<Exit, CliError> {
    if view.is_json() {
        print(with_warnings(json!({ "job": job }), warnings))?
    } else {
        print(job.to_string())?
    }
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        call: CallCommand,
    }

    fn parsed(words: &[&str]) -> Result<CallCommand, String> {
        let line = Line::try_parse_from(["call"].iter().chain(words));
        line.map(|line| line.call).map_err(|error| error.to_string())
    }

    #[test]
    fn options_may_stand_before_between_and_behind_the_arguments() {
        for words in [
            ["--dry-run", "-x", "db*", "*", "test.add", "2", "3"],
            ["*", "--dry-run", "test.add", "-x", "db*", "2", "3"],
            ["*", "test.add", "2", "-x", "db*", "3", "--dry-run"],
        ] {
            let call = parsed(&words).expect("parses");
            assert_eq!((call.target.as_str(), call.method.to_string().as_str()), ("*", "test.add"));
            assert_eq!(call.words, ["2", "3"]);
            assert_eq!((call.selection.exclude.as_deref(), call.dry_run), (Some("db*"), true));
        }
    }

    #[test]
    fn negative_numbers_are_arguments() {
        let call = parsed(&["*", "test.add", "-2", "-3.5e3", "--json"]).expect("parses");
        assert_eq!(call.words, ["-2", "-3.5e3"]);
        assert!(call.view.is_json());
    }

    #[test]
    fn everything_behind_two_dashes_is_an_argument() {
        let call = parsed(&["*", "test.concat", "--", "--json", "-x"]).expect("parses");
        assert_eq!(call.words, ["--json", "-x"]);
        assert!(!call.view.is_json());
    }

    #[test]
    fn an_unknown_option_is_an_error_that_shows_how_to_pass_it() {
        let error = parsed(&["*", "test.concat", "--foo", "x"]).expect_err("unknown");
        assert!(error.contains("-- --foo"), "{error}");
    }

    #[test]
    fn options_that_contradict_each_other_are_refused() {
        assert!(parsed(&["*", "test.ping", "--async", "--nowait"]).is_err());
        assert!(parsed(&["*", "test.ping", "--json", "--jsonl"]).is_err());
        assert!(parsed(&["*", "test.add", "2", "--args", "[2]"]).is_err());
        assert!(parsed(&["*", "test"]).expect_err("no method").contains("MODULE.METHOD"));
    }
}
