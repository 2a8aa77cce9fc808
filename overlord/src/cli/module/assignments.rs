//! `overlord module assignments`

use clap::Args;
use output::{Column, Exit, FullFlag, Table, print, show};
use serde_json::{Value, json};
use wire::message::catalogue::{Assignment, AssignmentStatus};
use wire::name::MinionName;

use super::super::{CliError, Format, FormatFlag};
use crate::client::Client;
use machine::clock::rfc3339;
use machine::moment::local;

/// List which versions of modules are assigned, to whom, and how that stands
///
/// MINIONS are those for which an assignment holds: that match, and have no newer one of the same module.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord module assignments
  overlord module assignments --json")]
pub(in crate::cli) struct Assignments {
    #[command(flatten)]
    format: FormatFlag,
    #[command(flatten)]
    full: FullFlag,
}

impl Assignments {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let assignments = client.assignments().await?;
        match self.format.format() {
            Format::Json => {
                let documents: Vec<Value> = assignments.iter().map(status_document).collect();
                print(json!({ "assignments": documents }))?;
            }
            Format::Text => show(&table(&assignments).shown(self.full.reader()))?,
        }
        Ok(Exit::Ok)
    }
}

/// Assignments as people read them.
pub(in crate::cli) fn table(assignments: &[AssignmentStatus]) -> Table {
    let columns = [
        Column::whole("MODULE"),
        Column::whole("VERSION"),
        Column::whole("DIGEST").minor(),
        Column::cut("TARGET", 12, 60),
        Column::whole("MINIONS"),
        Column::whole("ACTIVE"),
        Column::whole("BY").minor(),
        Column::whole("SINCE").minor(),
        Column::wrapped("FAILURES", 20, 120),
    ];
    Table::new(columns).with(assignments.iter().map(row))
}

fn row(status: &AssignmentStatus) -> Vec<String> {
    let Assignment { expression, name, digest, version, assigned_by, assigned_at, .. } = &status.assignment;
    let shown = status.failures.iter().take(SHOWN).map(|(minion, why)| format!("{minion}: {why}"));
    let more = status.failures.len().checked_sub(SHOWN + 1).map(|more| format!("and {} more", more + 1));
    vec![
        name.to_string(),
        version.clone().unwrap_or_else(|| "-".to_owned()),
        digest.short(),
        expression.clone(),
        status.minions.to_string(),
        status.active.to_string(),
        assigned_by.to_string(),
        local(*assigned_at),
        status.error.clone().into_iter().chain(shown).chain(more).collect::<Vec<_>>().join("\n"),
    ]
}

/// Which version is assigned, as `NAME@VERSION`.
pub(super) fn version_name(assignment: &Assignment) -> String {
    let version = assignment.version.clone().unwrap_or_else(|| assignment.digest.short());
    format!("{}@{version}", assignment.name)
}

/// What an assignment says.
pub(super) fn assignment_document(assignment: &Assignment) -> Value {
    json!({
        "module": assignment.name,
        "version": assignment.version,
        "digest": assignment.digest.to_string(),
        "target": assignment.expression,
        "assigned_by": assignment.assigned_by,
        "assigned_at": rfc3339(assignment.assigned_at),
    })
}

/// What an assignment says, and how it stands.
pub(super) fn status_document(status: &AssignmentStatus) -> Value {
    let mut document = assignment_document(&status.assignment);
    let failure = |(minion, why): &(MinionName, String)| json!({ "minion": minion, "reason": why });
    document["minion_count"] = status.minions.into();
    document["active_count"] = status.active.into();
    document["failures"] = status.failures.iter().map(failure).collect();
    document["problem"] = status.error.clone().into();
    document
}

/// How many failures are shown to people.
const SHOWN: usize = 5;
