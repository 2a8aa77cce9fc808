//! The minions that an overlord knows.
//!
//! Who a minion is, when it was heard of, what it can run, what it says of its host and where its links came from
//! change at different times, so they are records of their own.

use serde::{Deserialize, Serialize};
use wire::digest::Digest;
use wire::message::inventory::Inventory;
use wire::name::MinionName;

use crate::draft::Draft;
use crate::error::LedgerError;
use crate::key::{Span, name_prefix};
use crate::keyspace::Keyspace;
use crate::overlord::minion::{HeardFacts, MinionRecord, Standing, Tenure};
use crate::read::Read;
use crate::record::Record;
use crate::storage::Bytes;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Identity {
    key: Digest,
    /// Always empty: nothing ever asked for the serial number of a certificate, whose key says who it is.
    serial: String,
    enrolled_at: u64,
    status: Standing,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Presence {
    last_seen: Option<u64>,
    version: Option<String>,
}

/// What a minion can run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Modules(pub(crate) Inventory);

impl Record for Identity {
    const SPACE: Keyspace = Keyspace::Minions;
}

impl Record for Presence {
    const SPACE: Keyspace = Keyspace::Presence;
}

impl Record for Modules {
    const SPACE: Keyspace = Keyspace::Modules;
    const VERSION: u8 = 3;
}

impl Record for HeardFacts {
    const SPACE: Keyspace = Keyspace::Facts;
}

/// The tenures of one minion, in their order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Tenures(Vec<Tenure>);

impl Record for Tenures {
    const SPACE: Keyspace = Keyspace::Tenures;
}

impl Identity {
    fn new(key: Digest, enrolled_at: u64, status: Standing) -> Self {
        Self { key, serial: String::new(), enrolled_at, status }
    }
}

/// Records a minion as a whole, in place of what was known of one of that name.
pub(crate) fn put(draft: &Draft<'_>, minion: MinionRecord) {
    let MinionRecord { name, key, enrolled_at, status, last_seen, version, modules } = minion;
    draft.put_record(key_of(&name), &Identity::new(key, enrolled_at, status));
    draft.put_record(key_of(&name), &Presence { last_seen, version });
    draft.put_record(key_of(&name), &Modules(modules));
}

/// Records that a known minion was heard of.
pub(crate) fn seen(
    draft: &Draft<'_>,
    name: &MinionName,
    at: u64,
    version: String,
) -> Result<(), LedgerError> {
    put_of_known(draft, name, &Presence { last_seen: Some(at), version: Some(version) })
}

/// Records what a known minion can run.
pub(crate) fn put_modules(
    draft: &Draft<'_>,
    name: &MinionName,
    modules: Inventory,
) -> Result<(), LedgerError> {
    put_of_known(draft, name, &Modules(modules))
}

/// Records what a known minion said of its host.
pub(crate) fn put_facts(draft: &Draft<'_>, name: &MinionName, facts: &HeardFacts) -> Result<(), LedgerError> {
    put_of_known(draft, name, facts)
}

/// Records the tenures of a known minion, in place of those before.
pub(crate) fn put_tenures(
    draft: &Draft<'_>,
    name: &MinionName,
    tenures: Vec<Tenure>,
) -> Result<(), LedgerError> {
    put_of_known(draft, name, &Tenures(tenures))
}

/// Records whether a known minion may connect.
pub(crate) fn put_standing(
    draft: &Draft<'_>,
    name: &MinionName,
    status: Standing,
) -> Result<(), LedgerError> {
    if let Some(identity) = draft.record::<Identity>(&key_of(name))? {
        draft.put_record(key_of(name), &Identity { status, ..identity });
    }
    Ok(())
}

/// Lets this be the one key of a known minion.
pub(super) fn put_key(draft: &Draft<'_>, name: &MinionName, key: Digest) -> Result<(), LedgerError> {
    if let Some(identity) = draft.record::<Identity>(&key_of(name))? {
        draft.put_record(key_of(name), &Identity { key, ..identity });
    }
    Ok(())
}

/// The key of a known minion.
pub(super) fn key(source: &impl Read, name: &MinionName) -> Result<Option<Digest>, LedgerError> {
    Ok(source.record::<Identity>(&key_of(name))?.map(|identity| identity.key))
}

/// Forgets a minion. Gives whether it was known.
pub(crate) fn remove(draft: &Draft<'_>, name: &MinionName) -> Result<bool, LedgerError> {
    if !is_known(draft, name)? {
        return Ok(false);
    }
    let of_minion = [Keyspace::Minions, Keyspace::Presence, Keyspace::Modules, Keyspace::Facts];
    for keyspace in
        of_minion.into_iter().chain([Keyspace::Tenures, Keyspace::Certificates, Keyspace::Revocations])
    {
        draft.remove(keyspace, key_of(name));
    }
    draft.remove_all(Keyspace::Attempts, &name_prefix(name.as_str()));
    Ok(true)
}

/// The minion of that name.
pub(crate) fn find(source: &impl Read, name: &MinionName) -> Result<Option<MinionRecord>, LedgerError> {
    let identity = source.record::<Identity>(&key_of(name))?;
    identity.map(|identity| joined(source, name.clone(), identity)).transpose()
}

/// All minions, by name.
pub(crate) fn all(source: &impl Read) -> Result<Vec<MinionRecord>, LedgerError> {
    let mut minions = Vec::new();
    for (key, identity) in source.records::<Identity>(Span::all()) {
        let Some(name) = name_of(&key) else { continue };
        minions.push(joined(source, name, identity)?);
    }
    Ok(minions)
}

/// What each minion said of its host last, by name.
pub(crate) fn facts(source: &impl Read) -> Vec<(MinionName, HeardFacts)> {
    let named = |(key, facts): (Bytes, HeardFacts)| Some((name_of(&key)?, facts));
    source.records(Span::all()).filter_map(named).collect()
}

/// The tenures of a minion, in their order.
pub(crate) fn tenures(source: &impl Read, name: &MinionName) -> Result<Vec<Tenure>, LedgerError> {
    let Tenures(tenures) = source.record(&key_of(name))?.unwrap_or_default();
    Ok(tenures)
}

/// Whether a minion of that name has enrolled.
pub(crate) fn is_known(source: &impl Read, name: &MinionName) -> Result<bool, LedgerError> {
    source.has(Keyspace::Minions, &key_of(name))
}

/// Records something of a minion, unless that is not known any more or not yet.
fn put_of_known<R: Record>(draft: &Draft<'_>, name: &MinionName, record: &R) -> Result<(), LedgerError> {
    if is_known(draft, name)? {
        draft.put_record(key_of(name), record);
    }
    Ok(())
}

pub(super) fn name_of(key: &[u8]) -> Option<MinionName> {
    std::str::from_utf8(key).ok()?.parse().ok()
}

/// Who had the name before a minion enrolled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Enrolled {
    /// Nobody of that name.
    New,
    /// The same minion, with the same key.
    Already,
    /// A minion with another key, or one that was revoked.
    InPlaceOfAnother,
}

