//! The modules of this minion: a folder of components, loaded under the stems of their files.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

use wire::digest::Digest;
use wire::module::{Module, ModuleState};
use wire::name::ModuleName;
use wire::outcome::FailureKind;

use crate::admission::Admission;
use crate::changes::changes;
use crate::policy::{ModulePolicy, Policy, SignaturePolicy};
use crate::sandbox::{Defect, LoadedModule, MAX_MODULE, Sandbox};
use crate::signature_file;

/// The set of modules. Clones share it.
#[derive(Clone)]
pub struct Modules(Arc<Inner>);

struct Inner {
    sandbox: Sandbox,
    admission: Arc<Admission>,
    set: RwLock<Arc<Set>>,
    changed: watch::Sender<()>,
}

type Set = BTreeMap<ModuleName, Entry>;

/// What is known under one name.
#[derive(Clone)]
struct Entry {
    path: PathBuf,
    policy: ModulePolicy,
    slot: Slot,
}

/// Whether it can be called.
#[derive(Clone)]
enum Slot {
    /// In service.
    Active(Arc<LoadedModule>),
    /// Not in service: how it is listed, and as what calls of it are rejected.
    Failed(Box<Module>, FailureKind),
}

/// Why a method's module cannot be called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoModule {
    /// There is none of that name.
    #[error("this minion has no module \"{name}\"; {}", has(.present))]
    Unknown {
        /// What was asked for.
        name: ModuleName,
        /// What there is.
        present: Vec<ModuleName>,
    },
    /// It could not be loaded.
    #[error("module \"{name}\" is not in service: it {reason}")]
    Failed {
        /// What was asked for.
        name: ModuleName,
        /// As what its calls are rejected.
        kind: FailureKind,
        /// Why it could not be loaded; reads on from its name.
        reason: String,
    },
}

impl NoModule {
    /// As what a call is rejected.
    pub fn kind(&self) -> FailureKind {
        match self {
            NoModule::Unknown { .. } => FailureKind::UnknownModule,
            NoModule::Failed { kind, .. } => *kind,
        }
    }
}

/// Why the modules folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the modules folder \"{path}\": {source}")]
pub struct ModulesError {
    path: PathBuf,
    source: std::io::Error,
}

impl Modules {
    /// Loads every `*.wasm` file of a folder, which is made where there is none.
    ///
    /// A file that cannot be loaded is listed with the reason and does not stop the others.
    pub(crate) async fn load(
        sandbox: Sandbox,
        dir: &Path,
        policy: &Policy,
        admission: Admission,
    ) -> Result<Self, ModulesError> {
        let admission = Arc::new(admission);
        let files = component_files(dir).map_err(|source| ModulesError { path: dir.to_owned(), source })?;
        let wanted = files.into_iter().map(|(name, path)| {
            let policy = policy.of(&name);
            (name, path, policy)
        });
        let set = load_all(&sandbox, &admission, wanted.collect()).await;
        Ok(Self(Arc::new(Inner {
            sandbox,
            admission,
            set: RwLock::new(Arc::new(set)),
            changed: watch::Sender::new(()),
        })))
    }

    /// Puts a new policy into force and says what it changes, a line each.
    ///
    /// Modules for which it changes something are loaded again. One that cannot be loaded under it is out of
    /// service from now on: it must not go on with what was withdrawn. Jobs that run keep what they have.
    pub async fn apply(&self, policy: &Policy, signatures: &SignaturePolicy) -> Vec<String> {
        let (mut lines, mut wanted) = (self.0.admission.apply(signatures), Vec::new());
        // Whose modules are loaded concerns each of them.
        let every = !lines.is_empty();
        for (name, entry) in self.set().iter() {
            let policy = policy.of(name);
            let told = changes(&entry.policy, &policy);
            lines.extend(told.into_iter().map(|change| format!("{name}: {change}")));
            if every || entry.policy != policy {
                wanted.push((name.clone(), entry.path.clone(), policy));
            }
        }
        if !wanted.is_empty() {
            let loaded = load_all(&self.0.sandbox, &self.0.admission, wanted).await;
            let mut current = self.0.set.write().unwrap_or_else(|poisoned| poisoned.into_inner());
            let mut set = Set::clone(&current);
            set.extend(loaded);
            *current = Arc::new(set);
            drop(current);
            self.0.changed.send_replace(());
        }
        lines
    }

    /// What there is, as the overlord is told it.
    pub fn list(&self) -> Vec<Module> {
        let describe = |entry: &Entry| match &entry.slot {
            Slot::Active(module) => module.describe().clone(),
            Slot::Failed(module, _) => Module::clone(module),
        };
        self.set().values().map(describe).collect()
    }

    /// The module that serves this name now. Whoever holds it keeps that version.
    pub fn active(&self, name: &ModuleName) -> Result<Arc<LoadedModule>, NoModule> {
        let set = self.set();
        match set.get(name).map(|entry| &entry.slot) {
            Some(Slot::Active(module)) => Ok(module.clone()),
            Some(Slot::Failed(module, kind)) => {
                let reason = match &module.state {
                    ModuleState::Failed(reason) => reason.clone(),
                    other => format!("is {}", other.as_str()),
                };
                Err(NoModule::Failed { name: name.clone(), kind: *kind, reason })
            }
            None => Err(NoModule::Unknown { name: name.clone(), present: set.keys().cloned().collect() }),
        }
    }

