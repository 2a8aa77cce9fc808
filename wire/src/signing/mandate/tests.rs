use std::sync::LazyLock;

use proptest::prelude::*;

use super::super::SigningKey;
use super::*;
use crate::identity::Moment;
use crate::message::call::{Share, Start};
use crate::message::catalogue::{ModuleRequest, Offer, PushOptions, UnlessAll};
use crate::message::link::{ModuleCommand, Stage};
use crate::message::operator::Call;
use crate::name::{MethodPath, ModuleName};
use crate::value::Value;
use crate::value::arguments::{Arguments, Word};

static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate().expect("made"));

fn arguments() -> impl Strategy<Value = Arguments> {
    prop_oneof![
        prop::collection::vec("[a-c]{0,3}", 0..3)
            .prop_map(|words| Arguments::Words(words.into_iter().map(Word::Text).collect())),
        prop::collection::vec("[a-c]{0,3}", 0..3).prop_map(|words| Arguments::Words(
            words.into_iter().map(|word| Word::File(word.into())).collect()
        )),
        "\\[\"[a-c]{0,3}\"\\]".prop_map(Arguments::Json),
        prop::collection::vec("[a-c]{0,3}".prop_map(Value::String), 0..3).prop_map(Arguments::Values),
    ]
}

fn share() -> impl Strategy<Value = Option<Share>> {
    prop::option::of(prop_oneof![(1_u32..3).prop_map(Share::Count), (1_u8..3).prop_map(Share::Percent)])
}

fn call() -> impl Strategy<Value = Call> {
    let target = ("[a-b]{1,2}\\*?", prop::option::of("[a-b]"));
    let options = (any::<[bool; 2]>(), prop::option::of(1_u64..3), prop::option::of(1_u64..3));
    let method = "[a-b]\\.[a-b]".prop_map(|path| path.parse::<MethodPath>().expect("a method"));
    (target, method, arguments(), options, share(), share()).prop_map(
        |(
            (expression, exclude),
            method,
            arguments,
            ([dry_run, durable], timeout_ms, queue_ms),
            batch,
            max_failures,
        )| {
            let target = Target { exclude, ..Target::of(expression) };
            let call = Call::new(target, method, arguments);
            Call { timeout_ms, dry_run, durable, queue_ms, batch, max_failures, ..call }
        },
    )
}

fn mandates() -> impl Strategy<Value = Mandate> {
    let name = || "[a-b]{1,2}".prop_map(|name| name.parse::<ModuleName>().expect("a name"));
    let digest = || "[a-b]".prop_map(|content: String| Digest::of(content.as_bytes()));
    let change = prop_oneof![
        (name(), digest(), any::<bool>()).prop_map(|(name, digest, downgrade)| MandatedChange::Push {
            name,
            digest,
            downgrade
        }),
        (name(), digest()).prop_map(|(name, digest)| MandatedChange::Assign { name, digest }),
        name().prop_map(MandatedChange::Remove),
        name().prop_map(MandatedChange::Rollback),
    ];
    let mandated = prop_oneof![
        call().prop_map(|call| Mandated::Call(Box::new(MandatedCall::of(&call)))),
        change.prop_map(Mandated::Change),
    ];
    let target = ("[a-b]\\*?", prop::option::of("[a-b]"));
    let said = ("[a-b]", any::<[u8; 16]>(), any::<u64>(), any::<u64>());
    (digest(), target, said, mandated).prop_map(
        |(authority, (expression, exclude), (operator, nonce, made_at, until), mandated)| Mandate {
            authority,
            operator: operator.parse().expect("a name"),
            expression,
            exclude,
            made_at,
            until,
            nonce: Nonce::new(nonce),
            mandated,
        },
    )
}

fn sign(mandate: &Mandate) -> SignedMandate {
    SignedMandate::new(mandate.clone(), &KEY, None).expect("signed")
}

fn start(call: &Call) -> Start {
    Start {
        job: crate::message::job::JobId::new(),
        method: call.method.clone(),
        arguments: call.arguments.clone(),
        operator: "ann".parse().expect("a name"),
        timeout_ms: call.timeout_ms,
        dry_run: call.dry_run,
        durable: call.durable,
    }
}

