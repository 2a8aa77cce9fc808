//! `minion revoke-grant MODULE`.

use clap::Args;
use output::{Confirm, Exit, Failure, note, print};
use serde_json::json;

use wire::name::ModuleName;

use crate::cli::DirFlag;
use crate::cli::config_edit::ConfigEdit;
use crate::cli::config_edit::Reloaded;
use crate::cli::grant::show;
use crate::config::Config;

/// Take a module's own table out of minion.toml
///
/// Shows the lines that go, whoever wrote them, asks, and has the running minion read what is left. What other tables grant
/// the module, as [modules."*"] does, stays.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  minion revoke-grant system
  minion revoke-grant service --yes")]
pub(crate) struct RevokeGrant {
    /// The module
    module: ModuleName,
    #[command(flatten)]
    confirm: Confirm,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

impl RevokeGrant {
    pub(crate) async fn run(self, dir: &DirFlag) -> Result<Exit, Failure> {
        let folder = dir.made_folder()?;
        let (module, path) = (&self.module, folder.config());
        let edit = ConfigEdit::begin(path.clone(), &self.confirm)?;
        let Some(change) = edit.policy().revoke(module)? else {
            match self.json {
                true => print(json!({
                    "module": module.as_str(), "changed": false, "file": path.display().to_string(),
                })),
                false => print(format_args!(
                    "there is no table [modules.{module}] in \"{}\": nothing changes",
                    path.display()
                )),
            }?;
            return Ok(Exit::Ok);
        };
        if !self.json {
            show(&change);
        }
        if !self.confirm.asks(&format!("These lines go from \"{}\".", path.display()))? {
            note("nothing was changed");
            return Ok(Exit::Failed);
        }
        edit.write(&change.after)?;
        let reloaded = Reloaded::now(&folder).await?;
        let config = toml::from_str::<Config>(&change.after).map_err(Failure::failed)?;
        let left = config.modules.of(module).grants != Default::default();
        match self.json {
            true => print(json!({
                "module": module.as_str(),
                "changed": true,
                "file": path.display().to_string(),
                "removed": change.removed,
                "granted_elsewhere": left,
                "reload": reloaded.document(),
            })),
            false => print(format_args!("took the grants of \"{module}\" out; {reloaded}")),
        }?;
        if left {
            note(format_args!("other tables in \"{}\" still grant \"{module}\" something", path.display()));
        }
        Ok(Exit::Ok)
    }
}
