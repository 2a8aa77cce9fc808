//! Why a module cannot be called, or the modules not be loaded.

use std::path::PathBuf;

use wire::message::outcome::FailureKind;
use wire::name::ModuleName;

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
    /// No version of it is in service.
    #[error("module \"{name}\" is not in service: it {reason}")]
    Failed {
        /// What was asked for.
        name: ModuleName,
        /// As what its calls are rejected.
        kind: FailureKind,
        /// Why none is; reads on from its name.
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
    pub(super) path: PathBuf,
    pub(super) source: std::io::Error,
}

/// Why a version is not taken.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    /// Reads on from the module's name.
    pub(super) reason: String,
    /// As what calls are rejected, where no other version serves.
    pub(super) kind: FailureKind,
}

impl Refusal {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), kind: FailureKind::UnknownModule }
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

/// How many names an error lists.
const NAMES_SHOWN: usize = 10;