/// Records that `key` has the name from now on. What was known of another that had it is forgotten.
pub(super) fn enrol(
    draft: &Draft<'_>,
    name: &MinionName,
    key: Digest,
    now: u64,
) -> Result<Enrolled, LedgerError> {
    let before = draft.record::<Identity>(&key_of(name))?;
    if before.as_ref().is_some_and(|before| before.key == key && before.status == Standing::Active) {
        return Ok(Enrolled::Already);
    }
    draft.put_record(key_of(name), &Identity::new(key, now, Standing::Active));
    draft.put_record(key_of(name), &Presence::default());
    draft.put_record(key_of(name), &Modules::default());
    draft.remove(Keyspace::Facts, key_of(name));
    // Links by the former key do not count any more.
    draft.remove(Keyspace::Tenures, key_of(name));
    draft.remove(Keyspace::Certificates, key_of(name));
    draft.remove(Keyspace::Revocations, key_of(name));
    Ok(if before.is_some() { Enrolled::InPlaceOfAnother } else { Enrolled::New })
}

fn joined(source: &impl Read, name: MinionName, identity: Identity) -> Result<MinionRecord, LedgerError> {
    let Presence { last_seen, version } = source.record(&key_of(&name))?.unwrap_or_default();
    let Modules(modules) = source.record(&key_of(&name))?.unwrap_or_default();
    let Identity { key, enrolled_at, status, .. } = identity;
    Ok(MinionRecord { name, key, enrolled_at, status, last_seen, version, modules })
}

