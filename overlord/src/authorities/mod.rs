//! The authorities of an overlord: the one that signs certificates, and the move from one to another.
//!
//! The move has steps, each of which is one write of a small file (see `state`): whoever dies between two of them goes on from
//! the one that was written. Until the last, certificates of both authorities are good, and the one that stays can be checked
//! through the one that is let go of, so that nobody is shut out whatever step they know of. Never the other way round: who has
//! stolen the key of the one that is let go of would be believed by those who trust the other.
//!
//! 1. `issuing`: everybody is asked to renew, and gets a certificate of the new authority, with what vouches for it and with
//!    trust in both. The overlord itself still shows a certificate of the former one.
//! 2. `serving`: everybody has one, and the overlord shows one of the new authority too.
//! 3. `settled`: the former authority is gone, and everybody renews once more to let go of it.
//!
//! From the first two there is a way back: in `back`, the former authority signs again, and is the one that stays.

mod change;
mod encryption;
mod held;
mod holdings;
mod keeper;
mod members;
mod state;
mod store;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use ledger::{Holding, LedgerError, OverlordLedger};
use machine::lock;
use tokio::sync::Notify;
use wire::digest::Digest;
use wire::identity::{IdentityError, Lifetimes};
use wire::name::OperatorName;

pub(crate) use self::change::ChangeError;
pub use self::encryption::{EncryptionError, decrypt, encrypt, passphrase_file};
pub use self::held::Held;
use self::holdings::Holdings;
pub(crate) use self::keeper::{Keeper, SOON_SECS, ask};
pub(crate) use self::members::counted;
use self::store::Store;

/// The authorities of an overlord that runs.
pub(crate) struct Authorities {
    store: Store,
    lifetimes: Lifetimes,
    held: Mutex<Arc<Held>>,
    holdings: Holdings,
    /// One changes at a time.
    changing: tokio::sync::Mutex<()>,
    /// Told where somebody may have come further, or the step is another one.
    pub(crate) news: Notify,
}

impl Authorities {
    /// Reads them from the overlord's folder.
    ///
    /// # Errors
    /// Where the folder or the ledger cannot be read.
    pub(crate) async fn open(
        (dir, passphrase): (&Path, Option<PathBuf>),
        lifetimes: Lifetimes,
        ledger: OverlordLedger,
    ) -> Result<Self, OpenError> {
        let store = Store::new(dir, passphrase);
        let held = Held::read(&store)?.with_lifetimes(lifetimes);
        // What a command changes at this moment is swept at the next step.
        if let Ok(_changing) = store.lock()
            && let Err(error) = store.sweep(&held.state)
        {
            tracing::warn!(%error, "files of authorities that are gone cannot be removed");
        }
        let holdings = Holdings::open(ledger).await?;
        let (held, changing) = (Mutex::new(Arc::new(held)), tokio::sync::Mutex::default());
        Ok(Self { store, lifetimes, held, holdings, changing, news: Notify::new() })
    }

    /// The authorities as they are at this moment.
    pub(crate) fn held(&self) -> Arc<Held> {
        lock::hold(&self.held).clone()
    }

    /// What the owner of a key has, as far as that is on record: else it is of the first authority.
    pub(crate) fn holding(&self, key: &Digest) -> Holding {
        self.holdings.of(key).unwrap_or_else(|| self.held().first_holding())
    }

    /// Whether the owner of a key that shows this certificate may go on, at this moment. A handshake that was begun before an
    /// authority was let go of ends after it, so this is asked once more when the connection is entered.
    pub(crate) fn know(&self, key: &Digest, certificate: &[u8]) -> bool {
        self.held().is_known(certificate, &self.holding(key))
    }

    /// Whether the owner of a key has what the move is to bring.
    pub(crate) fn has_moved(&self, key: &Digest) -> bool {
        self.held().is_wanted(&self.holding(key))
    }

    /// Whether a minion with this key has what the move is to bring, also where the key that it was given last is not shown yet.
    pub(crate) fn has_moved_with(&self, key: &Digest, next: Option<Digest>) -> bool {
        self.has_moved(key) && next.is_none_or(|next| self.has_moved(&next))
    }

    /// Records what the owner of a key is about to be given.
    ///
    /// # Errors
    /// Where the ledger cannot be written.
    pub(crate) async fn giving(&self, key: Digest, holding: Holding) -> Result<(), LedgerError> {
        // Where there was never a move, what is not on record says the same.
        if self.held().was_moved() { self.holdings.put(key, holding).await } else { Ok(()) }
    }

    /// The same for an operator, of whose keys so many are known: who renews again and again loses the oldest.
    ///
    /// # Errors
    /// Where the ledger cannot be written.
    pub(crate) async fn giving_operator(
        &self,
        operator: &OperatorName,
        key: Digest,
        holding: Holding,
    ) -> Result<(), LedgerError> {
        self.giving(key, holding).await?;
        match self.held().was_moved().then(|| self.holdings.another_key(operator, key)).flatten() {
            Some(oldest) => self.holdings.forget(oldest).await,
            None => Ok(()),
        }
    }

    /// Forgets what the owner of a key was given, which lets nobody in any more.
    pub(crate) async fn is_former(&self, key: Digest) {
        if let Err(error) = self.holdings.forget(key).await {
            tracing::warn!(%error, "what the owner of a former key was given cannot be forgotten");
        }
    }

    /// Takes note of the key that an operator is connected with, and of the certificate.
    pub(crate) async fn operator_shown(&self, operator: &OperatorName, key: Digest, certificate: &[u8]) {
        let (held, holding) = (self.held(), self.holding(&key));
        if held.was_moved()
            && let Some(of) = held.all().into_iter().find(|one| one.has_signed(certificate))
            && of.id() != holding.authority
        {
            // Made in the overlord's own folder, where nobody was asked, or forgotten among many.
            let holding = match of.id() == held.target().id() {
                true => held.wanted(),
                false => Holding { authority: of.id(), trusted: vec![of.fingerprint()] },
            };
            if let Err(error) = self.giving(key, holding).await {
                tracing::warn!(%operator, %error, "of which authority its certificate is cannot be recorded");
            }
        }
        if self.holdings.operator_shown(operator, key).await {
            self.news.notify_one();
        }
    }
}

/// Why the authorities cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder cannot be used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}