proptest! {
    #[test]
    fn what_was_signed_is_read_again(mandate in mandates()) {
        prop_assert_eq!(sign(&mandate).verify(), Ok(mandate));
    }

    #[test]
    fn any_change_of_anything_that_is_carried_is_refused(mandate in mandates(), at in any::<prop::sample::Index>(), bit in 0..8) {
        let bytes = postcard::to_stdvec(&sign(&mandate)).expect("encodes");
        let mut altered = bytes.clone();
        altered[at.index(bytes.len())] ^= 1_u8 << bit;
        if let Ok(altered) = postcard::from_bytes::<SignedMandate>(&altered) {
            // Some changes of an encoding read as the same: those change nothing.
            let again = postcard::to_stdvec(&altered).expect("encodes");
            prop_assert!(again == bytes || altered.verify().is_err());
        }
    }

    #[test]
    fn no_mandate_has_the_signature_of_another(one in mandates(), other in mandates()) {
        prop_assume!(one != other);
        let [one, other] = [sign(&one), sign(&other)].map(|signed| postcard::to_stdvec(&signed).expect("encodes"));
        prop_assert_ne!(one, other);
    }

    #[test]
    fn a_call_that_was_signed_is_for_no_other(one in call(), other in call()) {
        let signed = MandatedCall::of(&one);
        prop_assert_eq!(signed.is_for(&start(&one)), Ok(()));
        let seen = |call: &Call| {
            (call.method.clone(), call.arguments.clone(), call.timeout_ms, call.dry_run, call.durable)
        };
        prop_assert_eq!(signed.is_for(&start(&other)).is_ok(), seen(&one) == seen(&other));
    }

    #[test]
    fn garbage_is_no_certificate(text in "\\PC*") {
        prop_assert!(text.parse::<KeyCertificate>().is_err());
    }
}

#[test]
fn the_bytes_that_are_signed_stay_as_they_are() {
    let mandate = Mandate {
        authority: Digest::ZERO,
        operator: "ann".parse().expect("a name"),
        expression: "web*".into(),
        exclude: None,
        made_at: 1,
        until: 2,
        nonce: Nonce::new([7; 16]),
        mandated: Mandated::Change(MandatedChange::Remove("disk".parse().expect("a name"))),
    };
    let bytes = postcard::to_stdvec(&sign(&mandate)).expect("encodes");
    let expected = [&[68, 0][..], &[0; 32], b"\x03ann\x04web*\x00\x01\x02", &[7; 16], b"\x01\x02\x04disk"];
    let signed = expected.concat();
    assert!(bytes.starts_with(&signed), "{bytes:?}");
}

fn offer(digest: Digest) -> Offer {
    Offer { name: "disk".parse().expect("a name"), digest, size: 1, signature: None }
}

#[test]
fn a_signed_change_is_for_the_steps_of_it_alone() {
    let name: ModuleName = "disk".parse().expect("a name");
    let [one, other] = [Digest::of(b"1"), Digest::of(b"2")];
    let stage = |digest, downgrade| {
        ModuleCommand::Stage(Box::new(Stage {
            name: name.clone(),
            digest,
            size: 1,
            signature: None,
            downgrade,
        }))
    };
    let activate = |digest| ModuleCommand::Activate { name: name.clone(), digest };
    let commands = [
        stage(one, false),
        activate(one),
        stage(one, true),
        stage(other, false),
        activate(other),
        ModuleCommand::Remove(name.clone()),
        ModuleCommand::Rollback(name.clone()),
        ModuleCommand::Remove("other".parse().expect("a name")),
    ];
    let options = |downgrade| PushOptions { unless_all: UnlessAll::Nowhere, downgrade, confirmed: true };
    let target = || Target::of("*");
    let push =
        |downgrade| ModuleRequest::Push { offer: offer(one), target: target(), options: options(downgrade) };
    let assign = ModuleRequest::Assign {
        expression: "*".into(),
        name: name.clone(),
        version: "1".into(),
        confirmed: true,
        lenience: Default::default(),
    };
    let remove = ModuleRequest::Remove { target: target(), name: name.clone(), confirmed: true };
    let rollback = ModuleRequest::Rollback { target: target(), name: name.clone(), confirmed: true };
    for (request, fits) in [
        (push(false), &[0, 1][..]),
        (push(true), &[0, 1, 2]),
        (assign, &[0, 1, 2]),
        (remove, &[5]),
        (rollback, &[6]),
    ] {
        let change = MandatedChange::of(&request, Some(one)).expect("minions change something");
        let found: Vec<usize> =
            (0..commands.len()).filter(|at| change.is_for(&commands[*at]).is_ok()).collect();
        assert_eq!(found, fits, "{change:?}");
    }
    assert_eq!(MandatedChange::of(&ModuleRequest::Assignments, None), None);
    assert_eq!(MandatedChange::of(&ModuleRequest::Add(offer(one)), None), None);
}

