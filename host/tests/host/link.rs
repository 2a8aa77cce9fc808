//! A minion and its link, seen from the overlord's end.

use minion_host::LinkState;
use quinn::{Connection, ConnectionError, RecvStream, SendStream};
use wire::message::call::Start;
use wire::message::job::{JobId, MinionState, OutcomeKind};
use wire::message::link::{Acknowledged, Cancelled, JobUpdate, MAX_MESSAGE, MinionRequest, Pong};
use wire::message::outcome::{Outcome, Report};
use wire::message::version::Version;
use wire::transport::endpoint::{CLOSE_DONE, CLOSE_REFUSED};
use wire::transport::frame;
use wire::value::Value;
use wire::value::arguments::{Arguments, Word};

use crate::rig::Overlord;

pub(crate) async fn ask(connection: &Connection, request: &MinionRequest) -> (SendStream, RecvStream) {
    let (mut send, recv) = connection.open_bi().await.unwrap();
    frame::write_as(Version::of(connection), &mut send, request, MAX_MESSAGE).await.unwrap();
    (send, recv)
}

/// Reads updates up to the one that is wanted.
pub(crate) async fn until<T>(recv: &mut RecvStream, mut wanted: impl FnMut(JobUpdate) -> Option<T>) -> T {
    loop {
        if let Some(found) = wanted(frame::read(recv, MAX_MESSAGE).await.unwrap()) {
            return found;
        }
    }
}

fn running(update: JobUpdate) -> Option<()> {
    matches!(update, JobUpdate::State { state: MinionState::Running, .. }).then_some(())
}

pub(crate) fn finished(update: JobUpdate) -> Option<Report> {
    match update {
        JobUpdate::Finished { report, .. } => Some(*report),
        _ => None,
    }
}

pub(crate) fn start(method: &str, words: &[&str]) -> Start {
    Start {
        job: JobId::new(),
        method: method.parse().unwrap(),
        arguments: Arguments::Words(words.iter().map(|word| Word::Text((*word).into())).collect()),
        operator: "ann".parse().unwrap(),
        timeout_ms: None,
        dry_run: false,
        durable: true,
    }
}

