//! Which key of a minion lets it in, while one follows the other.
//!
//! A minion that renews has two keys for a while: the one that it has, and the next, which is on record before the minion
//! is given its certificate. The first of them is good until the minion was seen with the second.
//!
//! A minion is seen with a key as it links, and asks for the next one over its link, so this file and `link` name each other.

use std::time::Duration;

use ledger::{Durability, Issued, Standing};
use machine::failpoint::{Point, reach};
use quinn::Connection;
use tokio::time::Instant;
use wire::digest::Digest;
use wire::name::MinionName;
use wire::transport::endpoint::CLOSE_REFUSED;

use super::link::{Admitted, Link, LinkError};
use super::{Entry, NoMinion, Registry, standing};

impl Admitted {
    /// Takes note that the minion has shown its certificate, without linking it: with its next key, this is its only one
    /// from now on.
    ///
    /// # Errors
    /// [`LinkError::Refused`] where it may not connect any more, and [`LinkError::Ledger`] where it cannot be recorded.
    pub async fn prove(&self) -> Result<(), LinkError> {
        let (registry, name, certificate) = (self.registry.clone(), self.name.clone(), self.certificate);
        let work = async move {
            let _locked = registry.0.locks.lock(name.clone()).await;
            standing(&registry.lock(), &name, certificate.key)?;
            shown(&registry, &name, certificate).await
        };
        self.registry.whole(work).await
    }
}

impl Registry {
    /// Does this to its end, also where whoever waits for it goes away: the ledger and the registry must not come to differ.
    async fn whole<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, LinkError>> + Send + 'static,
    ) -> Result<T, LinkError> {
        match self.0.tasks.spawn_whole(work).await {
            Ok(done) => done,
            Err(ended) if ended.is_panic() => std::panic::resume_unwind(ended.into_panic()),
            // The daemon ends, and with it all that is in memory.
            Err(_) => std::future::pending().await,
        }
    }
}

/// Records the certificate that a minion has shown, where that is news, and ends a link that only its former key let in. To be
/// called with the minion locked.
///
/// # Errors
/// As [`Admitted::prove`].
pub(super) async fn shown(
    registry: &Registry,
    name: &MinionName,
    certificate: Issued,
) -> Result<(), LinkError> {
    let certificates = registry.lock().get(name).map(|entry| entry.certificates);
    let Some(certificates) = certificates.filter(|known| known.shown != Some(certificate)) else {
        return Ok(());
    };
    let is_next = certificates.next.is_some_and(|next| next.key == certificate.key);
    let is_its_own = if is_next {
        reach(Point::ProofBefore);
        // The former key must stay out, whatever happens.
        let is_its_own = registry.0.ledger.certificate_shown(name, certificate, Durability::Synced).await?;
        reach(Point::ProofAfter);
        is_its_own
    } else {
        registry.0.ledger.certificate_shown(name, certificate, Durability::Written).await?
    };
    if !is_its_own {
        return Err(NoMinion::AnotherKey(name.clone()).into());
    }
    let former = registry.lock().get_mut(name).and_then(|entry| entry.has_shown(certificate));
    if is_next {
        tracing::info!(minion = %name, key = %certificate.key, "its new key is in use");
    }
    if let Some(former) = former {
        let from = former.remote_address();
        tracing::warn!(minion = %name, %from, "a link ends that was made with the former key, and not to renew it");
        former.close(CLOSE_REFUSED, b"refused");
    }
    Ok(())
}

