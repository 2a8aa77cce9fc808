//! One attempt to dial an overlord, and saying in words that help why that did not work.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use quinn::{Connection, ConnectionError, Endpoint, VarInt};

use wire::identity::{Identity, Moment, Untimely};
use wire::transport::endpoint::{
    ALERT_EXPIRED, ALERT_NO_PROTOCOL, CLOSE_BUSY, CLOSE_DONE, CLOSE_ENROLLED_ANEW, CLOSE_REFUSED,
    CLOSE_REPLACED, CLOSE_SECOND, CLOSE_UNTIMELY, DEFAULT_PORT, Dialling, EndpointError, SERVER_NAME,
};

/// Why there is no connection to an overlord, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The name in the address has no address.
    #[error("cannot find the overlord's address \"{address}\": {cause}")]
    Unresolved {
        /// The address that was looked up.
        address: String,
        /// What the system said.
        cause: String,
    },
    /// Nobody answered at the address.
    #[error(
        "no overlord answers at \"{address}\": check that `overlord serve` runs there and that its UDP port \
         is open"
    )]
    Silent {
        /// What was dialled.
        address: String,
    },
    /// Somebody answered who is not the expected overlord.
    #[error(
        "\"{address}\" is not the overlord that was expected: its certificate is of another authority. If the overlord has \
         moved to another one while this host was off, join again: `overlord minion invite NAME` there makes a token, and \
         `minion join TOKEN` here takes it"
    )]
    Stranger {
        /// What was dialled.
        address: String,
    },
    /// The overlord's certificate is the right one, and is not good now by this host's clock.
    #[error(
        "the certificate of the overlord at \"{address}\" {untimely}: set the clock of this host, or, where \
         that is right, start the overlord again, which renews it"
    )]
    Untimely {
        /// What was dialled.
        address: String,
        /// Whether the certificate's time has not come or is over.
        untimely: Untimely,
    },
    /// This minion's certificate is not good now by the overlord's clock.
    #[error("the overlord at \"{address}\" refuses this minion: {why}")]
    Outdated {
        /// What was dialled.
        address: String,
        /// What this host knows of that.
        why: String,
    },
    /// The overlord speaks no version that this program knows.
    #[error(
        "the overlord at \"{address}\" speaks none of the versions of this minion: bring both to the same \
         version"
    )]
    Version {
        /// What was dialled.
        address: String,
    },
    /// Another minion with this minion's identity is linked, and answers.
    #[error(
        "the overlord at \"{address}\" refuses this minion: another one with the same identity is linked \
         and answers. Is this folder a copy? Give this host a name of its own with `overlord minion invite NAME` and \
         `minion join TOKEN`, or stop the other one"
    )]
    Second {
        /// What was dialled.
        address: String,
    },
    /// Another key has this minion's name now.
    #[error(
        "the overlord at \"{address}\" has enrolled another key under this minion's name: if this host did not \
         join anew, enrol it with `overlord minion invite NAME` and `minion join TOKEN`"
    )]
    EnrolledAnew {
        /// What was dialled.
        address: String,
    },
    /// The overlord does not let this minion in.
    #[error(
        "the overlord at \"{address}\" refuses this minion: it was revoked or removed there, or its certificate is of \
         another overlord. `overlord minion list` says which: `overlord minion unrevoke NAME` lets it in again, or enrol \
         it anew with `overlord minion invite NAME` and `minion join TOKEN`"
    )]
    Refused {
        /// What was dialled.
        address: String,
    },
    /// Another process connected with the same certificate.
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
    /// The overlord closed the connection in good order.
    #[error("the overlord at \"{address}\" closed the link")]
    Closed {
        /// What was dialled.
        address: String,
    },
    /// The overlord is another process than the one that was connected to.
    #[error("the overlord at \"{address}\" was restarted")]
    Forgotten {
        /// What was dialled.
        address: String,
    },
    /// The connection broke for another reason.
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
            ConnectionError::ConnectionClosed(close) if u64::from(close.error_code) == ALERT_NO_PROTOCOL => {
                DialError::Version { address }
            }
            // An overlord of an older version says it in this way.
            ConnectionError::ConnectionClosed(close) if u64::from(close.error_code) == ALERT_EXPIRED => {
                DialError::Outdated { address, why: String::new() }
            }
            // The overlord's TLS refused our certificate; which alert it chose is for its own log.
            ConnectionError::ConnectionClosed(close) if is_alert(close.error_code) => {
                DialError::Refused { address }
            }
            // Our TLS refused the overlord's certificate.
            ConnectionError::TransportError(error) if is_alert(error.code) => DialError::Stranger { address },
            other => DialError::Broken { address, cause: other.to_string() },
        }
    }

    /// The error with what this host knows of its own certificate, where that is the cause.
    pub(crate) fn explained(self, identity: &Identity) -> Self {
        let DialError::Outdated { address, .. } = self else { return self };
        let name = identity.peer().map_or_else(|_| "NAME".to_owned(), |peer| peer.name);
        let why = match identity.validity().map(|validity| (validity, validity.check())) {
            Ok((_, Err(untimely))) => format!(
                "its certificate {untimely}. Set the clock of this host, or, where that is right, let it join again under \
                 its name: `overlord minion invite {name}` there makes a token, and `minion join TOKEN` here takes it; or let it wait without \
                 one, and `overlord minion accept {name}` there lets it in"
            ),
            Ok((validity, Ok(()))) => format!(
                "by the overlord's clock it is not the time of its certificate, which is valid {validity}, and this \
                 host's clock says {}. Set the clock of the overlord",
                Moment::now()
            ),
            Err(error) => format!("its certificate cannot be read ({error})"),
        };
        DialError::Outdated { address, why }
    }

    /// Whether another attempt soon would only fail in the same way.
    pub(crate) fn is_final(&self) -> bool {
        matches!(
            self,
            DialError::Refused { .. }
                | DialError::Replaced { .. }
                | DialError::Stranger { .. }
                | DialError::Second { .. }
                | DialError::EnrolledAnew { .. }
                | DialError::Outdated { .. }
                | DialError::Version { .. }
        )
    }
}

