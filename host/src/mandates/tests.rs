//! What counts as signed, and everything that does not, altered one at a time.

use std::time::Duration;

use tempfile::TempDir;

use wire::digest::Digest;
use wire::message::link::Stage;
use wire::message::operator::{Call, Target};
use wire::signing::SigningKey;
use wire::signing::mandate::{KeyCertificate, MandatedCall, MandatedChange, Nonce};
use wire::value::arguments::{Arguments, Word};

use super::*;

struct Rig {
    mandates: Mandates,
    key: SigningKey,
    _dir: TempDir,
}

impl Rig {
    /// A minion `web1` whose list is this one, behind the keys of the operator `ann`.
    fn with(list: impl FnOnce(&SigningKey) -> String) -> Self {
        let (dir, key) = (TempDir::new().expect("a folder"), SigningKey::generate().expect("made"));
        let access = toml::from_str(&list(&key)).expect("a list");
        let member = Member {
            name: "web1".parse().expect("a name"),
            overlord: "localhost:1".into(),
            valid_until: i64::MAX,
            authorities: vec![Digest::of(b"new"), Digest::ZERO],
        };
        let mandates = Mandates {
            access: AccessInForce::new(access),
            ledger: MinionLedger::open(&dir.path().join("ledger")).expect("opens"),
            member: watch::channel(member).1,
            facts: watch::channel(Gathered::made_up(serde_json::json!({"os": "debian", "cpus": 4}))).1,
        };
        Self { mandates, key, _dir: dir }
    }

    fn signed() -> Self {
        Self::with(wants)
    }

    fn sign(&self, mandate: &Mandate) -> SignedMandate {
        SignedMandate::new(mandate.clone(), &self.key, None).expect("signed")
    }

    async fn call(&self, start: &Start, mandate: &Mandate) -> Result<Option<PublicKey>, Unmandated> {
        let checked = self.mandates.check_call(start, Some(&self.sign(mandate)))?;
        self.mandates.spend(checked, start.job).await.map(|()| checked.signer)
    }

    /// Another list from now on.
    fn relist(&self, list: impl FnOnce(&SigningKey) -> String) {
        self.mandates.access.replace(toml::from_str(&list(&self.key)).expect("a list"));
    }

    async fn change(&self, command: &ModuleCommand, mandate: &Mandate) -> Result<(), Unmandated> {
        let ann = "ann".parse().expect("a name");
        let checked = self.mandates.check_change(&ann, command, Some(&self.sign(mandate)))?;
        self.mandates.take_precedence(checked, command).await
    }
}

/// A mandate, each with a nonce of its own.
fn mandate(mandated: Mandated) -> Mandate {
    let now = now_ms();
    Mandate {
        authority: Digest::ZERO,
        operator: "ann".parse().expect("a name"),
        expression: "web*".into(),
        exclude: Some("web3".into()),
        made_at: now,
        until: now + 60_000,
        nonce: Nonce::new(wire::identity::secret().expect("random")),
        mandated,
    }
}

fn call() -> (Start, Mandate) {
    let arguments = Arguments::Words(vec![Word::Text("1".into())]);
    let method = "test.add".parse().expect("a method");
    let call = Call::new(Target::of("web*"), method, arguments.clone());
    let call = Call { timeout_ms: Some(5), durable: true, ..call };
    let start = Start {
        job: JobId::new(),
        method: call.method.clone(),
        arguments,
        operator: "ann".parse().expect("a name"),
        timeout_ms: Some(5),
        dry_run: false,
        durable: true,
    };
    (start, mandate(Mandated::Call(Box::new(MandatedCall::of(&call)))))
}

fn name(name: &str) -> ModuleName {
    name.parse().expect("a name")
}

fn push(digest: Digest) -> Mandate {
    mandate(Mandated::Change(MandatedChange::Push { name: name("disk"), digest, downgrade: false }))
}

