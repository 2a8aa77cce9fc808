//! What is staged and never wanted goes by itself.

use std::time::Duration;

use machine::clock::now_ms;
use machine::file;
use wire::digest::Digest;
use wire::name::ModuleName;

use super::staged::{KEEP_STAGED, Staged};
use super::uploads::Uploads;
use crate::audit::Origin;
use crate::modules::service::Service;
use crate::modules::shelf::Version;

/// Removes what was staged long ago. Clones share it.
#[derive(Clone)]
pub(in crate::modules) struct Expiry {
    service: Service,
    staged: Staged,
    uploads: Uploads,
}

impl Expiry {
    pub(in crate::modules) fn new(service: Service, staged: Staged, uploads: Uploads) -> Self {
        Self { service, staged, uploads }
    }

    /// Tidies up every so often, for as long as this is polled.
    pub(in crate::modules) async fn run(&self) {
        loop {
            tokio::time::sleep(TIDY_EVERY).await;
            self.tidy().await;
        }
    }

    /// Removes what came of versions whose rest never did, and versions that nobody put into service.
    pub(in crate::modules) async fn tidy(&self) {
        let Self { service, staged, uploads } = self.clone();
        let tidy = move |guard: &_| {
            file::sweep(service.folder().path());
            uploads.tidy(KEEP_STAGED, 0);
            for (name, digest) in expired(&service) {
                staged.discard(guard, &name, digest, Origin::Minion);
            }
        };
        self.service.change(tidy).await;
    }
}

/// The versions that waited too long to be put into service, or for a grant.
fn expired(service: &Service) -> Vec<(ModuleName, Digest)> {
    let since = |age: Duration| now_ms().saturating_sub(age.as_millis() as u64);
    let (staged, waiting) = (since(KEEP_STAGED), since(KEEP_WAITING));
    let is_old = |version: &&Version| match version.awaited_grant() {
        Some(_) => version.since() < waiting,
        None => version.is_staged() && version.since() < staged,
    };
    let entries = service.shelf().entries();
    let expired = entries.iter().flat_map(|(name, entry)| {
        let old = entry.versions().iter().filter(is_old);
        old.map(|version| (name.clone(), version.digest()))
    });
    expired.collect()
}

/// How long a version is kept that lacks nothing but a grant.
const KEEP_WAITING: Duration = Duration::from_secs(7 * 24 * 3600);
const TIDY_EVERY: Duration = Duration::from_secs(3600);
