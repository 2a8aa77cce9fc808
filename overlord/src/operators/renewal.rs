//! Which certificates of an operator let it in: that with which it logged in, and those that it has renewed since.
//!
//! Each is on record before it is given out, so that nobody who had the name before comes in by a clock that was set back, or by a
//! renewal that was under way.

use ledger::{Issued, LedgerError, OperatorRecord, Renewed};
use tokio::task::JoinError;
use wire::digest::Digest;
use wire::identity::{Moment, Peer};
use wire::message::operators::OperatorStanding;
use wire::name::OperatorName;

use super::{Entry, NoOperator, Operators};

/// Why an operator gets no other certificate.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RenewalError {
    #[error("the name was given to another key, or its operator was shut out")]
    Gone,
    #[error(
        "operator \"{0}\" has renewed its certificate {MAX_RENEWED} times while the first of them is still good"
    )]
    TooOften(OperatorName),
    #[error("the overlord's ledger: {0}")]
    Ledger(#[from] LedgerError),
    #[error("the renewal broke off: {0}")]
    Broken(#[from] JoinError),
}

impl Operators {
    /// Records the certificate that an operator is about to be given, who asks for it with this key. From then on it lets the
    /// operator in too. Of one of whom no key is on record, that is its first.
    ///
    /// # Errors
    /// [`RenewalError`]; then nothing has changed.
    pub(crate) async fn renew(
        &self,
        name: &OperatorName,
        key: Digest,
        next: Issued,
    ) -> Result<(), RenewalError> {
        let (all, name) = (self.clone(), name.clone());
        let work = self.0.tasks.spawn_whole(async move {
            let _changing = all.0.changes.lock().await;
            let changed = {
                let operators = all.lock();
                let entry = operators.get(&name).ok_or(RenewalError::Gone)?;
                if entry.record.standing != OperatorStanding::Active {
                    return Err(RenewalError::Gone);
                }
                let first = entry.record.key.unwrap_or(key);
                let renewed = entry.with_renewed(first, key, next)?;
                (OperatorRecord { key: Some(first), ..entry.record.clone() }, renewed)
            };
            let (record, renewed) = changed;
            all.0.ledger.put_renewed_operator(record.clone(), renewed.clone()).await?;
            if let Some(entry) = all.lock().get_mut(&name) {
                (entry.record.key, entry.renewed) = (record.key, Some(renewed));
            }
            Ok(())
        });
        work.await?
    }
}

impl Entry {
    /// Whether the operator may connect with this certificate.
    ///
    /// # Errors
    /// [`NoOperator`], which says why it may not.
    pub(super) fn check(&self, peer: &Peer) -> Result<(), NoOperator> {
        let name = || self.record.name.clone();
        match self.record.standing {
            OperatorStanding::Revoked { .. } => Err(NoOperator::Revoked(name())),
            OperatorStanding::Active if self.is_its_own(peer) => Ok(()),
            OperatorStanding::Active => Err(NoOperator::AnotherKey(name())),
        }
    }

    fn is_its_own(&self, peer: &Peer) -> bool {
        let Some(first) = self.record.key else { return true };
        peer.key == first
            || match &self.renewed {
                Some(renewed) => renewed.certificates.iter().any(|one| one.key == peer.key),
                // It has logged in before renewals were on record: what was made later was renewed.
                None => self.record.valid_from.is_none_or(|from| peer.validity.from > from),
            }
    }

    /// Takes note of a certificate that it was seen with.
    pub(super) fn see(&mut self, certificate: Issued) {
        if self.seen.is_none_or(|seen| seen.from <= certificate.from) {
            self.seen = Some(certificate);
        }
    }

    /// What it has renewed once it is given `next`, for which it asks with `key`.
    fn with_renewed(&self, first: Digest, key: Digest, next: Issued) -> Result<Renewed, RenewalError> {
        let known = match &self.renewed {
            Some(Renewed { certificates }) => certificates.clone(),
            // What it asks with is from before renewals were on record, and the only one of those that it goes on with.
            None => self.seen.into_iter().filter(|seen| seen.key == key).collect(),
        };
        if key != first && !known.iter().any(|one| one.key == key) {
            return Err(RenewalError::Gone);
        }
        let Moment(now) = Moment::now();
        let mut certificates: Vec<Issued> =
            known.into_iter().filter(|one| one.until.saturating_add(TOLERANCE) >= now).collect();
        if certificates.len() >= MAX_RENEWED {
            return Err(RenewalError::TooOften(self.record.name.clone()));
        }
        certificates.push(next);
        Ok(Renewed { certificates })
    }

    /// Leaves it the last of its certificates alone: the newest that it was seen with, or, where the overlord was started again since,
    /// the newest that was made for it.
    pub(super) fn keep_the_last(&mut self) {
        if self.record.key.is_none() {
            return;
        }
        let made = self.renewed.as_ref().and_then(|renewed| renewed.certificates.last().copied());
        if let Some(last) = self.seen.or(made) {
            (self.record.key, self.record.valid_from) = (Some(last.key), Some(last.from));
            self.renewed = Some(Renewed::default());
        }
    }
}

/// How many certificates of an operator may be good at once, besides the first: each is written down. All commands that are at work
/// when one is due may ask for the next.
const MAX_RENEWED: usize = 256;
/// For how many seconds after its end a certificate may be taken.
const TOLERANCE: i64 = 300;

#[cfg(test)]
mod tests {
    use ledger::{OperatorInvite, OverlordLedger};
    use tokio_util::sync::CancellationToken;
    use wire::identity::{Side, Validity};
    use wire::message::operators::OperatorKind;

    use super::super::tests::operator;
    use super::*;
    use crate::roles::{RoleBook, Rules, admin};
    use crate::tasks::Tasks;

    fn bob() -> OperatorName {
        "bob".parse().expect("a name")
    }

    fn digest(text: &str) -> Digest {
        Digest::of(text.as_bytes())
    }

    /// A certificate of bob that was made at this second, for as long as time goes.
    fn peer(key: &str, from: i64) -> Peer {
        let validity = Validity { from, until: i64::MAX };
        Peer { side: Side::Operator, name: "bob".to_owned(), key: digest(key), validity }
    }

    /// The administrator ann, and bob, who logs in with `first` at the second 100.
    async fn rig() -> (tempfile::TempDir, OverlordLedger, Operators) {
        let folder = tempfile::tempdir().expect("a folder");
        let ledger = OverlordLedger::open(&folder.path().join("ledger")).expect("opens");
        let ann = OperatorRecord { roles: vec![admin()], ..operator("ann") };
        ledger.put_operator(ann).await.expect("written");
        let operators = opened(&folder, &ledger).await;
        log_in(&operators, "one", &peer("first", 100)).await;
        (folder, ledger, operators)
    }

    async fn opened(folder: &tempfile::TempDir, ledger: &OverlordLedger) -> Operators {
        let roles = RoleBook::open(folder.path().to_owned(), &Rules::new()).expect("loads");
        let tasks = Tasks::new(CancellationToken::new());
        Operators::open(ledger.clone(), None, roles, tasks).await.expect("opens")
    }

    async fn log_in(operators: &Operators, secret: &str, peer: &Peer) {
        let invite = OperatorInvite {
            secret: digest(secret),
            name: bob(),
            kind: OperatorKind::Person,
            roles: Vec::new(),
            lifetime_ms: None,
            expires_at: u64::MAX,
            by: "ann".parse().expect("a name"),
            used_by: None,
        };
        operators.invite(invite).await.expect("recorded");
        operators.log_in(&digest(secret), peer.key, peer.validity).await.expect("lets in");
    }

    /// Renews a certificate with another that is made at this second.
    async fn renew(operators: &Operators, key: &str, next: &Peer) -> Result<(), RenewalError> {
        operators.renew(&bob(), digest(key), Issued::from(next)).await
    }

    fn is_let_in(operators: &Operators, peer: &Peer) -> bool {
        operators.lock().get(&bob()).is_some_and(|bob| bob.check(peer).is_ok())
    }

    async fn set(operators: &Operators, standing: OperatorStanding) {
        operators.set_standing(&bob(), standing, &"ann".parse().expect("a name")).await.expect("changes");
    }

    #[tokio::test]
    async fn what_an_operator_has_renewed_lets_it_in_after_a_restart_too_and_nothing_else_does() {
        let (folder, ledger, operators) = rig().await;
        renew(&operators, "first", &peer("second", 200)).await.expect("renewed");
        renew(&operators, "second", &peer("third", 300)).await.expect("renewed");
        for operators in [operators, opened(&folder, &ledger).await] {
            for (key, from) in [("first", 100), ("second", 200), ("third", 300)] {
                assert!(is_let_in(&operators, &peer(key, from)), "{key}");
            }
            assert!(!is_let_in(&operators, &peer("other", 400)), "a later one that is on no record");
        }
    }

    #[tokio::test]
    async fn whoever_lost_its_name_stays_out_by_whatever_clock_and_renews_nothing() {
        let (_folder, _ledger, operators) = rig().await;
        renew(&operators, "first", &peer("second", 200)).await.expect("renewed");
        // The clock was set back since.
        log_in(&operators, "two", &peer("other", 50)).await;
        assert!(is_let_in(&operators, &peer("other", 50)));
        for (key, from) in [("first", 100), ("second", 200)] {
            assert!(!is_let_in(&operators, &peer(key, from)), "{key}");
            let renewed = renew(&operators, key, &peer("next", 300)).await;
            assert!(matches!(renewed, Err(RenewalError::Gone)), "{renewed:?}");
        }
        assert!(!is_let_in(&operators, &peer("next", 300)));
    }

    #[tokio::test]
    async fn whoever_is_let_in_again_is_so_with_its_last_certificate_alone() {
        let (folder, ledger, operators) = rig().await;
        renew(&operators, "first", &peer("second", 200)).await.expect("renewed");
        renew(&operators, "second", &peer("third", 300)).await.expect("renewed");
        let seen = Issued::from(&peer("second", 200));
        operators.lock().get_mut(&bob()).expect("known").see(seen);
        let by = "ann".parse().expect("a name");
        set(&operators, OperatorStanding::Revoked { at: 1, by, why: String::new() }).await;
        assert!(!is_let_in(&operators, &peer("second", 200)));
        set(&operators, OperatorStanding::Active).await;
        for operators in [operators, opened(&folder, &ledger).await] {
            let let_in = |key, from| is_let_in(&operators, &peer(key, from));
            assert_eq!(
                (let_in("first", 100), let_in("second", 200), let_in("third", 300)),
                (false, true, false)
            );
        }
    }

    #[tokio::test]
    async fn the_first_operator_is_known_by_the_key_in_the_folder_and_by_what_it_renews() {
        let (folder, ledger, _) = rig().await;
        let unpinned = OperatorRecord { key: None, ..operator("bob") };
        ledger.remove_operator(&bob()).await.expect("removed");
        ledger.put_operator(unpinned).await.expect("written");
        let operators = opened(&folder, &ledger).await;
        assert!(is_let_in(&operators, &peer("any", 1)), "nothing is known of it");
        let roles = || RoleBook::open(folder.path().to_owned(), &Rules::new()).expect("loads");
        let own = Some(peer("own", 100));
        let tasks = || Tasks::new(CancellationToken::new());
        let operators = Operators::open(ledger.clone(), own, roles(), tasks()).await.expect("opens");
        renew(&operators, "own", &peer("next", 200)).await.expect("renewed");
        // The folder may be that of another operator by now.
        let other = Some(Peer { name: "ann".to_owned(), ..peer("else", 100) });
        let later = Operators::open(ledger.clone(), other, roles(), tasks()).await.expect("opens");
        for operators in [operators, later] {
            for (key, expected) in [("own", true), ("next", true), ("any", false)] {
                assert_eq!(is_let_in(&operators, &peer(key, 300)), expected, "{key}");
            }
            let renewed = renew(&operators, "any", &peer("another", 400)).await;
            assert!(matches!(renewed, Err(RenewalError::Gone)), "{renewed:?}");
        }
    }

    #[tokio::test]
    async fn an_operator_of_before_renewals_were_on_record_goes_on_with_what_it_has() {
        let (folder, ledger, _) = rig().await;
        let old = OperatorRecord { key: Some(digest("first")), valid_from: Some(100), ..operator("bob") };
        ledger.remove_operator(&bob()).await.expect("removed");
        ledger.put_operator(old).await.expect("written");
        let operators = opened(&folder, &ledger).await;
        let second = peer("second", 200);
        assert!(is_let_in(&operators, &second) && !is_let_in(&operators, &peer("former", 50)));
        operators.lock().get_mut(&bob()).expect("known").see(Issued::from(&second));
        renew(&operators, "second", &peer("third", 300)).await.expect("renewed");
        let operators = opened(&folder, &ledger).await;
        assert!(is_let_in(&operators, &second) && is_let_in(&operators, &peer("third", 300)));
        assert!(!is_let_in(&operators, &peer("other", 400)), "from now on, what is good is on record");
    }
}
