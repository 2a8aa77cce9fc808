//! What an overlord gets signed that says what it likes.

use std::sync::{Arc, Mutex};

use machine::lock;
use quinn::Endpoint;
use tokio::task::JoinSet;
use wire::identity::{Authority, Side};
use wire::message::job::{JobId, JobState};
use wire::message::link::MAX_MESSAGE;
use wire::signing::mandate::SignedMandate;
use wire::transport::endpoint::listen;
use wire::value::arguments::Arguments;

use wire::message::operator::{MinionStanding, Refusal, RefusalKind};

use super::*;
use crate::folder::Folder;

/// What the overlord is asked, and what it says to that.
pub(crate) type Answers = fn(&OperatorRequest, &[OperatorRequest]) -> Vec<OperatorReply>;

/// An overlord that says what it likes, and the operator `ann` of it, who signs.
pub(crate) struct Stolen {
    pub(crate) client: Client,
    pub(crate) asked: Arc<Mutex<Vec<OperatorRequest>>>,
    _dir: tempfile::TempDir,
    _endpoint: Endpoint,
    _serving: JoinSet<()>,
}

impl Stolen {
    pub(crate) async fn that(answers: Answers) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let authority = Authority::create(dir.path()).expect("made");
        authority.issue(Side::Operator, "ann").expect("issued").save(dir.path(), "operator").expect("saved");
        let folder = Folder::at(dir.path());
        folder.make_signing_key().expect("made");
        let overlord = authority.issue(Side::Overlord, "overlord").expect("issued");
        let endpoint =
            listen(([127, 0, 0, 1], 0).into(), &overlord, overlord.authorities(), ALPNS).expect("listens");
        let address = endpoint.local_addr().expect("has one").to_string();
        let (asked, mut serving) = (Arc::new(Mutex::new(Vec::new())), JoinSet::new());
        serving.spawn(serve(endpoint.clone(), answers, asked.clone()));
        let config = ClientConfig::new(folder, Some(address)).expect("a config");
        let client = Client::connect(&config).await.expect("connects");
        Self { client, asked, _dir: dir, _endpoint: endpoint, _serving: serving }
    }

    /// What came signed.
    pub(super) fn signed(&self) -> Vec<SignedMandate> {
        let mandate = |request: &OperatorRequest| match request {
            OperatorRequest::Call { mandate, .. } | OperatorRequest::Rerun { mandate, .. } => mandate.clone(),
            _ => None,
        };
        lock::hold(&self.asked).iter().filter_map(mandate).map(|mandate| *mandate).collect()
    }
}

async fn serve(endpoint: Endpoint, answers: Answers, asked: Arc<Mutex<Vec<OperatorRequest>>>) {
    let connection = endpoint.accept().await.expect("someone").await.expect("connects");
    let version = Version::of(&connection);
    while let Ok((mut send, mut receive)) = connection.accept_bi().await {
        let request = frame::read_as(version, &mut receive, MAX_MESSAGE).await.expect("a request");
        let replies = {
            let mut asked = lock::hold(&asked);
            asked.push(request);
            answers(&asked[asked.len() - 1], &asked)
        };
        for reply in replies {
            frame::write_as(version, &mut send, &reply, MAX_MESSAGE).await.expect("sent");
        }
        send.finish().expect("sent");
    }
}

/// A call of `web*` without arguments.
pub(super) fn call(method: &str, confirmed: bool) -> Call {
    let method = method.parse().expect("a method");
    Call { confirmed, ..Call::new(Target::of("web*"), method, Arguments::Words(Vec::new())) }
}

/// The job that became of the call that came at this place.
pub(super) fn job(place: u8) -> JobId {
    JobId::from_bytes([place; 16])
}

fn is_call(request: &&OperatorRequest) -> bool {
    matches!(request, OperatorRequest::Call { .. } | OperatorRequest::Rerun { .. })
}

fn wide() -> OperatorReply {
    OperatorReply::Refused(Refusal::new(RefusalKind::NeedsConfirmation, "so many"))
}

fn minion() -> MinionStatus {
    MinionStatus {
        name: "web1".parse().expect("a name"),
        connected: true,
        address: None,
        version: None,
        key: wire::digest::Digest::of(b"key"),
        enrolled_at: 0,
        last_seen: None,
        modules: 0,
        troubles: Vec::new(),
        standing: MinionStanding::default(),
        valid_until: None,
        valid_from: None,
    }
}

/// Takes every call, and says of any job that it was the first call; nothing of it has failed.
pub(crate) fn first_for_all(request: &OperatorRequest, asked: &[OperatorRequest]) -> Vec<OperatorReply> {
    let calls = asked.iter().filter(is_call).count() as u8;
    let accepted = OperatorReply::Accepted { job: job(calls), targets: Vec::new() };
    let first = asked.iter().find_map(|request| match request {
        OperatorRequest::Call { mandate, .. } => mandate.clone(),
        _ => None,
    });
    vec![match request {
        OperatorRequest::Call { .. } | OperatorRequest::Rerun { .. } => accepted,
        OperatorRequest::Mandate(_) => OperatorReply::Mandate(first),
        OperatorRequest::Job(_) => OperatorReply::Job(Box::new(JobDocument {
            job: job(1),
            state: JobState::Finished,
            method: "test.first".parse().expect("a method"),
            operator: "ann".parse().expect("a name"),
            target: Target::of("web*"),
            accepted_at: 0,
            ended_at: None,
            parts: Vec::new(),
            asked: None,
        })),
        _ => OperatorReply::Minions(vec![minion(); 101]),
    }]
}

#[tokio::test]
async fn nothing_is_signed_for_the_failed_minions_of_a_job_of_which_none_has_failed() {
    let stolen = Stolen::that(first_for_all).await;
    let mut called = stolen.client.call(call("test.first", true), Follow::No).await.expect("sent");
    called.next().await.expect("accepted");
    let again = async |on| {
        let again = stolen.client.rerun(&job(1).to_string(), on, true, Follow::No, None).await;
        again?.next().await
    };
    let error = again(Rerun::Failed).await.expect_err("nothing failed");
    assert!(error.to_string().contains("every outcome of it is ok"), "{error}");
    assert_eq!(stolen.signed().len(), 1);
    again(Rerun::All).await.expect("accepted");
    assert_eq!(stolen.signed().len(), 2);
}

#[tokio::test]
async fn what_has_to_be_confirmed_is_signed_once() {
    let stolen = Stolen::that(|request, _| {
        let accepted = OperatorReply::Accepted { job: job(1), targets: Vec::new() };
        vec![match request {
            OperatorRequest::Call { call, .. } if call.confirmed => accepted,
            _ => wide(),
        }]
    })
    .await;
    let next = async |method, confirmed| {
        let mut events = stolen.client.call(call(method, confirmed), Follow::No).await.expect("sent");
        events.next().await
    };
    next("test.first", false).await.expect_err("to be confirmed");
    next("test.first", true).await.expect("accepted");
    let signed = stolen.signed();
    assert!(signed.len() == 2 && signed[0] == signed[1]);
    next("test.first", true).await.expect("accepted");
    assert!(!signed.contains(&stolen.signed()[2]), "another call, although the same");
    next("test.first", false).await.expect_err("to be confirmed");
    next("test.second", true).await.expect("accepted");
    assert!(stolen.signed()[4] != stolen.signed()[3], "another call");
}
