//! A minion that does only what operators have signed, and an overlord that was stolen.

use std::sync::atomic::{AtomicU64, Ordering};

use quinn::Connection;
use wire::digest::Digest;
use wire::message::job::{JobId, OutcomeKind};
use wire::message::link::{MAX_MESSAGE, MinionRequest, ModuleAnswer, ModuleCommand, Staging};
use wire::message::operator::{Call, Target};
use wire::message::outcome::{Outcome, Report};
use wire::message::version::Version;
use wire::signing::SigningKey;
use wire::signing::mandate::{Mandate, Mandated, MandatedCall, MandatedChange, Nonce, SignedMandate};
use wire::transport::frame;
use wire::value::arguments::{Arguments, Word};

use crate::link::{ask, finished, start, until};
use crate::rig::Overlord;
use crate::versions::{component, name, stage};

/// An operator on whose signatures the minion insists.
struct Operator {
    key: SigningKey,
    authority: Digest,
    /// How many were signed: each in another millisecond.
    signed: AtomicU64,
}

impl Operator {
    fn of(overlord: &Overlord) -> Self {
        let key = SigningKey::generate().unwrap();
        let config =
            format!("[access]\ncalls = \"signed\"\n[access.operators]\nann = \"{}\"\n", key.public_key());
        std::fs::write(overlord.folder.config(), config).unwrap();
        Self {
            key,
            authority: Digest::of(overlord.folder.identity().unwrap().authority()),
            signed: AtomicU64::new(0),
        }
    }

    fn sign(&self, expression: &str, mandated: Mandated) -> Box<SignedMandate> {
        let made_at = machine::clock::now_ms() + self.signed.fetch_add(1, Ordering::Relaxed);
        let mandate = Mandate {
            authority: self.authority,
            operator: "ann".parse().unwrap(),
            expression: expression.into(),
            exclude: None,
            made_at,
            until: made_at + 60_000,
            nonce: Nonce::new(wire::identity::secret().unwrap()),
            mandated,
        };
        Box::new(SignedMandate::new(mandate, &self.key, None).unwrap())
    }

    /// Signs the call of a method with these words.
    fn call(&self, expression: &str, method: &str, words: &[&str]) -> Box<SignedMandate> {
        let arguments = Arguments::Words(words.iter().map(|word| Word::Text((*word).into())).collect());
        let call = Call::new(Target::of(expression), method.parse().unwrap(), arguments);
        let call = Call { durable: true, ..call };
        self.sign(expression, Mandated::Call(Box::new(MandatedCall::of(&call))))
    }

    fn push(&self, bytes: &[u8]) -> Box<SignedMandate> {
        let (name, digest) = (name(), Digest::of(bytes));
        self.sign("*", Mandated::Change(MandatedChange::Push { name, digest, downgrade: false }))
    }
}

/// Has the minion start a job with these words, and hears how it ends.
async fn report(
    connection: &Connection,
    job: JobId,
    words: &[&str],
    mandate: Option<Box<SignedMandate>>,
) -> Report {
    let start = wire::message::call::Start { job, ..start("test.add", words) };
    let (_send, mut recv) = ask(connection, &MinionRequest::Start(Box::new(start), mandate)).await;
    until(&mut recv, finished).await
}

/// Why a call was denied.
fn denied(report: Report) -> String {
    match report.outcome {
        Outcome::Failed(failure) if report.outcome.kind() == OutcomeKind::Denied => failure.message,
        other => panic!("{other:?}"),
    }
}

async fn change(
    connection: &Connection,
    command: ModuleCommand,
    mandate: Option<Box<SignedMandate>>,
) -> ModuleAnswer {
    let request = MinionRequest::Modules { operator: "ann".parse().unwrap(), command, mandate };
    let (_send, mut recv) = ask(connection, &request).await;
    frame::read(&mut recv, MAX_MESSAGE).await.unwrap()
}

