//! The steps of the move.

use std::sync::Arc;

use machine::failpoint::{Point, reach};
use machine::lock;
use wire::digest::Digest;
use wire::identity::{
    Authority, IdentityError, Imported, Validity, certificates_to_pem, endorse, request_authority, vouches,
};
use wire::message::authority::MoveStep;

use super::state::State;
use super::store::Locked;
use super::{Authorities, Held};

/// Why the authorities stay as they are.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChangeError {
    #[error("a move to another authority is under way: see `overlord ca status`")]
    Moving,
    #[error("there is no move to another authority: `overlord ca rotate` begins one")]
    Settled,
    #[error("the move goes back already: `overlord ca rotate --finish` ends that")]
    GoesBack,
    #[error(
        "the authority is an intermediate, whose root is elsewhere and has to sign the next one: `overlord ca export-csr` makes \
         the request, and `overlord ca import CHAIN` takes what was signed"
    )]
    Intermediate,
    #[error("there is no key for it: `overlord ca export-csr` makes one, and the request to sign")]
    NotRequested,
    #[error(
        "the root of the present authority is elsewhere, and has to sign for the key of the next root: append that certificate \
         to the chain"
    )]
    NotEndorsed,
    #[error(
        "the certificate of this command is of the authority that would be let go of: whatever command is run renews it, such as \
         `overlord ca status`; then try again"
    )]
    Yourself,
    #[error("the move has gone on meanwhile: see `overlord ca status`, and try again")]
    WentOn,
    #[error("it is the authority that there is already: see `overlord ca status`")]
    TheSame,
    #[error("{0}")]
    Wrong(String),
    #[error(transparent)]
    Folder(#[from] IdentityError),
}

impl Authorities {
    /// Begins the move to a new authority, whose key is in the folder.
    pub(crate) async fn rotate(&self) -> Result<(), ChangeError> {
        let _changing = self.change().await?;
        let held = self.settled()?;
        if !held.authority.is_root() {
            return Err(ChangeError::Intermediate);
        }
        let next = Authority::new(&named()?)?;
        // Never the other way round: the next one is there because the key of the former one may be in wrong hands.
        let vouched = vec![endorse(&held.authority, next.certificate())?];
        self.begin(&held, next, vouched)
    }

    /// Makes a key for an intermediate, and returns the request to sign, in PEM.
    pub(crate) async fn export(&self) -> Result<String, ChangeError> {
        let _changing = self.change().await?;
        self.settled()?;
        let (key, request) = request_authority(&named()?)?;
        self.store.keep_requested(&key)?;
        Ok(request)
    }

    /// Begins the move to the authority whose certificates these are, and whose key was made for a request.
    pub(crate) async fn import(&self, pem: &str) -> Result<(), ChangeError> {
        let _changing = self.change().await?;
        let held = self.settled()?;
        let key = self.store.requested()?.ok_or(ChangeError::NotRequested)?;
        let Imported { authority: next, others } =
            Imported::read(&key, pem.as_bytes()).map_err(|error| match error {
                IdentityError::Authority(what) => ChangeError::Wrong(what),
                other => ChangeError::Folder(other),
            })?;
        let (root, former) = (next.certificate().to_vec(), held.authority.certificate().to_vec());
        if next.id() == held.authority.id() {
            return Err(ChangeError::TheSame);
        }
        let vouched = match others.into_iter().find(|one| vouches(one, &root, &former)) {
            // Everybody trusts its root already.
            _ if root == former => Vec::new(),
            Some(vouched) => vec![vouched],
            None if held.authority.is_root() => vec![endorse(&held.authority, &root)?],
            None => return Err(ChangeError::NotEndorsed),
        };
        self.begin(&held, next, vouched)?;
        Ok(self.store.forget_requested()?)
    }

    /// Goes on to show the new authority's certificate, where everybody has one of it.
    pub(super) async fn serve(&self) -> Result<(), ChangeError> {
        let _changing = self.change().await?;
        let held = self.held();
        if held.step() != MoveStep::Issuing {
            return Ok(());
        }
        self.put(held.state.at(MoveStep::Serving))
    }

    /// Goes back to the former authority.
    pub(crate) async fn back(&self) -> Result<(), ChangeError> {
        let _changing = self.change().await?;
        let held = self.held();
        match held.step() {
            MoveStep::Settled => Err(ChangeError::Settled),
            MoveStep::Back => Err(ChangeError::GoesBack),
            MoveStep::Issuing | MoveStep::Serving => {
                if let Some((next, mut vouched)) = held.next.clone().filter(|(next, _)| next.is_root()) {
                    // Newcomers may trust the next one alone, and have to find the way back too.
                    vouched.push(endorse(&next, held.authority.certificate())?);
                    self.store.keep_endorsements(next.id(), &certificates_to_pem(&vouched))?;
                }
                self.put(held.state.at(MoveStep::Back))
            }
        }
    }

