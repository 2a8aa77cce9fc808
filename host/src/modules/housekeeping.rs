//! What is staged and never wanted goes by itself.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use machine::clock::now_ms;
use wire::digest::Digest;
use wire::message::module::ModuleState;
use wire::name::ModuleName;

use crate::audit::Origin;
use crate::modules::Modules;
use crate::modules::version::Version;

use machine::file;

impl Modules {
    /// Watches the folder and tidies up until it is told to stop.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let tidy = async {
            loop {
                tokio::time::sleep(TIDY_EVERY).await;
                self.tidy().await;
            }
        };
        let both = async { tokio::join!(self.watch(), tidy) };
        stop.run_until_cancelled(both).await;
    }

    /// Removes what came of versions whose rest never did, and versions that nobody put into service.
    pub(super) async fn tidy(&self) {
        self.step(move |modules| {
            file::sweep(modules.0.folder.path());
            modules.0.uploads.tidy(KEEP_STAGED, 0);
            for (name, digest) in modules.forgotten() {
                modules.discard_now(&name, digest, Origin::Minion);
            }
        })
        .await;
    }

    fn forgotten(&self) -> Vec<(ModuleName, Digest)> {
        let since = |age: Duration| now_ms().saturating_sub(age.as_millis() as u64);
        let (staged, waiting) = (since(KEEP_STAGED), since(KEEP_WAITING));
        let is_old = move |version: &&Version| match version.awaited_grant() {
            Some(_) => version.since < waiting,
            None => version.state == ModuleState::Staged && version.since < staged,
        };
        let set = self.0.set();
        let forgotten = set.iter().flat_map(|(name, entry)| {
            let old = entry.versions.iter().filter(is_old);
            old.map(move |version| (name.clone(), version.about.digest))
        });
        forgotten.collect()
    }
}

/// How long what is staged waits.
pub(super) const KEEP_STAGED: Duration = Duration::from_secs(24 * 3600);
/// How long a version is kept that lacks nothing but a grant.
const KEEP_WAITING: Duration = Duration::from_secs(7 * 24 * 3600);
const TIDY_EVERY: Duration = Duration::from_secs(3600);