#[tokio::test]
async fn a_signed_call_is_made_once() {
    let rig = Rig::signed();
    let (start, mandate) = call();
    assert_eq!(rig.call(&start, &mandate).await, Ok(Some(rig.key.public_key())));
    let again = Start { job: JobId::new(), ..start.clone() };
    for asked in [&start, &again] {
        assert_eq!(rig.call(asked, &mandate).await, Err(Unmandated::Spent(start.job)));
    }
}

#[tokio::test]
async fn whatever_an_overlord_alters_of_a_call_is_refused() {
    let rig = Rig::signed();
    let alterations: [fn(&mut Start); 6] = [
        |start| start.method = "test.div".parse().expect("a method"),
        |start| start.arguments = Arguments::Words(vec![Word::Text("2".into())]),
        |start| start.timeout_ms = None,
        |start| start.dry_run = true,
        |start| start.durable = false,
        |start| start.operator = "bob".parse().expect("a name"),
    ];
    for (number, alter) in alterations.into_iter().enumerate() {
        let (mut start, mandate) = call();
        alter(&mut start);
        let refused = rig.call(&start, &mandate).await.expect_err("altered");
        assert!(matches!(refused, Unmandated::Other(_) | Unmandated::Operator { .. }), "{number}: {refused}");
    }
    let (start, mandate) = call();
    assert_eq!(rig.mandates.check_call(&start, None), Err(Unmandated::Unsigned));
    assert!(rig.call(&start, &mandate).await.is_ok(), "nothing of it was used up");
}

