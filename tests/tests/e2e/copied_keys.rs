//! Keys that somebody copied from a host, while the minion renews and afterwards.

use quinn::{Connection, Endpoint};
use rig::Fleet;
use wire::digest::Digest;
use wire::identity::{Identity, make_key, signing_request};
use wire::message::Message;
use wire::message::instance::Instance;
use wire::message::link::{ALPNS, MAX_MESSAGE, MinionRequest, Notice, Pong, Welcome};
use wire::message::renewal::Renewal;
use wire::transport::frame::{self, FrameError};

use crate::raw_minion::{dial, hello};

const DAY_MS: i64 = 24 * 3_600_000;

/// Whoever has a key of a minion, on a host of its own.
pub(crate) struct Holder {
    pub(crate) connection: Connection,
    _endpoint: Endpoint,
}

impl Holder {
    pub(crate) async fn dial(fleet: &Fleet, identity: &Identity) -> Self {
        let (connection, endpoint) = dial(fleet, identity, ALPNS).await;
        let answering = connection.clone();
        tokio::spawn(async move {
            while let Ok((mut send, mut recv)) = answering.accept_bi().await {
                if let Ok(MinionRequest::Ping) = frame::read(&mut recv, MAX_MESSAGE).await {
                    let _ = frame::write(&mut send, &Pong, MAX_MESSAGE).await;
                    let _ = send.finish();
                }
            }
        });
        Self { connection, _endpoint: endpoint }
    }

    pub(crate) async fn say<T: Message>(&self, notice: &Notice) -> Result<T, FrameError> {
        let (mut send, mut recv) = self.connection.open_bi().await.map_err(std::io::Error::from)?;
        frame::write(&mut send, notice, MAX_MESSAGE).await?;
        let _ = send.finish();
        frame::read(&mut recv, MAX_MESSAGE).await
    }

    /// Renews this identity over its link.
    pub(crate) async fn renew(&self, former: &Identity) -> Identity {
        let key = make_key().expect("made");
        let asked = Notice::Renew(signing_request(&key).expect("made"));
        match self.say(&asked).await.expect("answered") {
            Renewal::Renewed { credentials, .. } => former.renewed(&key, credentials).expect("ours"),
            Renewal::Refused(why) => panic!("{why}"),
        }
    }

    /// Asks for the link, from the place of this name.
    pub(crate) async fn link(&self, place: &str) -> Result<Welcome, FrameError> {
        let digest = Digest::of(place.as_bytes());
        let instance = Some(Instance { id: digest, place: digest, boot: digest });
        self.say(&Notice::Hello(wire::message::link::Hello { instance, ..hello() })).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_links_with_a_copied_key_makes_way_for_the_minion_with_its_next_one() {
    let mut fleet = Fleet::without_minions();
    fleet.enrol("web1");
    let former = Identity::load(&fleet.minion_dir("web1").join("identity"), "minion").expect("enrolled");
    fleet.failpoints("overlord").set_clock(20 * DAY_MS);
    fleet.failpoints("cli").set_clock(20 * DAY_MS);

    let minion = Holder::dial(&fleet, &former).await;
    minion.link("the host").await.expect("linked");
    let next = minion.renew(&former).await;
    minion.connection.close(0_u32.into(), b"");
    fleet.overlord().logged("gone minion=web1", 1);

    let thief = Holder::dial(&fleet, &former).await;
    thief.link("elsewhere").await.expect("linked");
    let minion = Holder::dial(&fleet, &next).await;
    minion.link("the host").await.expect("linked with its next key");
    thief.connection.closed().await;
    fleet.overlord().logged("a link ends that was made with the former key", 1);
    assert!(minion.connection.close_reason().is_none());

    let thief = Holder::dial(&fleet, &former).await;
    thief.connection.closed().await;
    fleet.overlord().logged("somebody copied it", 1);
    let listed = fleet.run(&["minion", "list", "--json"]).json()["minions"][0].clone();
    assert_eq!(
        (&listed["connected"], &listed["troubles"][0]["kind"]),
        (&true.into(), &"second-minion".into())
    );
    let audit = fleet.run(&["audit", "--minion", "web1", "--decision", "denied", "--json"]);
    assert!(audit.out.contains("minion-refused") && audit.out.contains("this is a former one"), "{audit:?}");
}
