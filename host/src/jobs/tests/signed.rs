//! Jobs of a minion that takes only what operators have signed.

use machine::clock::now_ms;
use wire::message::operator::{Call, Target};
use wire::signing::SigningKey;
use wire::signing::mandate::{Mandate, Mandated, MandatedCall, Nonce, SignedMandate};

use super::*;

/// What `ann` signs for this call.
fn signed(key: &SigningKey, start: &Start) -> SignedMandate {
    let call = Call {
        timeout_ms: start.timeout_ms,
        dry_run: start.dry_run,
        durable: start.durable,
        ..Call::new(Target::of("web1"), start.method.clone(), start.arguments.clone())
    };
    let mandate = Mandate {
        authority: Digest::ZERO,
        operator: "ann".parse().expect("a name"),
        expression: "web1".into(),
        exclude: None,
        made_at: now_ms(),
        until: now_ms() + 600_000,
        nonce: Nonce::new(wire::identity::secret().expect("random")),
        mandated: Mandated::Call(Box::new(MandatedCall::of(&call))),
    };
    SignedMandate::new(mandate, key, None).expect("signed")
}

impl Rig {
    /// Takes only what this key has signed, and of that what the rest of the list allows.
    fn want(&self, key: &SigningKey, list: &str) {
        let key = key.public_key();
        let list = format!("calls = \"signed\"\noperators = {{ ann = \"{key}\" }}\n{list}");
        self.access.replace(toml::from_str(&list).expect("a list"));
    }

    /// What comes of a call, and whether the ledger knows it.
    async fn made(&self, start: &Start, mandate: Option<&SignedMandate>) -> (Outcome, bool) {
        let mandate = mandate.cloned().map(Box::new);
        let report = end(self.jobs.start(start.clone(), mandate).expect("answered")).await.1;
        // Until its task is over, it is the same call to whoever asks for it again.
        while self.jobs.0.table().live(start.job).is_some() {
            tokio::task::yield_now().await;
        }
        (report.outcome, self.ledger.job(&start.job).expect("read").is_some())
    }
}

fn is_denied((outcome, is_known): (Outcome, bool), why: &str) {
    let Outcome::Failed(failure) = outcome else { panic!("{outcome:?}") };
    assert!(failure.kind == FailureKind::Denied && failure.message.contains(why), "{failure:?}");
    assert!(!is_known, "what is denied leaves nothing in the ledger");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_denied_uses_no_signature_up_and_leaves_nothing_in_the_ledger() {
    let (rig, key) = (Rig::new().await, SigningKey::generate().expect("made"));
    let start = call("test.add", &["2", "3"]);
    let mandate = signed(&key, &start);
    rig.want(&key, "deny = [{ method = \"test.add\" }]");
    is_denied(rig.made(&start, None).await, "only what operators have signed");
    is_denied(rig.made(&start, Some(&mandate)).await, "access list");

    rig.want(&key, "");
    let sum = (Outcome::Ok(Some(Value::Signed(5))), true);
    assert_eq!(rig.made(&start, Some(&mandate)).await, sum);
    assert_eq!(rig.made(&start, None).await, sum, "what was made is known, however it is asked for");
    let again = Start { job: JobId::new(), ..start.clone() };
    is_denied(rig.made(&again, Some(&mandate)).await, "done once");
    assert_eq!(rig.runs(), 1);

    let text = std::fs::read_to_string(rig.dir.path().join("audit.jsonl")).expect("read");
    let entries = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
    let calls: Vec<_> = entries.filter(|entry| entry["event"] == "call").collect();
    let decisions: Vec<_> = calls.iter().map(|entry| entry["decision"].as_str().expect("text")).collect();
    assert_eq!(decisions, ["denied", "denied", "allowed", "denied"]);
    assert!(calls[0].get("arguments").is_none() && calls[2].get("arguments").is_some(), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_waits_unsigned_is_denied_by_a_list_that_wants_signatures_when_it_has_its_turn() {
    let rig = Rig::with("[test]\nlimits = { jobs = 1 }", 10).await;
    let (runs, waits) = (call("test.sleep", &["60000"]), call("test.ping", &[]));
    let mut first = rig.jobs.start(runs.clone(), None).expect("accepted");
    running(&mut first).await;
    let key = SigningKey::generate().expect("made");
    // It is signed by one who counts, and for another call.
    let mandate = signed(&key, &call("test.add", &["2", "3"]));
    let mut second = rig.jobs.start(waits.clone(), Some(Box::new(mandate))).expect("accepted");
    let queued = second.next().await;
    assert!(matches!(queued, Some(JobUpdate::State { state: MinionState::Queued, .. })), "{queued:?}");
    rig.want(&key, "");
    assert_eq!(rig.jobs.cancel(runs.job).await, Ok(Cancelled::Asked));
    end(first).await;
    assert_eq!(failure(end(second).await.1).kind, FailureKind::Denied);
    assert_eq!(rig.runs(), 1);
}
