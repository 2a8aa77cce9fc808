//! `overlord job cancel`

use clap::Args;
use serde_json::json;
use wire::name::MinionName;
use wire::operator::{Cancelling, Target};

use super::super::output::print;
use super::super::{CliError, Exit, Format, FormatFlag};
use crate::client::Client;
use crate::report::text::counted;

/// Stop a job on all minions where it is not over
///
/// It never starts where it has not come to yet. A minion that is out of touch is told when it is back, also
/// where the overlord was started again meanwhile. Does not wait for their ends: `overlord job wait` shows them.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord job cancel 01KDPQ3V
  overlord job cancel 01KDPQ3V --target 'web*'")]
pub(in crate::cli) struct Cancel {
    /// The job's id, or a unique beginning of it
    job: String,
    /// Only on those of its minions that match
    #[arg(long, value_name = "EXPR")]
    target: Option<String>,
    #[command(flatten)]
    format: FormatFlag,
}

impl Cancel {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let target = self.target.map(|expression| Target { expression, exclude: None });
        let cancelling = client.cancel(&self.job, target).await?;
        let Cancelling { job, told, never_started, later } = &cancelling;
        match self.format.format() {
            Format::Json => print(json!({
                "job": job,
                "minions": told,
                "never_started": never_started,
                "later": later,
            }))?,
            Format::Text => print(format_args!("{job}: {}", became(&cancelling)))?,
        }
        Ok(Exit::Ok)
    }
}

/// What becomes of a job that is to stop, in one line.
pub(in crate::cli) fn became(cancelling: &Cancelling) -> String {
    let Cancelling { told, never_started, later, .. } = cancelling;
    let minions = |minions: &[MinionName]| counted(minions.len(), "minion");
    let mut parts = Vec::new();
    if !told.is_empty() {
        parts.push(format!("{} told to stop", minions(told)));
    }
    if !never_started.is_empty() {
        parts.push(format!("never started on {}", minions(never_started)));
    }
    if !later.is_empty() {
        let them = if later.len() == 1 { "it is" } else { "they are" };
        parts.push(format!("{} out of touch, told once {them} back", minions(later)));
    }
    if parts.is_empty() { "it is not running anywhere".to_owned() } else { parts.join("; ") }
}

#[cfg(test)]
mod tests {
    use wire::job::JobId;

    use super::*;

    fn said(told: &[&str], never_started: &[&str], later: &[&str]) -> String {
        let names = |names: &[&str]| names.iter().map(|name| name.parse().expect("a name")).collect();
        let (told, never_started, later) = (names(told), names(never_started), names(later));
        became(&Cancelling { job: JobId::new(), told, never_started, later })
    }

    #[test]
    fn a_cancel_says_where_it_took_effect_and_where_it_will() {
        assert_eq!(said(&[], &[], &[]), "it is not running anywhere");
        assert_eq!(said(&["a"], &[], &[]), "1 minion told to stop");
        assert_eq!(
            said(&["a", "b"], &["c"], &["d", "e"]),
            "2 minions told to stop; never started on 1 minion; 2 minions out of touch, told once they are back"
        );
    }
}