    /// The modules in service.
    pub fn all_active(&self) -> Vec<Arc<LoadedModule>> {
        let active = |entry: &Entry| match &entry.slot {
            Slot::Active(module) => Some(module.clone()),
            Slot::Failed(..) => None,
        };
        self.set().values().filter_map(active).collect()
    }

    /// Changes whenever [`list`](Self::list) would say something new.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.0.changed.subscribe()
    }

    /// The sandbox that they run in.
    pub fn sandbox(&self) -> &Sandbox {
        &self.0.sandbox
    }

    fn set(&self) -> Arc<Set> {
        self.0.set.read().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }
}

/// Loads files, a few at a time, off the threads that must not wait.
async fn load_all(
    sandbox: &Sandbox,
    admission: &Arc<Admission>,
    wanted: Vec<(ModuleName, PathBuf, ModulePolicy)>,
) -> Set {
    let (mut loading, mut set) = (JoinSet::new(), Set::new());
    let mut keep = |loaded: Option<Result<(ModuleName, Entry), JoinError>>| match loaded {
        Some(Ok((name, entry))) => drop(set.insert(name, entry)),
        Some(Err(error)) => tracing::error!("a module was not loaded: {error}"),
        None => {}
    };
    for (name, path, policy) in wanted {
        if loading.len() >= LOADS_AT_ONCE {
            keep(loading.join_next().await);
        }
        let (sandbox, admission) = (sandbox.clone(), admission.clone());
        loading.spawn_blocking(move || {
            let slot = load_file(&sandbox, &admission, &name, &path, &policy);
            (name, Entry { path, policy, slot })
        });
    }
    while !loading.is_empty() {
        keep(loading.join_next().await);
    }
    set
}

/// Turns one file into what is known under its name.
fn load_file(
    sandbox: &Sandbox,
    admission: &Admission,
    name: &ModuleName,
    path: &Path,
    policy: &ModulePolicy,
) -> Slot {
    let failed = |digest, kind, reason: String| {
        tracing::warn!("module \"{name}\" ({}) {reason}", path.display());
        Slot::Failed(Box::new(unserved(name, digest, reason)), kind)
    };
    let bytes = match read_file(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            return failed(Digest::of(&[]), FailureKind::UnknownModule, format!("cannot be read: {error}"));
        }
    };
    if let Err(error) = admission.admit(name, &bytes, signature_file::read_beside(path)) {
        return failed(Digest::of(&bytes), FailureKind::UnknownModule, error.reason());
    }
    match sandbox.load(name.clone(), &bytes, policy) {
        Ok(module) => {
            admission.in_service(name, module.describe().version.as_deref());
            for warning in module.warnings() {
                tracing::warn!("module \"{name}\": {warning}");
            }
            Slot::Active(module)
        }
        Err(error) => {
            let not_granted = |defect: &Defect| matches!(defect, Defect::NotGranted { .. });
            let kind = match error.defects.iter().all(not_granted) {
                true => FailureKind::CapabilityMissing,
                false => FailureKind::UnknownModule,
            };
            failed(Digest::of(&bytes), kind, error.reason())
        }
    }
}

/// The components of a folder by name, which is made where there is none.
fn component_files(dir: &Path) -> std::io::Result<Vec<(ModuleName, PathBuf)>> {
    std::fs::create_dir_all(dir)?;
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        // A pipe of that name must not stop the start for ever.
        if path.extension().is_none_or(|extension| extension != "wasm") || !path.is_file() {
            continue;
        }
        match path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().parse() {
            Ok(name) => files.push((name, path)),
            Err(error) => tracing::warn!("\"{}\" is not loaded: {error}", path.display()),
        }
    }
    Ok(files)
}

/// The bytes of a file, of one that is too large no more than shows that it is.
fn read_file(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_MODULE as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn unserved(name: &ModuleName, digest: Digest, reason: String) -> Module {
    Module {
        name: name.clone(),
        version: None,
        digest,
        description: None,
        state: ModuleState::Failed(reason),
        methods: Vec::new(),
        imports: Vec::new(),
        versions: Vec::new(),
    }
}

fn has(present: &[ModuleName]) -> String {
    let names: Vec<&str> = present.iter().take(NAMES_SHOWN).map(ModuleName::as_str).collect();
    match present.len() {
        0 => "it has none".to_owned(),
        all if all > NAMES_SHOWN => format!("it has {} and {} more", names.join(", "), all - NAMES_SHOWN),
        _ => format!("it has {}", names.join(", ")),
    }
}

/// How many modules are loaded at the same time. The compiler itself uses every processor.
const LOADS_AT_ONCE: usize = 2;
/// How many names an error lists.
const NAMES_SHOWN: usize = 10;