/// The addresses that a name stands for; at least one.
pub(crate) async fn resolved(address: &str) -> Result<Vec<SocketAddr>, DialError> {
    let unresolved = |cause| DialError::Unresolved { address: address.to_owned(), cause };
    let found = tokio::net::lookup_host(with_port(address)).await;
    let found = found.map_err(|error| unresolved(error.to_string()))?;
    let found: Vec<SocketAddr> = found.take(MAX_ADDRESSES).collect();
    if found.is_empty() {
        return Err(unresolved("it stands for no address".to_owned()));
    }
    Ok(found)
}

/// Shakes hands with who listens at one address.
pub(crate) async fn connect(
    endpoint: &Endpoint,
    address: &str,
    remote: SocketAddr,
    dialling: &Dialling,
) -> Result<Connection, DialError> {
    let broken = |cause: String| DialError::Broken { address: address.to_owned(), cause };
    let connecting = endpoint
        .connect_with(dialling.config.clone(), remote, SERVER_NAME)
        .map_err(|error| broken(error.to_string()))?;
    match tokio::time::timeout(PATIENCE, connecting).await {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(error)) => Err(match (DialError::ended(address, &error), dialling.untimely()) {
            (DialError::Stranger { address }, Some(untimely)) => DialError::Untimely { address, untimely },
            (ended, _) => ended,
        }),
        Err(_) => Err(DialError::Silent { address: address.to_owned() }),
    }
}

/// The address with an overlord's usual port, where it names none.
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
        CLOSE_SECOND => DialError::Second { address },
        CLOSE_UNTIMELY => DialError::Outdated { address, why: String::new() },
        CLOSE_ENROLLED_ANEW => DialError::EnrolledAnew { address },
        CLOSE_DONE => DialError::Closed { address },
        CLOSE_BUSY => DialError::Busy { address },
        other => DialError::Broken { address, cause: format!("the overlord closed it with code {other}") },
    }
}

/// Whether a code is an alert of TLS: those are the 256 codes from here on.
fn is_alert(code: impl Into<u64>) -> bool {
    (0x100..0x200).contains(&code.into())
}

/// How long one address has to answer. A new attempt also sends sooner than QUIC would try again.
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
