//! Signing what an operator asks for, so that minions know it from what an overlord alone wants.

use std::sync::Mutex;
use std::time::Duration;

use machine::clock::now_ms;
use machine::lock;
use wire::digest::Digest;
use wire::identity::{CertificateDer, Identity, secret};
use wire::message::call::Share;
use wire::message::catalogue::ModuleRequest;
use wire::message::operator::{Call, Lenience, Target};
use wire::name::OperatorName;
use wire::signing::SigningKey;
use wire::signing::mandate::{
    KeyCertificate, Mandate, Mandated, MandatedCall, MandatedChange, Nonce, SignedMandate,
};

use super::ClientError;
use crate::folder::{Folder, FolderError};

/// Signs in the name of one operator of one overlord.
#[derive(Debug)]
pub(super) struct Signer {
    key: SigningKey,
    certificate: Option<KeyCertificate>,
    operator: OperatorName,
    /// SHA-256 of the certificate of the authority by which the overlord goes: while it moves to another one, all of its minions
    /// trust the one whose certificate it shows.
    authority: Digest,
    /// What was handed over last and has to be confirmed.
    unconfirmed: Mutex<Option<SignedMandate>>,
}

impl Signer {
    /// The signer of a folder, for the overlord that showed these certificates; `None` where it has no key for that.
    pub(super) fn of(
        folder: &Folder,
        identity: &Identity,
        shown: &[CertificateDer<'static>],
    ) -> Result<Option<Self>, FolderError> {
        let Some(key) = folder.signing_key()? else { return Ok(None) };
        let operator = identity.peer()?.name.parse();
        let operator = operator.map_err(|_| FolderError::NotInitialised(folder.dir().to_owned()))?;
        let authority = Digest::of(identity.authority_of(shown));
        let (certificate, unconfirmed) = (folder.key_certificate()?, Mutex::default());
        Ok(Some(Self { key, certificate, operator, authority, unconfirmed }))
    }

    /// Signs a call.
    pub(super) fn call(&self, call: &Call) -> Result<SignedMandate, ClientError> {
        let good_for = time_of_call(call.queue_ms, call.batch);
        self.sign(&call.target, Mandated::Call(Box::new(MandatedCall::of(call))), good_for)
    }

    /// Signs once more what this key signed for a job that is over; only for these of its minions, where they are named.
    /// `None` where another key signed it: what that wanted is not known here.
    pub(super) fn again(
        &self,
        old: &SignedMandate,
        only: Option<&[String]>,
    ) -> Result<Option<SignedMandate>, ClientError> {
        let Some(old) = Some(old).filter(|old| old.signer() == self.key.public_key()) else {
            return Ok(None);
        };
        let mandate = old.verify().map_err(ClientError::Unsigned)?;
        let Mandated::Call(call) = mandate.mandated.clone() else { return Ok(None) };
        let mut target = mandate.target();
        if let Some(only) = only {
            target.expression = format!("({}) & ({})", target.expression, only.join(","));
        }
        let good_for = time_of_call(call.queue_ms, call.batch);
        self.sign(&target, Mandated::Call(call), good_for).map(Some)
    }

    /// Signs a change of a module; `None` where a request is none, or does not say for certain which version it means.
    pub(super) fn change(&self, request: &ModuleRequest) -> Result<Option<SignedMandate>, ClientError> {
        let (target, digest, good_for) = match request {
            ModuleRequest::Push { target, .. } => (target.clone(), None, PUSH),
            ModuleRequest::Remove { target, .. } | ModuleRequest::Rollback { target, .. } => {
                (target.clone(), None, EDIT)
            }
            // Which file has another version, only the overlord could say.
            ModuleRequest::Assign { expression, version, .. } => {
                (Target::of(expression.clone()), version.parse().ok(), ASSIGNMENT)
            }
            _ => return Ok(None),
        };
        let Some(change) = MandatedChange::of(request, digest) else { return Ok(None) };
        self.sign(&target, Mandated::Change(change), good_for).map(Some)
    }

    /// Keeps what an overlord has and wants to be confirmed: signing the same once more would let it be done twice.
    pub(super) fn keep_unconfirmed(&self, mandate: &SignedMandate) {
        *lock::hold(&self.unconfirmed) = Some(mandate.clone());
    }

    /// What was kept, if it is for the same and still good. It is given out once.
    fn unconfirmed(&self, target: &Target, mandated: &Mandated, now: u64) -> Option<SignedMandate> {
        let mut kept = lock::hold(&self.unconfirmed);
        let old = kept.as_ref()?.verify().ok()?;
        let is_same = old.target() == Target { lenience: Lenience::default(), ..target.clone() }
            && old.mandated == *mandated
            && now < old.until;
        if is_same { kept.take() } else { None }
    }

    /// Signs what is to be done; where the same waits to be confirmed, it is what was signed before.
    fn sign(
        &self,
        target: &Target,
        mandated: Mandated,
        good_for: Duration,
    ) -> Result<SignedMandate, ClientError> {
        let made_at = now_ms();
        if let Some(unconfirmed) = self.unconfirmed(target, &mandated, made_at) {
            return Ok(unconfirmed);
        }
        let good_for = u64::try_from(good_for.as_millis()).unwrap_or(u64::MAX);
        let mandate = Mandate {
            authority: self.authority,
            operator: self.operator.clone(),
            expression: target.expression.clone(),
            exclude: target.exclude.clone(),
            made_at,
            until: made_at.saturating_add(good_for),
            nonce: Nonce::new(secret().map_err(FolderError::from)?),
            mandated,
        };
        SignedMandate::new(mandate, &self.key, self.certificate.clone()).map_err(ClientError::Unsigned)
    }
}

/// For how long a call is signed: until it is kept no longer, and where it goes to some minions after others, until the
/// last have it.
fn time_of_call(queue_ms: Option<u64>, batch: Option<Share>) -> Duration {
    let queue = Duration::from_millis(queue_ms.unwrap_or_default());
    let batch = if batch.is_some() { BATCH } else { Duration::ZERO };
    CALL.saturating_add(queue.max(batch))
}

/// How long a call may be on its way. How far clocks may differ besides, minions say.
const CALL: Duration = Duration::from_secs(60);
/// How long a call may take to come to its last batch.
const BATCH: Duration = Duration::from_secs(24 * 3600);
/// How long a push may take until all are ready.
const PUSH: Duration = Duration::from_secs(6 * 3600);
/// How long a removal or a rollback may be on its way.
const EDIT: Duration = Duration::from_secs(10 * 60);
/// How long an assignment brings a version to minions that come.
const ASSIGNMENT: Duration = Duration::from_secs(365 * 24 * 3600);

#[cfg(test)]
mod tests {
    use wire::identity::{Authority, Side};
    use wire::value::arguments::{Arguments, Word};