async fn stages(connection: &Connection, bytes: &[u8], mandate: Option<Box<SignedMandate>>) -> Staging {
    let command = ModuleCommand::Stage(Box::new(stage(bytes)));
    let request = MinionRequest::Modules { operator: "ann".parse().unwrap(), command, mandate };
    let (mut send, mut recv) = ask(connection, &request).await;
    loop {
        match frame::read(&mut recv, MAX_MESSAGE).await.unwrap() {
            Staging::Send { from } => {
                let _ = send.write_all(&bytes[from as usize..]).await;
                let _ = send.finish();
            }
            Staging::State(_) => {}
            last => return last,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_overlord_makes_no_call_and_repeats_none() {
    let overlord = Overlord::new();
    let ann = Operator::of(&overlord);
    let minion = overlord.minion().await;
    let (connection, _) = overlord.greet().await;
    let signed = ann.call("web*", "test.add", &["2", "3"]);
    let first = JobId::new();
    let done = report(&connection, first, &["2", "3"], Some(signed.clone())).await;
    assert_eq!(done.outcome.kind(), OutcomeKind::Ok);
    let again = report(&connection, first, &["2", "3"], Some(signed.clone())).await;
    assert_eq!(again, done, "the same job is the same, whatever became of the link");

    let unsigned = denied(report(&connection, JobId::new(), &["2", "3"], None).await);
    assert!(unsigned.contains("only what operators have signed"), "{unsigned}");
    let replayed = denied(report(&connection, JobId::new(), &["2", "3"], Some(signed.clone())).await);
    assert!(replayed.contains(&format!("by job {first}")), "{replayed}");
    let fresh = ann.call("web*", "test.add", &["2", "3"]);
    let altered = denied(report(&connection, JobId::new(), &["2", "4"], Some(fresh)).await);
    assert!(altered.contains("other arguments"), "{altered}");
    let elsewhere = ann.call("db*", "test.add", &["2", "3"]);
    let elsewhere = denied(report(&connection, JobId::new(), &["2", "3"], Some(elsewhere)).await);
    assert!(elsewhere.contains("\"web1\" is none of them"), "{elsewhere}");
    minion.stop().await;

    let minion = overlord.minion().await;
    let (connection, _) = overlord.greet().await;
    let replayed = denied(report(&connection, JobId::new(), &["2", "3"], Some(signed)).await);
    assert!(replayed.contains(&format!("by job {first}")), "after a restart: {replayed}");
    minion.stop().await;
    let audit = std::fs::read_to_string(overlord.folder.audit()).unwrap();
    let signer = format!("\"signer\":\"{}\"", ann.key.public_key());
    // Of the call, and of the two that were signed and are repeated; what is signed for something else is not signed.
    assert_eq!(audit.matches(&signer).count(), 3, "{audit}");
    assert_eq!(audit.matches("\"decision\":\"denied\"").count(), 5, "{audit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_overlord_carries_no_signatures_and_its_calls_are_denied() {
    let overlord = Overlord::speaking(&[b"minion/5"]);
    let ann = Operator::of(&overlord);
    let minion = overlord.minion().await;
    let (connection, _) = overlord.greet().await;
    assert_eq!(Version::of(&connection), Version::Five);
    let signed = ann.call("*", "test.add", &["2", "3"]);
    let why = denied(report(&connection, JobId::new(), &["2", "3"], Some(signed)).await);
    assert!(why.contains("bring overlord and command line to the version of this minion"), "{why}");
    minion.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_overlord_brings_no_module_and_brings_none_back() {
    let overlord = Overlord::new();
    let ann = Operator::of(&overlord);
    let minion = overlord.minion().await;
    let (connection, _) = overlord.greet().await;
    let [one, two] = [component(1, "1.0.0"), component(2, "2.0.0")];
    let activate = |bytes: &[u8]| ModuleCommand::Activate { name: name(), digest: Digest::of(bytes) };

    let Staging::Refused(why) = stages(&connection, &one, None).await else { panic!("taken") };
    assert!(why.contains("only what operators have signed"), "{why}");
    let (first, second) = (ann.push(&one), ann.push(&two));
    let Staging::Refused(why) = stages(&connection, &two, Some(first.clone())).await else { panic!("taken") };
    assert!(why.contains("another version"), "{why}");
    for (bytes, signed) in [(&one, &first), (&two, &second)] {
        assert!(matches!(stages(&connection, bytes, Some(signed.clone())).await, Staging::Staged(_)));
        let answer = change(&connection, activate(bytes), Some(signed.clone())).await;
        assert!(matches!(answer, ModuleAnswer::Done { .. }), "{answer:?}");
    }
    for (command, signed) in [
        (activate(&one), Some(first)),
        (ModuleCommand::Rollback(name()), Some(second)),
        (ModuleCommand::Rollback(name()), None),
        (ModuleCommand::Remove(name()), None),
    ] {
        let answer = change(&connection, command, signed).await;
        assert!(matches!(answer, ModuleAnswer::Refused(_)), "{answer:?}");
    }
    let back = ann.sign("*", Mandated::Change(MandatedChange::Rollback(name())));
    let answer = change(&connection, ModuleCommand::Rollback(name()), Some(back.clone())).await;
    assert!(
        matches!(answer, ModuleAnswer::Done { now: Some(now), .. } if now == Digest::of(&one)),
        "{answer:?}"
    );
    let answer = change(&connection, ModuleCommand::Rollback(name()), Some(back)).await;
    assert!(matches!(&answer, ModuleAnswer::Refused(why) if why.contains("done once")), "{answer:?}");
    minion.stop().await;
}
