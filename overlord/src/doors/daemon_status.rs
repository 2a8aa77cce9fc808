//! How the daemon is, as `overlord status` shows it.

use ledger::Storage;
use wire::message::operator::{DiskStatus, OverlordStatus};

use crate::services::Services;

/// How the daemon is at this moment.
pub(super) async fn daemon_status(services: &Services) -> OverlordStatus {
    let Services { registry, ledger, jobs, .. } = services;
    let (minions, connected) = registry.counts();
    let Storage { path, bytes, disk } = ledger.storage().await;
    OverlordStatus {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        address: services.address.to_string(),
        started_at: services.started_at,
        minions,
        connected,
        live_jobs: jobs.live_count(),
        ledger_bytes: bytes.unwrap_or(0),
        disk: Some(DiskStatus {
            path: path.display().to_string(),
            free_bytes: disk.free_bytes,
            takes_work: disk.takes_work,
        }),
    }
}
