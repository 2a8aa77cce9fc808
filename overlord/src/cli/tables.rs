//! Every table of the command line, with what is hard to show.

use clap::Subcommand as _;
use output::check::{self, Sample};
use wire::digest::Digest;
use wire::message::authority::{AuthorityState, Lack, Missing};
use wire::message::catalogue::{Assignment, AssignmentStatus, Became, KeptModule, ModuleResult};
use wire::message::enrolment::{Invitation, NameHolder, PendingHost};
use wire::message::job::{JobState, OutcomeKind};
use wire::message::module::{Module, ModuleState, ModuleVersion};
use wire::message::operator::{FactsHeard, JobSummary, MinionStanding, MinionStatus, Ping};
use wire::message::operators::{OperatorKind, OperatorStanding, OperatorStatus, RoleStatus};
use wire::name::MinionName;

use super::{Command, ca, context, distinct_modules, doc, facts, job, minion, module, operator, ping};
use crate::report::samples::{LONG_NAME, long_text, tables};
use crate::report::{OpenChange, changes};

#[test]
fn every_table_is_readable_at_any_width_and_whole_in_a_pipe() {
    check::tables(env!("CARGO_MANIFEST_DIR"), |reader| {
        [tables(reader), lists(), of_modules()].into_iter().flatten().collect()
    });
}