#[test]
fn a_certificate_is_of_the_authority_that_signed_it_and_no_word_of_it_can_be_altered() {
    let (authority, other) = (SigningKey::generate().expect("made"), SigningKey::generate().expect("made"));
    let operator: OperatorName = "ann".parse().expect("a name");
    let made = KeyCertificate::new(operator.clone(), KEY.public_key(), Moment(7), &authority);
    let read: KeyCertificate = made.to_string().parse().expect("reads");
    assert_eq!((read.operator(), read.key(), read.until()), (&operator, KEY.public_key(), Moment(7)));
    assert_eq!(read.verify(authority.public_key()), Ok(()));
    assert_eq!(read.verify(other.public_key()), Err(BadCertificate::False));
    for (said, put) in [
        ("\"ann\"", "\"bob\"".to_owned()),
        ("7,", "8,".to_owned()),
        (&KEY.public_key().to_string(), other.public_key().to_string()),
    ] {
        let altered: KeyCertificate = made.to_string().replacen(said, &put, 1).parse().expect("reads");
        assert_eq!(altered.verify(authority.public_key()), Err(BadCertificate::False), "{said}");
    }
    let more = made.to_string().replacen('{', "{\"more\": 1,", 1).parse::<KeyCertificate>();
    assert!(more.expect_err("refused").to_string().contains("more"));
}

#[test]
fn a_mandate_brings_no_certificate_that_is_longer_than_any() {
    let authority = SigningKey::generate().expect("made");
    let operator: OperatorName = "ann".parse().expect("a name");
    let made = KeyCertificate::new(operator, KEY.public_key(), Moment(7), &authority);
    let long = data_encoding::BASE64.encode(&[7; 1000]);
    let altered =
        made.to_string().replacen("\"signature\": \"", &format!("\"signature\": \"{}", &long[..1332]), 1);
    let altered: KeyCertificate = altered.parse().expect("reads");
    let mandate = || Mandate {
        authority: Digest::ZERO,
        operator: "ann".parse().expect("a name"),
        expression: "web*".into(),
        exclude: None,
        made_at: 1,
        until: 2,
        nonce: Nonce::new([7; 16]),
        mandated: Mandated::Change(MandatedChange::Remove("disk".parse().expect("a name"))),
    };
    let signed =
        |certificate| SignedMandate::new(mandate(), &KEY, Some(certificate)).expect("signed").verify();
    assert_eq!(signed(made), Ok(mandate()));
    assert_eq!(signed(altered), Err(BadMandate::Malformed));
}

#[test]
fn a_target_that_is_too_long_cannot_be_signed() {
    let mut mandate = sign(&Mandate {
        authority: Digest::ZERO,
        operator: "ann".parse().expect("a name"),
        expression: "*".into(),
        exclude: None,
        made_at: 0,
        until: 0,
        nonce: Nonce::new([0; 16]),
        mandated: Mandated::Change(MandatedChange::Remove("disk".parse().expect("a name"))),
    })
    .verify()
    .expect("signed");
    mandate.expression = "x".repeat(MAX_MANDATE);
    assert_eq!(SignedMandate::new(mandate, &KEY, None), Err(BadMandate::TooLarge));
}
