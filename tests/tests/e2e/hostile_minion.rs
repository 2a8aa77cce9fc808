//! What a minion that was taken over can do to its overlord, and to those who work with it.

use std::fs;
use std::path::PathBuf;
use std::process::Child;

use overlord::client::{Client, ClientConfig, JobEvent};
use overlord::folder::Folder;
use quinn::{RecvStream, SendStream};
use rig::{Fleet, Said};
use serde_json::{Value as Json, json};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use wire::digest::Digest;
use wire::identity::Identity;
use wire::message::call::{LogLevel, LogLine};
use wire::message::catalogue::{ModuleReply, ModuleRequest, Offer};
use wire::message::inventory::Inventory;
use wire::message::job::{JobId, MinionJobId, MinionState};
use wire::message::link::{
    Acknowledged, Hello, JobUpdate, MAX_MESSAGE, MinionRequest, ModuleAnswer, ModuleCommand, Notice, Staging,
};
use wire::message::module::{Module, ModuleState};
use wire::message::operator::{Call, Follow, OperatorReply, OperatorRequest, Target};
use wire::message::outcome::{Outcome, Report};
use wire::message::v1::{self, Method, Type};
use wire::transport::frame;
use wire::value::Value;
use wire::value::arguments::Arguments;
use wire::value::method::Methods;

use crate::hotload::which;
use crate::pushes::results;
use crate::raw_minion::{RawMinion, dial, hello, module};

/// The most memory that the overlord may ever have had, in MiB.
const MOST: u64 = 400;

fn runtime() -> Runtime {
    Runtime::new().expect("a runtime")
}

/// The most memory that the overlord has had, in MiB.
fn peak(fleet: &Fleet) -> u64 {
    let peak = fleet.overlord().peak_bytes() >> 20;
    println!("the overlord had {peak} MiB");
    peak
}

/// A fleet with these minions enrolled, none of which runs, under an overlord with this configuration besides.
fn enrolled(names: &[&str], config: &str) -> Fleet {
    let mut fleet = Fleet::without_minions();
    for name in names {
        fleet.enrol(name);
    }
    if !config.is_empty() {
        let path = fleet.overlord_dir().join("overlord.toml");
        let text = fs::read_to_string(&path).expect("there") + config;
        fs::write(&path, text).expect("written");
        fleet.take_overlord().stop();
        fleet.start_overlord();
    }
    fleet
}

/// A module's file, for a push.
fn file(fleet: &Fleet) -> PathBuf {
    let path = fleet.overlord_dir().join("which.wasm");
    fs::write(&path, which(7)).expect("written");
    path
}

fn push(fleet: &Fleet, target: &str, more: &[&str]) -> Said {
    let file = file(fleet);
    fleet.run(&[&["module", "push", target, file.to_str().expect("text"), "--json"], more].concat())
}

fn spawn_push(fleet: &Fleet, target: &str) -> Child {
    let file = file(fleet);
    fleet.spawn(&["module", "push", target, file.to_str().expect("text"), "--json"])
}

fn said(child: Child) -> Said {
    child.wait_with_output().expect("ends").into()
}

fn method(name: &str, result: Option<Type>) -> Method {
    Method {
        interface: None,
        name: name.to_owned(),
        params: Vec::new(),
        result,
        is_async: false,
        not_callable: None,
        docs: None,
    }
}

/// These methods with a table of their types.
fn of_trees(methods: Vec<Method>) -> Methods {
    Module::from(v1::Module { methods, ..v1::Module::from(&module("m")) }).methods
}

/// A greeting with these modules, however many.
fn of_modules(modules: Vec<Module>) -> Hello {
    Hello { modules: Inventory { modules, left_out: 0 }, ..hello() }
}