#[test]
fn every_command_with_a_table_says_how_to_see_all_of_it() {
    fn with_full(command: &clap::Command, path: &str, found: &mut Vec<String>) {
        for sub in command.get_subcommands() {
            let path = format!("{path} {}", sub.get_name()).trim().to_owned();
            with_full(sub, &path, found);
            if let Some(full) = sub.get_arguments().find(|argument| argument.get_id() == "full") {
                let help = full.get_long_help().map(ToString::to_string).unwrap_or_default();
                assert!(help.contains("cut in the middle") && help.contains("a pipe"), "{path}: {help}");
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    with_full(&Command::augment_subcommands(clap::Command::new("overlord")), "", &mut found);
    for path in
        ["call", "ping", "targets", "facts", "job list", "job show", "module push", "module remove", "doc"]
    {
        assert!(found.iter().any(|one| one == path), "`overlord {path}` has no --full: {found:?}");
    }
}

fn sample(table: output::Table, whole: &[&str]) -> Sample {
    Sample { table, whole: whole.iter().map(|name| (*name).to_owned()).collect() }
}

fn name(text: &str) -> MinionName {
    text.parse().expect("a name")
}

/// An expression of forty names.
fn expression() -> String {
    (1..=40).map(|number| format!("{LONG_NAME}-{number}")).collect::<Vec<_>>().join(",")
        + " & role=データベース"
}

/// Jobs, minions and what they say.
fn lists() -> Vec<Sample> {
    let job = |state| JobSummary {
        job: JOB.parse().expect("an id"),
        state,
        method: "service.restart-everything".parse().expect("a method"),
        operator: "an.operator@example.org".parse().expect("a name"),
        target: expression(),
        targets: 40,
        accepted_at: 0,
        ended_at: None,
        exclude: Some("db*".into()),
        dry_run: state == JobState::RemoteError,
        counts: Some(OutcomeKind::ALL.map(|outcome| (outcome, 100)).to_vec()),
    };
    let minion = |connected: bool| MinionStatus {
        name: name(LONG_NAME),
        connected,
        address: connected.then(|| "[2001:db8:85a3:8d3:1319:8a2e:370:7348]:51234".to_owned()),
        version: Some("1.0.0-rc.1+2026".into()),
        key: Digest::of(b"key"),
        enrolled_at: 0,
        last_seen: Some(0),
        modules: 12,
        troubles: Vec::new(),
        standing: MinionStanding::default(),
        valid_until: Some(1),
        valid_from: Some(0),
    };
    let ping = |answer| Ping { minion: name(LONG_NAME), answer };
    let said = format!(
        r#"{{"addresses": "{}", "labels": {{"role": "データベース"}}}}"#,
        "2001:db8::7348, ".repeat(40)
    );
    let facts = [facts::read((name(LONG_NAME), said, FactsHeard::default()))];
    let jobs = [job(JobState::RemoteError), job(JobState::Running)];
    let contexts = [context::Row {
        name: format!("bob@{LONG_NAME}"),
        current: true,
        operator: "an.operator@example.org".into(),
        address: format!("{LONG_NAME}:51234"),
        valid_until: None,
    }];
    let operators = [operator_status()];
    let (authority, missing) = (authority_state(), missing());
    vec![
        sample(context::table(&contexts), &["an.operator@example.org", "yes"]),
        sample(operator::list::table(&operators, 1 << 40), &["an.operator@example.org", "active"]),
        sample(ca::status::authorities(&[authority]), &["2c70e12b7a06", "100000"]),
        sample(ca::status::missing(&[missing], 1 << 40), &[LONG_NAME, "operator", "certificate"]),
        sample(job::list::table(&jobs), &[JOB, "remote-error"]),
        sample(job::list::table(&[]), &[]),
        sample(minion::list::table(&[minion(true), minion(false)], 1 << 40), &[LONG_NAME, "yes", "no"]),
        sample(minion::invitations::table(&invitations(), 0), &["2c70e12b7a06", "7 of 100000"]),
        sample(minion::pending::table(&pending(), 1 << 40), &[LONG_NAME]),
        sample(ping::table(&[ping(Ok(1900)), ping(Err(long_text()))]), &[LONG_NAME, "1.9 ms"]),
        sample(facts::table(&facts, &[]), &[LONG_NAME, "labels.role", "データベース"]),
    ]
}

fn authority_state() -> AuthorityState {
    AuthorityState {
        id: Digest::of(b"key"),
        fingerprint: Digest::of(b"root"),
        valid_from: 0,
        valid_until: 4_000_000_000,
        issues: true,
        shown: false,
        encrypted: true,
        minions: 100_000,
        operators: 12,
    }
}

fn missing() -> Missing {
    let (name, last_seen) = (LONG_NAME.to_owned(), Some(0));
    Missing { is_operator: true, name, connected: false, last_seen, lack: Lack::Certificate }
}

fn operator_status() -> OperatorStatus {
    let role = |number: usize| RoleStatus {
        name: format!("a-role-with-a-long-name-{number}").parse().expect("a name"),
        admin: false,
        methods: Vec::new(),
        targets: Some(expression()),
        modules: Vec::new(),
        jobs: Vec::new(),
        minions: Vec::new(),
        audit: false,
    };
    OperatorStatus {
        name: "an.operator@example.org".parse().expect("a name"),
        kind: OperatorKind::Service,
        roles: (0..9).map(role).collect(),
        standing: OperatorStanding::Active,
        connections: 2,
        since: 0,
        invited_by: None,
        valid_until: Some(4_000_000_000),
    }
}

/// Tokens for one name and for a glob.
fn invitations() -> [Invitation; 2] {
    let one = |names: String, made_by: Option<&str>| Invitation {
        id: "2c70e12b7a06".into(),
        names,
        uses: 100_000,
        used: 7,
        expires_at: 1 << 40,
        made_by: made_by.map(|name| name.parse().expect("a name")),
        made_at: None,
    };
    [one(LONG_NAME.into(), Some("an.operator@example.org")), one("web[0-9]*.example.org".into(), None)]
}

/// Hosts that wait.
fn pending() -> [PendingHost; 2] {
    let host = |holder, rejected_by: Option<&str>| PendingHost {
        name: name(LONG_NAME),
        key: Digest::of(b"key"),
        address: "[2001:db8:85a3:8d3:1319:8a2e:370:7348]:51234".into(),
        since: 0,
        asked_at: 0,
        rejected_by: rejected_by.map(|name| name.parse().expect("a name")),
        holder,
    };
    [host(NameHolder::Absent, None), host(NameHolder::Nobody, Some("an.operator@example.org"))]
}

/// Modules, their versions and what becomes of them.
fn of_modules() -> Vec<Sample> {
    let digest = Digest::of(b"code");
    let (known, kept, assigned) = (known_module(digest), kept_module(digest), assignment(digest));
    let minions: Vec<(MinionName, Vec<Module>)> =
        (0..9).map(|number| (name(&format!("{number}.{LONG_NAME}")), vec![known.clone()])).collect();
    let result = ModuleResult {
        minion: name(LONG_NAME),
        became: Became::Staged,
        version: Some(VERSION.into()),
        before: Some(digest),
        now: None,
        reason: Some(long_text()),
    };
    let open = OpenChange { minion: name("web2"), absence: None };
    let versions = module::versions::versions(&minions);
    let short = &digest.short();
    vec![
        sample(doc::table(&distinct_modules::distinct(&minions)), &[MODULE, VERSION]),
        sample(module::versions::list_table(versions.iter()), &[MODULE, "active", "failed:"]),
        sample(module::versions::version_table(&versions), &[VERSION, short, "active", "failed:"]),
        sample(module::catalogue::kept_table(std::slice::from_ref(&kept)), &[VERSION, short]),
        sample(module::catalogue::catalogue_table(&[kept]), &[MODULE, VERSION, short]),
        sample(module::assignments::table(&[assigned]), &[MODULE, VERSION]),
        sample(changes(&[result], &[open]), &[LONG_NAME, "staged, not activated", "web2", "not done"]),
    ]
}

/// A module in service on a minion that has a failed version of it, too.
fn known_module(digest: Digest) -> Module {
    let failed = ModuleState::Failed(long_text());
    let version =
        |state| ModuleVersion { digest, version: Some(VERSION.into()), state, since: 1, signer: None };
    Module {
        name: MODULE.parse().expect("a name"),
        version: Some(VERSION.into()),
        digest,
        description: Some(long_text()),
        state: ModuleState::Active,
        methods: wire::value::method::Methods::default(),
        imports: Vec::new(),
        versions: vec![version(ModuleState::Active), version(failed)],
    }
}

fn kept_module(digest: Digest) -> KeptModule {
    KeptModule {
        name: MODULE.parse().expect("a name"),
        digest,
        version: Some(VERSION.into()),
        size: u64::MAX,
        signature: None,
        pushed_by: "an.operator@example.org".parse().expect("a name"),
        pushed_at: 0,
    }
}

/// An assignment that has failed on some of its minions.
fn assignment(digest: Digest) -> AssignmentStatus {
    AssignmentStatus {
        assignment: Assignment {
            expression: expression(),
            name: MODULE.parse().expect("a name"),
            digest,
            version: Some(VERSION.into()),
            assigned_by: "an.operator@example.org".parse().expect("a name"),
            assigned_at: 0,
            place: 1,
        },
        minions: 40,
        active: 3,
        failures: (0..9).map(|_| (name(LONG_NAME), long_text())).collect(),
        error: None,
    }
}

const JOB: &str = "01KB00000000000000000000JB";
const MODULE: &str = "a-module-with-a-long-name_2";
const VERSION: &str = "1.22.333-rc.4+build.20260131";
