//! What ends parts of a job, all or those of some minions: `overlord job cancel` and `overlord job give-up`.

use clap::Args;
use machine::clock::rfc3339;
use machine::moment::local;
use output::{Exit, note, print};
use serde_json::json;
use wire::document::text::counted;
use wire::message::operator::{Cancelling, GivingUp, Target};
use wire::name::MinionName;

use super::super::module::who;
use super::super::selection::{Lenient, with_warnings};
use super::super::{CliError, Format, FormatFlag};
use crate::client::Client;

/// A job, and those of its parts that are meant: all, where no target is given.
#[derive(Debug, Args)]
struct Parts {
    /// The job's id, or a unique beginning of it
    job: String,
    /// Only on those of its minions that match
    #[arg(long, value_name = "EXPR")]
    target: Option<String>,
    #[command(flatten)]
    lenient: Lenient,
}

impl Parts {
    /// The job, and the target.
    fn meant(self) -> (String, Option<Target>) {
        (self.job, self.target.map(|expression| self.lenient.of(expression)))
    }
}

/// Stop a job on all minions where it is not over
///
/// It never starts where it has not come to yet. A minion that is out of touch is told when it is back, also
/// where the overlord was started again meanwhile; one that will not be back is given up with `overlord job give-up`. Does
/// not wait for their ends: `overlord job wait` shows them.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord job cancel 01KDPQ3V
  overlord job cancel 01KDPQ3V --target 'web*'")]
pub(in crate::cli) struct Cancel {
    #[command(flatten)]
    parts: Parts,
    #[command(flatten)]
    format: FormatFlag,
}

impl Cancel {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let (job, target) = self.parts.meant();
        let (cancelling, warnings) = client.cancel(&job, target).await?.said();
        let Cancelling { job, told, never_started, later, out_of_touch } = &cancelling;
        match self.format.format() {
            Format::Json => {
                let mut document = json!({
                    "job": job,
                    "told": told,
                    "never_started": never_started,
                    "later": later,
                });
                if !out_of_touch.is_empty() {
                    let minions = out_of_touch.iter().map(|(minion, absence)| {
                        json!({ "minion": minion, "out_of_touch_at": rfc3339(absence.lost_at) })
                    });
                    document["absent"] = minions.collect();
                }
                print(with_warnings(document, &warnings))?;
            }
            Format::Text => print(format_args!("{job}: {}", became(&cancelling)))?,
        }
        if let Some(way_out) = way_out(&cancelling) {
            note(way_out);
        }
        Ok(Exit::Ok)
    }
}

/// What can be done about those that cannot be told now.
pub(in crate::cli) fn way_out(cancelling: &Cancelling) -> Option<String> {
    let Cancelling { job, later, .. } = cancelling;
    let names = who(&later.iter().collect::<Vec<_>>());
    (!later.is_empty()).then(|| {
        format!(
            "nobody can say whether it still runs on {names}; to end it on record without a word of them: overlord job \
             give-up {job}"
        )
    })
}

/// What becomes of a job that is to stop, in one line.
pub(in crate::cli) fn became(cancelling: &Cancelling) -> String {
    let Cancelling { told, never_started, later, out_of_touch, .. } = cancelling;
    let minions = |minions: &[MinionName]| counted(minions.len(), "minion");
    let mut parts = Vec::new();
    if !told.is_empty() {
        parts.push(format!("{} told to stop", minions(told)));
    }
    if !never_started.is_empty() {
        parts.push(format!("never started on {}", minions(never_started)));
    }
    let (away, silent): (Vec<_>, Vec<_>) =
        later.iter().partition(|minion| out_of_touch.iter().any(|(away, _)| away == *minion));
    let them = |minions: &[&MinionName]| if minions.len() == 1 { "it is" } else { "they are" };
    let since = out_of_touch.iter().map(|(_, absence)| absence.lost_at).min();
    if let Some(since) = since.filter(|_| !away.is_empty()) {
        let (minions, them) = (counted(away.len(), "minion"), them(&away));
        parts.push(format!(
            "not stopped on {minions}, out of touch since {}: told once {them} back",
            local(since)
        ));
    }
    if !silent.is_empty() {
        let (minions, them) = (counted(silent.len(), "minion"), them(&silent));
        parts.push(format!("not stopped on {minions}, without an answer now: told once {them} back"));
    }
    if parts.is_empty() { "it is not running anywhere".to_owned() } else { parts.join("; ") }
}

/// Wait no longer for minions that will not say how a job ended
///
/// Ends their parts as `lost`, with your name in the record. A minion that comes back all the same is asked, and what it
/// says is recorded beside that; nothing is stopped there. Without --target, all minions that are out of touch are given
/// up.
#[derive(Debug, Args)]
#[command(mut_arg("target", |target| target.help("Only those of its minions that match, also where they are in touch")))]
#[command(after_help = "\
Examples:
  overlord job give-up 01KDPQ3V
  overlord job give-up 01KDPQ3V --target 'web3,web7'")]
pub(in crate::cli) struct GiveUp {
    #[command(flatten)]
    parts: Parts,
    #[command(flatten)]
    format: FormatFlag,
}

impl GiveUp {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let (job, target) = self.parts.meant();
        let (given_up, warnings) = client.give_up(&job, target).await?.said();
        let GivingUp { job, lost, never_sent } = &given_up;
        match self.format.format() {
            Format::Json => {
                let document = json!({ "job": job, "lost": lost, "never_sent": never_sent });
                print(with_warnings(document, &warnings))?;
            }
            Format::Text => print(format_args!("{job}: {}", given_up_on(&given_up)))?,
        }
        Ok(Exit::Ok)
    }
}

/// What became of the parts, in one line.
fn given_up_on(given_up: &GivingUp) -> String {
    let GivingUp { lost, never_sent, .. } = given_up;
    let mut parts = Vec::new();
    for (minions, outcome) in [(lost, "lost"), (never_sent, "undelivered, since it was never sent there")] {
        if !minions.is_empty() {
            parts.push(format!("given up on {}: {outcome}", who(&minions.iter().collect::<Vec<_>>())));
        }
    }
    if parts.is_empty() {
        "its minions were quicker: nothing was given up".to_owned()
    } else {
        parts.join("; ")
    }
}

#[cfg(test)]
mod tests {
    use wire::message::job::JobId;
    use wire::message::operator::Absence;

    use super::*;

    fn said(told: &[&str], never_started: &[&str], later: &[&str]) -> String {
        let names = |names: &[&str]| -> Vec<MinionName> {
            names.iter().map(|name| name.parse().expect("a name")).collect()
        };
        let (told, never_started, later) = (names(told), names(never_started), names(later));
        let absence = Absence { lost_at: 0, for_ms: 0, kept_ms: None, overdue: false };
        let out_of_touch = later.iter().skip(1).map(|minion: &MinionName| (minion.clone(), absence.clone()));
        let out_of_touch = out_of_touch.collect();
        became(&Cancelling { job: JobId::new(), told, never_started, later, out_of_touch })
    }

    #[test]
    fn a_cancel_says_where_it_took_effect_and_where_it_will() {
        assert_eq!(said(&[], &[], &[]), "it is not running anywhere");
        assert_eq!(said(&["a"], &[], &[]), "1 minion told to stop");
        let said = said(&["a", "b"], &["c"], &["d", "e", "f"]);
        assert!(
            said.starts_with(
                "2 minions told to stop; never started on 1 minion; not stopped on 2 minions, out"
            )
        );
        assert!(
            said.ends_with("; not stopped on 1 minion, without an answer now: told once it is back"),
            "{said}"
        );
    }
}
