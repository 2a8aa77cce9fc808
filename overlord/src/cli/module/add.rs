//! `overlord module add`

use std::path::PathBuf;

use clap::Args;
use wire::name::ModuleName;

use super::super::signals::interrupts;
use super::super::{CliError, Format, FormatFlag};
use super::bars::Bars;
use super::catalogue::kept_document;
use crate::client::{Client, ClientError, ModuleEvent, ModuleFile, ModuleStream};
use output::{Exit, note, print};

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
