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
    use quinn::Endpoint;
    use wire::identity::Role;
    use wire::message::job::JobId;
    use wire::message::operator::{ALPNS, Call, Follow, MAX_MESSAGE, Target};
    use wire::transport::endpoint;
    use wire::transport::frame;
    use wire::value::arguments::Arguments;

    use super::super::{ClientConfig, JobStream};
    use super::*;
    use crate::config::InitOptions;

    /// An overlord that was stolen, and a client that has a signing key.
    struct Stolen {
        endpoint: Endpoint,
        client: Client,
        connection: quinn::Connection,
        _dir: tempfile::TempDir,
    }

    impl Stolen {
        async fn new() -> Self {
            let dir = tempfile::tempdir().expect("a folder");
            let folder = Folder::at(dir.path());
            folder.init(&InitOptions::default()).expect("made");
            folder.make_signing_key().expect("made");
            let identity =
                folder.authority().expect("there").issue(Role::Overlord, "overlord").expect("issued");
            let endpoint = endpoint::listen(([127, 0, 0, 1], 0).into(), &identity, ALPNS).expect("listens");
            let address = endpoint.local_addr().expect("an address").to_string();
            let config = ClientConfig::new(folder, Some(address)).expect("a configuration");
            let (client, connection) = tokio::join!(Client::connect(&config), async {
                endpoint.accept().await.expect("dialled").await.expect("connected")
            });
            Self { endpoint, client: client.expect("connected"), connection, _dir: dir }
        }

        /// Reads one request and answers it.
        async fn answer(&self, reply: impl FnOnce(&OperatorRequest) -> OperatorReply) -> OperatorRequest {
            let (mut send, mut receive) = self.connection.accept_bi().await.expect("asked");
            let request = frame::read(&mut receive, MAX_MESSAGE).await.expect("a request");
            frame::write(&mut send, &reply(&request), MAX_MESSAGE).await.expect("answered");
            send.finish().expect("open");
            request
        }

        /// Lets the client call a method, which is said to become this job. Gives back what was signed.
        async fn called(&self, method: &str, job: JobId) -> Box<SignedMandate> {
            let method = method.parse().expect("a method");
            let call = Call::new(Target::of("*"), method, Arguments::Words(Vec::new()));
            let call = async { accepted(self.client.call(call, Follow::No).await).await };
            let (_, request) =
                tokio::join!(call, self.answer(|_| OperatorReply::Accepted { job, targets: Vec::new() }));
            let OperatorRequest::Call { mandate, .. } = request else { panic!("{request:?}") };
            mandate.expect("signed")
        }

        /// Lets the client run a job again, of which this is said to be what was signed. Gives back what is signed then.
        async fn run_again(&self, job: JobId, said: Option<Box<SignedMandate>>) -> Carried {
            let text = job.to_string();
            let again = async {
                accepted(self.client.rerun(&text, Rerun::All, true, Follow::No, None).await).await;
            };
            let answers = async {
                let asked = self.answer(|_| OperatorReply::Mandate(said)).await;
                assert_eq!(asked, OperatorRequest::Mandate(job.to_string()));
                let job = JobId::new();
                self.answer(|_| OperatorReply::Accepted { job, targets: Vec::new() }).await
            };
            let ((), request) = tokio::join!(again, answers);
            let OperatorRequest::Rerun { mandate, .. } = request else { panic!("{request:?}") };
            mandate
        }
    }

    async fn accepted(stream: Result<JobStream, ClientError>) {
        stream.expect("sent").next().await.expect("answered");
    }

    #[tokio::test]
    async fn no_overlord_gets_a_new_signature_for_another_call_than_the_one_that_is_run_again() {
        let stolen = Stolen::new().await;
        let [harmless, harmful] = [JobId::new(), JobId::new()];
        let signed_harmless = stolen.called("test.ping", harmless).await;
        let signed_harmful = stolen.called("system.reboot", harmful).await;
        for said in [Some(signed_harmful), None] {
            assert_eq!(stolen.run_again(harmless, said).await, None);
        }
        let again = stolen.run_again(harmless, Some(signed_harmless.clone())).await.expect("signed");
        let (before, again) = (signed_harmless.verify().expect("true"), again.verify().expect("true"));
        assert_eq!((&again.mandated, &again.expression), (&before.mandated, &before.expression));
        assert_ne!(again.nonce, before.nonce);
        stolen.endpoint.close(0_u32.into(), b"");
    }
}
