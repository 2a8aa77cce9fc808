//! The authorities at one moment: who signs, who is trusted, and what the overlord shows.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ledger::Holding;
use wire::identity::{
    Authority, CertificateDer, Identity, IdentityError, Imported, Lifetimes, Validity, vouches,
};
use wire::message::authority::MoveStep;
use wire::message::newcomer::Issued;
use wire::message::renewal::Credentials;

use super::state::State;
use super::store::Store;

/// The authorities of an overlord at one moment.
#[derive(Clone)]
pub struct Held {
    pub(super) state: State,
    /// The one that there is, or was before the move.
    pub(super) authority: Arc<Authority>,
    /// The one that it is moved to, and endorsements by which one of the two vouches for the other.
    pub(super) next: Option<(Arc<Authority>, Vec<Vec<u8>>)>,
}

impl Held {
    /// Whether a folder has an authority.
    pub fn is_there(dir: &Path) -> bool {
        Store::new(dir, None).is_there()
    }

    /// Reads them from an overlord's folder. Keys that are encrypted are so with the passphrase in this file.
    ///
    /// # Errors
    /// [`IdentityError`], where a file cannot be read or used.
    pub fn of_folder(dir: &Path, passphrase: Option<PathBuf>) -> Result<Self, IdentityError> {
        Self::read(&Store::new(dir, passphrase))
    }

    /// Whether an authority of an overlord's folder has signed this identity's certificate. Needs no key of theirs.
    ///
    /// # Errors
    /// [`IdentityError`], where a file cannot be read.
    pub fn have_signed(dir: &Path, identity: &Identity) -> Result<bool, IdentityError> {
        Ok(Store::new(dir, None).certificates()?.iter().any(|authority| identity.is_of(authority)))
    }

    /// Puts an authority that was made elsewhere into a folder that has none: its key and its certificates, in PEM.
    ///
    /// # Errors
    /// [`IdentityError`], where they do not go together, or a file cannot be written.
    pub fn install(dir: &Path, key: &str, chain: &[u8]) -> Result<Self, IdentityError> {
        let (store, imported) = (Store::new(dir, None), Imported::read(key, chain)?);
        let id = imported.authority.id();
        store.keep(&imported.authority)?;
        store.put_state(&State::first(id).settled(id))?;
        Self::read(&store)
    }

    pub(super) fn read(store: &Store) -> Result<Self, IdentityError> {
        match store.state()? {
            (state, Some(first)) => Ok(Self { state, authority: Arc::new(first), next: None }),
            (state, None) => Self::at(store, state),
        }
    }

    /// As they are at a step, whose files are there.
    pub(super) fn at(store: &Store, state: State) -> Result<Self, IdentityError> {
        let authority = store.authority(state.authority)?;
        let next = match state.next {
            Some(next) => {
                let vouched = wire::identity::certificates_of_pem(&store.endorsements(next)?);
                Some((Arc::new(store.authority(next)?), vouched))
            }
            None => None,
        };
        Ok(Self { state, authority: Arc::new(authority), next })
    }

    /// The same, whose certificates are good for so long from now on.
    pub(super) fn with_lifetimes(self, lifetimes: Lifetimes) -> Self {
        let with = |authority: Arc<Authority>| match Arc::try_unwrap(authority) {
            Ok(authority) => Arc::new(authority.with_lifetimes(lifetimes)),
            Err(shared) => shared,
        };
        let next = self.next.map(|(next, vouched)| (with(next), vouched));
        Self { authority: with(self.authority), next, ..self }
    }

    /// The step.
    pub(crate) fn step(&self) -> MoveStep {
        self.state.step
    }

    /// Since when the step is as it is, in milliseconds since 1970; `None` where there never was a move.
    pub(crate) fn since(&self) -> Option<u64> {
        self.state.since
    }

    /// Whether there is a move, or ever was.
    pub(super) fn was_moved(&self) -> bool {
        self.state.since.is_some()
    }

    /// The one that signs for those who are asked to renew.
    pub(crate) fn target(&self) -> &Arc<Authority> {
        match (&self.next, self.state.step) {
            (Some((next, _)), MoveStep::Issuing | MoveStep::Serving) => next,
            _ => &self.authority,
        }
    }

    /// The one whose certificate the overlord shows, and by which newcomers know it.
    pub(crate) fn own(&self) -> &Arc<Authority> {
        match (&self.next, self.state.step) {
            (Some((next, _)), MoveStep::Serving) => next,
            _ => &self.authority,
        }
    }

    /// All whose certificates are good, the former one first.
    pub(crate) fn all(&self) -> Vec<&Arc<Authority>> {
        std::iter::once(&self.authority).chain(self.next.as_ref().map(|(next, _)| next)).collect()
    }