/// Greetings of so many bytes that are made of empty things.
fn greetings(bytes: usize) -> Vec<Hello> {
    let mut imports = module("imports");
    imports.imports = vec![String::new(); bytes];
    let mut methods = module("methods");
    methods.methods = of_trees(vec![method("m", None); bytes / 9]);
    let mut types = module("types");
    let fields = vec![(String::new(), Type::Bool); bytes / 2];
    types.methods = of_trees(vec![method("m", Some(Type::Record(fields)))]);
    let hello_of = |module| of_modules(vec![module]);
    vec![
        hello_of(imports),
        hello_of(methods),
        hello_of(types),
        Hello { unacknowledged: vec![JobId::from_bytes([0; 16]); bytes / 16], ..hello() },
        of_modules(vec![module("m"); bytes / 42]),
        Hello { facts: format!("{{\"a\":[{}0]}}", "[],".repeat(bytes / 3)), ..hello() },
        Hello { facts: format!("{{\"a\":[{}0]}}", "{\"\":0},".repeat(9_000)), ..hello() },
    ]
}

#[test]
fn greetings_of_empty_things_cost_the_overlord_little_and_operators_are_answered() {
    let names = ["evil1", "evil2", "evil3", "evil4"];
    let fleet = enrolled(&names, "");
    runtime().block_on(async {
        for bytes in [15 << 20, 3_900_000] {
            for hello in greetings(bytes) {
                let bytes = frame::encode(&Notice::Hello(hello), usize::MAX).expect("encodes");
                let mut attacks = tokio::task::JoinSet::new();
                for name in names {
                    let minion = RawMinion::dial(&fleet, name).await;
                    let bytes = bytes.clone();
                    attacks.spawn(async move {
                        let _ = minion.send(&bytes).await;
                    });
                }
                assert_eq!(fleet.run(&["minion", "list"]).code, 0);
                attacks.join_all().await;
            }
        }
    });
    assert!(peak(&fleet) < MOST);
    let why = fleet.overlord().logged("over the limit of", 1);
    assert!(why.contains("over the limit of"), "{why}");
    fleet.overlord().logged("bytes of memory", 1);
}

#[test]
fn names_that_are_none_end_the_connection_and_the_log_says_why_in_plain_text() {
    let fleet = enrolled(&["evil"], "");
    let mut modules = vec![module("a"), module("b"), module("c"), module("d")];
    modules[0].methods = of_trees(vec![method("\u{1b}]0;owned\u{7}", None)]);
    modules[1].imports = vec!["a:b/c\u{9b}31m".to_owned()];
    modules[2].version = Some("1.0\nenrolled minion=evil".to_owned());
    modules[3].methods = of_trees(vec![method("m", Some(Type::Enum(vec!["\u{202e}txt".to_owned()])))]);
    for (number, module) in modules.into_iter().enumerate() {
        runtime().block_on(async {
            let minion = RawMinion::dial(&fleet, "evil").await;
            let hello = of_modules(vec![module]);
            assert!(minion.say(&Notice::Hello(hello)).await.is_err());
            minion.connection.closed().await;
        });
        let why = fleet.overlord().logged("a message that cannot be", number + 1);
        assert!(why.contains("that is none"), "{why}");
        assert!(!why.chars().any(|c| c.is_control() || c == '\u{202e}'), "{why:?}");
    }
    assert_eq!(
        rig::named(&fleet.run(&["module", "list", "--json"]).json()["minions"], "evil")["modules"],
        json!([])
    );
}

