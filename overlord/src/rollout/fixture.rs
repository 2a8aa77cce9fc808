//! A rollout over a ledger and a catalogue of its own, for tests. None of its minions is connected.

use ledger::{Invite, Made, MinionRecord, OverlordLedger, Standing};
use tokio_util::sync::CancellationToken;
use wire::digest::Digest;
use wire::message::catalogue::{Assignment, KeptModule};
use wire::message::module::{Module, ModuleState};
use wire::name::{MinionName, ModuleName};

use super::Rollout;
use crate::catalogue::Catalogue;
use crate::config::Config;
use crate::config_in_force::ConfigInForce;
use crate::registry::Registry;
use crate::tasks::Tasks;

pub(super) struct Fixture {
    pub(super) rollout: Rollout,
    pub(super) ledger: OverlordLedger,
    registry: Registry,
    pub(super) catalogue: Catalogue,
    _dir: tempfile::TempDir,
}

impl Fixture {
    /// With these minions, each of which had this code of the module in service when it was seen last.
    pub(super) async fn with(minions: &[MinionName], code: &str) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let ledger = OverlordLedger::open(&dir.path().join("ledger")).expect("opens");
        for minion in minions {
            ledger.put_minion(record(minion, code)).await.expect("put");
        }
        let registry =
            Registry::open(ledger.clone(), Tasks::new(CancellationToken::new())).await.expect("opens");
        let catalogue = Catalogue::open(dir.path().join("modules"), ledger.clone()).expect("opens");
        let stop = CancellationToken::new();
        let rollout = Rollout::new(
            ConfigInForce::new(Config::default()),
            ledger.clone(),
            registry.clone(),
            catalogue.clone(),
            stop,
        );
        Self { rollout, ledger, registry, catalogue, _dir: dir }
    }

    /// Lets a newcomer in.
    pub(super) async fn enroll(&self, minion: &str) {
        let secret = Digest::of(minion.as_bytes());
        let name = minion.parse().expect("a name");
        let invite = Invite { name, secret, expires_at: u64::MAX, used_by: None };
        self.ledger
            .put_invite(invite, Made { by: "alice".parse().expect("a name"), at: 0 })
            .await
            .expect("invited");
        self.registry.enroll(&secret, None, Digest::of(b"key"), true).await.expect("enrolled");
    }

    /// Records that the catalogue has this code of the module.
    pub(super) async fn keep(&self, code: &str) -> KeptModule {
        let kept = KeptModule {
            name: module(),
            digest: Digest::of(code.as_bytes()),
            version: None,
            size: code.len() as u64,
            signature: None,
            pushed_by: "alice".parse().expect("a name"),
            pushed_at: 0,
        };
        self.ledger.keep_module(kept).await.expect("kept")
    }

    /// Records that this code of the module is assigned.
    pub(super) async fn assign(&self, expression: &str, code: &str) -> Assignment {
        let assignment = Assignment {
            expression: expression.into(),
            name: module(),
            digest: Digest::of(code.as_bytes()),
            version: None,
            assigned_by: "alice".parse().expect("a name"),
            assigned_at: 0,
            place: 0,
        };
        self.ledger.assign(assignment, None).await.expect("assigned")
    }
}

pub(super) fn module() -> ModuleName {
    "test".parse().expect("a name")
}

pub(super) fn minion(name: &str) -> MinionName {
    name.parse().expect("a name")
}

fn record(minion: &MinionName, code: &str) -> MinionRecord {
    let in_service = Module {
        name: module(),
        version: None,
        digest: Digest::of(code.as_bytes()),
        description: None,
        state: ModuleState::Active,
        methods: wire::value::method::Methods::default(),
        imports: vec![],
        versions: vec![],
    };
    MinionRecord {
        name: minion.clone(),
        key: Digest::of(b"key"),
        enrolled_at: 0,
        status: Standing::Active,
        last_seen: None,
        version: None,
        modules: wire::message::inventory::Inventory::of(vec![in_service]),
    }
}
