//! Finding the overlord's address and reaching the overlord there.

use std::net::SocketAddr;
use std::time::Duration;

use quinn::{Connection, Endpoint};
use tokio::net::UdpSocket;
use wire::transport::endpoint::{DEFAULT_PORT, Dialling, SERVER_NAME, dialler};

use super::error::{ClientError, Stood};

/// Dials each address that the name stands for, one after the other, within `patience` in all. Returns the
/// connection to the door that is asked for, and the endpoint that it lives on.
pub(super) async fn dial(
    address: &str,
    dialling: &Dialling,
    patience: Duration,
) -> Result<(Endpoint, Connection), ClientError> {
    let attempt = async {
        let mut failure = None;
        // "localhost" may stand for two addresses of which only one is listened on.
        for remote in resolve(address).await? {
            match dial_one(address, remote, dialling).await {
                Ok(connected) => return Ok(connected),
                Err(error) => failure = Some(error),
            }
        }
        Err(failure.unwrap_or_else(|| no_address(address)))
    };
    tokio::time::timeout(patience, attempt).await.unwrap_or_else(|_| {
        let cause = format!("no answer within {}", humantime::format_duration(patience));
        Err(ClientError::Unreachable { address: address.to_owned(), cause })
    })
}

async fn dial_one(
    address: &str,
    remote: SocketAddr,
    dialling: &Dialling,
) -> Result<(Endpoint, Connection), ClientError> {
    let endpoint = dialler(remote)?;
    let unreachable = |cause: String| ClientError::Unreachable { address: address.to_owned(), cause };
    let connecting = endpoint
        .connect_with(dialling.config.clone(), remote, SERVER_NAME)
        .map_err(|error| unreachable(error.to_string()))?;
    tokio::select! {
        connected = connecting => {
            let connection = connected.map_err(|error| {
                match (ClientError::of_connection(address, &error, Stood::NotYet), dialling.untimely()) {
                    (ClientError::Untrusted { address, .. }, Some(untimely)) => {
                        ClientError::Untimely { address, untimely }
                    }
                    (error, _) => error,
                }
            })?;
            Ok((endpoint, connection))
        }
        () = nobody_listens(remote) => Err(unreachable("nothing listens there".to_owned())),
    }
}

/// Ends as soon as the system at `remote` says that nothing listens there, and otherwise never.
///
/// QUIC's own socket is not told: without this, a CLI without an overlord waits for its whole patience.
async fn nobody_listens(remote: SocketAddr) {
    if refused(remote).await.is_ok() {
        return;
    }
    std::future::pending().await
}

/// Sends an empty datagram, and returns once it came back as "connection refused".
async fn refused(remote: SocketAddr) -> std::io::Result<()> {
    let any: SocketAddr = if remote.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0u16; 8], 0).into() };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(remote).await?;
    socket.send(&[]).await?;
    match socket.recv(&mut [0]).await {
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => Ok(()),
        Err(error) => Err(error),
        Ok(_) => Err(std::io::ErrorKind::InvalidData.into()),
    }
}

async fn resolve(address: &str) -> Result<Vec<SocketAddr>, ClientError> {
    let found = tokio::net::lookup_host(with_port(address)).await;
    let found: Vec<SocketAddr> =
        found.map_err(|cause| ClientError::Address { address: address.to_owned(), cause })?.collect();
    if found.is_empty() { Err(no_address(address)) } else { Ok(found) }
}

fn no_address(address: &str) -> ClientError {
    ClientError::Address { address: address.to_owned(), cause: std::io::ErrorKind::NotFound.into() }
}

/// The address with an overlord's usual port, where it names none.
fn with_port(address: &str) -> String {
    let bare_ipv6 = address.matches(':').count() > 1 && !address.starts_with('[');
    if bare_ipv6 {
        format!("[{address}]:{DEFAULT_PORT}")
    } else if address.contains(':') && !address.ends_with(']') {
        address.to_owned()
    } else {
        format!("{address}:{DEFAULT_PORT}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_port_gets_the_usual_one() {
        for (given, dialled) in [
            ("10.0.0.1", "10.0.0.1:51234"),
            ("10.0.0.1:7", "10.0.0.1:7"),
            ("overlord.example", "overlord.example:51234"),
            ("::1", "[::1]:51234"),
            ("[::1]", "[::1]:51234"),
            ("[::1]:7", "[::1]:7"),
        ] {
            assert_eq!(with_port(given), dialled);
        }
    }

    #[tokio::test]
    async fn a_port_that_nobody_listens_on_is_noticed_without_waiting() {
        // Privileged, and given to nobody.
        let address = ([127, 0, 0, 1], 1).into();
        refused(address).await.expect("refused");
    }
}