    /// Has the authority that is let go of vouch anew for the one that stays, where it did not yet, or what it signed ends soon.
    pub(super) async fn vouch_anew(&self) -> Result<(), ChangeError> {
        let held = self.held();
        let is_due = |one: &Vec<u8>| Validity::of(one).is_ok_and(Validity::is_due);
        let Some(by) = held.leaving().filter(|by| by.is_root()) else { return Ok(()) };
        if by.certificate() == held.target().certificate() || held.vouched().iter().any(|one| !is_due(one)) {
            return Ok(());
        }
        let _changing = self.change().await?;
        let (Some((next, _)), true) = (&held.next, Arc::ptr_eq(&held, &self.held())) else { return Ok(()) };
        let vouched = vec![endorse(by, held.target().certificate())?];
        self.store.keep_endorsements(next.id(), &certificates_to_pem(&vouched))?;
        let held = Held { next: Some((next.clone(), vouched)), ..(*held).clone() };
        *lock::hold(&self.held) = Arc::new(held);
        self.news.notify_one();
        Ok(())
    }

    /// Ends the move that was asked to end when it was at `seen`: lets go of the authority that does not sign any more. Who needs
    /// that one is counted by `allowed` while the step cannot change, and what it gives is given back.
    pub(crate) async fn finish<T>(
        &self,
        seen: &Held,
        allowed: impl FnOnce(&Held) -> Result<T, ChangeError>,
    ) -> Result<T, ChangeError> {
        let _changing = self.change().await?;
        let held = self.held();
        if held.step() == MoveStep::Settled {
            return Err(ChangeError::Settled);
        }
        if held.target().id() != seen.target().id() {
            return Err(ChangeError::WentOn);
        }
        let given = allowed(&held)?;
        self.put(held.state.settled(held.target().id()))?;
        Ok(given)
    }

    /// Has the authorities to itself until what is returned is dropped: in this process, and in their folder.
    async fn change(&self) -> Result<Changing<'_>, ChangeError> {
        let one = self.changing.lock().await;
        let folder = self.store.lock()?;
        Ok(Changing { _one: one, _folder: folder })
    }

    fn settled(&self) -> Result<Arc<Held>, ChangeError> {
        let held = self.held();
        if held.step() == MoveStep::Settled { Ok(held) } else { Err(ChangeError::Moving) }
    }

    fn begin(&self, held: &Held, next: Authority, vouched: Vec<Vec<u8>>) -> Result<(), ChangeError> {
        self.keep(&held.authority)?;
        let id = next.id();
        // Whoever trusts its root already believes the overlord at once.
        let step = match next.certificate() == held.authority.certificate() {
            true => MoveStep::Serving,
            false => MoveStep::Issuing,
        };
        self.or_discard(&next, || {
            self.keep(&next)?;
            self.store.keep_endorsements(id, &certificates_to_pem(&vouched))?;
            self.put(State { next: Some(id), ..held.state.at(step) })
        })
    }

    /// Begins the move to an authority, or leaves nothing of it behind.
    fn or_discard(
        &self,
        next: &Authority,
        begin: impl FnOnce() -> Result<(), ChangeError>,
    ) -> Result<(), ChangeError> {
        begin().inspect_err(|_| {
            if let Err(error) = self.store.discard(next.id()) {
                tracing::warn!(%error, "files of an authority to which no move began cannot be removed");
            }
        })
    }

    fn keep(&self, authority: &Authority) -> Result<(), ChangeError> {
        Ok(self.store.keep(authority)?)
    }

    /// Writes down a step, and goes by it from now on.
    fn put(&self, state: State) -> Result<(), ChangeError> {
        // What the step needs is read before it is written: a step that cannot be read is none.
        let held = Held::at(&self.store, state.clone())?.with_lifetimes(self.lifetimes);
        reach(Point::MoveBefore);
        self.store.put_state(&state)?;
        reach(Point::MoveAfter);
        *lock::hold(&self.held) = Arc::new(held);
        if let Err(error) = self.store.sweep(&state) {
            tracing::warn!(%error, "files of authorities that are gone cannot be removed");
        }
        self.news.notify_one();
        Ok(())
    }

    /// Whether the key of an authority is encrypted on disk.
    pub(super) fn is_encrypted(&self, id: Digest) -> bool {
        self.store.is_encrypted(id)
    }

    /// Whether there is a key of which a request was exported.
    pub(super) fn has_requested(&self) -> bool {
        self.store.requested().is_ok_and(|key| key.is_some())
    }
}

/// That nobody else changes the authorities.
struct Changing<'a> {
    _one: tokio::sync::MutexGuard<'a, ()>,
    _folder: Locked,
}

