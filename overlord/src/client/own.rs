//! Whose connection to an overlord it is.

use wire::identity::Identity;

use super::signer::Signer;
use crate::folder::Folder;

/// With whose identity the overlord was dialled.
#[derive(Debug)]
pub(super) struct Own {
    pub(super) folder: Folder,
    pub(super) identity: Identity,
    /// Signs what is asked for; `None` where the folder has no key for that.
    pub(super) signer: Option<Signer>,
}