impl Link {
    /// What speaks against another certificate now, as it reads on from the minion's name: one that asks again within `pause`
    /// is given none, since each is written down.
    ///
    /// # Errors
    /// [`LinkError::Replaced`] where this connection does not speak for the minion any more.
    pub fn too_early(&self, pause: Duration) -> Result<Option<&'static str>, LinkError> {
        self.with_entry(|entry| entry.too_early(pause))
    }

    /// The newest certificate that the minion was seen with.
    ///
    /// # Errors
    /// As [`Link::too_early`].
    pub fn shown(&self) -> Result<Option<Issued>, LinkError> {
        self.with_entry(|entry| entry.certificates.shown)
    }

    /// The certificate that the minion was given last and has not shown yet.
    ///
    /// # Errors
    /// As [`Link::too_early`].
    pub fn next(&self) -> Result<Option<Issued>, LinkError> {
        self.with_entry(|entry| entry.certificates.next)
    }

    /// What speaks against a certificate for this key, as it reads on from the minion's name.
    ///
    /// # Errors
    /// As [`Link::too_early`].
    pub fn objection(&self, key: Digest) -> Result<Option<&'static str>, LinkError> {
        let is_known = self.with_entry(|entry| entry.has_key(key))?;
        Ok(is_known.then_some("asks for a certificate for a key that it has: a renewal has a new one"))
    }

    /// Records the certificate that the minion is about to be given. From then on its key lets the minion in too.
    ///
    /// # Errors
    /// As [`Link::modules_changed`].
    pub async fn renewing(&self, next: Issued) -> Result<(), LinkError> {
        let link = self.clone();
        let work = async move {
            let _locked = link.registry.0.locks.lock(link.name.clone()).await;
            link.with_entry(|_| ())?;
            reach(Point::RenewalBefore);
            link.registry.0.ledger.put_next_certificate(&link.name, next).await?;
            reach(Point::RenewalAfter);
            link.registry.is_next(&link.name, next, &link.connection);
            link.with_entry(|_| ())
        };
        self.registry.whole(work).await
    }
}

impl Registry {
    /// Whether this is the next key of a minion, with which it was not seen yet.
    pub(super) fn is_about_to_have(&self, name: &MinionName, key: Digest) -> bool {
        let minions = self.lock();
        let next = minions.get(name).and_then(|entry| entry.certificates.next);
        next.is_some_and(|next| next.key == key)
    }

    /// The key of the certificate that a minion was given last and has not shown yet.
    pub fn next_key(&self, name: &MinionName) -> Option<Digest> {
        let minions = self.lock();
        minions.get(name).and_then(|entry| entry.certificates.next).map(|next| next.key)
    }

    /// Takes note of the next certificate of a minion as the ledger has it, whether or not the connection that asked for it is
    /// still there. To be called with the minion locked.
    fn is_next(&self, name: &MinionName, next: Issued, asked_over: &Connection) {
        if let Some(entry) = self.lock().get_mut(name) {
            entry.certificates.next = Some(next);
            entry.next_asked_over = Some(asked_over.clone());
            entry.renewed_at = Some(Instant::now());
        }
    }
}

impl Entry {
    /// Whether the minion may connect and this is its present key, to whose owner an enrolment with it is no news. With
    /// the next key it is: the ledger forgets the present one then.
    pub(super) fn is_enrolled_with(&self, key: Digest) -> bool {
        self.record.status == Standing::Active && self.record.key == key
    }

    /// Takes note that the minion has shown this certificate, which is for its key or the next one. Gives its link where that is
    /// one that must end: whoever has the next key asked for it over one link, and any other was made with a key that is no
    /// good from now on.
    fn has_shown(&mut self, certificate: Issued) -> Option<Connection> {
        let is_next = self.certificates.next.is_some_and(|next| next.key == certificate.key);
        self.certificates.shown = Some(certificate);
        if !is_next {
            return None;
        }
        self.former_keys.push_front(std::mem::replace(&mut self.record.key, certificate.key));
        self.former_keys.truncate(MAX_FORMER_KEYS);
        self.certificates.next = None;
        let asked_over = self.next_asked_over.take().map(|connection| connection.stable_id());
        let link = self.connection.borrow().as_ref().map(Connection::stable_id);
        if link == asked_over { None } else { self.unlink() }
    }

    /// Whether a certificate of ours for another key than the minion has was made for it since it was enrolled: then the minion has
    /// renewed that key, and whoever still has it made a copy, or is a host that was set back.
    pub(super) fn has_renewed(&self, certificate: Issued) -> bool {
        let Issued { key, .. } = certificate;
        let made = certificate.until - certificate.validity().lifetime();
        // The certificate that it was enrolled with is made in the same moment, and so are those of others who had the name.
        let enrolled = i64::try_from(self.record.enrolled_at / 1000).unwrap_or(i64::MAX);
        self.former_keys.contains(&key) || made > enrolled.saturating_add(ENROLLING)
    }

