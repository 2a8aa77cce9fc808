//! What a module suggests that it be granted, whether it is in service or refused for want of that.

use std::path::{Path, PathBuf};

use wire::name::ModuleName;

use crate::control::Suggested;
use crate::modules::Modules;
use crate::modules::index::Index;

impl Modules {
    /// What the newest version that is at hand suggests: that of the version that waits for a grant, or else of the file in
    /// the modules folder, or else of the versions that are kept.
    pub(crate) async fn suggested(&self, name: ModuleName) -> Suggested {
        let (waiting, known) = match self.0.set().get(&name) {
            Some(entry) => (
                entry.waiting().map(|version| version.about.digest),
                entry.versions.iter().map(|version| version.about.digest).collect(),
            ),
            None => (None, Vec::new()),
        };
        let modules = self.clone();
        let read = tokio::task::spawn_blocking(move || {
            let kept = |digest| modules.0.store.read(&name, digest).ok();
            let in_folder = || modules.0.folder.read(&name).ok().flatten();
            let found = waiting.and_then(kept).or_else(in_folder);
            let found = found.or_else(|| known.into_iter().find_map(kept));
            found.map_or(Suggested::NoModule, |candidate| Suggested::by(&candidate.bytes))
        });
        // It ends early only with the process.
        read.await.unwrap_or(Suggested::NoModule)
    }
}

/// The file of the version of a module that waits for a grant, in this folder of versions, which no minion may be using.
pub(crate) fn waiting_in(versions: &Path, module: &ModuleName) -> Option<PathBuf> {
    let folder = versions.join(module.as_str());
    let index: Index = serde_json::from_slice(&std::fs::read(folder.join("index.json")).ok()?).ok()?;
    let waiting = index.versions.iter().find(|kept| kept.not_granted.is_some())?;
    Some(folder.join(format!("{}.wasm", waiting.digest)))
}
