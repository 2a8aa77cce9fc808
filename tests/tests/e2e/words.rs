//! Words of others: nothing that a minion says steers the terminal of an operator, or forges a line of a log.

use std::process::Command;

use quinn::{Connection, Endpoint};
use rig::{Fleet, Said, Terminal};
use tokio::runtime::Runtime;
use wire::digest::Digest;
use wire::document::text::is_deceptive;
use wire::identity::Identity;
use wire::message::call::{LogLevel, LogLine, Progress};
use wire::message::enroll::Token;
use wire::message::inventory::Inventory;
use wire::message::job::{MinionJobId, MinionState};
use wire::message::link::{
    ALPNS, Acknowledged, Hello, JobUpdate, MAX_MESSAGE, MinionRequest, Notice, Pong, Welcome,
};
use wire::message::module::{Module, ModuleState, ModuleVersion};
use wire::message::outcome::{Failure, FailureKind, ModuleRef, Outcome, Report};
use wire::message::v1::{self, Method, Type};
use wire::transport::endpoint::{self, SERVER_NAME, Trust};
use wire::transport::frame;
use wire::value::Value;

/// What steers terminals of many kinds: a title, the clipboard, a colour, C1, marks of direction, what cannot be
/// seen, and lines that look like someone else's.
const HOSTILE: &str = "x\u{1b}]0;owned\u{7}\u{1b}]52;c;ZXZpbA==\u{7}\u{1b}[31mred\u{9b}2J\u{202e}\u{2066}\u{200b}\u{feff}\
                       \u{2028}\u{7f}\ry\nweb9  ok\n2026-01-01T00:00:00Z  INFO overlord: enrolled minion=evil";

/// A minion of the fleet's own that was taken over: it says what it likes.
struct Hostile {
    fleet: Fleet,
    runtime: Runtime,
    /// Held because the connection ends with it.
    _endpoint: Endpoint,
    connection: Connection,
}

impl Hostile {
    fn start() -> Self {
        let mut fleet = Fleet::without_minions();
        fleet.enrol("web1");
        let token: Token = fleet.run(&["minion", "invite", "web2"]).out.parse().expect("a token");
        let address = token.address.parse().expect("an address");
        let identity =
            Identity::load(&fleet.minion_dir("web1").join("identity"), "minion").expect("enrolled");
        let runtime = Runtime::new().expect("a runtime");
        let (endpoint, connection) = runtime.block_on(async {
            let trust = Trust::Authorities(identity.authorities());
            let config = endpoint::client_config(Some(&identity), trust, ALPNS).expect("a configuration");
            let endpoint = endpoint::dialler(address).expect("an endpoint");
            let connection = endpoint.connect_with(config, address, SERVER_NAME).expect("dials").await;
            (endpoint, connection.expect("it has a certificate"))
        });
        runtime.spawn(answer_all(connection.clone()));
        Self { fleet, runtime, _endpoint: endpoint, connection }
    }

    /// Says hello as this version, with these modules. `false` where the overlord does not take that.
    fn hello(&self, version: &str, modules: Vec<Module>) -> bool {
        let facts = serde_json::json!({ "os": HOSTILE, HOSTILE: "fact" }).to_string();
        let modules = Inventory::of(modules);
        let hello =
            Hello { version: version.to_owned(), modules, unacknowledged: Vec::new(), facts, instance: None };
        self.runtime.block_on(async {
            let (mut send, mut receive) = self.connection.open_bi().await.expect("a stream");
            frame::write(&mut send, &Notice::Hello(hello), MAX_MESSAGE).await.expect("sent");
            let _ = send.finish();
            frame::read::<Welcome>(&mut receive, MAX_MESSAGE).await.is_ok()
        })
    }
}

/// Answers whatever the overlord asks.
async fn answer_all(connection: Connection) {
    while let Ok((mut send, mut receive)) = connection.accept_bi().await {
        tokio::spawn(async move {
            match frame::read(&mut receive, MAX_MESSAGE).await {
                Ok(MinionRequest::Ping) => drop(frame::write(&mut send, &Pong, MAX_MESSAGE).await),
                Ok(MinionRequest::Start(start, _)) => {
                    for update in course(&start.method.method) {
                        frame::write(&mut send, &update, MAX_MESSAGE).await.expect("sent");
                    }
                    let _ = frame::read::<Acknowledged>(&mut receive, MAX_MESSAGE).await;
                }
                _ => {}
            }
        });
    }
}