/// A name for the certificate of another authority, which tells it from those before.
fn named() -> Result<String, IdentityError> {
    let random = Digest::of(&wire::identity::secret()?);
    Ok(format!("overlord authority {}", &random.short()[..8]))
}

#[cfg(test)]
mod tests {
    use ledger::OverlordLedger;
    use wire::identity::{Admission, Identity, Lifetimes, Side, SigningRequest, make_key, signing_request};

    use super::*;

    async fn opened(dir: &std::path::Path) -> Authorities {
        if !Held::is_there(dir) {
            Authority::create(dir).expect("made");
        }
        let ledger = OverlordLedger::open(&dir.join("ledger")).expect("opens");
        let opened = Authorities::open((dir, None), Lifetimes::default(), ledger.clone()).await;
        ledger.close().await;
        opened.expect("opens")
    }

    /// What becomes of an identity that renews, and whether it knows of moves.
    fn renewed(all: &Authorities, identity: &Identity, knows: bool) -> Result<Identity, IdentityError> {
        let (held, key) = (all.held(), make_key().expect("a key"));
        let of = held.all().into_iter().find(|one| one.own_identity(identity).is_some());
        let holds = ledger::Holding { authority: of.map_or(Digest::ZERO, |of| of.id()), trusted: Vec::new() };
        let request = SigningRequest::from_der(&signing_request(&key).expect("made")).expect("reads");
        let renewing = held.renewing(&holds, knows);
        let leaf = renewing.authority.sign_request(&request, Side::Minion, "web1").expect("signed");
        identity.renewed(&key, renewing.credentials(leaf))
    }

    fn trusted(identity: &Identity) -> Vec<Digest> {
        identity.authorities().iter().map(|one| Digest::of(one)).collect()
    }

    async fn ended(all: &Authorities) {
        all.finish(&all.held(), |_| Ok(())).await.expect("ended");
    }

    #[tokio::test]
    async fn the_end_is_that_of_the_move_that_was_seen_and_who_is_left_is_counted_at_that_moment() {
        let dir = tempfile::tempdir().expect("a folder");
        let all = opened(dir.path()).await;
        all.rotate().await.expect("begun");
        all.serve().await.expect("goes on");
        let seen = all.held();
        all.back().await.expect("goes back");
        let late = all.finish(&seen, |_| Ok(())).await;
        assert!(matches!(late, Err(ChangeError::WentOn)), "{late:?}");
        let seen = all.held();
        let refused = all.finish(&seen, |held| -> Result<(), _> {
            assert_eq!(held.step(), MoveStep::Back);
            Err(ChangeError::Wrong("somebody is left".to_owned()))
        });
        assert!(matches!(refused.await, Err(ChangeError::Wrong(_))));
        assert_eq!(all.held().step(), MoveStep::Back);
        ended(&all).await;
    }

    #[tokio::test]
    async fn no_key_is_written_in_plain_text_beside_encrypted_ones_and_none_is_left_of_a_move_that_fails() {
        let dir = tempfile::tempdir().expect("a folder");
        let all = opened(dir.path()).await;
        let passphrase = dir.path().join("passphrase");
        std::fs::write(&passphrase, "correct horse battery").expect("written");
        super::super::encrypt(dir.path(), Some(passphrase.clone())).expect("encrypted");
        let keys = || -> Vec<_> {
            let entries = std::fs::read_dir(dir.path().join("authorities")).expect("listed");
            let paths = entries.map(|entry| entry.expect("an entry").path());
            paths.filter(|path| path.extension().is_some_and(|extension| extension != "toml")).collect()
        };
        let before = keys();
        // The daemon was started before.
        for error in [all.rotate().await.expect_err("no passphrase"), all.export().await.expect_err("none")] {
            assert!(error.to_string().contains("passphrase-file"), "{error}");
        }
        assert_eq!(keys(), before);

        // The next step cannot be read.
        let held = all.held();
        let key = dir.path().join(format!("authorities/{}.key", held.own().id()));
        std::fs::write(&key, "spoiled").expect("written");
        let all = Authorities { store: super::super::Store::new(dir.path(), Some(passphrase)), ..all };
        let next = Authority::new("another").expect("made");
        assert!(all.begin(&held, next, Vec::new()).is_err());
        assert_eq!(keys(), before, "of a move that did not begin");
    }

    /// Whether an authority vouches for another among what an overlord shows.
    fn are_vouched(all: &Authorities, root: &Authority, by: &Authority) -> bool {
        let held = all.held();
        let identity = held.own().issue(Side::Overlord, "overlord").expect("issued");
        let shown = held.shown(identity).shown();
        shown.iter().any(|one| vouches(one, root.certificate(), by.certificate()))
    }