    /// What speaks against another certificate now.
    fn too_early(&self, pause: Duration) -> Option<&'static str> {
        let is_early = self.renewed_at.is_some_and(|at| at.elapsed() < pause);
        is_early.then_some("was given a certificate a moment ago")
    }

    /// Whether the minion has this key, or is about to.
    pub(super) fn has_key(&self, key: Digest) -> bool {
        self.record.key == key || self.certificates.next.is_some_and(|next| next.key == key)
    }
}

/// How many keys that a minion had are known.
const MAX_FORMER_KEYS: usize = 16;
/// For how many seconds after it was enrolled a certificate may be the one that it was enrolled with.
const ENROLLING: i64 = 60;

#[cfg(test)]
mod tests {
    use ledger::{Invite, Made, OverlordLedger};
    use machine::clock::now_ms;
    use tokio_util::sync::CancellationToken;
    use wire::identity::{Peer, Side, Validity};

    use super::*;
    use crate::tasks::Tasks;

    fn web1() -> MinionName {
        "web1".parse().expect("a name")
    }

    fn peer(key: &str) -> Peer {
        let validity = Validity { from: 0, until: i64::MAX };
        Peer { side: Side::Minion, name: "web1".to_owned(), key: Digest::of(key.as_bytes()), validity }
    }

    /// A ledger in which `web1` has the key `first`, and is about to have `next`.
    async fn renewing() -> (tempfile::TempDir, OverlordLedger) {
        let folder = tempfile::tempdir().expect("a folder");
        let ledger = OverlordLedger::open(&folder.path().join("ledger")).expect("opens");
        invited(&ledger, "token").await;
        ledger.redeem(&Digest::of(b"token"), peer("first").key, now_ms()).await.expect("enrolled");
        ledger.put_next_certificate(&web1(), Issued::from(&peer("next"))).await.expect("written");
        (folder, ledger)
    }

    async fn invited(ledger: &OverlordLedger, token: &str) {
        let (secret, expires_at) = (Digest::of(token.as_bytes()), now_ms() + 60_000);
        let invite = Invite { name: web1(), secret, expires_at, used_by: None };
        let made = Made { by: "ann".parse().expect("a name"), at: 0 };
        ledger.put_invite(invite, made).await.expect("written");
    }

    #[tokio::test]
    async fn whoever_is_enrolled_with_the_next_key_shuts_out_the_present_one() {
        let (_folder, ledger) = renewing().await;
        let registry =
            Registry::open(ledger.clone(), Tasks::new(CancellationToken::new())).await.expect("opens");
        assert!(registry.admit(&peer("first")).is_ok() && registry.admit(&peer("next")).is_ok());
        invited(&ledger, "another").await;
        registry.enroll(&Digest::of(b"another"), None, peer("next").key, true).await.expect("enrolled");
        assert_eq!(registry.admit(&peer("first")).err(), Some(NoMinion::AnotherKey(web1())));
        assert!(registry.admit(&peer("next")).is_ok());
    }

    #[tokio::test]
    async fn a_proof_whose_minion_goes_away_is_recorded_whole() {
        let (_folder, ledger) = renewing().await;
        let registry =
            Registry::open(ledger.clone(), Tasks::new(CancellationToken::new())).await.expect("opens");
        let next = registry.admit(&peer("next")).expect("admitted");
        let locked = registry.0.locks.lock(web1()).await;
        // It has begun, waits for its turn, and nobody waits for it any more.
        let mut proof = Box::pin(next.prove());
        assert!(at_once(proof.as_mut()).await.is_none());
        drop(proof);
        drop(locked);
        // Whoever comes after it finds both as the proof has left them.
        let _after = registry.0.locks.lock(web1()).await;
        assert_eq!(ledger.minion(&web1()).await.expect("reads").expect("known").key, peer("next").key);
        assert_eq!(registry.admit(&peer("first")).err(), Some(NoMinion::FormerKey(web1())));
    }

    /// What this comes to without waiting, after all others had their turn.
    async fn at_once<T>(work: std::pin::Pin<&mut (impl Future<Output = T> + ?Sized)>) -> Option<T> {
        let mut work = work;
        for _ in 0..10 {
            let polled =
                std::future::poll_fn(|context| std::task::Poll::Ready(work.as_mut().poll(context))).await;
            if let std::task::Poll::Ready(done) = polled {
                return Some(done);
            }
            tokio::task::yield_now().await;
        }
        None
    }
}