/// How a job goes there.
fn course(method: &str) -> Vec<JobUpdate> {
    let minion_job = MinionJobId::new();
    let outcome = match method {
        "good" => Outcome::Ok(Some(Value::String(HOSTILE.into()))),
        "nested" => Outcome::Ok(Some(Value::Record(vec![(HOSTILE.into(), Value::String(HOSTILE.into()))]))),
        _ => Outcome::Failed(Failure {
            kind: FailureKind::Trapped,
            message: HOSTILE.into(),
            value: Some(Value::String(HOSTILE.into())),
            stderr: Some(HOSTILE.into()),
            backtrace: Some(HOSTILE.into()),
        }),
    };
    let module = Some(ModuleRef { version: Some(HOSTILE.into()), digest: Digest::of(b"") });
    let mut report = Report { module, would: vec![HOSTILE.into()], ..Report::without_run(outcome, 1) };
    report.cost.wall_us = 1;
    let fields = vec![(HOSTILE.to_owned(), HOSTILE.to_owned())];
    vec![
        JobUpdate::State { minion_job, state: MinionState::Running },
        JobUpdate::Progress(Progress { done: 1, total: 2, note: HOSTILE.into() }),
        JobUpdate::Log(LogLine { level: LogLevel::Error, message: HOSTILE.into(), fields }),
        JobUpdate::Chunk(HOSTILE.into()),
        JobUpdate::Finished { minion_job: Some(minion_job), report: Box::new(report) },
    ]
}

/// A module whose free texts are hostile, and with these names and versions.
fn module(names: &str) -> Module {
    let (text, name) = (|| Some(HOSTILE.to_owned()), || Some(names.to_owned()));
    let method = |name: &str, params: Vec<(String, Type)>| Method {
        interface: Some(format!("a:b/{names}@1.0.0")),
        name: name.to_owned(),
        params,
        result: Some(Type::String),
        is_async: false,
        not_callable: None,
        docs: text(),
    };
    let one = vec![(names.to_owned(), Type::Record(vec![(names.to_owned(), Type::U32)]))];
    let mut barred = method("barred", Vec::new());
    barred.not_callable = text();
    let methods = ["good", "nested", "bad"].map(|name| method(name, Vec::new())).into_iter();
    let others = [method("needs", one), method(&format!("goood{names}"), Vec::new()), barred];
    let failed = ModuleState::Failed(HOSTILE.to_owned());
    let version =
        |state| ModuleVersion { digest: Digest::of(b""), version: name(), state, since: 1, signer: name() };
    Module::from(v1::Module {
        name: "test".parse().expect("a name"),
        version: name(),
        digest: Digest::of(b""),
        description: text(),
        state: ModuleState::Active,
        methods: methods.chain(others).collect(),
        imports: vec![names.to_owned(), "wasi:io/poll@0.2.0".to_owned()],
        versions: vec![version(ModuleState::Active), version(failed)],
    })
}

/// What is left of a text without the sequences that our own tables and bars write.
fn without_our_own(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut rest = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| !c.is_ascii_digit() && c != ';');
        match end.map(|end| (&part[..end], part.as_bytes()[end], &part[end + 1..])) {
            // The one that the minion wants.
            Some(("31", b'm', after)) => rest.push_str(&format!("\u{1b}[31m{after}")),
            Some((_, b'm' | b'A' | b'B' | b'C' | b'D' | b'K', after)) => rest.push_str(after),
            _ => rest.push_str(&format!("\u{1b}[{part}")),
        }
    }
    rest
}

fn assert_harmless(shown: &str, of: &[&str]) {
    let rest = without_our_own(shown);
    let bad: Vec<char> =
        rest.chars().filter(|c| is_deceptive(*c) && !matches!(c, '\n' | '\t' | '\r')).collect();
    assert!(bad.is_empty(), "{bad:?} in what `overlord {}` shows: {shown:?}", of.join(" "));
    // What the operator typed, or asked for and nothing else, may have lines of its own.
    let is_alone = of.contains(&HOSTILE) || of.starts_with(&["job", "result"]);
    assert!(is_alone || !shown.contains("\nweb9  ok"), "a line that looks like another minion's: {shown:?}");
    // A return to the start of the line is a bar's, or the terminal's before each end of line.
    assert!(!shown.contains("\ry"), "{shown:?}");
}

