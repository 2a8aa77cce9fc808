//! Messages of every kind, from any bytes.
//!
//! An input is what follows the length of a frame. It is read as each kind of message in turn, and by its
//! first four bytes as a frame too.

use fastrand::Rng;
use futures::executor::block_on;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wire::digest::Digest;
use wire::message::call::{Progress, Start};
use wire::message::enroll::{EnrollReply, EnrollRequest};
use wire::message::inventory::Inventory;
use wire::message::link::{Acknowledged, Cancelled, Hello, JobUpdate, MinionRequest, Notice, Pong, Welcome};
use wire::message::module::{Module, ModuleState, ModuleVersion};
use wire::message::newcomer::{Newcomer, NewcomerReply};
use wire::message::operator::{Follow, OperatorReply, OperatorRequest, Refusal, RefusalKind, Target, Update};
use wire::message::outcome::{Outcome, Report};
use wire::message::renewal::{Credentials, Renewal};
use wire::message::v1::{Method, Type};
use wire::message::version::Version;
use wire::signing::SigningKey;
use wire::signing::mandate::{Mandate, Mandated, MandatedChange, Nonce, SignedMandate};
use wire::transport::frame;
use wire::value::Value;
use wire::value::arbitrary::typed_value;
use wire::value::arguments::{Arguments, Word};
use wire::value::method::Types;

use crate::input::Draws;

/// The longest message that is taken or made; no input is longer, but what it decodes to may be.
const LIMIT: usize = 16 << 20;

/// How many types and values the corpus has.
const VALUES: usize = 300;

/// The job of all messages: a new id would be another one at each run of the same seed.
const JOB: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

/// Decodes these bytes as every kind of message, and says whether they are any.
///
/// Panics where a decoded message cannot be encoded, or comes back from that as something else.
pub fn frames(bytes: &[u8]) -> bool {
    let taken = READERS.iter().filter(|read| read(bytes)).count();
    // What comes over a stream may end anywhere. Whether it is a message was looked at above.
    for version in [
        Version::One,
        Version::Two,
        Version::Three,
        Version::Four,
        Version::Five,
        Version::Six,
        Version::Seven,
    ] {
        let _ = block_on(frame::read_as::<Notice>(version, &mut &bytes[..], LIMIT));
    }
    taken > 0
}

/// Every kind of message at every door, and what rests in the ledgers.
const READERS: [fn(&[u8]) -> bool; 21] = [
    there_and_back::<MinionRequest>,
    there_and_back::<Pong>,
    there_and_back::<Cancelled>,
    there_and_back::<JobUpdate>,
    there_and_back::<Acknowledged>,
    there_and_back::<Notice>,
    there_and_back::<Welcome>,
    there_and_back::<Renewal>,
    there_and_back::<OperatorRequest>,
    there_and_back::<OperatorReply>,
    there_and_back::<EnrollRequest>,
    there_and_back::<EnrollReply>,
    there_and_back::<Newcomer>,
    there_and_back::<NewcomerReply>,
    there_and_back::<Arguments>,
    there_and_back::<Report>,
    there_and_back::<Module>,
    there_and_back::<Types>,
    there_and_back::<Value>,
    there_and_back::<SignedMandate>,
    there_and_back::<Mandate>,
];

fn there_and_back<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> bool {
    let Ok(message) = frame::decode::<T>(bytes) else { return false };
    let encode = |message: &T| frame::encode(message, LIMIT).expect("what was decoded can be encoded");
    let whole = encode(&message);
    let again: T = frame::decode(&whole[4..]).expect("what was encoded can be decoded");
    // Compared as bytes: NaN is not equal to itself.
    assert!(encode(&again) == whole, "a message came back as another one");
    true
}

/// Good messages with values of random types in them.
pub(crate) fn corpus(rng: &mut Rng) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut corpus = Vec::new();
    for _ in 0..VALUES {
        let (ty, value) = Draws::new(rng.u64(..)).draw(&typed_value());
        let report = Report::without_run(Outcome::Ok(Some(value.clone())), rng.u64(..));
        let update = JobUpdate::Finished { minion_job: None, report: Box::new(report.clone()) };
        let notice = Notice::Hello(Hello {
            version: "1.2.3".to_owned(),
            modules: Inventory { modules: vec![module(ty.clone())?], left_out: 3 },
            unacknowledged: vec![JOB.parse()?],
            facts: r#"{"os":"linux"}"#.to_owned(),
            instance: None,
        });
        let request = MinionRequest::Start(Box::new(start(value.clone())?), None);
        let reply =
            OperatorReply::Update(Box::new(Update { minion: "web-1".parse()?, update: update.clone() }));
        let messages =
            [encoded(&report)?, encoded(&update)?, encoded(&notice)?, encoded(&request)?, encoded(&reply)?];
        corpus.extend(messages);
        corpus.push(encoded(&value)?);
    }
    corpus.extend(small()?);
    Ok(corpus)
}

