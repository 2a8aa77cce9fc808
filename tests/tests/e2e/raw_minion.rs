//! A minion that was taken over: it has its key and its name, and says what it likes.

use std::sync::Arc;

use quinn::{Connection, Endpoint, RecvStream, SendStream};
use rig::Fleet;
use wire::digest::Digest;
use wire::identity::Identity;
use wire::message::inventory::Inventory;
use wire::message::link::{ALPNS, Hello, MAX_MESSAGE, MinionRequest, Notice, Welcome};
use wire::message::module::{Module, ModuleState};
use wire::transport::endpoint::{SERVER_NAME, Trust, client_config, dialler};
use wire::transport::frame::{self, FrameError};
use wire::value::method::Methods;

/// Its connection.
pub(crate) struct RawMinion {
    pub(crate) connection: Connection,
    _endpoint: Endpoint,
}

impl RawMinion {
    /// Dials as the minion of this name, which has enrolled.
    pub(crate) async fn dial(fleet: &Fleet, name: &str) -> Self {
        let identity = Identity::load(&fleet.minion_dir(name).join("identity"), "minion").expect("enrolled");
        let (connection, endpoint) = dial(fleet, &identity, ALPNS).await;
        Self { connection, _endpoint: endpoint }
    }

    /// Says hello as a good minion without modules does, and answers what it is asked as it likes.
    pub(crate) async fn serve<F>(
        fleet: &Fleet,
        name: &str,
        answer: impl Fn(MinionRequest, SendStream, RecvStream) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let minion = Self::dial(fleet, name).await;
        minion.say(&Notice::Hello(hello())).await.expect("welcome");
        let (connection, answer) = (minion.connection.clone(), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((send, mut recv)) = connection.accept_bi().await {
                let answer = answer.clone();
                tokio::spawn(async move {
                    if let Ok(request) = frame::read(&mut recv, MAX_MESSAGE).await {
                        answer(request, send, recv).await;
                    }
                });
            }
        });
        minion
    }

    /// Sends a notice and reads the greeting that answers it.
    pub(crate) async fn say(&self, notice: &Notice) -> Result<Welcome, FrameError> {
        self.send(&frame::encode(notice, usize::MAX)?).await
    }

    /// Sends bytes on a stream of their own, and reads a greeting that answers them.
    pub(crate) async fn send(&self, bytes: &[u8]) -> Result<Welcome, FrameError> {
        let (mut send, mut recv) = self.connection.open_bi().await.map_err(std::io::Error::from)?;
        // One that does not want them all says so by closing the connection.
        let _ = send.write_all(bytes).await;
        let _ = send.finish();
        frame::read(&mut recv, MAX_MESSAGE).await
    }
}

/// A connection to the overlord with this identity, at one of its doors.
pub(crate) async fn dial(fleet: &Fleet, identity: &Identity, alpns: &[&[u8]]) -> (Connection, Endpoint) {
    let address = std::fs::read_to_string(fleet.overlord_dir().join("address")).expect("the noted address");
    let address = address.trim().parse().expect("an address");
    let endpoint = dialler(address).expect("an endpoint");
    let trust = Trust::Authorities(identity.authorities());
    let config = client_config(Some(identity), trust, alpns).expect("a configuration");
    let connecting = endpoint.connect_with(config, address, SERVER_NAME).expect("dials");
    (connecting.await.expect("connected"), endpoint)
}

/// How a minion without modules introduces itself.
pub(crate) fn hello() -> Hello {
    Hello {
        version: "1.0.0".to_owned(),
        modules: Inventory::default(),
        unacknowledged: Vec::new(),
        facts: "{}".to_owned(),
        instance: None,
    }
}

/// A module with nothing in it.
pub(crate) fn module(name: &str) -> Module {
    Module {
        name: name.parse().expect("a name"),
        version: None,
        digest: Digest::of(b""),
        description: None,
        state: ModuleState::Active,
        methods: Methods::default(),
        imports: Vec::new(),
        versions: Vec::new(),
    }
}
