//! The floor of what goes over the network: a bare echo over the QUIC endpoints that everything here talks through.

use std::net::SocketAddr;

use quinn::{Connection, Endpoint};
use tokio::task::JoinSet;
use wire::transport::allowance::Allowance;
use wire::transport::echo::{self, ASKING_ALPN, MESSAGE};
use wire::transport::endpoint::{self, CLOSE_DONE, SERVER_NAME, Trust};

use super::error::BenchError;
use overlord::folder::Folder;

/// A connection to an echo in this process, with certificates as an operator and an overlord have them.
pub(super) struct Echo {
    connection: Connection,
    server: Server,
    dialler: Endpoint,
}

/// An echo in this process.
struct Server {
    address: SocketAddr,
    /// Held because connections live on it.
    _endpoint: Endpoint,
    /// Stops with this.
    _tasks: JoinSet<()>,
}

impl Echo {
    pub(super) async fn start(folder: &Folder) -> Result<Self, BenchError> {
        let server = Server::start(folder)?;
        let dialler = endpoint::dialler(server.address)?;
        let connection = dial(folder, &dialler, server.address).await?;
        Ok(Self { connection, server, dialler })
    }

    /// One request and its answer, on a stream of their own.
    pub(super) async fn once(&self) -> Result<(), BenchError> {
        echo::ask(&self.connection, &[7; MESSAGE]).await.map_err(broke)
    }

    /// One more connection, with an endpoint of its own as every client has, and closed again.
    pub(super) async fn handshake(&self, folder: &Folder) -> Result<(), BenchError> {
        let dialler = endpoint::dialler(self.server.address)?;
        let connection = dial(folder, &dialler, self.server.address).await?;
        connection.close(CLOSE_DONE, b"done");
        // Nobody waits for an answer to the goodbye, as no client does.
        tokio::task::yield_now().await;
        Ok(())
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.connection.close(CLOSE_DONE, b"done");
        self.dialler.close(CLOSE_DONE, b"done");
    }
}

impl Server {
    fn start(folder: &Folder) -> Result<Self, BenchError> {
        let authority = folder.authority()?;
        let overlord = folder.overlord_identity(&authority)?;
        let endpoint =
            endpoint::listen(([127, 0, 0, 1], 0).into(), &overlord, overlord.authorities(), &[ASKING_ALPN])?;
        let address = endpoint.local_addr().map_err(broke)?;
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(endpoint.clone()));
        Ok(Self { address, _endpoint: endpoint, _tasks: tasks })
    }
}

/// Serves all who come.
async fn serve(endpoint: Endpoint) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            incoming = endpoint.accept() => {
                let Some(incoming) = incoming else { return };
                connections.spawn(async {
                    if let Ok(connection) = incoming.await {
                        Allowance::OPERATOR.give(&connection);
                        echo::serve(connection, || ()).await;
                    }
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn dial(folder: &Folder, dialler: &Endpoint, address: SocketAddr) -> Result<Connection, BenchError> {
    let operator = folder.operator_identity()?;
    let trust = Trust::Authorities(operator.authorities());
    let config = endpoint::client_config(Some(&operator), trust, &[ASKING_ALPN])?;
    dialler.connect_with(config, address, SERVER_NAME).map_err(broke)?.await.map_err(broke)
}

pub(super) fn broke(cause: impl std::fmt::Display) -> BenchError {
    BenchError::Echo(cause.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use overlord::config::InitOptions;

    #[tokio::test]
    async fn what_is_sent_comes_back_as_often_as_it_is_sent_on_as_many_connections() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = Folder::at(dir.path());
        folder.init(&InitOptions::default()).expect("made");
        let echo = Echo::start(&folder).await.expect("started");
        for _ in 0..3 {
            echo.once().await.expect("echoed");
            echo.handshake(&folder).await.expect("shaken");
        }
    }
}
