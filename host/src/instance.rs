//! Which instance of its minion this process is, so that a copy of its identity is told from it.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use ledger::MinionLedger;
use wire::digest::Digest;
use wire::identity::{IdentityError, secret};
use wire::message::instance::Instance;

use crate::folder::Folder;

/// What this minion says of itself: with the id of its ledger, and where its key is.
pub(crate) async fn instance(folder: &Folder, ledger: &MinionLedger) -> Result<Instance, IdentityError> {
    let new = Digest::of(&secret()?);
    let id = ledger.instance(new).await.unwrap_or_else(|error| {
        // It is linked all the same, and only for this start another one.
        tracing::warn!(%error, "which instance of its minion this is cannot be kept");
        new
    });
    // Where the system does not tell, places differ by less.
    let said = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let inode = fs::metadata(folder.identity_dir()).map_or(0, |found| found.ino());
    let place = format!("{}\n{}\n{inode}", said("/etc/machine-id"), said("/sys/class/dmi/id/product_uuid"));
    let boot = Digest::of(said("/proc/sys/kernel/random/boot_id").as_bytes());
    Ok(Instance { id, place: Digest::of(place.as_bytes()), boot })
}