    #[tokio::test]
    async fn an_authority_that_is_let_go_of_is_vouched_for_by_nobody() {
        let dir = tempfile::tempdir().expect("a folder");
        let all = opened(dir.path()).await;
        let former = all.held().own().clone();
        all.rotate().await.expect("begun");
        let next = all.held().target().clone();
        let only_forward = |all: &Authorities| {
            assert!(are_vouched(all, &next, &former), "whoever trusts the former one has to follow");
            assert!(!are_vouched(all, &former, &next), "its key may be stolen");
        };
        only_forward(&all);
        all.serve().await.expect("goes on");
        only_forward(&all);
        // Of a folder whose endorsement has ended, or of a version that made others.
        let path = dir.path().join(format!("authorities/{}.endorsements", next.id()));
        let both = certificates_to_pem(&[next.certificate().to_vec(), former.certificate().to_vec()]);
        std::fs::write(&path, both).expect("written");
        let all = opened(dir.path()).await;
        assert!(!are_vouched(&all, &next, &former));
        let first = former.issue(Side::Minion, "web1").expect("issued");
        let stays = renewed(&all, &first, true).expect("renews, since it cannot follow");
        assert_eq!(trusted(&stays), [former.fingerprint()]);
        all.vouch_anew().await.expect("signed");
        only_forward(&all);
        only_forward(&opened(dir.path()).await);
        let written = std::fs::read(&path).expect("reads");
        all.vouch_anew().await.expect("nothing to do");
        assert_eq!(std::fs::read(&path).expect("reads"), written);

        all.back().await.expect("goes back");
        assert!(are_vouched(&all, &former, &next), "newcomers may trust the next one alone");
        assert!(!are_vouched(&all, &next, &former));
    }

    #[tokio::test]
    async fn who_comes_in_while_the_next_one_is_shown_is_not_behind() {
        let dir = tempfile::tempdir().expect("a folder");
        let all = opened(dir.path()).await;
        let former = all.held().own().clone();
        all.rotate().await.expect("begun");
        all.serve().await.expect("goes on");
        let held = all.held();
        let shown = held.shown(held.own().issue(Side::Overlord, "overlord").expect("issued")).shown();
        for (fingerprint, count) in [(former.fingerprint(), 2), (held.own().fingerprint(), 1)] {
            let key = make_key().expect("a key");
            let request = SigningRequest::from_der(&signing_request(&key).expect("made")).expect("reads");
            let renewing = held.coming_in();
            let leaf = renewing.authority.sign_request(&request, Side::Operator, "ann").expect("signed");
            let (issued, shown) = (renewing.issued(leaf), shown.clone());
            let admission = Admission { issued, fingerprint, shown: shown.clone() };
            let identity = Identity::of_newcomer(&key, Side::Operator, admission).expect("comes in");
            assert_eq!(identity.authorities().len(), count);
            assert!(!identity.is_behind(&shown), "it would renew at each command");
        }
        let before = former.issue(Side::Operator, "bob").expect("issued");
        assert!(before.is_behind(&shown));
    }

    #[tokio::test]
    async fn whoever_knows_of_moves_follows_at_each_step_and_others_stay() {
        let dir = tempfile::tempdir().expect("a folder");
        let all = opened(dir.path()).await;
        let former = all.held().own().fingerprint();
        let first = all.held().own().issue(Side::Minion, "web1").expect("issued");
        all.rotate().await.expect("begun");
        assert!(matches!(all.rotate().await, Err(ChangeError::Moving)));
        let next = all.held().target().fingerprint();
        assert_eq!(all.held().own().fingerprint(), former);
        let moved = renewed(&all, &first, true).expect("follows");
        assert_eq!(trusted(&moved), [next, former]);
        assert_eq!(trusted(&renewed(&all, &first, false).expect("stays")), [former]);
        assert_eq!(trusted(&renewed(&all, &moved, false).expect("renews")), [next, former]);

        all.back().await.expect("goes back");
        assert_eq!(trusted(&renewed(&all, &moved, true).expect("follows")), [former]);
        ended(&all).await;
        assert_eq!(all.held().own().fingerprint(), former);
        assert!(renewed(&all, &renewed(&all, &first, true).expect("renews"), true).is_ok());

        all.rotate().await.expect("begun");
        let next = all.held().target().fingerprint();
        let moved = renewed(&all, &first, true).expect("follows");
        all.serve().await.expect("goes on");
        assert_eq!(all.held().own().fingerprint(), next);
        ended(&all).await;
        assert_eq!(trusted(&renewed(&all, &moved, true).expect("lets go")), [next]);
        assert!(renewed(&all, &first, true).is_err(), "who did not follow does not trust it");
        assert!(matches!(all.back().await, Err(ChangeError::Settled)));
        drop(all);
        assert_eq!(opened(dir.path()).await.held().own().fingerprint(), next, "it is so after a restart");
        assert!(!dir.path().join("authority.key").exists());
    }
}
