//! `overlord operator show`

use clap::Args;
use machine::clock::now_ms;
use output::{Exit, print};
use wire::document::text::{line, since};
use wire::identity::Moment;
use wire::message::operators::{OperatorStanding, OperatorStatus, RoleStatus};
use wire::name::OperatorName;

use super::super::{CliError, Format, FormatFlag};
use super::document::document;
use crate::client::Client;

/// Show an operator, and what its roles allow
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord operator show bob
  overlord operator show bob --json")]
pub(in crate::cli) struct Show {
    /// The operator
    name: OperatorName,
    #[command(flatten)]
    format: FormatFlag,
}

impl Show {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        show(&client.operator(self.name).await?, self.format.format())
    }
}

/// Prints an operator.
pub(in crate::cli) fn show(operator: &OperatorStatus, format: Format) -> Result<Exit, CliError> {
    match format {
        Format::Json => print(document(operator))?,
        Format::Text => print(text(operator, now_ms()))?,
    }
    Ok(Exit::Ok)
}

fn text(operator: &OperatorStatus, now: u64) -> String {
    let mut lines = vec![
        format!("operator     {}", operator.name),
        format!("kind         {}", operator.kind.as_str()),
        format!("standing     {}", standing(&operator.standing, now)),
        format!("connections  {}", operator.connections),
        format!("since        {} ago{}", since(operator.since, now), invited(operator)),
    ];
    if let Some(until) = operator.valid_until {
        lines.push(format!(
            "certificate  good until {}, and renewed by its commands until it is revoked",
            Moment(until)
        ));
    }
    match operator.roles.as_slice() {
        [] => lines.push("roles        none: it may do nothing".to_owned()),
        roles => lines.extend(roles.iter().map(|role| format!("role         {}", allows(role)))),
    }
    lines.join("\n")
}

fn standing(standing: &OperatorStanding, now: u64) -> String {
    match standing {
        OperatorStanding::Active => "may connect".to_owned(),
        OperatorStanding::Revoked { at, by, why } => {
            let why = if why.is_empty() { String::new() } else { format!(": {}", line(why)) };
            format!("revoked {} ago by {by}{why}", since(*at, now))
        }
    }
}

fn invited(operator: &OperatorStatus) -> String {
    match &operator.invited_by {
        Some(by) => format!(", invited by {by}"),
        None => ", with the overlord's own folder".to_owned(),
    }
}

/// What a role allows, in one line.
fn allows(role: &RoleStatus) -> String {
    let name = &role.name;
    if role.admin {
        return format!("{name}: everything");
    }
    let list =
        |what: &str, words: &[String]| (!words.is_empty()).then(|| format!("{what} {}", words.join(", ")));
    let parts = [
        role.targets.as_ref().map(|targets| format!("on {}", line(targets))),
        list("call", &role.methods),
        list("modules:", &role.modules),
        list("jobs of others:", &role.jobs),
        list("minions:", &role.minions),
        role.audit.then(|| "read the audit log".to_owned()),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { format!("{name}: nothing") } else { format!("{name}: {}", parts.join("; ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_role_allows_fits_into_a_line() {
        let role = |admin, methods: &[&str], targets: Option<&str>| RoleStatus {
            name: "web".parse().expect("a name"),
            admin,
            methods: methods.iter().map(|method| (*method).to_owned()).collect(),
            targets: targets.map(str::to_owned),
            modules: Vec::new(),
            jobs: vec!["see".to_owned()],
            minions: Vec::new(),
            audit: true,
        };
        assert_eq!(
            allows(&role(false, &["test.*", "a.b"], Some("web*"))),
            "web: on web*; call test.*, a.b; jobs of others: see; read the audit log"
        );
        assert_eq!(allows(&role(true, &[], None)), "web: everything");
    }
}