    use super::*;

    fn signer() -> (tempfile::TempDir, Signer) {
        let dir = tempfile::tempdir().expect("a folder");
        let authority = Authority::create(dir.path()).expect("made");
        let identity = authority.issue(Side::Operator, "ann").expect("issued");
        let folder = Folder::at(dir.path());
        assert!(Signer::of(&folder, &identity, &[]).expect("read").is_none());
        folder.make_signing_key().expect("made");
        let signer = Signer::of(&folder, &identity, &[]).expect("read").expect("there is a key");
        (dir, signer)
    }

    fn call() -> Call {
        let target = Target { exclude: Some("web3".into()), ..Target::of("web*,db1") };
        let (method, arguments) = ("test.add".parse().expect("a method"), vec![Word::Text("1".into())]);
        Call { queue_ms: Some(1000), ..Call::new(target, method, Arguments::Words(arguments)) }
    }

    #[test]
    fn a_call_is_signed_for_as_long_as_it_may_be_on_its_way() {
        let (_dir, signer) = signer();
        let signed = signer.call(&call()).expect("signed").verify().expect("true");
        assert_eq!((signed.operator.as_str(), signed.target()), ("ann", call().target));
        assert_eq!(signed.until - signed.made_at, 61_000);
        let batch = Call { batch: Some(Share::Count(1)), ..call() };
        let signed = signer.call(&batch).expect("signed").verify().expect("true");
        assert_eq!(signed.until - signed.made_at, 86_460_000);
    }

    #[test]
    fn a_call_is_signed_again_for_the_minions_that_are_named_and_by_its_own_key_alone() {
        let ((_dir, signer), (_other_dir, other)) = (signer(), signer());
        let first = signer.call(&call()).expect("signed");
        let again = signer.again(&first, Some(&["web1".into(), "db1".into()])).expect("signed").expect("own");
        let (first, again) = (first.verify().expect("true"), again.verify().expect("true"));
        assert_eq!(again.expression, "(web*,db1) & (web1,db1)");
        assert_eq!((again.exclude, again.mandated), (first.exclude, first.mandated));
        assert_ne!(again.nonce, first.nonce);
        let first = signer.call(&call()).expect("signed");
        assert!(other.again(&first, None).expect("looked at").is_none());
    }

    #[test]
    fn an_assignment_is_signed_where_it_says_which_file_it_means() {
        let (_dir, signer) = signer();
        let assign = |version: String| ModuleRequest::Assign {
            expression: "*".into(),
            name: "disk".parse().expect("a name"),
            version,
            confirmed: false,
            lenience: Lenience::default(),
        };
        let digest = Digest::of(b"disk");
        assert!(signer.change(&assign(digest.to_string())).expect("signed").is_some());
        for vague in ["1.2.0".to_owned(), digest.short()] {
            assert!(signer.change(&assign(vague)).expect("looked at").is_none());
        }
        assert!(signer.change(&ModuleRequest::Assignments).expect("looked at").is_none());
    }
}