/// Commands that show what a minion says, with a job of its that failed and one that did not.
fn commands<'a>(failed: &'a str, good: &'a str) -> Vec<Vec<&'a str>> {
    vec![
        vec!["call", "web1", "test.bad"],
        vec!["call", "web1", "test.good"],
        vec!["call", "web1", "test.nested"],
        vec!["call", "web1", "test.goood"],
        vec!["call", "web1", "test.needs", "7"],
        vec!["call", "web1", "test.needs", "--args", "{}"],
        vec!["call", "web1", "test.barred"],
        vec!["call", "web1", "test.bad", "--async"],
        vec!["call", "web1", "test.bad", "--jsonl"],
        vec!["call", "web1", HOSTILE],
        vec!["job", "show", failed],
        vec!["job", "show", failed, "--json"],
        vec!["job", "show", failed, "--follow"],
        vec!["job", "result", failed],
        vec!["job", "result", failed, "--json"],
        vec!["job", "result", good],
        vec!["job", "wait", good],
        vec!["job", "list"],
        vec!["module", "show", "test"],
        vec!["module", "show", "test", "--json"],
        vec!["module", "list"],
        vec!["module", "list", "--json"],
        vec!["doc"],
        vec!["doc", "test"],
        vec!["doc", "test.needs"],
        vec!["doc", "test.goood"],
        vec!["doc", "test", "--json"],
        vec!["facts", "web1"],
        vec!["facts", "web1", "--json"],
        vec!["minion", "list"],
        vec!["minion", "list", "--json"],
        vec!["status", HOSTILE],
    ]
}

#[test]
fn nothing_that_a_minion_says_steers_the_terminal_of_an_operator() {
    let mut hostile = Hostile::start();
    // Names and versions that are none are not taken at all; the rest is free text.
    assert!(!hostile.hello(HOSTILE, vec![]), "let in with a version that is none");
    hostile = Hostile::start();
    assert!(!hostile.hello("1.0.0", vec![module(HOSTILE)]), "let in with names that are none");
    hostile = Hostile::start();
    assert!(hostile.hello("1.0.0", vec![module("plain")]), "not let in");
    let fleet = &hostile.fleet;
    let called = fleet.run(&["call", "web1", "test.bad", "--json"]).json();
    let failed = called["job"].as_str().expect("an id").to_owned();
    assert_eq!(called["results"]["web1"]["error"]["message"], HOSTILE, "JSON says what was said");
    let good =
        fleet.run(&["call", "web1", "test.good", "--json"]).json()["job"].as_str().expect("an id").to_owned();
    for words in &commands(&failed, &good) {
        let (shown, _) = Terminal::shown(with(fleet.overlord_command(), words));
        assert!(!shown.is_empty(), "{words:?}");
        assert_harmless(&shown, words);
        let Said { out, err, .. } = fleet.run(words);
        // What a method returned is for a program what it is; everything else is for people.
        let returned = ["test.good", "test.nested", good.as_str()].iter().any(|value| words.contains(value));
        if !returned && (!words.starts_with(&["job", "result"]) || words.len() > 3) {
            assert_harmless(&out, words);
        }
        assert_harmless(&err, words);
    }
    let raw = fleet.run(&["job", "result", &good]).out;
    assert_eq!(raw, format!("{HOSTILE}\n"), "in a pipe a result is what it is");
}

#[test]
fn nothing_that_a_peer_says_forges_a_line_of_the_log() {
    let hostile = Hostile::start();
    assert!(hostile.hello("1.0.0", vec![]), "not let in");
    // A reason of several lines, the last of which looks like one of the overlord's own.
    hostile.connection.close(7_u32.into(), HOSTILE.as_bytes());
    let gone = hostile.fleet.overlord().logged("gone minion=web1", 1);
    assert!(gone.contains("reason=\"") && gone.contains("\\u{1b}]0;owned"), "{gone:?}");
    assert!(!gone.contains(is_deceptive), "{gone:?}");
    assert_eq!(hostile.fleet.overlord().count("enrolled minion=web1 "), 1);
    let (forged, escaped) = (
        "INFO overlord: enrolled minion=evil",
        "\\n2026-01-01T00:00:00Z  INFO overlord: enrolled minion=evil",
    );
    let overlord = hostile.fleet.overlord();
    assert_eq!(overlord.count(forged), overlord.count(escaped), "it is in quoted texts and nowhere else");
}

fn with(mut command: Command, words: &[&str]) -> Command {
    command.args(words);
    command
}