/// The key of a minion in each keyspace of minions.
pub(crate) fn key_of(name: &MinionName) -> Vec<u8> {
    name.as_str().as_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use wire::message::job::JobId;
    use wire::message::module::{Module, ModuleState, ModuleVersion};
    use wire::value::method::{Builder, Method, Methods, Type};

    use super::*;
    use crate::record::tests::is_stored_as;

    #[test]
    fn a_minion_is_stored_as_format_1_has_it() {
        let identity = Identity {
            key: Digest::of(b"key"),
            serial: "01".into(),
            enrolled_at: 5,
            status: Standing::Revoked,
        };
        is_stored_as(
            &identity,
            "01c1567c222c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683023031\
             0501",
        );
        is_stored_as(
            &Presence { last_seen: Some(6), version: Some("0.1.0".into()) },
            "013a61536a01060105302e312e30",
        );
    }

    #[test]
    fn a_module_is_stored_as_format_3_has_it() {
        let mut table = Builder::default();
        let mut add = |name, ty| table.add(name, ty).expect("room");
        let (number, text) = (add(None, Type::U8), add(None, Type::String));
        let option = add(Some("maybe"), Type::Option(number));
        let result = add(None, Type::Result(None, Some(text)));
        let method = Method {
            interface: Some("a:b/c@1.0.0".into()),
            name: "m".into(),
            params: vec![("p".into(), option)],
            result: Some(result),
            is_async: false,
            not_callable: None,
            docs: Some("d".into()),
        };
        let module = Module {
            name: "service".parse().expect("a name"),
            version: None,
            digest: Digest::of(b"code"),
            description: Some("s".into()),
            state: ModuleState::Failed("why".into()),
            methods: Methods::new(table.build(), vec![method]).expect("defined"),
            imports: vec!["i".into()],
            versions: vec![ModuleVersion {
                digest: Digest::of(b"code"),
                version: None,
                state: ModuleState::Retired,
                since: 1,
                signer: None,
            }],
        };
        is_stored_as(
            &Modules(Inventory { modules: vec![module], left_out: 1 }),
            "035899d293010773657276696365005694d08a2e53ffcae0c3103e5ad6f6076abd960eb1f8a56577\
             040bc1028f702b0101730703776879040002000c01056d617962651200001300010101010b613a62\
             2f6340312e302e30016d0101700201030000010164010169015694d08a2e53ffcae0c3103e5ad6f6\
             076abd960eb1f8a56577040bc1028f702b0006010001",
        );
    }

    #[test]
    fn facts_are_stored_as_format_3_has_them() {
        is_stored_as(&HeardFacts { at: 5, json: "{}".into() }, "01e943e88f05027b7d");
    }

    #[test]
    fn tenures_are_stored_as_format_3_has_them() {
        let tenure = Tenure { place: Digest::of(b"place"), after: Some(JobId::from_bytes([1; 16])) };
        is_stored_as(
            &Tenures(vec![tenure]),
            "01bc2f41e60181df63580cc9ff1550c90d918ec234f1834013b800b5321201e88d96e785277c0101\
             010101010101010101010101010101",
        );
    }
}
