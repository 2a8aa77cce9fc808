//! `minion pack FILE.wasm`.

use std::path::{Path, PathBuf};

use clap::Args;
use output::{Context as _, Exit, Failure, note};

use minion_host::modules::read_module;
use minion_host::signature_file;
use policy::Suggestion;
use policy::suggestion::MAX_SECTION;
use wire::signing::SigningKey;

use crate::cli::sign;
use crate::{About, Wit, pack, supervised};

/// Make a module of what a compiler made: a component, with its documentation
#[derive(Debug, Args)]
pub(crate) struct Pack {
    /// What the compiler made: a core module or a component
    #[arg(value_name = "FILE.wasm")]
    file: PathBuf,
    /// The folder with the module's WIT
    #[arg(long, value_name = "DIR", default_value = "wit")]
    wit: PathBuf,
    /// The module's world, where the package has several: its name, or `namespace:package/world`
    #[arg(long, value_name = "NAME")]
    world: Option<String>,
    /// The file with the policy that the module suggests, in levels
    #[arg(long, value_name = "FILE.toml")]
    policy: Option<PathBuf>,
    /// Where to write the module; the stem of this file's name is the module's name
    #[arg(long, short, value_name = "NAME.wasm")]
    output: PathBuf,
    /// The module's version [default: that of its WIT package]
    #[arg(long = "module-version", value_name = "VERSION")]
    version: Option<String>,
    /// A line about it [default: the first line of its WIT package's documentation]
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Who wrote it
    #[arg(long, value_name = "NAMES")]
    authors: Option<String>,
    /// Under which licences it may be used, as an SPDX expression
    #[arg(long, value_name = "SPDX")]
    licenses: Option<String>,
    /// Sign the module with this key, as `minion sign` does
    #[arg(long, value_name = "KEY")]
    sign: Option<PathBuf>,
}

impl Pack {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let bytes =
            read_module(&self.file).with_context(|| format!("cannot read \"{}\"", self.file.display()))?;
        let key = self.sign.as_deref().map(SigningKey::load).transpose()?;
        let suggestion = self.policy.as_deref().map(suggestion).transpose()?;
        let about = About {
            suggestion,
            version: self.version,
            description: self.description,
            authors: self.authors,
            licenses: self.licenses,
        };
        let (wit, world) = (self.wit, self.world);
        let packing = move || pack(&bytes, &Wit::read(&wit, world.as_deref())?, &about);
        let packed = supervised("packing", packing)
            .with_context(|| format!("cannot pack \"{}\"", self.file.display()))?;
        let output = self.output;
        // Before anything is written: what cannot be signed is not left behind unsigned.
        let signature =
            key.map(|key| sign::sign(&key, sign::name_of(&output)?, &packed.bytes)).transpose()?;
        std::fs::write(&output, &packed.bytes)
            .with_context(|| format!("cannot write \"{}\"", output.display()))?;
        for warning in packed.warnings {
            note(format_args!("warning: {warning}"));
        }
        note(format_args!("wrote {}, {} kB", output.display(), packed.bytes.len().div_ceil(1000)));
        if let Some(signature) = signature {
            let path = sign::write_beside(&output, &signature)?;
            note(sign::told(&signature, &path));
        } else if signature_file::path_of(&output).exists() {
            let path = signature_file::path_of(&output);
            note(format_args!(
                "warning: \"{}\" is of an earlier file: sign this one, or remove it",
                path.display()
            ));
        }
        Ok(Exit::Ok)
    }
}

/// What a module suggests, by the file that says so.
fn suggestion(path: &Path) -> Result<Suggestion, Failure> {
    let shown = path.display();
    let bytes = machine::file::read_bounded(path, MAX_SECTION as u64)
        .with_context(|| format!("cannot read \"{shown}\""))?;
    Suggestion::from_bytes(&bytes).map_err(|error| {
        Failure::failed(format_args!(
            "\"{shown}\", {error}; see docs/grants.md for what a module may suggest"
        ))
    })
}
