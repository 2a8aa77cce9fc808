//! The catalogue: the modules that were brought to this overlord, and their files.

mod files;
mod find;
mod inspect;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use ledger::{LedgerError, OverlordLedger};
use machine::clock::now_ms;
use tokio::sync::Mutex;
use tokio::task::JoinError;
use wire::digest::Digest;
use wire::message::catalogue::{Assignment, KeptModule, Offer};
use wire::name::{ModuleName, OperatorName};
use wire::signing::mandate::SignedMandate;

pub(crate) use self::files::{FileError, Files, Here};
pub(crate) use self::find::NotKept;
use self::find::find;
pub(crate) use self::inspect::NotAModule;

/// The modules that an overlord keeps. A cheap handle.
#[derive(Clone)]
pub(crate) struct Catalogue(Arc<Inner>);

struct Inner {
    files: Files,
    ledger: OverlordLedger,
    /// Locked by code that looks for a file in order to rely on it, and by code that removes files.
    change: Mutex<()>,
}

/// Why the catalogue could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CatalogueError {
    /// A file could not be taken or given.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is not a module.
    #[error("\"{0}\" {1}")]
    NotAModule(ModuleName, NotAModule),
    /// There is no such version.
    #[error(transparent)]
    NotKept(#[from] NotKept),
    /// The ledger could not tell or record it.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The work on a file was given up, because the daemon stops.
    #[error("the overlord is stopping: {0}")]
    Stopping(#[from] JoinError),
}

impl Catalogue {
    /// The catalogue whose files are in this folder.
    pub(crate) fn open(dir: PathBuf, ledger: OverlordLedger) -> Result<Self, FileError> {
        let files = Files::open(dir)?;
        Ok(Self(Arc::new(Inner { files, ledger, change: Mutex::default() })))
    }

    /// Where its files are written. That blocks.
    pub(crate) fn files(&self) -> &Files {
        &self.0.files
    }

    /// What is here of a file that an operator offers.
    pub(crate) async fn take(&self, offer: &Offer) -> Result<Here, CatalogueError> {
        let _unchanged = self.0.change.lock().await;
        let (files, digest, size) = (self.0.files.clone(), offer.digest, offer.size);
        Ok(tokio::task::spawn_blocking(move || files.take(digest, size)).await??)
    }

    /// Records a file as the newest version of its name. Its bytes are all here.
    pub(crate) async fn keep(
        &self,
        offer: Offer,
        bytes: Vec<u8>,
        operator: &OperatorName,
    ) -> Result<KeptModule, CatalogueError> {
        let version = tokio::task::spawn_blocking(move || inspect::version(&bytes)).await?;
        let version = version.map_err(|what| CatalogueError::NotAModule(offer.name.clone(), what))?;
        let module = KeptModule {
            name: offer.name,
            digest: offer.digest,
            version,
            size: offer.size,
            signature: offer.signature,
            pushed_by: operator.clone(),
            pushed_at: now_ms(),
        };
        Ok(self.0.ledger.keep_module(module).await?)
    }

    /// What is kept, all of it or under one name.
    pub(crate) async fn list(&self, name: Option<&ModuleName>) -> Result<Vec<KeptModule>, LedgerError> {
        let mut kept = self.0.ledger.kept_modules().await?;
        kept.retain(|module| name.is_none_or(|name| module.name == *name));
        Ok(kept)
    }

    /// The version of a module that has this version in its metadata, or a digest that begins like this.
    pub(crate) async fn find(&self, name: &ModuleName, version: &str) -> Result<KeptModule, CatalogueError> {
        Ok(find(&self.list(Some(name)).await?, name, version)?.clone())
    }

    /// The version of a module with this digest.
    pub(crate) async fn get(
        &self,
        name: &ModuleName,
        digest: &Digest,
    ) -> Result<Option<KeptModule>, LedgerError> {
        Ok(self.list(Some(name)).await?.into_iter().find(|module| module.digest == *digest))
    }

    /// Records an assignment of a version, which keeps its file from then on, with what was signed of it.
    pub(crate) async fn assign(
        &self,
        assignment: Assignment,
        mandate: Option<SignedMandate>,
    ) -> Result<Assignment, CatalogueError> {
        let _unchanged = self.0.change.lock().await;
        self.find(&assignment.name, &assignment.digest.to_string()).await?;
        Ok(self.0.ledger.assign(assignment, mandate).await?)
    }

    /// Where the file of this digest is.
    pub(crate) fn path(&self, digest: &Digest) -> PathBuf {
        self.0.files.path(digest)
    }

    /// Lets go of versions that nobody assigned, that are not in use, and of whose name there are enough that
    /// are newer; and of files without a version.
    pub(crate) async fn prune(&self, in_use: impl FnOnce() -> HashSet<Digest>) -> Result<(), CatalogueError> {
        let _unchanged = self.0.change.lock().await;
        let mut wanted = in_use();
        wanted.extend(self.0.ledger.assignments().await?.iter().map(|assignment| assignment.digest));
        let mut newer: HashMap<ModuleName, usize> = HashMap::new();
        for module in self.0.ledger.kept_modules().await? {
            let newer = newer.entry(module.name.clone()).or_default();
            *newer += 1;
            if *newer <= KEEP || wanted.contains(&module.digest) {
                wanted.insert(module.digest);
            } else {
                // The record goes first: one without its file would promise what is not here.
                self.0.ledger.forget_module(&module.name, &module.digest).await?;
                let (module, digest) = (&module.name, module.digest.short());
                tracing::info!(%module, digest, "let go: there are newer versions");
            }
        }
        let files = self.0.files.clone();
        let remove = move || {
            files.remove_parts()?;
            let unwanted = files.list()?.into_iter().filter(|digest| !wanted.contains(digest));
            unwanted.into_iter().try_for_each(|digest| files.remove(&digest))
        };
        Ok(tokio::task::spawn_blocking(remove).await??)
    }
}

/// How many versions of a name are kept that nobody assigned.
const KEEP: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    struct Kept {
        _dir: tempfile::TempDir,
        catalogue: Catalogue,
        ledger: OverlordLedger,
    }

    impl Kept {
        fn nothing() -> Self {
            let dir = tempfile::tempdir().expect("a folder");
            let ledger = OverlordLedger::open(&dir.path().join("ledger")).expect("opens");
            let catalogue = Catalogue::open(dir.path().join("modules"), ledger.clone()).expect("opens");
            Self { _dir: dir, catalogue, ledger }
        }

        async fn bring(&self, version: &str) -> Result<KeptModule, CatalogueError> {
            let text = format!(r#"(component (@custom "version" "{version}"))"#);
            self.bring_bytes(wat::parse_str(text).expect("parses")).await
        }

        async fn bring_bytes(&self, bytes: Vec<u8>) -> Result<KeptModule, CatalogueError> {
            let (digest, size) = (Digest::of(&bytes), bytes.len() as u64);
            let offer = Offer { name: name(), digest, size, signature: None };
            let bytes = match self.catalogue.take(&offer).await? {
                Here::All(bytes) => bytes,
                Here::Part(mut upload) => {
                    let files = self.catalogue.files();
                    files.add(&mut upload, &bytes)?;
                    files.finish(upload, digest)?
                }
            };
            self.catalogue.keep(offer, bytes, &"alice".parse().expect("a name")).await
        }

        async fn versions(&self) -> Vec<String> {
            let kept = self.catalogue.list(Some(&name())).await.expect("reads");
            kept.into_iter().filter_map(|module| module.version).collect()
        }

        async fn prune(&self, in_use: &[Digest]) {
            self.catalogue.prune(|| in_use.iter().copied().collect()).await.expect("prunes");
        }
    }

    fn name() -> ModuleName {
        "test".parse().expect("a name")
    }

    #[tokio::test]
    async fn what_is_neither_new_nor_assigned_nor_in_use_is_let_go_with_its_file() {
        let kept = Kept::nothing();
        let mut brought = Vec::new();
        for version in 0..8 {
            brought.push(kept.bring(&version.to_string()).await.expect("kept"));
        }
        let assignment = Assignment {
            expression: "*".into(),
            name: name(),
            digest: brought[0].digest,
            version: None,
            assigned_by: "alice".parse().expect("a name"),
            assigned_at: 0,
            place: 0,
        };
        kept.catalogue.assign(assignment, None).await.expect("assigned");
        kept.prune(&[brought[1].digest]).await;
        assert_eq!(kept.versions().await, ["7", "6", "5", "4", "3", "1", "0"]);
        let is_there = |version: &KeptModule| kept.catalogue.path(&version.digest).exists();
        assert_eq!(brought.iter().filter(|version| !is_there(version)).count(), 1);

        kept.ledger.unassign(&name(), "*").await.expect("unassigned");
        kept.prune(&[]).await;
        assert_eq!(kept.versions().await, ["7", "6", "5", "4", "3"]);
        assert_eq!(brought.iter().filter(|version| is_there(version)).count(), KEEP);
    }

    #[tokio::test]
    async fn what_is_brought_again_is_the_newest_again() {
        let kept = Kept::nothing();
        for version in ["1", "2", "1"] {
            kept.bring(version).await.expect("kept");
        }
        assert_eq!(kept.versions().await, ["1", "2"]);
    }

    #[tokio::test]
    async fn what_is_no_module_is_not_kept() {
        let kept = Kept::nothing();
        let junk = b"#!/bin/sh".to_vec();
        let path = kept.catalogue.path(&Digest::of(&junk));
        let error = kept.bring_bytes(junk).await.expect_err("refused");
        assert!(error.to_string().starts_with("\"test\" is not WebAssembly"), "{error}");
        assert_eq!(kept.versions().await, Vec::<String>::new());
        kept.prune(&[]).await;
        assert!(!path.exists());
    }
}
