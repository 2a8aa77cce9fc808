//! `overlord module list`

use clap::Args;
use serde_json::{Value, json};
use wire::module::{Module, ModuleState};
use wire::name::MinionName;
use wire::operator::Target;

use super::super::columns::columns;
use super::super::output::print;
use super::super::{CliError, Exit, Format, FormatFlag};
use crate::client::Client;

/// List the modules of minions, each version once with the minions that have it
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord module list
  overlord module list 'web*' --json")]
pub(in crate::cli) struct List {
    /// Whose modules
    #[arg(default_value = "*")]
    target: String,
    /// Leave these minions out, whatever TARGET says
    #[arg(short = 'x', long, value_name = "EXPR")]
    exclude: Option<String>,
    #[command(flatten)]
    format: FormatFlag,
}

impl List {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let target = Target { expression: self.target, exclude: self.exclude };
        let minions = client.modules(target).await?;
        match self.format.format() {
            Format::Json => {
                let minions: serde_json::Map<String, Value> = minions
                    .iter()
                    .map(|(name, modules)| {
                        let modules: Vec<Value> = modules.iter().map(Module::document).collect();
                        (name.to_string(), json!({ "modules": modules }))
                    })
                    .collect();
                print(json!({ "minions": minions }))?;
            }
            Format::Text => {
                let heading = ["MODULE", "VERSION", "DIGEST", "STATE", "METHODS", "MINIONS"];
                print(columns(&heading, kinds(&minions).into_iter().map(Kind::row)))?;
            }
        }
        Ok(Exit::Ok)
    }
}

/// A module in one version and state, and who has it so.
struct Kind<'a> {
    module: &'a Module,
    minions: Vec<&'a MinionName>,
}

/// Everything that the minions have, by name, each distinct thing once.
fn kinds(minions: &[(MinionName, Vec<Module>)]) -> Vec<Kind<'_>> {
    let mut kinds: Vec<Kind<'_>> = Vec::new();
    for (minion, modules) in minions {
        for module in modules {
            match kinds.iter_mut().find(|kind| kind.module == module) {
                Some(kind) => kind.minions.push(minion),
                None => kinds.push(Kind { module, minions: vec![minion] }),
            }
        }
    }
    kinds.sort_by(|a, b| (&a.module.name, &a.module.version).cmp(&(&b.module.name, &b.module.version)));
    kinds
}

impl Kind<'_> {
    fn row(self) -> Vec<String> {
        let state = match &self.module.state {
            ModuleState::Failed(reason) => format!("failed: {reason}"),
            state => state.as_str().to_owned(),
        };
        vec![
            self.module.name.to_string(),
            self.module.version.clone().unwrap_or_else(|| "-".to_owned()),
            self.module.digest.short(),
            state,
            self.module.methods.len().to_string(),
            self.who(),
        ]
    }

    fn who(&self) -> String {
        let shown: Vec<&str> = self.minions.iter().take(SHOWN).map(|name| name.as_str()).collect();
        match self.minions.len().saturating_sub(SHOWN) {
            0 => shown.join(", "),
            more => format!("{} and {more} more", shown.join(", ")),
        }
    }
}

/// How many minions are named in a row.
const SHOWN: usize = 5;

#[cfg(test)]
mod tests {
    use wire::digest::Digest;

    use super::*;

    fn module(name: &str, code: &str) -> Module {
        Module {
            name: name.parse().expect("a name"),
            version: None,
            digest: Digest::of(code.as_bytes()),
            description: None,
            state: ModuleState::Active,
            methods: vec![],
            imports: vec![],
        }
    }

    #[test]
    fn minions_with_the_same_version_share_a_row() {
        let minions: Vec<(MinionName, Vec<Module>)> = [("a", "1"), ("b", "1"), ("c", "2")]
            .into_iter()
            .map(|(name, code)| (name.parse().expect("a name"), vec![module("test", code)]))
            .collect();
        let who: Vec<String> = kinds(&minions).iter().map(Kind::who).collect();
        assert_eq!(who, ["a, b", "c"]);
    }
}
