//! Dialling an overlord, and saying why it did not work in words that help.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use quinn::{ClientConfig, Connection, ConnectionError, Endpoint, VarInt};

use wire::endpoint::{
    self, CLOSE_BUSY, CLOSE_DONE, CLOSE_REFUSED, CLOSE_REPLACED, DEFAULT_PORT, EndpointError, SERVER_NAME,
};

/// A connection and the endpoint that carries it.
pub(crate) struct Dialled {
    /// Carries the connection; nothing else uses it.
    pub(crate) endpoint: Endpoint,
    /// The connection, once the overlord has proved who it is.
    pub(crate) connection: Connection,
}

/// Why there is no connection to an overlord, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The name in the address leads nowhere.
    #[error("cannot find the overlord's address \"{address}\": {cause}")]
    Unresolved {
        /// What was looked up.
        address: String,
        /// What the system said.
        cause: String,
    },
    /// Nobody answered.
    #[error(
        "no overlord answers at \"{address}\": check that `overlord serve` runs there and that its UDP port \
         is open"
    )]
    Silent {
        /// What was dialled.
        address: String,
    },
    /// Someone else answered.
    #[error("\"{address}\" is not the overlord that was expected: its certificate is of another authority")]
    Stranger {
        /// What was dialled.
        address: String,
    },
    /// The overlord does not let this minion in.
    #[error(
        "the overlord at \"{address}\" refuses this minion (revoked, unknown or expired certificate): enrol \
         it again with `overlord minion invite NAME`"
    )]
    Refused {
        /// What was dialled.
        address: String,
    },
    /// Another process came with the same certificate.
    #[error(
        "another process took the link to \"{address}\" over with this minion's certificate: stop the second \
         `minion serve`"
    )]
    Replaced {
        /// What was dialled.
        address: String,
    },
    /// The overlord has too many newcomers at the moment.
    #[error(
        "the overlord at \"{address}\" has too many newcomers from this address at the moment: try the same \
         token again"
    )]
    Busy {
        /// What was dialled.
        address: String,
    },
    /// The overlord said goodbye.
    #[error("the overlord at \"{address}\" closed the link")]
    Closed {
        /// What was dialled.
        address: String,
    },
    /// The overlord is another process than before.
    #[error("the overlord at \"{address}\" was restarted")]
    Forgotten {
        /// What was dialled.
        address: String,
    },
    /// Something else broke it.
    #[error("the link to \"{address}\" broke: {cause}")]
    Broken {
        /// What was dialled.
        address: String,
        /// What happened.
        cause: String,
    },
    /// There is no socket, or no usable certificate, to dial with.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
}

impl DialError {
    /// Why this connection to `address` ended.
    pub(crate) fn ended(address: &str, error: &ConnectionError) -> Self {
        let address = address.to_owned();
        match error {
            ConnectionError::TimedOut => DialError::Silent { address },
            ConnectionError::Reset => DialError::Forgotten { address },
            ConnectionError::ApplicationClosed(close) => closed(address, close.error_code),
            // The overlord's TLS did not like our certificate; which alert it chose is for its own log.
            ConnectionError::ConnectionClosed(close) if is_alert(close.error_code) => {
                DialError::Refused { address }
            }
            // Our TLS did not like the overlord's.
            ConnectionError::TransportError(error) if is_alert(error.code) => DialError::Stranger { address },
            other => DialError::Broken { address, cause: other.to_string() },
        }
    }

    /// Whether it makes no sense to try again soon.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self, DialError::Refused { .. } | DialError::Replaced { .. } | DialError::Stranger { .. })
    }
}

/// Dials every address that the name stands for, one after the other, and returns the first that answers.
pub(crate) async fn dial(address: &str, config: &ClientConfig) -> Result<Dialled, DialError> {
    let unresolved = |cause| DialError::Unresolved { address: address.to_owned(), cause };
    let found = tokio::net::lookup_host(with_port(address)).await;
    let found: Vec<SocketAddr> = found.map_err(|error| unresolved(error.to_string()))?.collect();
    let mut failed = unresolved("it stands for no address".into());
    for remote in found.into_iter().take(MAX_ADDRESSES) {
        match attempt(address, remote, config).await {
            Ok(dialled) => return Ok(dialled),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

async fn attempt(address: &str, remote: SocketAddr, config: &ClientConfig) -> Result<Dialled, DialError> {
    let endpoint = endpoint::dialler(remote)?;
    let broken = |cause: String| DialError::Broken { address: address.to_owned(), cause };
    let connecting = endpoint
        .connect_with(config.clone(), remote, SERVER_NAME)
        .map_err(|error| broken(error.to_string()))?;
    match tokio::time::timeout(PATIENCE, connecting).await {
        Ok(Ok(connection)) => Ok(Dialled { endpoint, connection }),
        Ok(Err(error)) => Err(DialError::ended(address, &error)),
        Err(_) => Err(DialError::Silent { address: address.to_owned() }),
    }
}

/// The address with a port, the usual one where it names none.
fn with_port(address: &str) -> String {
    let bare = address.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(ip) => SocketAddr::new(ip, DEFAULT_PORT).to_string(),
        Err(_) if address.contains(':') => address.to_owned(),
        Err(_) => format!("{address}:{DEFAULT_PORT}"),
    }
}

fn closed(address: String, code: VarInt) -> DialError {
    match code {
        CLOSE_REFUSED => DialError::Refused { address },
        CLOSE_REPLACED => DialError::Replaced { address },
        CLOSE_DONE => DialError::Closed { address },
        CLOSE_BUSY => DialError::Busy { address },
        other => DialError::Broken { address, cause: format!("the overlord closed it with code {other}") },
    }
}

/// TLS alerts are the 256 codes from here on.
fn is_alert(code: impl Into<u64>) -> bool {
    (0x100..0x200).contains(&code.into())
}

/// How long one address has to answer. A fresh attempt also sends sooner than QUIC would try again.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many addresses of one name are tried.
const MAX_ADDRESSES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_port_gets_the_usual_one() {
        for (given, meant) in [
            ("overlord.example.org", "overlord.example.org:51234"),
            ("overlord.example.org:7", "overlord.example.org:7"),
            ("10.0.0.1", "10.0.0.1:51234"),
            ("10.0.0.1:7", "10.0.0.1:7"),
            ("::1", "[::1]:51234"),
            ("[::1]", "[::1]:51234"),
            ("[::1]:7", "[::1]:7"),
        ] {
            assert_eq!(with_port(given), meant);
        }
    }
}
