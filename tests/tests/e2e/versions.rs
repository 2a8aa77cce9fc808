//! Minions and operators of the version before, with an overlord of this one.

use rig::Fleet;
use tokio::runtime::Runtime;
use wire::digest::Digest;
use wire::identity::Identity;
use wire::message::inventory::Inventory;
use wire::message::link::{ALPNS, Hello, MAX_MESSAGE, Notice, Welcome};
use wire::message::module::{Module, ModuleState};
use wire::message::operator::{OperatorReply, OperatorRequest, Target};
use wire::message::v1::{self, Type};
use wire::message::version::Version;
use wire::transport::frame;
use wire::transport::heartbeat::Heartbeat;

use crate::raw_minion::{dial, hello};

/// A module as the version before tells of it, with a record that has no name there.
fn module() -> Module {
    let point = Type::Record(vec![("x".into(), Type::U32), ("y".into(), Type::Option(Box::new(Type::U32)))]);
    Module::from(v1::Module {
        name: "geo".parse().expect("a name"),
        version: Some("1.0.0".into()),
        digest: Digest::of(b"geo"),
        description: None,
        state: ModuleState::Active,
        methods: vec![v1::Method {
            interface: None,
            name: "area".into(),
            params: vec![("p".into(), point)],
            result: Some(Type::F64),
            is_async: false,
            not_callable: None,
            docs: Some("How large it is.".into()),
        }],
        imports: vec![],
        versions: vec![],
    })
}

#[test]
fn a_minion_and_an_operator_of_the_version_before_go_on_working() {
    let mut fleet = Fleet::without_minions();
    fleet.enrol("old");
    let minion = Identity::load(&fleet.minion_dir("old").join("identity"), "minion").expect("enrolled");
    let operator = Identity::load(&fleet.overlord_dir(), "operator").expect("an operator");
    Runtime::new().expect("a runtime").block_on(async {
        let (connection, _endpoint) = dial(&fleet, &minion, &[b"minion/1"]).await;
        assert_eq!(Version::of(&connection), Version::One);
        let (mut send, mut recv) = connection.open_bi().await.expect("opened");
        let modules = Inventory { modules: vec![module()], left_out: 0 };
        let notice = Notice::Hello(Hello { modules, ..hello() });
        frame::write_as(Version::One, &mut send, &notice, MAX_MESSAGE).await.expect("written");
        frame::read_as::<Welcome>(Version::One, &mut recv, MAX_MESSAGE).await.expect("welcome");

        let shown = fleet.run(&["doc", "geo.area"]);
        assert!(shown.out.contains("area(p: record { x: u32, y: option<u32> }) -> f64"), "{shown:?}");
        let wrong = fleet.run(&["call", "old", "geo.area", "{x: 1, z: 2}"]);
        assert!(wrong.err.contains("unknown field \"z\"; it has x, y"), "{wrong:?}");

        let (connection, _endpoint) = dial(&fleet, &operator, &[b"operator/1"]).await;
        let (mut send, mut recv) = connection.open_bi().await.expect("opened");
        // Of what matches nobody, a version that has no words for it hears nothing.
        let target = Target::of("old,dc*");
        let request = OperatorRequest::Modules { target, name: None };
        frame::write_as(Version::One, &mut send, &request, MAX_MESSAGE).await.expect("written");
        let reply = frame::read_as(Version::One, &mut recv, MAX_MESSAGE).await.expect("an answer");
        let OperatorReply::Modules(minions) = reply else { panic!("{reply:?}") };
        assert_eq!(minions[0].1.modules, [module()]);
    });
}

#[test]
fn a_minion_is_told_how_often_it_is_to_give_a_sign_of_life_and_one_of_before_is_not() {
    let mut fleet = Fleet::without_minions();
    fleet.enrol("web1");
    let identity = Identity::load(&fleet.minion_dir("web1").join("identity"), "minion").expect("enrolled");
    let usual = Heartbeat::of_each_of(1).pause().as_millis() as u64;
    Runtime::new().expect("a runtime").block_on(async {
        for (alpns, told) in [(ALPNS, Some(usual)), (&[b"minion/6"], None)] {
            let (connection, _endpoint) = dial(&fleet, &identity, alpns).await;
            let (mut send, mut recv) = connection.open_bi().await.expect("opened");
            let version = Version::of(&connection);
            frame::write_as(version, &mut send, &Notice::Hello(hello()), MAX_MESSAGE).await.expect("written");
            let welcome = frame::read_as::<Welcome>(version, &mut recv, MAX_MESSAGE).await.expect("welcome");
            assert_eq!(welcome.heartbeat_ms, told, "{version:?}");
        }
    });
}