/// Takes all bytes of what is staged, and then is busy for ever.
async fn ever_compiling(mut send: SendStream, mut recv: RecvStream) {
    let offset = Staging::Send { from: 0 };
    if frame::write(&mut send, &offset, MAX_MESSAGE).await.is_err() {
        return;
    }
    let _ = recv.read_to_end(64 << 20).await;
    let state = Staging::State(ModuleState::Compiling);
    while frame::write(&mut send, &state, MAX_MESSAGE).await.is_ok() {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
}

/// A minion that is busy for ever with whatever is pushed to it, and that passes on what else it is asked.
async fn busy_minion(fleet: &Fleet, name: &str) -> (RawMinion, mpsc::UnboundedReceiver<ModuleCommand>) {
    let (asked, questions) = mpsc::unbounded_channel();
    let minion = RawMinion::serve(fleet, name, move |request, mut send, recv| {
        let asked = asked.clone();
        async move {
            let MinionRequest::Modules { command, .. } = request else { return };
            let _ = asked.send(command.clone());
            match command {
                ModuleCommand::Stage(_) => ever_compiling(send, recv).await,
                ModuleCommand::Discard { .. } => {
                    let done = ModuleAnswer::Done { before: None, now: None, version: None };
                    let _ = frame::write(&mut send, &done, MAX_MESSAGE).await;
                }
                // Never answered.
                _ => std::future::pending().await,
            }
        }
    })
    .await;
    (minion, questions)
}

#[test]
fn a_minion_that_is_never_ready_holds_no_push_and_no_name() {
    let mut fleet = enrolled(&["evil", "web1"], "staging = \"20s\"\n");
    fleet.start_empty_minion("web1");
    fleet.await_connection("web1", 1);
    let runtime = runtime();
    let _minion = runtime.block_on(busy_minion(&fleet, "evil"));
    let pushed = push(&fleet, "*", &["--partial"]);
    assert_eq!(pushed.code, 1, "{pushed:?}");
    assert_eq!(results(&pushed), json!({"evil": "failed", "web1": "active"}), "{pushed:?}");
    let reason = pushed.json()["results"]["evil"]["reason"].to_string();
    assert!(reason.contains("was not ready within 20s"), "{reason}");
    assert_eq!(push(&fleet, "web1", &[]).code, 0, "the name is not free");
}

#[test]
fn a_push_is_called_off_by_anyone_and_minions_forget_what_they_have_of_it() {
    let mut fleet = enrolled(&["evil", "web1"], "");
    fleet.start_empty_minion("web1");
    fleet.await_connection("web1", 1);
    let runtime = runtime();
    let (_minion, mut asked) = runtime.block_on(busy_minion(&fleet, "evil"));
    let nobody = fleet.run(&["module", "push", "--cancel", "which"]);
    assert_eq!(nobody.code, 2, "{nobody:?}");
    let pushed = spawn_push(&fleet, "*");
    let staged = runtime.block_on(asked.recv());
    assert!(matches!(staged, Some(ModuleCommand::Stage(_))), "{staged:?}");
    fleet.await_document(&["module", "list", "web1", "--json"], |document| {
        rig::named(&document["minions"], "web1")["modules"][0]["state"] == "staged"
    });
    let refused = push(&fleet, "web1", &[]);
    assert!(refused.err.contains("overlord module push --cancel which"), "{refused:?}");

    let cancelled = fleet.run(&["module", "push", "--cancel", "which", "--json"]);
    assert_eq!(cancelled.code, 0, "{cancelled:?}");
    assert_eq!(cancelled.json()["doing"], "pushed");
    let pushed = said(pushed);
    assert_eq!(pushed.code, 1, "{pushed:?}");
    assert_eq!(results(&pushed), json!({"evil": "failed", "web1": "staged"}), "{pushed:?}");
    let reason = pushed.json()["results"]["web1"]["reason"].to_string();
    assert!(reason.contains("called off by"), "{reason}");
    assert!(matches!(runtime.block_on(asked.recv()), Some(ModuleCommand::Discard { .. })));
    fleet.overlord().logged("push called off", 1);
    assert_eq!(push(&fleet, "web1", &[]).code, 0, "the name is not free");
}

#[test]
fn a_name_is_taken_from_a_change_that_does_not_end() {
    let fleet = enrolled(&["evil"], "");
    let runtime = runtime();
    let (_minion, mut asked) = runtime.block_on(busy_minion(&fleet, "evil"));
    let removed = fleet.spawn(&["module", "remove", "evil", "which", "--json"]);
    let command = runtime.block_on(asked.recv());
    assert!(matches!(command, Some(ModuleCommand::Remove(_))), "{command:?}");
    let refused = fleet.run(&["module", "remove", "evil", "which"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.err.contains("overlord module release which"), "{refused:?}");

    // Whoever may end changes on other minions alone does not end this one.
    let role = "[roles.rel]\noperators = [\"rel\"]\nmodules = [\"release\"]\ntargets = \"web*\"\n";
    crate::roles::reload(&fleet, role, 1);
    let rel = crate::operators::Desk::of(&fleet, "rel", &[]);
    crate::roles::is_denied(&rel.run(&["module", "release", "which"]), "[roles.rel]");
    let released = fleet.run(&["module", "release", "which"]);
    assert_eq!(released.code, 0, "{released:?}");
    assert!(released.out.contains("was being removed by"), "{released:?}");
    let removed = said(removed);
    assert_eq!((removed.code, results(&removed)), (1, json!({"evil": "unknown"})), "{removed:?}");
    fleet.overlord().logged("released", 1);
    assert_eq!(fleet.run(&["module", "release", "which"]).code, 2, "nobody has it");
}

#[test]
fn an_operator_who_brings_no_bytes_is_called_off_too() {
    let fleet = enrolled(&[], "");
    runtime().block_on(async {
        let identity = Identity::load(&fleet.overlord_dir(), "operator").expect("an operator");
        let (connection, _endpoint) = dial(&fleet, &identity, wire::message::operator::ALPNS).await;
        let (mut send, mut recv) = connection.open_bi().await.expect("opened");
        let offer = Offer {
            name: "which".parse().expect("a name"),
            digest: Digest::of(b"never comes"),
            size: 1 << 20,
            signature: None,
        };
        let request = OperatorRequest::Module(Box::new(ModuleRequest::Add(offer)), None);
        frame::write(&mut send, &request, MAX_MESSAGE).await.expect("written");
        let reply: OperatorReply = frame::read(&mut recv, MAX_MESSAGE).await.expect("answered");
        assert_eq!(reply, OperatorReply::Module(Box::new(ModuleReply::Send { from: 0 })));
        send.write_all(b"n").await.expect("written");

        assert_eq!(fleet.run(&["module", "push", "--cancel", "which"]).code, 0);
        let reply: OperatorReply = frame::read(&mut recv, MAX_MESSAGE).await.expect("answered");
        let OperatorReply::Refused(refusal) = reply else { panic!("{reply:?}") };
        assert!(refusal.message.contains("called off by"), "{refusal}");
    });
}

/// What a minion says may be wrong in any place, also right behind what it says first.
#[test]
fn what_is_wrong_right_behind_a_state_is_asked_for_again() {
    let fleet = enrolled(&["evil"], "");
    runtime().block_on(async {
        let _minion = RawMinion::serve(&fleet, "evil", |request, mut send, mut recv| async move {
            let (job, again) = match request {
                MinionRequest::Start(start, _) => (start.job, false),
                MinionRequest::Follow(job) => (job, true),
                _ => return,
            };
            let minion_job = MinionJobId::from_bytes(job.to_bytes());
            let running = JobUpdate::State { minion_job, state: MinionState::Running };
            if !again {
                // Both are there before either is read.
                let mut said = frame::encode(&running, MAX_MESSAGE).expect("encodes").to_vec();
                said.extend(u32::MAX.to_be_bytes());
                let _ = send.write_all(&said).await;
                let _ = send.stopped().await;
                return;
            }
            let report = Box::new(Report::without_run(Outcome::Ok(None), 1));
            let finished = JobUpdate::Finished { minion_job: Some(minion_job), report };
            let _ = frame::write(&mut send, &finished, MAX_MESSAGE).await;
            let _ = frame::read::<Acknowledged>(&mut recv, MAX_MESSAGE).await;
        })
        .await;
        let called = tokio::task::block_in_place(|| fleet.run(&["call", "evil", "test.ping", "--json"]));
        assert_eq!(called.code, 0, "{called:?}");
    });
}

/// Runs whatever it is asked, and logs as much as it can meanwhile; ends when it is asked a second time, which an
/// overlord does that would not take what was said first.
async fn flood(job: JobId, again: bool, mut send: SendStream, mut recv: RecvStream) {
    let minion_job = MinionJobId::from_bytes(job.to_bytes());
    let running = JobUpdate::State { minion_job, state: MinionState::Running };
    let line = |message: String, fields| {
        JobUpdate::Log(LogLine { level: LogLevel::Info, message, fields: vec![fields; 40] })
    };
    let long = line("x".repeat(1 << 20), ("n".to_owned(), "v".repeat(20 << 10)));
    let mut updates = vec![running];
    updates.extend(vec![long; 60]);
    updates.extend(vec![JobUpdate::Chunk("y".repeat(4 << 20)); 10]);
    if !again {
        updates.push(line("z".repeat(15 << 20), (String::new(), String::new())));
    }
    let report = Box::new(Report::without_run(Outcome::Ok(None), 1));
    updates.push(JobUpdate::Finished { minion_job: Some(minion_job), report });
    for update in updates {
        if frame::write(&mut send, &update, MAX_MESSAGE).await.is_err() {
            return;
        }
    }
    let _ = frame::read::<Acknowledged>(&mut recv, MAX_MESSAGE).await;
}

#[test]
fn floods_of_logs_with_followers_who_do_not_read_cost_the_overlord_little() {
    let names = ["evil1", "evil2", "evil3", "evil4"];
    let fleet = enrolled(&names, "");
    runtime().block_on(async {
        let mut minions = Vec::new();
        for name in names {
            let minion = RawMinion::serve(&fleet, name, |request, send, recv| async move {
                match request {
                    MinionRequest::Start(start, _) => flood(start.job, false, send, recv).await,
                    MinionRequest::Follow(job) => flood(job, true, send, recv).await,
                    _ => {}
                }
            });
            minions.push(minion.await);
        }
        let config = ClientConfig::new(Folder::at(fleet.overlord_dir()), None).expect("a folder");
        let mut followers = Vec::new();
        for _ in 0..6 {
            let client = Client::connect(&config).await.expect("reached");
            let method = "test.flood".parse().expect("a method");
            let call = Call::new(Target::of("*"), method, Arguments::Json("[]".to_owned()));
            let call = Call { confirmed: true, ..call };
            let mut stream = client.call(call, Follow::Everything).await.expect("handed in");
            let Some(JobEvent::Accepted { job, .. }) = stream.next().await.expect("accepted") else {
                panic!("not accepted")
            };
            followers.push((client, stream, job));
        }
        for (_, _, job) in &followers {
            fleet.await_job(&job.to_string(), |document| document["state"] == "finished");
            assert_eq!(fleet.run(&["minion", "list"]).code, 0);
        }
        // One who reads after all hears how much is gone, and the end.
        let (_client, mut stream, _) = followers.remove(0);
        let (mut left_out, mut over) = (0, false);
        while let Some(event) = stream.next().await.expect("goes on") {
            match event {
                JobEvent::Update(update) => match update.update {
                    JobUpdate::Skipped(lines) => left_out += lines,
                    JobUpdate::Log(line) => assert!(line.message.len() <= wire::message::caps::MAX_LINE),
                    _ => {}
                },
                JobEvent::Document(document) => over = document.state.is_over(),
                JobEvent::Accepted { .. } | JobEvent::OutOfTouch(_) | JobEvent::WaitOver(_) => {}
            }
        }
        assert!(over && left_out > 0, "{left_out} lines left out");
    });
    assert!(peak(&fleet) < MOST);
}

#[test]
fn large_results_of_many_jobs_cost_the_overlord_little_and_are_answered_one_by_one() {
    let names = ["evil1", "evil2", "evil3", "evil4"];
    let mut fleet = enrolled(&names, "");
    // Taken apart without optimisation, on a machine that has more to do, they may take longer than a link is silent.
    for program in ["overlord", "cli"] {
        fleet.failpoints(program).set_idle(60_000);
    }
    fleet.take_overlord().stop();
    fleet.start_overlord();
    runtime().block_on(async {
        let mut minions = Vec::new();
        for name in names {
            let minion = RawMinion::serve(&fleet, name, |request, mut send, mut recv| async move {
                let MinionRequest::Start(start, _) = request else { return };
                let minion_job = Some(MinionJobId::from_bytes(start.job.to_bytes()));
                let empty = Value::List(vec![Value::List(Vec::new()); 1_100_000]);
                let report = Box::new(Report::without_run(Outcome::Ok(Some(empty)), 1));
                let update = JobUpdate::Finished { minion_job, report };
                let _ = frame::write(&mut send, &update, MAX_MESSAGE).await;
                let _ = frame::read::<Acknowledged>(&mut recv, MAX_MESSAGE).await;
            });
            minions.push(minion.await);
        }
        let calls: Vec<Child> =
            (0..2).map(|_| fleet.spawn(&["call", "*", "test.large", "--jsonl"])).collect();
        for call in calls {
            let said = said(call);
            assert_eq!(said.code, 0, "{}", said.err);
            // One for each minion, and the summary.
            assert_eq!(said.out.lines().count(), names.len() + 1);
            let last = said.out.lines().last().expect("a line");
            let summary: Json = serde_json::from_str(last).expect("a document");
            let job = summary["summary"]["job"].as_str().expect("a job");
            // All at once they are too much.
            let shown = fleet.run(&["job", "show", job, "--json"]);
            assert!(shown.err.contains("take outcomes as they come with --jsonl"), "{}", shown.err);
        }
        assert_eq!(fleet.run(&["minion", "list"]).code, 0);
    });
    assert!(peak(&fleet) < MOST);
}

#[test]
fn what_is_too_long_for_people_is_cut_with_a_note() {
    let fleet = enrolled(&["evil"], "");
    runtime().block_on(async {
        let minion = RawMinion::dial(&fleet, "evil").await;
        let mut long = module("long");
        long.description = Some("d".repeat(100_000));
        long.state = ModuleState::Failed("f".repeat(100_000));
        minion.say(&Notice::Hello(of_modules(vec![long]))).await.expect("welcome");
        let shown: Json = fleet.run(&["module", "list", "evil", "--json"]).json();
        let text = shown.to_string();
        assert!(text.contains("bytes left out") && text.len() < 20_000, "{} bytes", text.len());
    });
}

#[test]
fn nothing_that_a_minion_says_of_itself_steers_a_terminal_whatever_is_asked() {
    let mut fleet = enrolled(&["evil", "web1"], "");
    let steers = "\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}\u{85}\u{2028}\r\nweb2: ok";
    let facts = json!({ "labels": { "role": steers }, "os": { "name": steers } }).to_string();
    let runtime = runtime();
    let _minion = runtime.block_on(async {
        let minion = RawMinion::dial(&fleet, "evil").await;
        minion.say(&Notice::Hello(Hello { facts, ..hello() })).await.expect("welcome");
        minion
    });
    let why = ["--why", steers];
    assert_eq!(fleet.run(&[&["minion", "revoke", "web1"][..], &why].concat()).code, 0);
    let token = fleet.run(&["operator", "invite", "bob"]).out;
    assert!(!token.is_empty());
    for command in [
        &["facts", "*"][..],
        &["minion", "list"],
        &["minion", "list", "--full"],
        &["minion", "pending"],
        &["minion", "invitations"],
        &["module", "list"],
        &["targets", "labels.role=*"],
        &["audit"],
        &["operator", "list"],
        &["job", "list"],
        &["status"],
    ] {
        for json in [&[][..], &["--json"]] {
            let said = fleet.run(&[command, json].concat());
            let steering = |c: char| {
                (c.is_control() && c != '\n')
                    || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2028}' | '\u{2029}')
            };
            let all = format!("{}{}", said.out, said.err);
            assert!(!all.contains(steering), "{command:?}: {all:?}");
            assert!(!all.lines().any(|line| line.starts_with("web2")), "{command:?}: {all:?}");
        }
    }
    fleet.take_overlord().stop();
}