/// Messages that carry no value.
fn small() -> anyhow::Result<Vec<Vec<u8>>> {
    let target = Target { exclude: Some("web-2".to_owned()), ..Target::of("web-* and not os=linux") };
    let words = vec![Word::Text("a".to_owned()), Word::File(vec![0, 0xff])];
    Ok(vec![
        encoded(&OperatorRequest::Targets(target))?,
        encoded(&OperatorRequest::Attach { job: "01J".to_owned(), follow: Follow::Everything })?,
        encoded(&OperatorReply::Refused(Refusal::new(RefusalKind::NoMatch, "no such minion")))?,
        encoded(&JobUpdate::Progress(Progress { done: 1, total: u64::MAX, note: "half".to_owned() }))?,
        encoded(&Arguments::Words(words))?,
        encoded(&Notice::Renew(vec![0x30; 90]))?,
        encoded(&mandate()?)?,
        encoded(&SignedMandate::new(mandate()?, &SigningKey::generate()?, None)?)?,
        encoded(&Renewal::Renewed {
            credentials: Credentials { chain: vec![vec![0x30; 9]], authorities: vec![vec![0x30; 9]] },
            renew_in_ms: 7,
        })?,
        encoded(&EnrollRequest { secret: [7; 16], signing_request: vec![0x30; 90] })?,
        encoded(&Newcomer::Waiting { name: "web-1".parse()?, signing_request: vec![0x30; 90] })?,
        encoded(&NewcomerReply::Waits { again_ms: 5_000 })?,
        encoded(&Welcome {
            name: "web-1".parse()?,
            version: "1".to_owned(),
            settled: vec![JOB.parse()?],
            renew_in_ms: Some(7),
            heartbeat_ms: Some(5_000),
        })?,
    ])
}

fn mandate() -> anyhow::Result<Mandate> {
    Ok(Mandate {
        authority: Digest::of(b"authority"),
        operator: "ann".parse()?,
        expression: "web*".to_owned(),
        exclude: Some("web3".to_owned()),
        made_at: 1,
        until: u64::MAX,
        nonce: Nonce::new([7; 16]),
        mandated: Mandated::Change(MandatedChange::Rollback("disk".parse()?)),
    })
}

fn start(value: Value) -> anyhow::Result<Start> {
    Ok(Start {
        job: JOB.parse()?,
        method: "test.echo".parse()?,
        arguments: Arguments::Values(vec![value]),
        operator: "ann".parse()?,
        timeout_ms: Some(1_000),
        dry_run: false,
        durable: true,
    })
}

fn module(ty: Type) -> anyhow::Result<Module> {
    let method = Method {
        interface: Some("minion:test/test@0.1.0".to_owned()),
        name: "echo".to_owned(),
        params: vec![("value".to_owned(), ty.clone())],
        result: Some(ty),
        is_async: false,
        not_callable: None,
        docs: Some("Gives back what it gets.".to_owned()),
    };
    let version = ModuleVersion {
        digest: Digest::of(b"test"),
        version: Some("0.1.0".to_owned()),
        state: ModuleState::Active,
        since: 1_700_000_000_000,
        signer: None,
    };
    Ok(Module {
        name: "test".parse()?,
        version: Some("0.1.0".to_owned()),
        digest: Digest::of(b"test"),
        description: None,
        state: ModuleState::Active,
        methods: method.interned(),
        imports: vec!["minion:job/job@0.1.0".to_owned()],
        versions: vec![version],
    })
}

/// A message without the length in front.
fn encoded<T: Serialize>(message: &T) -> anyhow::Result<Vec<u8>> {
    Ok(postcard::to_stdvec(message)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_messages_before_they_are_damaged() {
        assert!(corpus(&mut Rng::with_seed(1)).expect("a corpus").iter().all(|input| frames(input)));
    }
}
