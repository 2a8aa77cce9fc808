//! Dialling overlords: from a socket for each connection, or from a few that many minions share.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use quinn::{Connection, Endpoint};
use tokio::sync::Semaphore;

use machine::lock;
use wire::transport::endpoint::{self, CLOSE_DONE, Dialling, EndpointError};

use crate::dial::{DialError, connect, resolved};

/// A connection and what carries it.
pub(crate) struct Dialled {
    /// The connection, once the overlord has proved who it is.
    pub(crate) connection: Connection,
    /// Its endpoint, where nothing else uses that.
    endpoint: Option<Endpoint>,
}

impl Dialled {
    /// Ends the connection. With this the overlord hears of it now and not by a timeout.
    pub(crate) async fn close(self) {
        self.connection.close(CLOSE_DONE, b"");
        if let Some(endpoint) = self.endpoint {
            // It is a courtesy, so it has an end.
            let _ = tokio::time::timeout(GOODBYE, endpoint.wait_idle()).await;
        }
    }
}

/// From which sockets overlords are dialled. Clones share them.
#[derive(Clone)]
pub(crate) struct Dialler(Option<Arc<SharedSockets>>);

impl Dialler {
    /// One that has a socket for each connection.
    pub(crate) fn alone() -> Self {
        Self(None)
    }

    /// One that has a few sockets for all connections, as many minions in one process need it.
    pub(crate) fn shared() -> Self {
        Self(Some(Arc::default()))
    }

    /// Dials every address that the name stands for, one after the other, and returns the first that answers.
    pub(crate) async fn dial(&self, address: &str, dialling: &Dialling) -> Result<Dialled, DialError> {
        let mut failed = DialError::Silent { address: address.to_owned() };
        for remote in resolved(address).await? {
            match self.attempt(address, remote, dialling).await {
                Ok(dialled) => return Ok(dialled),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    async fn attempt(
        &self,
        address: &str,
        remote: SocketAddr,
        dialling: &Dialling,
    ) -> Result<Dialled, DialError> {
        if let Some(sockets) = &self.0 {
            return sockets.connect(address, remote, dialling).await;
        }
        let endpoint = endpoint::dialler(remote)?;
        let connection = connect(&endpoint, address, remote, dialling).await?;
        Ok(Dialled { connection, endpoint: Some(endpoint) })
    }

    /// Lets the overlord hear of all connections that were closed.
    pub(crate) async fn close(&self) {
        if let Some(sockets) = &self.0 {
            sockets.close().await;
        }
    }
}

/// A few sockets that carry the connections of many minions, made when they are first needed.
///
/// An overlord lets only so many from one socket, and from one host, shake hands at once, and does not answer the others. So
/// those who dial wait here for their turn, and never take the overlord for silent.
struct SharedSockets {
    v4: Mutex<Vec<Endpoint>>,
    v6: Mutex<Vec<Endpoint>>,
    next: AtomicUsize,
    /// The right to shake hands.
    turns: Semaphore,
}

impl Default for SharedSockets {
    fn default() -> Self {
        let turns = Semaphore::new(SOCKETS * AT_ONCE);
        Self { v4: Mutex::default(), v6: Mutex::default(), next: AtomicUsize::new(0), turns }
    }
}

impl SharedSockets {
    /// Shakes hands with an overlord, once it is this one's turn.
    async fn connect(
        &self,
        address: &str,
        remote: SocketAddr,
        dialling: &Dialling,
    ) -> Result<Dialled, DialError> {
        // The semaphore is never closed.
        let _turn = self.turns.acquire().await;
        let endpoint = self.endpoint(remote)?;
        let connection = connect(&endpoint, address, remote, dialling).await?;
        Ok(Dialled { connection, endpoint: None })
    }

    /// One socket after the other.
    fn endpoint(&self, remote: SocketAddr) -> Result<Endpoint, EndpointError> {
        let mut made = lock::hold(if remote.is_ipv4() { &self.v4 } else { &self.v6 });
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % SOCKETS;
        if let Some(endpoint) = made.get(turn) {
            return Ok(endpoint.clone());
        }
        let endpoint = endpoint::dialler(remote)?;
        made.push(endpoint.clone());
        Ok(endpoint)
    }

    /// Closes what is left, and waits until overlords have heard of all that was closed.
    async fn close(&self) {
        let of = |endpoints: &Mutex<Vec<Endpoint>>| lock::hold(endpoints).clone();
        let all = [of(&self.v4), of(&self.v6)].concat();
        let idle = futures::future::join_all(all.iter().map(|endpoint| {
            endpoint.close(CLOSE_DONE, b"");
            endpoint.wait_idle()
        }));
        // It is a courtesy, so it has an end.
        let _ = tokio::time::timeout(GOODBYE, idle).await;
    }
}

/// How many sockets there are for each family of addresses, and how many of each shake hands at once: as many as an overlord
/// serves of one host and of one socket.
const SOCKETS: usize = 4;
const AT_ONCE: usize = 8;
/// How long the overlord has to hear that a connection ends.
const GOODBYE: Duration = Duration::from_secs(1);
