//! One module file and a sandbox for it, without a daemon: the author's loop.

use std::path::{Path, PathBuf};

use clap::Args;
use ledger::MinionLedger;
use machine::home;
use output::{Context as _, Failure, note};
use tempfile::TempDir;

use wire::name::ModuleName;

use crate::cli::DirFlag;
use crate::config::Config;
use crate::containment::Containment;
use crate::facts;
use crate::highest_versions::HighestVersions;
use crate::modules::read_module;
use crate::policy::{ModulePolicy, SignaturePolicy};
use crate::sandbox::{Allocation, Facts, Home, Sandbox, SandboxConfig};

/// Which module, and what it may do.
#[derive(Debug, Args)]
pub(crate) struct ModuleFile {
    /// The module, a WebAssembly component
    #[arg(value_name = "FILE.wasm")]
    file: PathBuf,
    /// The module's name [default: the stem of the file's name]
    #[arg(long)]
    name: Option<ModuleName>,
    /// Read grants and limits from this file [default: minion.toml in the minion's folder, if it is there]
    #[arg(long, value_name = "FILE.toml")]
    policy: Option<PathBuf>,
}

/// A module file that was read, and a sandbox to load it into.
pub(super) struct Workbench {
    pub(super) name: ModuleName,
    pub(super) bytes: Vec<u8>,
    pub(super) policy: ModulePolicy,
    /// Whose modules are loaded.
    pub(super) signatures: SignaturePolicy,
    pub(super) sandbox: Sandbox,
    /// Where the module keeps what it may keep.
    ledger: Option<MinionLedger>,
    /// The folder of that; it is gone afterwards.
    _kept: Option<TempDir>,
}

impl Workbench {
    /// What a job of the module gets in the place of a minion.
    pub(super) fn home(&self) -> Home {
        Home { minion: None, ledger: self.ledger.clone() }
    }
}

impl ModuleFile {
    /// Where the file is.
    pub(super) fn path(&self) -> &Path {
        &self.file
    }

    /// Reads the file and its policy, and makes the sandbox.
    pub(super) fn open(&self, dir: &DirFlag) -> Result<Workbench, Failure> {
        let shown = self.file.display();
        let name = match &self.name {
            Some(name) => name.clone(),
            None => {
                let stem = self.file.file_stem().unwrap_or_default().to_string_lossy();
                stem.parse().context("give the module a name with --name")?
            }
        };
        let bytes = read_module(&self.file).with_context(|| format!("cannot read \"{shown}\""))?;
        let config = self.config(dir)?;
        let policy = config.modules.of(&name);
        let kept = policy.grants.kv.map(|_| TempDir::new()).transpose().context("cannot make a folder")?;
        let ledger =
            kept.as_ref().map(|dir| MinionLedger::open(dir.path())).transpose().map_err(Failure::failed)?;
        // Gathering takes a moment, which a module that reads none should not wait for.
        let facts = match policy.grants.facts.is_empty() {
            true => Facts::default(),
            false => facts::of_this_host(&config.labels),
        };
        Containment::use_control_groups(config.control_groups);
        let sandbox = Sandbox::new(SandboxConfig {
            held: config.limits.held.0,
            processes: config.limits.processes,
            cache_dir: cache(),
            max_jobs: 1,
            allocation: Allocation::OnDemand,
            facts,
            on_slow_compilation: |name| {
                note(format_args!("compiling \"{name}\", which happens once to each file …"))
            },
            ..SandboxConfig::default()
        })?;
        Ok(Workbench { name, bytes, policy, signatures: config.signatures, sandbox, ledger, _kept: kept })
    }

    /// The highest version of the module that was in service on this host. What was in service where another
    /// policy holds is not known here.
    pub(super) fn highest(&self, dir: &DirFlag, name: &ModuleName) -> Result<Option<String>, Failure> {
        if self.policy.is_some() {
            return Ok(None);
        }
        Ok(HighestVersions::open(&dir.folder()?.highest_versions())?.highest(name))
    }

    fn config(&self, dir: &DirFlag) -> Result<Config, Failure> {
        let Some(policy) = &self.policy else { return Ok(Config::load(&dir.folder()?.config())?) };
        Failure::unless(policy.exists(), format_args!("there is no policy file \"{}\"", policy.display()))?;
        Ok(Config::load(policy)?)
    }
}

/// Where compiled code is kept from one try to the next: in the user's own cache, away from any daemon's.
fn cache() -> Option<PathBuf> {
    Some(home::cache()?.join("minion"))
}