    /// The certificates of those whose certificates are good: their own, and not those of their roots, of which there may be
    /// other intermediates.
    pub(crate) fn accepted(&self) -> Vec<CertificateDer<'static>> {
        self.all().into_iter().map(|one| one.own().clone()).collect()
    }

    /// Whether who shows this certificate may go on: an authority that there is has signed it, or its owner has got another since
    /// of one that there is.
    pub(crate) fn is_known(&self, certificate: &[u8], holding: &Holding) -> bool {
        self.all().into_iter().any(|one| one.has_signed(certificate) || holding.authority == one.id())
    }

    /// The one that is let go of at the end of the move; `None` where there is no move.
    pub(super) fn leaving(&self) -> Option<&Arc<Authority>> {
        self.next.as_ref()?;
        self.all().into_iter().find(|one| one.id() != self.target().id())
    }

    /// The endorsements by which the authority that is let go of vouches at this moment for the one that stays, and so never for
    /// one that is let go of: its key may be in wrong hands.
    pub(super) fn vouched(&self) -> Vec<Vec<u8>> {
        let (Some(by), Some((_, all))) = (self.leaving(), &self.next) else { return Vec::new() };
        let root = self.target().certificate();
        all.iter().filter(|one| vouches(one, root, by.certificate())).cloned().collect()
    }

    /// Those that are trusted with a certificate of [`Held::target`], by their roots' certificates: its own first.
    fn trusted(&self) -> Vec<&Authority> {
        let mut trusted: Vec<&Authority> = vec![self.target()];
        let is_another = self.authority.certificate() != self.target().certificate();
        if is_another && matches!(self.state.step, MoveStep::Issuing | MoveStep::Serving) {
            trusted.push(&self.authority);
        }
        trusted
    }

    /// Whether the endorsement of the one that stays has ended or soon does, and is not this overlord's to make anew.
    pub(super) fn lacks_endorsement(&self) -> bool {
        let is_due = |one: &Vec<u8>| Validity::of(one).is_ok_and(Validity::is_due);
        let root = self.target().certificate();
        self.leaving().is_some_and(|by| !by.is_root() && by.certificate() != root)
            && self.vouched().iter().all(is_due)
    }

    /// What everybody is to have.
    pub(super) fn wanted(&self) -> Holding {
        let trusted = self.trusted().into_iter().map(Authority::fingerprint).collect();
        Holding { authority: self.target().id(), trusted }
    }

    /// Whether somebody who has this has what everybody is to have.
    pub(super) fn is_wanted(&self, holding: &Holding) -> bool {
        let wanted = self.wanted();
        holding.authority == wanted.authority
            && holding.trusted.len() == wanted.trusted.len()
            && wanted.trusted.iter().all(|one| holding.trusted.contains(one))
    }

    /// What those have of whom nothing is on record.
    pub(crate) fn first_holding(&self) -> Holding {
        let base = self.state.base;
        let known = self.all().into_iter().find(|one| one.id() == base);
        Holding { authority: base, trusted: vec![known.map_or(base, |known| known.fingerprint())] }
    }

    /// Whether somebody who has this can take a certificate of [`Held::target`]: it trusts that already, or an authority that it
    /// trusts vouches for that one. A root that is elsewhere does so for a while only.
    pub(super) fn can_follow(&self, holds: &Holding) -> bool {
        holds.trusted.contains(&self.target().fingerprint()) || !self.vouched().is_empty()
    }

    /// With which authority somebody renews who has this: where it knows of moves, with the one that is moved to, and else with
    /// its own for as long as that is good. And what it is given with the certificate.
    pub(crate) fn renewing(&self, holds: &Holding, knows: bool) -> Renewing {
        let target = self.target();
        if (knows && self.can_follow(holds)) || holds.authority == target.id() {
            let others = self.trusted()[1..].iter().map(|one| one.certificate().to_vec()).collect();
            let (authority, vouched) = (target.clone(), self.vouched());
            return Renewing { authority, vouched, others, holding: self.wanted() };
        }
        let its_own = self.all().into_iter().find(|one| one.id() == holds.authority);
        let authority = its_own.unwrap_or(self.own()).clone();
        Renewing::alone(authority)
    }

    /// With which authority a newcomer comes in: the one that the overlord shows.
    pub(crate) fn coming_in(&self) -> Renewing {
        if self.step() == MoveStep::Serving {
            return self.renewing(&self.wanted(), true);
        }
        Renewing::alone(self.own().clone())
    }

    /// The overlord's own identity as it shows it to peers that may trust either.
    pub(crate) fn shown(&self, identity: Identity) -> Identity {
        let mut more = self.vouched();
        if matches!(self.step(), MoveStep::Issuing | MoveStep::Serving) {
            let roots = self.all().into_iter().map(|one| one.certificate());
            more.extend(roots.filter(|root| *root != self.own().certificate()).map(<[u8]>::to_vec));
        }
        identity.between(more)
    }
}

/// With which authority somebody gets a certificate, and what comes with it.
pub(crate) struct Renewing {
    pub(crate) authority: Arc<Authority>,
    /// Certificates by which authorities vouch for each other.
    vouched: Vec<Vec<u8>>,
    /// Other authorities to trust.
    others: Vec<Vec<u8>>,
    /// What its owner has from then on.
    pub(crate) holding: Holding,
}

impl Renewing {
    fn alone(authority: Arc<Authority>) -> Self {
        let holding = Holding { authority: authority.id(), trusted: vec![authority.fingerprint()] };
        Self { authority, vouched: Vec::new(), others: Vec::new(), holding }
    }

    /// What makes an identity of a key whose certificate the authority has signed.
    pub(crate) fn credentials(&self, certificate: Vec<u8>) -> Credentials {
        let mut credentials = self.authority.credentials(certificate);
        credentials.chain.extend(self.vouched.iter().cloned());
        credentials.authorities.extend(self.others.iter().cloned());
        credentials
    }

    /// The same for a newcomer.
    pub(crate) fn issued(&self, certificate: Vec<u8>) -> Issued {
        let Credentials { authorities, .. } = self.credentials(Vec::new());
        Issued { certificate, intermediates: self.authority.intermediates(), authorities }
    }
}