#[tokio::test]
async fn what_is_signed_for_others_for_another_time_or_another_thing_is_refused() {
    let rig = Rig::signed();
    type Alteration = (fn(&mut Mandate), &'static str);
    let alterations: [Alteration; 9] = [
        (|mandate| mandate.authority = Digest::of(b"other"), "another overlord"),
        (|mandate| mandate.expression = "db*".into(), "for the minions of \"db*\""),
        (|mandate| mandate.exclude = Some("web1".into()), "without those of \"web1\""),
        (|mandate| mandate.expression = "os=redhat".into(), "its facts"),
        (|mandate| mandate.expression = "web* & !cpus>=4".into(), "its facts"),
        (|mandate| mandate.expression = "@web".into(), "no groups"),
        (|mandate| mandate.made_at += 600_000, "clock says"),
        (|mandate| (mandate.made_at, mandate.until) = (1, 2), "1970-01-01T00:00:00.002Z"),
        (|mandate| mandate.operator = "bob".parse().expect("a name"), "does not trust"),
    ];
    for (alter, said) in alterations {
        let (start, mut mandate) = call();
        alter(&mut mandate);
        let refused = rig.call(&start, &mandate).await.expect_err(said).to_string();
        assert!(refused.contains(said), "{said}: {refused}");
    }
    let (start, _) = call();
    assert_eq!(rig.call(&start, &push(Digest::ZERO)).await, Err(Unmandated::Kind("a change of a module")));
    for fits in ["web1", "os=debian & cpus>=4", "~web.", "!db1"] {
        let (start, mut mandate) = call();
        mandate.expression = fits.into();
        assert!(rig.call(&start, &mandate).await.is_ok(), "{fits}");
    }
}

#[tokio::test]
async fn a_false_signature_and_a_key_of_somebody_else_are_refused() {
    let rig = Rig::signed();
    let (start, mandate) = call();
    let other = SigningKey::generate().expect("made");
    let signed = SignedMandate::new(mandate, &other, None).expect("signed");
    let refused = rig.mandates.check_call(&start, Some(&signed)).expect_err("of another key").to_string();
    let line = format!("ann = \"{}\" to [access.operators]", other.public_key());
    assert!(refused.contains(&line), "{refused}");
}

#[tokio::test]
async fn an_operators_authority_vouches_for_a_key_for_a_time_and_for_one_operator() {
    let authority = SigningKey::generate().expect("made");
    let rig =
        Rig::with(|_| format!("calls = \"signed\"\noperators-authority = \"{}\"", authority.public_key()));
    let certified = |operator: &str, key: &SigningKey, until: i64, by: &SigningKey| {
        let operator = operator.parse().expect("a name");
        KeyCertificate::new(operator, key.public_key(), Moment(until), by)
    };
    let (later, other) = (Moment::now().0 + 1000, SigningKey::generate().expect("made"));
    for (certificate, expected) in [
        (Some(certified("ann", &rig.key, later, &authority)), None),
        (Some(certified("ann", &rig.key, 1000, &authority)), Some("until 1970-01-01T00:16:40Z")),
        (Some(certified("bob", &rig.key, later, &authority)), Some("another key or operator")),
        (Some(certified("ann", &other, later, &authority)), Some("another key or operator")),
        (Some(certified("ann", &rig.key, later, &other)), Some("not of the operators' authority")),
        (None, Some("does not trust its key")),
    ] {
        let (start, mandate) = call();
        let signed = SignedMandate::new(mandate, &rig.key, certificate).expect("signed");
        let found = rig.mandates.check_call(&start, Some(&signed)).err().map(|why| why.to_string());
        match expected {
            None => assert_eq!(found, None),
            Some(said) => assert!(found.as_ref().is_some_and(|found| found.contains(said)), "{found:?}"),
        }
    }
}

#[tokio::test]
async fn a_key_that_is_revoked_counts_no_more() {
    let rig = Rig::with(|key| {
        let key = key.public_key();
        format!("calls = \"signed\"\nrevoked-keys = [\"{key}\"]\noperators = {{ ann = [\"{key}\"] }}")
    });
    let (start, mandate) = call();
    let refused = rig.call(&start, &mandate).await.expect_err("revoked").to_string();
    assert!(refused.contains("is revoked on this host"), "{refused}");
}

#[tokio::test]
async fn where_no_signature_is_wanted_one_that_counts_is_known_and_others_do_no_harm() {
    let rig = Rig::with(|key| format!("operators = {{ ann = \"{}\" }}", key.public_key()));
    let (start, mandate) = call();
    for _ in 0..2 {
        assert_eq!(rig.call(&start, &mandate).await, Ok(Some(rig.key.public_key())));
    }
    assert_eq!(rig.mandates.check_call(&start, None), Ok(Checked::default()));
    let other = Mandate { expression: "db1".into(), ..mandate };
    assert_eq!(rig.call(&start, &other).await, Ok(None));
}

#[tokio::test]
async fn a_push_may_be_repeated_until_a_change_is_made_that_was_signed_later() {
    let rig = Rig::signed();
    let digest = Digest::of(b"1");
    let stage = |digest| {
        let stage = Stage { name: name("disk"), digest, size: 1, signature: None, downgrade: false };
        ModuleCommand::Stage(Box::new(stage))
    };
    let activate = ModuleCommand::Activate { name: name("disk"), digest };
    let pushed = push(digest);
    for command in [&stage(digest), &activate, &stage(digest), &activate] {
        assert_eq!(rig.change(command, &pushed).await, Ok(()));
    }
    assert!(matches!(rig.change(&stage(Digest::of(b"2")), &pushed).await, Err(Unmandated::Other(_))));
    let rollback = ModuleCommand::Rollback(name("disk"));
    assert!(matches!(rig.change(&rollback, &pushed).await, Err(Unmandated::Other(_))));

    let mut back = mandate(Mandated::Change(MandatedChange::Rollback(name("disk"))));
    back.made_at = pushed.made_at + 1;
    assert_eq!(rig.change(&rollback, &back).await, Ok(()));
    assert_eq!(rig.change(&rollback, &back).await, Err(Unmandated::Changed(name("disk"))));
    for command in [&stage(digest), &activate] {
        assert!(matches!(rig.change(command, &pushed).await, Err(Unmandated::Overtaken { .. })));
    }
}

#[tokio::test]
async fn a_version_that_is_not_in_service_may_be_forgotten_by_everybody() {
    let rig = Rig::signed();
    let ann = "ann".parse().expect("a name");
    let discard = ModuleCommand::Discard { name: name("disk"), digest: Digest::ZERO };
    assert_eq!(rig.mandates.check_change(&ann, &discard, None), Ok(Checked::default()));
    let remove = ModuleCommand::Remove(name("disk"));
    assert_eq!(rig.mandates.check_change(&ann, &remove, None), Err(Unmandated::Unsigned));
    let (_, signed) = call();
    assert_eq!(rig.change(&remove, &signed).await, Err(Unmandated::Kind("a call")));
}

#[tokio::test]
async fn the_window_is_that_of_the_list() {
    let rig = Rig::with(|key| {
        format!("calls = \"signed\"\nwindow = \"1h\"\noperators = {{ ann = \"{}\" }}", key.public_key())
    });
    assert_eq!(rig.mandates.access.current().window(), Duration::from_secs(3600));
    let (start, mut mandate) = call();
    mandate.made_at += 1_800_000;
    mandate.until += 1_800_000;
    assert!(rig.call(&start, &mandate).await.is_ok());
}

fn wants(key: &SigningKey) -> String {
    format!("calls = \"signed\"\noperators = {{ ann = \"{}\" }}", key.public_key())
}

#[tokio::test]
async fn a_call_that_was_let_in_unsigned_is_looked_at_as_a_whole_by_a_list_that_wants_signatures() {
    let rig = Rig::with(|key| format!("operators = {{ ann = \"{}\" }}", key.public_key()));
    let (start, mandate) = call();
    let before = rig.mandates.check_call(&start, None).expect("let in");
    let of_another = rig.sign(&Mandate { expression: "db1".into(), ..mandate.clone() });
    rig.relist(wants);
    assert_eq!(rig.mandates.still_count(before, &start, None), Err(Unmandated::Unsigned));
    let refused = rig.mandates.still_count(before, &start, Some(&of_another)).expect_err("for others");
    assert!(matches!(refused, Unmandated::Target { .. }), "{refused}");

    let signed = rig.sign(&mandate);
    let now = rig.mandates.still_count(before, &start, Some(&signed)).expect("it counts");
    assert_eq!(rig.mandates.spend(now, start.job).await, Ok(()));
    let other = Start { job: JobId::new(), ..start.clone() };
    assert_eq!(rig.call(&other, &mandate).await, Err(Unmandated::Spent(start.job)));
}

#[tokio::test]
async fn a_call_that_was_let_in_signed_is_not_over_while_it_waits_but_its_key_can_be_revoked() {
    let rig = Rig::signed();
    let (start, mandate) = call();
    let signed = rig.sign(&mandate);
    let before = rig.mandates.check_call(&start, Some(&signed)).expect("it counts");
    assert_eq!(rig.mandates.spend(before, start.job).await, Ok(()));
    rig.relist(|key| format!("{}\nwindow = \"1s\"", wants(key)));
    let now = rig.mandates.still_count(before, &start, Some(&signed)).expect("it counts");
    assert_eq!(rig.mandates.spend(now, start.job).await, Ok(()), "it is used up once");
    rig.relist(|key| format!("{}\nrevoked-keys = [\"{}\"]", wants(key), key.public_key()));
    assert!(rig.mandates.still_count(before, &start, Some(&signed)).is_err());
}

#[tokio::test]
async fn no_target_with_facts_fits_a_host_whose_facts_were_never_gathered() {
    let mut rig = Rig::signed();
    rig.mandates.facts = watch::channel(Gathered::default()).1;
    for (expression, exclude) in
        [("os=debian", None), ("os!=redhat", None), ("web* & !os=redhat", None), ("web*", Some("os=redhat"))]
    {
        let (start, mut mandate) = call();
        (mandate.expression, mandate.exclude) = (expression.into(), exclude.map(str::to_owned));
        let refused = rig.call(&start, &mandate).await.expect_err(expression);
        assert!(matches!(refused, Unmandated::Factless { .. }), "{expression}: {refused}");
    }
    let (start, mandate) = call();
    assert!(rig.call(&start, &mandate).await.is_ok(), "names need no facts");
}
