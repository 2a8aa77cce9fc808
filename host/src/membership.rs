//! To which overlord a minion belongs, and as whom: as its folder says, also after another `minion join`; and which instance of
//! that minion this process is, so that a copy of its identity is told from it.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use ledger::MinionLedger;
use wire::digest::Digest;
use wire::identity::{Identity, IdentityError, Peer, secret};
use wire::message::instance::Instance;
use wire::name::{BadName, MinionName};

use crate::folder::{Folder, FolderError};

/// What `minion join` left in the folder.
pub(crate) struct Membership {
    folder: Folder,
    /// The address that the configuration names, whatever the folder says.
    configured: Option<String>,
    /// The key and the certificate, which a renewal replaces. Locked while the folder is looked at or written, so that a
    /// renewal is never taken for another join.
    identity: Mutex<Arc<Identity>>,
    /// As whom, and of which overlord.
    pub(crate) member: Member,
    /// How often the folder is looked at.
    pause: Duration,
}

/// A minion of an overlord.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    /// The name that the overlord gave to it.
    pub(crate) name: MinionName,
    /// Where the overlord is dialled: `host:port`.
    pub(crate) overlord: String,
    /// The last second of its certificate, since 1970.
    pub(crate) valid_until: i64,
    /// SHA-256 of the certificates of the overlord's authorities, of which there are several while it moves to another one.
    pub(crate) authorities: Vec<Digest>,
}

/// Why it cannot be read to whom a minion belongs.
#[derive(Debug, thiserror::Error)]
pub enum MembershipError {
    /// Its folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// Its certificate cannot be read.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The name in its certificate is none.
    #[error(transparent)]
    Name(#[from] BadName),
}

impl Membership {
    /// Reads it from the folder.
    ///
    /// # Errors
    /// Where the folder has no certificate that can be read, or does not say which overlord made it.
    pub(crate) fn read(folder: &Folder, configured: Option<String>) -> Result<Self, MembershipError> {
        let identity = folder.identity()?;
        let Peer { name, validity, .. } = identity.peer()?;
        let name = name.parse()?;
        let overlord = match &configured {
            Some(overlord) => overlord.clone(),
            None => folder.enrolment()?.overlord,
        };
        let authorities = authorities(&identity);
        let member = Member { name, overlord, valid_until: validity.until, authorities };
        let identity = Mutex::new(Arc::new(identity));
        Ok(Self { folder: folder.clone(), configured, identity, member, pause: LOOK })
    }

    /// The same for one of so many minions of a swarm, which all together look at one folder after the other.
    pub(crate) fn among(self, minions: usize) -> Self {
        Self { pause: LOOK * u32::try_from(minions).unwrap_or(u32::MAX), ..self }
    }

    /// The key and the certificate.
    pub(crate) fn identity(&self) -> Arc<Identity> {
        self.lock().clone()
    }

    /// Another one, where the host has joined once more since this one was read.
    pub(crate) fn joined_anew(&self) -> Option<Self> {
        let identity = self.lock();
        // What cannot be read is as good as what there was.
        let anew = Self::read(&self.folder, self.configured.clone()).ok()?;
        let is_another = !anew.lock().has_certificate_of(&identity);
        is_another.then_some(Self { pause: self.pause, ..anew })
    }

    /// Keeps a renewed identity, on disk and here. `false` where the host has joined once more meanwhile: then it has
    /// nothing to do with what is in the folder.
    pub(crate) fn keep(&self, renewed: Identity) -> Result<bool, IdentityError> {
        let mut identity = self.lock();
        let is_kept = self.folder.renew(&identity, &renewed)?;
        if is_kept {
            *identity = Arc::new(renewed);
        }
        Ok(is_kept)
    }

    fn lock(&self) -> MutexGuard<'_, Arc<Identity>> {
        machine::lock::hold(&self.identity)
    }

    /// Ends once the host has joined once more.
    pub(crate) async fn superseded(&self) {
        let mut seen = None;
        loop {
            let stamp = self.folder.certificate_stamp();
            if stamp != seen && self.joined_anew().is_some() {
                return;
            }
            seen = stamp;
            tokio::time::sleep(self.pause).await;
        }
    }
}

/// The authorities that an identity trusts, by the digests of their certificates.
pub(crate) fn authorities(identity: &Identity) -> Vec<Digest> {
    identity.authorities().iter().map(|authority| Digest::of(authority)).collect()
}

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

/// How often a process looks at a folder.
const LOOK: Duration = Duration::from_secs(1);