/// Runs a job of a method without arguments to its end.
pub(crate) async fn run(connection: &Connection, method: &str) -> Report {
    let (_send, mut recv) = ask(connection, &MinionRequest::Start(Box::new(start(method, &[])), None)).await;
    until(&mut recv, finished).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_minion_says_to_an_older_overlord_what_that_understands() {
    let overlord = Overlord::speaking(&[b"minion/1"]);
    let minion = overlord.minion().await;
    let (connection, hello) = overlord.greet().await;
    assert_eq!(Version::of(&connection), Version::One);
    let module = hello.modules.modules.first().unwrap();
    assert_eq!(module.method("add").unwrap().to_string(), "add(a: s64, b: s64) -> s64");
    assert_eq!(run(&connection, "test.ping").await.outcome.kind(), OutcomeKind::Ok);
    minion.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_minion_introduces_itself_answers_and_runs_what_it_is_asked_to() {
    let overlord = Overlord::new();
    let minion = overlord.minion().await;
    let (connection, hello) = overlord.greet().await;
    assert_eq!(hello.modules.modules.iter().map(|module| module.name.as_str()).collect::<Vec<_>>(), ["test"]);
    assert_eq!(hello.unacknowledged, []);
    assert!(hello.facts.starts_with('{') && hello.facts.contains(r#""modules.test":"#), "{}", hello.facts);

    let (_, mut recv) = ask(&connection, &MinionRequest::Ping).await;
    assert_eq!(frame::read::<Pong>(&mut recv, MAX_MESSAGE).await.unwrap(), Pong);

    let call = start("test.add", &["2", "3"]);
    let (mut send, mut recv) = ask(&connection, &MinionRequest::Start(Box::new(call.clone()), None)).await;
    let report = until(&mut recv, finished).await;
    assert_eq!(report.outcome, Outcome::Ok(Some(Value::Signed(5))));
    frame::write(&mut send, &Acknowledged, MAX_MESSAGE).await.unwrap();
    // Its task ends a moment after it has told its outcome.
    loop {
        let (_, mut recv) = ask(&connection, &MinionRequest::Cancel(call.job)).await;
        match frame::read(&mut recv, MAX_MESSAGE).await.unwrap() {
            Cancelled::Asked => tokio::task::yield_now().await,
            other => break assert_eq!(other, Cancelled::AlreadyOver),
        }
    }

    minion.stop().await;
    assert!(matches!(connection.closed().await, quinn::ConnectionError::ApplicationClosed(close)
        if close.error_code == CLOSE_DONE));
    let minion = overlord.minion().await;
    let (_connection, hello) = overlord.greet().await;
    assert_eq!(hello.unacknowledged, []);
    minion.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_outlives_its_link_and_its_outcome_is_offered_until_it_is_acknowledged() {
    let overlord = Overlord::new();
    let minion = overlord.minion().await;
    let (connection, _) = overlord.greet().await;
    let call = start("test.sleep", &["300"]);
    let (_, mut recv) = ask(&connection, &MinionRequest::Start(Box::new(call.clone()), None)).await;
    until(&mut recv, running).await;
    connection.close(CLOSE_DONE, b"");

    let (connection, _) = overlord.greet().await;
    let (_send, mut recv) = ask(&connection, &MinionRequest::Follow(call.job)).await;
    let report = until(&mut recv, finished).await;
    assert_eq!(report.outcome.kind(), OutcomeKind::Ok);
    connection.close(CLOSE_DONE, b"");

    let (connection, hello) = overlord.greet().await;
    assert_eq!(hello.unacknowledged, [call.job]);
    let (mut send, mut recv) = ask(&connection, &MinionRequest::Start(Box::new(call.clone()), None)).await;
    assert_eq!(until(&mut recv, finished).await, report);
    frame::write(&mut send, &Acknowledged, MAX_MESSAGE).await.unwrap();
    minion.stop().await;

    let minion = overlord.minion().await;
    let (_connection, hello) = overlord.greet().await;
    assert_eq!(hello.unacknowledged, []);
    minion.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_minion_that_is_stopped_tells_of_the_jobs_that_it_interrupts() {
    let overlord = Overlord::new();
    let minion = overlord.minion().await;
    let (connection, _) = overlord.greet().await;
    let call = start("test.spin", &[]);
    let (mut send, mut recv) = ask(&connection, &MinionRequest::Start(Box::new(call), None)).await;
    until(&mut recv, running).await;

    let stopping = tokio::spawn(minion.stop());
    let report = until(&mut recv, finished).await;
    assert_eq!(report.outcome.kind(), OutcomeKind::Interrupted);
    frame::write(&mut send, &Acknowledged, MAX_MESSAGE).await.unwrap();
    stopping.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_minion_that_is_refused_says_what_to_do() {
    let overlord = Overlord::new();
    let minion = overlord.minion().await;
    let mut link = minion.link();
    let connection = overlord.endpoint.accept().await.unwrap().await.unwrap();
    connection.close(CLOSE_REFUSED, b"");
    let refused = |state: &LinkState| matches!(state, LinkState::Unlinked(why) if why.contains("`overlord minion invite NAME`"));
    link.wait_for(refused).await.unwrap();
    minion.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overlord_of_other_versions_is_named_as_that() {
    let overlord = Overlord::speaking(&[b"minion/9"]);
    let minion = overlord.minion().await;
    // The handshake fails here too, for the same reason.
    assert!(overlord.endpoint.accept().await.expect("dialled").await.is_err());
    let mut link = minion.link();
    let named =
        |state: &LinkState| matches!(state, LinkState::Unlinked(why) if why.contains("none of the versions"));
    link.wait_for(named).await.expect("the link is kept");
    minion.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_minion_whose_overlord_wants_fewer_signs_of_life_dials_anew_once() {
    let overlord = Overlord::new();
    let minion = overlord.minion().await;
    let (first, _) = overlord.greet_wanting(Some(25_000)).await;
    let (second, _) = overlord.greet_wanting(Some(25_000)).await;
    let ended = first.closed().await;
    assert!(
        matches!(&ended, ConnectionError::ApplicationClosed(close) if close.error_code == CLOSE_DONE),
        "{ended}"
    );
    assert_eq!(run(&second, "test.ping").await.outcome.kind(), OutcomeKind::Ok);
    assert!(matches!(*minion.link().borrow(), LinkState::Linked { .. }));
    minion.stop().await;
}
