//! An overlord's end of the link, and the folder of a minion that it enrolled.

use minion_host::folder::Enrolment;
use minion_host::{Config, Folder, Minion};
use quinn::{Connection, Endpoint};
use tempfile::TempDir;
use wire::identity::{Authority, Side};
use wire::message::link::{ALPNS, Hello, MAX_MESSAGE, Notice, Welcome};
use wire::message::version::Version;
use wire::transport::endpoint;
use wire::transport::frame;

/// The overlord's end, and the folder of a minion that it enrolled.
pub(crate) struct Overlord {
    pub(crate) endpoint: Endpoint,
    pub(crate) folder: Folder,
    _dir: TempDir,
}

impl Overlord {
    /// A minion's folder with the module `test` in it.
    pub(crate) fn new() -> Self {
        Self::speaking(ALPNS)
    }

    /// The same with an overlord that knows only these versions of the link.
    pub(crate) fn speaking(alpns: &[&[u8]]) -> Self {
        let dir = TempDir::new().unwrap();
        let authority = Authority::create(dir.path()).unwrap();
        let identity = authority.issue(Side::Overlord, "overlord").unwrap();
        let endpoint =
            endpoint::listen(([127, 0, 0, 1], 0).into(), &identity, identity.authorities(), alpns).unwrap();
        let overlord = endpoint.local_addr().unwrap().to_string();

        let folder = Folder::at(dir.path().join("minion"));
        folder.create().unwrap();
        let enrolment = Enrolment { overlord, name: "web1".parse().unwrap() };
        folder.enrol(&authority.issue(Side::Minion, "web1").unwrap(), &enrolment).unwrap();
        std::fs::create_dir(folder.modules()).unwrap();
        std::fs::copy(xtask::guests::module("test"), folder.modules().join("test.wasm")).unwrap();
        Self { endpoint, folder, _dir: dir }
    }

    /// Starts the minion.
    pub(crate) async fn minion(&self) -> Minion {
        Minion::start(&self.folder, Config::load(&self.folder.config()).unwrap()).await.unwrap()
    }

    /// Lets the minion in and hears its hello.
    pub(crate) async fn greet(&self) -> (Connection, Hello) {
        self.greet_wanting(None).await
    }

    /// The same of an overlord that wants a sign of life each so many milliseconds.
    pub(crate) async fn greet_wanting(&self, heartbeat_ms: Option<u64>) -> (Connection, Hello) {
        let connection = self.endpoint.accept().await.unwrap().await.unwrap();
        assert_eq!(endpoint::peer(&connection).unwrap().unwrap().name, "web1");
        let (mut send, mut recv) = connection.accept_bi().await.unwrap();
        let notice = frame::read_as(Version::of(&connection), &mut recv, MAX_MESSAGE).await;
        let Notice::Hello(hello) = notice.unwrap() else {
            panic!("the minion says something before hello");
        };
        let welcome = Welcome {
            name: "web1".parse().unwrap(),
            version: "1".into(),
            settled: Vec::new(),
            renew_in_ms: None,
            heartbeat_ms,
        };
        frame::write_as(Version::of(&connection), &mut send, &welcome, MAX_MESSAGE).await.unwrap();
        send.finish().unwrap();
        (connection, hello)
    }
}
