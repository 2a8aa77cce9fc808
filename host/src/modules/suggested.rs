//! What a module suggests that it be granted, whether it is in service or refused for want of that.

use wire::name::ModuleName;

use crate::control::Suggested;
use crate::modules::Modules;

impl Modules {
    /// What the newest version that is at hand suggests: that of the file in the modules folder, or else of the versions
    /// that are kept.
    pub(crate) async fn suggested(&self, name: ModuleName) -> Suggested {
        let known = self
            .0
            .set()
            .get(&name)
            .map(|entry| entry.versions.iter().map(|version| version.about.digest).collect::<Vec<_>>());
        let modules = self.clone();
        let read = tokio::task::spawn_blocking(move || {
            let in_folder = modules.0.folder.read(&name).ok().flatten();
            let kept =
                || known.into_iter().flatten().find_map(|digest| modules.0.store.read(&name, digest).ok());
            let found = in_folder.or_else(kept);
            found.map_or(Suggested::NoModule, |candidate| Suggested::by(&candidate.bytes))
        });
        // It ends early only with the process.
        read.await.unwrap_or(Suggested::NoModule)
    }
}
