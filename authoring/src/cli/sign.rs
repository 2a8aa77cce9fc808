//! `minion sign FILE.wasm`.

use std::path::{Path, PathBuf};

use clap::Args;
use output::{Context as _, Exit, Failure, print};
use serde_json::json;

use minion_host::modules::read_module;
use minion_host::sandbox::claim;
use minion_host::signature_file;
use wire::document::text::{line, printable};
use wire::identity::write_public;
use wire::name::ModuleName;
use wire::signing::{ModuleSignature, SigningKey};

/// Sign a module, for minions that load none that nobody they trust has signed
///
/// The signature goes beside the file, as FILE.wasm.sig, and belongs there on the minions too. It is over the
/// module's name, version, imports and every byte.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord key new signing.key
  minion sign disk.wasm --key signing.key")]
pub(crate) struct Sign {
    /// The module, a WebAssembly component
    #[arg(value_name = "FILE.wasm")]
    file: PathBuf,
    /// The signing key, as `overlord key new` makes it
    #[arg(long, value_name = "KEY")]
    key: PathBuf,
    /// The name that minions load it under [default: the stem of the file's name]
    #[arg(long)]
    name: Option<ModuleName>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

impl Sign {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let name = match self.name {
            Some(name) => name,
            None => name_of(&self.file)?,
        };
        let key = SigningKey::load(&self.key)?;
        let bytes =
            read_module(&self.file).with_context(|| format!("cannot read \"{}\"", self.file.display()))?;
        let signature = sign(&key, name, &bytes)?;
        let path = write_beside(&self.file, &signature)?;
        match self.json {
            true => print(document(&signature, &path)),
            false => print(told(&signature, &path)),
        }?;
        Ok(Exit::Ok)
    }
}

/// The name that a minion loads a file under.
pub(super) fn name_of(module: &Path) -> Result<ModuleName, Failure> {
    let stem = module.file_stem().unwrap_or_default().to_string_lossy();
    stem.parse().with_context(|| format!("no module can be loaded from \"{}\"", module.display()))
}

/// Signs a module under this name.
pub(super) fn sign(key: &SigningKey, name: ModuleName, bytes: &[u8]) -> Result<ModuleSignature, Failure> {
    let shown = name.clone();
    key.sign(claim(name, bytes)?).with_context(|| format!("cannot sign module \"{shown}\""))
}

/// Writes a signature to where a minion looks for it. Returns the path.
pub(super) fn write_beside(module: &Path, signature: &ModuleSignature) -> Result<PathBuf, Failure> {
    let path = signature_file::path_of(module);
    write_public(&path, signature.to_string().as_bytes())?;
    Ok(path)
}

/// What was signed, for people.
pub(super) fn told(signature: &ModuleSignature, path: &Path) -> String {
    let (claim, signer) = (signature.claim(), signature.signer());
    let imports = match claim.imports() {
        [] => "none".to_owned(),
        imports => line(&imports.join(", ")),
    };
    printable(&format!(
        "signed module {}\n    version  {}\n    digest   {}\n    imports  {imports}\n    signer   {signer} ({})\n    in       {}",
        claim.name(),
        line(claim.version().unwrap_or("none")),
        claim.digest(),
        signer.fingerprint(),
        path.display(),
    ))
}

fn document(signature: &ModuleSignature, path: &Path) -> serde_json::Value {
    let claim = signature.claim();
    json!({
        "module": claim.name(),
        "version": claim.version(),
        "digest": claim.digest().to_string(),
        "imports": claim.imports(),
        "signer": signature.signer(),
        "fingerprint": signature.signer().fingerprint(),
        "file": path.display().to_string(),
    })
}
