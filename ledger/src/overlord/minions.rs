//! The minions that an overlord knows.
//!
//! Who a minion is, when it was heard of and what it can run change at different times, so they are records
//! of their own.

use serde::{Deserialize, Serialize};
use wire::digest::Digest;
use wire::message::inventory::Inventory;
use wire::name::MinionName;

use super::invite::forget_invites;
use super::ledger::OverlordLedger;
use crate::draft::Draft;
use crate::durability::{Durability, Purpose};
use crate::error::LedgerError;
use crate::key::Span;
use crate::read::Read;
use crate::record::Record;
use crate::space::Space;

/// A minion that has enrolled.
#[derive(Clone, Debug, PartialEq)]
pub struct MinionRecord {
    /// Its name.
    pub name: MinionName,
    /// SHA-256 of its public key.
    pub key: Digest,
    /// The serial number of its certificate.
    pub serial: String,
    /// When it enrolled, in milliseconds since 1970.
    pub enrolled_at: u64,
    /// Whether it may connect.
    pub status: Standing,
    /// When it was last heard of, in milliseconds since 1970.
    pub last_seen: Option<u64>,
    /// The version of its software, once it has said so.
    pub version: Option<String>,
    /// What it can run, as it last said.
    pub modules: Inventory,
}

/// Whether a minion may connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// It may.
    Active,
    /// Its certificate is revoked.
    Revoked,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Identity {
    key: Digest,
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
    const SPACE: Space = Space::Minions;
}

impl Record for Presence {
    const SPACE: Space = Space::Presence;
}

impl Record for Modules {
    const SPACE: Space = Space::Modules;
    const VERSION: u8 = 3;
}

impl OverlordLedger {
    /// Records a minion as a whole, in place of what was known of one of that name; synced.
    pub async fn put_minion(&self, minion: MinionRecord) -> Result<(), LedgerError> {
        let write = move |draft: &Draft<'_>| {
            let MinionRecord { name, key, serial, enrolled_at, status, last_seen, version, modules } = minion;
            if status == Standing::Revoked {
                forget_invites(draft, &name, |_| true);
            }
            draft.put_record(key_of(&name), &Identity { key, serial, enrolled_at, status });
            draft.put_record(key_of(&name), &Presence { last_seen, version });
            draft.put_record(key_of(&name), &Modules(modules));
            Ok(())
        };
        self.engine.write(Purpose::Begin, Durability::Synced, write).await
    }

    /// Records that a known minion was heard of, with the version of its software.
    pub async fn minion_seen(&self, name: &MinionName, at: u64, version: &str) -> Result<(), LedgerError> {
        let presence = Presence { last_seen: Some(at), version: Some(version.to_owned()) };
        self.of_known(name, Durability::Written, move |draft, key| {
            draft.put_record(key, &presence);
        })
        .await
    }

    /// Records what a known minion can run.
    pub async fn minion_modules(&self, name: &MinionName, modules: Inventory) -> Result<(), LedgerError> {
        self.of_known(name, Durability::Written, move |draft, key| {
            draft.put_record(key, &Modules(modules));
        })
        .await
    }

    /// Records whether a known minion may connect; synced.
    ///
    /// With the revocation, all tokens are forgotten that were made for it until then: only an invitation
    /// that is made afterwards lets it in again.
    pub async fn minion_standing(&self, name: &MinionName, status: Standing) -> Result<(), LedgerError> {
        let (name, key) = (name.clone(), key_of(name));
        let write = move |draft: &Draft<'_>| {
            if status == Standing::Revoked {
                forget_invites(draft, &name, |_| true);
            }
            if let Some(identity) = draft.record::<Identity>(&key)? {
                draft.put_record(key, &Identity { status, ..identity });
            }
            Ok(())
        };
        self.engine.write(Purpose::Proceed, Durability::Synced, write).await
    }

    /// Forgets a minion and the tokens that were made for it; synced. Its jobs stay.
    pub async fn remove_minion(&self, name: &MinionName) -> Result<(), LedgerError> {
        let of = name.clone();
        self.of_known(name, Durability::Synced, move |draft, key| {
            forget_invites(draft, &of, |_| true);
            for space in [Space::Minions, Space::Presence, Space::Modules, Space::Facts] {
                draft.remove(space, key.clone());
            }
            draft.remove(Space::Tenures, key.clone());
            draft.remove_all(Space::Attempts, &[&key, [0].as_slice()].concat());
        })
        .await
    }

    /// The minion of that name.
    pub fn minion(&self, name: &MinionName) -> Result<Option<MinionRecord>, LedgerError> {
        let source = self.engine.read()?;
        let identity = source.record::<Identity>(&key_of(name))?;
        identity.map(|identity| joined(&source, name.clone(), identity)).transpose()
    }

    /// All minions, by name.
    pub fn minions(&self) -> Result<Vec<MinionRecord>, LedgerError> {
        let source = self.engine.read()?;
        let mut minions = Vec::new();
        for (key, identity) in source.records::<Identity>(Span::all()) {
            let Some(name) = std::str::from_utf8(&key).ok().and_then(|name| name.parse().ok()) else {
                continue;
            };
            minions.push(joined(&source, name, identity)?);
        }
        Ok(minions)
    }

    async fn of_known(
        &self,
        name: &MinionName,
        durability: Durability,
        write: impl FnOnce(&Draft<'_>, Vec<u8>) + Send + 'static,
    ) -> Result<(), LedgerError> {
        let key = key_of(name);
        let write = move |draft: &Draft<'_>| {
            if draft.has(Space::Minions, &key)? {
                write(draft, key);
            }
            Ok(())
        };
        self.engine.write(Purpose::Proceed, durability, write).await
    }
}

/// What was there before a minion enrolled.
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
    let identity = Identity { key, serial: String::new(), enrolled_at: now, status: Standing::Active };
    draft.put_record(key_of(name), &identity);
    draft.put_record(key_of(name), &Presence::default());
    draft.put_record(key_of(name), &Modules::default());
    draft.remove(Space::Facts, key_of(name));
    // The former key lets nobody in any more.
    draft.remove(Space::Tenures, key_of(name));
    Ok(if before.is_some() { Enrolled::InPlaceOfAnother } else { Enrolled::New })
}

fn joined(source: &impl Read, name: MinionName, identity: Identity) -> Result<MinionRecord, LedgerError> {
    let Presence { last_seen, version } = source.record(&key_of(&name))?.unwrap_or_default();
    let Modules(modules) = source.record(&key_of(&name))?.unwrap_or_default();
    let Identity { key, serial, enrolled_at, status } = identity;
    Ok(MinionRecord { name, key, serial, enrolled_at, status, last_seen, version, modules })
}

pub(super) fn key_of(name: &MinionName) -> Vec<u8> {
    name.as_str().as_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use wire::message::module::{Module, ModuleState, ModuleVersion};
    use wire::value::signature::{Builder, Method, Methods, Type};

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
}
