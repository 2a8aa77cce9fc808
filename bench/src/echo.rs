//! The floor of all measurements: a bare echo over the QUIC endpoints that everything here talks through.

use std::net::SocketAddr;

use quinn::{Connection, Endpoint, RecvStream, SendStream};
use tokio::task::JoinSet;
use wire::transport::allowance::Allowance;
use wire::transport::endpoint::{self, CLOSE_DONE, SERVER_NAME, Trust};

use super::error::BenchError;
use overlord::folder::Folder;

/// A connection to an echo in this process, with certificates as an operator and an overlord have them.
pub(super) struct Echo {
    connection: Connection,
    /// Both ends; held because the connection lives on them.
    _endpoints: [Endpoint; 2],
    /// Stops with this.
    _server: JoinSet<()>,
}

impl Echo {
    pub(super) async fn start(folder: &Folder) -> Result<Self, BenchError> {
        let authority = folder.authority()?;
        let overlord = folder.overlord_identity(&authority)?;
        let operator = folder.operator_identity()?;
        let server =
            endpoint::listen(([127, 0, 0, 1], 0).into(), &overlord, overlord.authorities(), &[ALPN])?;
        let address: SocketAddr = server.local_addr().map_err(broke)?;
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(server.clone()));
        let dialler = endpoint::dialler(address)?;
        let config =
            endpoint::client_config(Some(&operator), Trust::Authorities(operator.authorities()), &[ALPN])?;
        let connection =
            dialler.connect_with(config, address, SERVER_NAME).map_err(broke)?.await.map_err(broke)?;
        Ok(Self { connection, _endpoints: [server, dialler], _server: tasks })
    }

    /// One request and its answer, on a stream of their own.
    pub(super) async fn once(&self) -> Result<(), BenchError> {
        let (mut send, mut receive) = self.connection.open_bi().await.map_err(broke)?;
        send.write_all(&[7; MESSAGE]).await.map_err(broke)?;
        send.finish().map_err(broke)?;
        let answer = receive.read_to_end(MESSAGE).await.map_err(broke)?;
        if answer.len() == MESSAGE { Ok(()) } else { Err(broke("the answer is cut off")) }
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.connection.close(CLOSE_DONE, b"done");
    }
}

/// Serves one connection until it ends.
async fn serve(endpoint: Endpoint) {
    let Some(incoming) = endpoint.accept().await else { return };
    let Ok(connection) = incoming.await else { return };
    Allowance::OPERATOR.give(&connection);
    let mut streams = JoinSet::new();
    loop {
        tokio::select! {
            stream = connection.accept_bi() => match stream {
                Ok((send, receive)) => drop(streams.spawn(answer(send, receive))),
                Err(_) => return,
            },
            Some(_) = streams.join_next() => {}
        }
    }
}

/// Sends back what it receives. The other end sees where that fails.
async fn answer(mut send: SendStream, mut receive: RecvStream) {
    if let Ok(request) = receive.read_to_end(MESSAGE).await
        && send.write_all(&request).await.is_ok()
    {
        let _ = send.finish();
    }
}

fn broke(cause: impl std::fmt::Display) -> BenchError {
    BenchError::Echo(cause.to_string())
}

const ALPN: &[u8] = b"echo/1";

/// About what a small call and its outcome take.
const MESSAGE: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use overlord::config::InitOptions;

    #[tokio::test]
    async fn what_is_sent_comes_back_as_often_as_it_is_sent() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = Folder::at(dir.path());
        folder.init(&InitOptions::default()).expect("made");
        let echo = Echo::start(&folder).await.expect("started");
        for _ in 0..3 {
            echo.once().await.expect("echoed");
        }
    }
}
