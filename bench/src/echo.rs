//! The floor of what goes over the network: a bare echo over the QUIC endpoints that everything here talks through.

use std::net::SocketAddr;

use quinn::{Connection, Endpoint};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use wire::transport::allowance::Allowance;
use wire::transport::echo::{self, ASKING_ALPN};
use wire::transport::endpoint::{self, CLOSE_DONE, SERVER_NAME, Trust};

use super::error::BenchError;
use overlord::folder::Folder;

/// A connection to an echo in this process, with certificates as an operator and an overlord have them. Each end has a runtime of
/// its own, as commands and daemons have them.
pub(super) struct Echo {
    connection: Connection,
    /// What is sent, and comes back.
    message: Vec<u8>,
    server: Server,
    dialler: Endpoint,
}

/// An echo on threads of its own.
struct Server {
    address: SocketAddr,
    /// Where it runs, until this is dropped.
    runtime: Option<Runtime>,
}

impl Drop for Server {
    fn drop(&mut self) {
        // To wait for its end would hold up the runtime of whoever drops it.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Echo {
    /// One with messages of so many bytes.
    pub(super) async fn start(folder: &Folder, size: usize) -> Result<Self, BenchError> {
        let server = Server::start(folder, size)?;
        let dialler = endpoint::dialler(server.address)?;
        let connection = dial(folder, &dialler, server.address).await?;
        Ok(Self { connection, message: vec![7; size], server, dialler })
    }

    /// One request and its answer, on a stream of their own.
    pub(super) async fn once(&self) -> Result<(), BenchError> {
        echo::ask(&self.connection, &self.message, self.message.len()).await.map_err(broke)
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
    fn start(folder: &Folder, size: usize) -> Result<Self, BenchError> {
        let authority = folder.authority()?;
        let overlord = folder.overlord_identity(&authority)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(broke)?;
        let endpoint = {
            let _entered = runtime.enter();
            endpoint::listen(([127, 0, 0, 1], 0).into(), &overlord, overlord.authorities(), &[ASKING_ALPN])?
        };
        let address = endpoint.local_addr().map_err(broke)?;
        runtime.spawn(serve(endpoint, size));
        Ok(Self { address, runtime: Some(runtime) })
    }
}

/// Serves all who come.
async fn serve(endpoint: Endpoint, size: usize) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            incoming = endpoint.accept() => {
                let Some(incoming) = incoming else { return };
                connections.spawn(async move {
                    if let Ok(connection) = incoming.await {
                        Allowance::OPERATOR.give(&connection);
                        echo::serve(connection, size, || ()).await;
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
        for size in [256, 300_000] {
            let echo = Echo::start(&folder, size).await.expect("started");
            for _ in 0..3 {
                echo.once().await.expect("echoed");
                echo.handshake(&folder).await.expect("shaken");
            }
        }
    }
}
