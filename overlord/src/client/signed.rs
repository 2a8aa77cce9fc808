//! What a client signs, and by what it knows again what it has signed.
//!
//! They are methods of [`Client`], so this file and its parent name each other.

use wire::message::job::OutcomeKind;
use wire::message::link::Carried;
use wire::message::operator::{OperatorReply, OperatorRequest, Part, Refusal, RefusalKind, Rerun};
use wire::message::version::Version;
use wire::signing::mandate::{Nonce, SignedMandate};

use super::signer::Signer;
use super::{Client, ClientError};
use crate::folder::Folder;

impl Client {
    /// What has to be signed to run a job again, and that job; nothing where this operator did not sign it on this machine.
    pub(super) async fn sign_again(&self, job: &str, on: Rerun) -> Result<(String, Carried), ClientError> {
        let unsigned = (job.to_owned(), None);
        let Some(signer) = self.signer() else { return Ok(unsigned) };
        let Some((job, nonce)) = self.own.folder.signed_job(job) else { return Ok(unsigned) };
        let job = job.to_string();
        let OperatorReply::Mandate(old) = self.ask(&OperatorRequest::Mandate(job.clone())).await? else {
            return Err(ClientError::Unexpected);
        };
        // The overlord says what was signed for the job, which must be what was signed for it.
        let is_it = |old: &SignedMandate| old.verify().is_ok_and(|mandate| mandate.nonce == nonce);
        let Some(old) = old.filter(|old| is_it(old)) else { return Ok(unsigned) };
        let failed = match on {
            Rerun::All => None,
            Rerun::Failed => Some(self.failed(&job).await?),
        };
        Ok((job, signer.again(&old, failed.as_deref())?.map(Box::new)))
    }

    /// The minions on which a job was not well, by what the overlord says.
    ///
    /// # Errors
    /// As for [`Client`], of kind `BadRequest` where there are none: nothing must be signed for all in their place.
    pub async fn failed(&self, job: &str) -> Result<Vec<String>, ClientError> {
        let is_ok = |part: &Part| part.state.and_then(|state| state.outcome()) == Some(OutcomeKind::Ok);
        let parts = self.job(job).await?.parts;
        let failed: Vec<_> =
            parts.iter().filter(|part| !is_ok(part)).map(|part| part.minion.to_string()).collect();
        if failed.is_empty() {
            let message = format!("job {job} is not run again: every outcome of it is ok");
            return Err(Refusal::new(RefusalKind::BadRequest, message).into());
        }
        Ok(failed)
    }

    /// Whether what is asked for is signed: the folder has a signing key, and the overlord carries what that signs.
    pub fn signs(&self) -> bool {
        self.signer().is_some()
    }

    /// Where to note the job that a signed call becomes, and by what it is known.
    pub(super) fn noting(&self, mandate: &Carried) -> Option<(Folder, Nonce)> {
        let mandate = mandate.as_ref()?.verify().ok()?;
        Some((self.own.folder.clone(), mandate.nonce))
    }

    /// What signs for this operator, where the overlord carries that.
    pub(super) fn signer(&self) -> Option<&Signer> {
        let carries = Version::of(&self.connection) >= Version::Six;
        self.own.signer.as_ref().filter(|_| carries)
    }
}

#[cfg(test)]
mod tests {
    use wire::message::operator::Follow;

    use super::super::stolen::{Stolen, call, first_for_all, job};
    use super::*;

    /// Takes every call. Of the job that is run again it says that the second call was signed for it, then that nothing
    /// was, and then what was.
    fn another_then_none_then_the_first(
        request: &OperatorRequest,
        asked: &[OperatorRequest],
    ) -> Vec<OperatorReply> {
        let OperatorRequest::Mandate(of) = request else { return first_for_all(request, asked) };
        assert_eq!(*of, job(1).to_string());
        let signed: Vec<_> = asked
            .iter()
            .filter_map(|request| match request {
                OperatorRequest::Call { mandate, .. } => mandate.clone(),
                _ => None,
            })
            .collect();
        let times = asked.iter().filter(|request| matches!(request, OperatorRequest::Mandate(_))).count();
        vec![OperatorReply::Mandate([Some(&signed[1]), None, Some(&signed[0])][times - 1].cloned())]
    }

    #[tokio::test]
    async fn no_overlord_gets_a_new_signature_for_another_call_than_the_one_that_is_run_again() {
        let stolen = Stolen::that(another_then_none_then_the_first).await;
        for method in ["test.ping", "system.reboot"] {
            let mut called = stolen.client.call(call(method, true), Follow::No).await.expect("sent");
            called.next().await.expect("answered");
        }
        let run_again = async || {
            let harmless = job(1).to_string();
            let again = stolen.client.rerun(&harmless, Rerun::All, true, Follow::No, None).await;
            again.expect("sent").next().await.expect("answered");
        };
        for _ in 0..2 {
            run_again().await;
            assert_eq!(stolen.signed().len(), 2, "nothing but the two calls");
        }
        run_again().await;
        let [before, _, again] = &stolen.signed()[..] else { panic!("signed anew, once") };
        let (before, again) = (before.verify().expect("true"), again.verify().expect("true"));
        assert_eq!((&again.mandated, &again.expression), (&before.mandated, &before.expression));
        assert_ne!(again.nonce, before.nonce);
    }
}
