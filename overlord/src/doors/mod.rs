//! The one UDP port and its three doors: newcomers, minions and operators, told apart by ALPN.

mod enroll;
mod minion;
mod modules;
mod operator;

use std::sync::Arc;
use std::time::Duration;

use quinn::{Connection, Endpoint, Incoming};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wire::endpoint::{self, CLOSE_DONE, CLOSE_REFUSED};

use self::enroll::EnrollDoor;
use self::minion::MinionDoor;
use self::operator::OperatorDoor;
use crate::desk::Desk;

/// The application protocols of the doors.
pub(crate) fn alpns() -> Vec<&'static [u8]> {
    [wire::link::ALPNS, wire::operator::ALPNS, &[wire::enroll::ALPN]].concat()
}

/// Lets peers in until it is told to stop.
pub(crate) struct Doors {
    desk: Arc<Desk>,
    tasks: TaskTracker,
    stop: CancellationToken,
    handshakes: Arc<Semaphore>,
}

impl Doors {
    pub(crate) fn new(desk: Arc<Desk>, stop: CancellationToken) -> Self {
        let handshakes = Arc::new(Semaphore::new(MAX_HANDSHAKES));
        Self { desk, tasks: TaskTracker::new(), stop, handshakes }
    }

    /// Accepts connections until the stop. Returns when every one of them has ended.
    pub(crate) async fn serve(self, endpoint: Endpoint) {
        loop {
            let incoming = tokio::select! {
                () = self.stop.cancelled() => break,
                incoming = endpoint.accept() => incoming,
            };
            let Some(incoming) = incoming else { break };
            self.admit(incoming);
        }
        // 1. No one new comes in. 2. Those inside are shown out. 3. Their tasks end.
        endpoint.close(CLOSE_DONE, b"the overlord stops");
        self.tasks.close();
        self.tasks.wait().await;
        // 4. The peers hear of it, if they still listen.
        let _ = tokio::time::timeout(GOODBYE, endpoint.wait_idle()).await;
    }

    fn admit(&self, incoming: Incoming) {
        let Ok(permit) = self.handshakes.clone().try_acquire_owned() else {
            // As many handshakes as this machine can do are under way; the peer tries again by itself.
            return incoming.refuse();
        };
        if !incoming.remote_address_validated() && self.handshakes.available_permits() < MAX_HANDSHAKES / 2 {
            // Under load, a peer first shows that it is where it says it is. It can fail only for one that
            // has shown so already.
            let _ = incoming.retry();
            return;
        }
        let desk = self.desk.clone();
        // Ends with the connection, which the endpoint closes at the stop.
        self.tasks.spawn(async move {
            let from = incoming.remote_address();
            let handshake = async { incoming.await };
            let connection = match tokio::time::timeout(HANDSHAKE, handshake).await {
                Ok(Ok(connection)) => connection,
                Ok(Err(error)) => {
                    tracing::warn!(%from, "refused: the handshake failed: {error}");
                    return;
                }
                Err(_) => return,
            };
            drop(permit);
            welcome(desk, connection).await;
        });
    }
}

/// Shows a connection to the door that it asked for.
async fn welcome(desk: Arc<Desk>, connection: Connection) {
    let from = connection.remote_address();
    let peer = match endpoint::peer(&connection) {
        Ok(peer) => peer,
        Err(error) => return refuse(&connection, &error.to_string()),
    };
    let alpn = endpoint::alpn(&connection).unwrap_or_default();
    match (alpn.as_slice(), peer) {
        (wire::enroll::ALPN, _) => EnrollDoor::new(desk, connection).serve().await,
        (alpn, Some(peer)) if wire::link::ALPNS.contains(&alpn) => {
            MinionDoor::serve(desk, connection, &peer).await;
        }
        (alpn, Some(peer)) if wire::operator::ALPNS.contains(&alpn) => {
            OperatorDoor::serve(desk, connection, &peer).await;
        }
        (_, None) => refuse(&connection, "it showed no certificate"),
        (_, Some(_)) => refuse(&connection, "it asked for no door that there is"),
    }
    tracing::debug!(%from, "connection ended");
}

/// Shows a peer out. It learns nothing but that it is refused; the log says why.
fn refuse(connection: &Connection, why: &str) {
    tracing::warn!(from = %connection.remote_address(), "refused: {why}");
    connection.close(CLOSE_REFUSED, b"refused");
}

/// How many handshakes may be under way at once.
const MAX_HANDSHAKES: usize = 512;

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long the peers may take to hear that the overlord stops.
const GOODBYE: Duration = Duration::from_secs(1);
