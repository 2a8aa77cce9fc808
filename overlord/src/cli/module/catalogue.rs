//! What an overlord keeps, as people and as programs read it, and `overlord module add`, which brings more.

use std::path::PathBuf;

use clap::Args;
use machine::clock::rfc3339;
use machine::moment::local;
use output::{Column, Exit, HumanBytes, Table, note, print};
use serde_json::{Value, json};
use wire::message::catalogue::KeptModule;
use wire::name::ModuleName;

use super::super::signals::interrupts;
use super::super::{CliError, Format, FormatFlag};
use super::bars::Bars;
use crate::client::{Client, ClientError, ModuleEvent, ModuleFile, ModuleStream};

/// Bring a module into the overlord's catalogue, without putting it into service anywhere
///
/// From there it can be assigned. Pushing does this too.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord module add service.wasm
  overlord module add build/release.wasm --name service --json")]
pub(in crate::cli) struct Add {
    /// The module
    #[arg(value_name = "FILE.wasm")]
    file: PathBuf,
    /// What it is called [default: the file's name without .wasm]
    #[arg(long)]
    name: Option<ModuleName>,
    #[command(flatten)]
    format: FormatFlag,
}

impl Add {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let file = ModuleFile::read(&self.file, self.name)?;
        let mut interrupts = interrupts()?;
        let stream = client.add_module(&file).await?;
        let kept = tokio::select! {
            kept = kept(stream, file.offer().size) => kept?,
            _ = interrupts.recv() => {
                note("interrupted; what the overlord has of the file is kept");
                return Ok(Exit::Interrupted);
            }
        };
        match self.format.format() {
            Format::Json => print(kept_document(&kept))?,
            Format::Text => {
                let version = kept.version.as_deref().unwrap_or("without a version");
                print(format_args!(
                    "{} {version} (sha256 {}) is in the catalogue",
                    kept.name,
                    kept.digest.short()
                ))?;
            }
        }
        Ok(Exit::Ok)
    }
}

async fn kept(mut events: ModuleStream, size: u64) -> Result<wire::message::catalogue::KeptModule, CliError> {
    let mut bars = Bars::new(size);
    loop {
        match events.next().await {
            Ok(Some(ModuleEvent::Kept(module))) => return Ok(*module),
            Ok(Some(ModuleEvent::Uploaded { done, .. })) => {
                bars.uploaded(done);
                bars.tick();
            }
            Ok(Some(_)) => {}
            Ok(None) => return Err(ClientError::Unexpected.into()),
            Err(cause @ ClientError::Lost { .. }) => return Err(CliError::UploadLost { cause }),
            Err(error) => return Err(error.into()),
        }
    }
}

/// The versions of one module that are kept, as people read them.
pub(in crate::cli) fn kept_table(kept: &[KeptModule]) -> Table {
    Table::new(columns()).with(kept.iter().map(row))
}

/// The versions of all modules that are kept.
pub(in crate::cli) fn catalogue_table(kept: &[KeptModule]) -> Table {
    let columns = std::iter::once(Column::whole("MODULE")).chain(columns());
    let rows = kept.iter().map(|module| [vec![module.name.to_string()], row(module)].concat());
    Table::new(columns).with(rows)
}

fn columns() -> [Column; 6] {
    [
        Column::whole("VERSION"),
        Column::whole("DIGEST"),
        Column::whole("SIZE").minor(),
        Column::whole("SIGNED"),
        Column::whole("PUSHED BY").minor(),
        Column::whole("PUSHED").minor(),
    ]
}

fn row(module: &KeptModule) -> Vec<String> {
    vec![
        module.version.clone().unwrap_or_else(|| "-".to_owned()),
        module.digest.short(),
        HumanBytes(module.size).to_string(),
        if module.signature.is_some() { "yes" } else { "no" }.to_owned(),
        module.pushed_by.to_string(),
        local(module.pushed_at),
    ]
}

/// A version that is kept.
pub(super) fn kept_document(module: &KeptModule) -> Value {
    json!({
        "module": module.name,
        "version": module.version,
        "digest": module.digest.to_string(),
        "size_bytes": module.size,
        "signed": module.signature.is_some(),
        "pushed_by": module.pushed_by,
        "pushed_at": rfc3339(module.pushed_at),
    })
}
