//! QUIC endpoints with mutual TLS 1.3: [`listen`] for the overlord, [`dialler`] and [`Dialling`] for all who dial
//! it, and [`peer`] to ask who is at the other end.
//!
//! With `identity/` and `alpn` this is the only place that names rustls.

use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::ring::hmac as ring_hmac;
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{ClientConfig, Connection, Endpoint, EndpointConfig, ServerConfig, VarInt};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, SignatureScheme};

use crate::digest::Digest;
use crate::identity::{Identity, IdentityError, Peer, Side, Untimely, provider, roots, validity_and_moment};
use crate::message::link;
use crate::transport::allowance;
use crate::transport::connection_id::ConnectionIds;
use crate::transport::heartbeat::Heartbeat;

pub use crate::identity::SERVER_NAME;

/// The UDP port that an overlord listens on where its configuration names no other.
pub const DEFAULT_PORT: u16 = 51234;

/// The code with which a connection is closed in good order.
pub const CLOSE_DONE: VarInt = VarInt::from_u32(0);

/// The code with which a peer is refused. It is told nothing more: the reason is in the log of the end that
/// refused.
pub const CLOSE_REFUSED: VarInt = VarInt::from_u32(1);

/// The code with which an older connection makes way for a newer one of the same minion.
pub const CLOSE_REPLACED: VarInt = VarInt::from_u32(2);

/// The code with which a newcomer is turned away because too many newcomers are connected. It may try again.
pub const CLOSE_BUSY: VarInt = VarInt::from_u32(3);

/// The code with which a minion is turned away because another one with the same key is linked and answers.
pub const CLOSE_SECOND: VarInt = VarInt::from_u32(4);

/// The code with which a peer is turned away whose certificate is not good now by the overlord's clock.
pub const CLOSE_UNTIMELY: VarInt = VarInt::from_u32(5);

/// The code with which a minion's connection ends when its name was enrolled anew with another key.
pub const CLOSE_ENROLLED_ANEW: VarInt = VarInt::from_u32(6);

/// The code of a connection that an end's TLS closed because a certificate is not good now.
pub const ALERT_EXPIRED: u64 = 0x100 + 45;

/// The code of a connection that an end's TLS closed because the ends have no application protocol in common: no
/// version of the door that was asked for.
pub const ALERT_NO_PROTOCOL: u64 = 0x100 + 120;

/// Why an endpoint could not be made.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// The address cannot be listened on.
    #[error("cannot use UDP address {address}: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The key or a certificate cannot be used.
    #[error("cannot use the certificate: {0}")]
    Tls(#[from] rustls::Error),
    /// The verifier of certificates could not be made.
    #[error("cannot use the authority's certificate: {0}")]
    Authority(#[from] rustls::client::VerifierBuilderError),
    /// The TLS configuration lacks the cipher that QUIC begins with.
    #[error("cannot use TLS for QUIC: {0}")]
    Cipher(#[from] quinn::crypto::rustls::NoInitialCipherSuite),
}

/// How a dialler knows the overlord.
#[derive(Clone, Debug)]
pub enum Trust<'a> {
    /// By the certificates of the authorities that are trusted: one of them has signed that of the overlord, by itself or
    /// through others that the overlord shows.
    Authorities(&'a [CertificateDer<'static>]),
    /// By the digest of such a certificate, which the overlord shows: all that a newcomer has.
    Fingerprint(Digest),
}

/// Opens an endpoint that listens for all doors named in `alpns`. Clients may come without a certificate: a door
/// that wants one must ask [`peer`].
///
/// A client's certificate is taken where the key of one of these authorities has itself signed it, by that authority's
/// own certificate. What else a client shows is not looked at: it is the overlord's to know by whom it has certificates
/// signed, and no other intermediate of a root that it trusts lets anybody in.
///
/// Every connection begins with [`Allowance::STRANGER`](crate::transport::allowance::Allowance::STRANGER); the
/// code that knows the peer gives it more.
///
/// # Errors
/// [`EndpointError::Bind`] where the address cannot be listened on, [`EndpointError::Tls`] where the identity
/// cannot be used, and [`EndpointError::Authority`] where an authority's certificate cannot.
pub fn listen(
    address: SocketAddr,
    identity: &Identity,
    authorities: &[CertificateDer<'static>],
    alpns: &[&[u8]],
) -> Result<Endpoint, EndpointError> {
    endpoint(address, Some(serving(identity, authorities, alpns)?), reset_key(identity))
}

/// Lets an endpoint that listens show another identity, and take certificates of these authorities, to all who come from
/// now on. Those who are connected stay.
///
/// # Errors
/// [`EndpointError::Tls`] where the identity cannot be used, and [`EndpointError::Authority`] where an authority's
/// certificate cannot. The endpoint goes on with the former identity then.
pub fn show(
    endpoint: &Endpoint,
    identity: &Identity,
    authorities: &[CertificateDer<'static>],
    alpns: &[&[u8]],
) -> Result<(), EndpointError> {
    endpoint.set_server_config(Some(serving(identity, authorities, alpns)?));
    Ok(())
}

/// How an endpoint serves as this identity, for clients of these authorities.
fn serving(
    identity: &Identity,
    authorities: &[CertificateDer<'static>],
    alpns: &[&[u8]],
) -> Result<ServerConfig, EndpointError> {
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots(authorities)?), provider())
        .allow_unauthenticated()
        .build()?;
    let verifier = Arc::new(OwnClients(verifier));
    let mut tls = rustls::ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(verifier)
        .with_single_cert(identity.shown(), identity.key())?;
    tls.alpn_protocols = alpns.iter().map(|alpn| alpn.to_vec()).collect();
    // Nobody resumes a session here, so nothing is kept for that, least of all of strangers.
    tls.send_tls13_tickets = 0;
    tls.session_storage = Arc::new(NoServerSessionStorage {});
    let mut config = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls)?));
    allowance::bound_strangers(&mut config);
    Ok(config)
}

/// Opens an endpoint to dial from, on a port that the system chooses, for overlords whose address is of the same
/// family as `remote`.
///
/// # Errors
/// [`EndpointError::Bind`] where the system gives no socket.
pub fn dialler(remote: SocketAddr) -> Result<Endpoint, EndpointError> {
    let any: SocketAddr = if remote.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0u16; 8], 0).into() };
    endpoint(any, None, EndpointConfig::default())
}

/// What a connection is dialled with, and what was learned while it was refused.
#[derive(Clone, Debug)]
pub struct Dialling {
    /// The configuration that QUIC dials with.
    pub config: ClientConfig,
    untimely: Arc<Mutex<Option<Untimely>>>,
}

impl Dialling {
    /// Puts together who we are, whom we expect, and which door we want, in all versions that we know. A newcomer
    /// has no `identity` yet.
    ///
    /// # Errors
    /// [`EndpointError::Tls`] where a key or a certificate cannot be used, and [`EndpointError::Cipher`] where TLS
    /// lacks what QUIC needs.
    pub fn new(
        identity: Option<&Identity>,
        trust: Trust<'_>,
        alpns: &[&[u8]],
    ) -> Result<Self, EndpointError> {
        let untimely = Arc::default();
        let config = configured(identity, trust, alpns, &untimely)?;
        Ok(Self { config, untimely })
    }

    /// The same for the door of minions, with signs of life so often.
    pub fn with_heartbeat(mut self, heartbeat: Heartbeat) -> Self {
        self.config.transport_config(allowance::dialling(link::ALPNS[0], heartbeat));
        self
    }

    /// Why the overlord's certificate was refused the last time, where its authority has signed it and only its
    /// time is wrong. `None` where that never happened.
    pub fn untimely(&self) -> Option<Untimely> {
        *self.untimely.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Like [`Dialling::new`], for callers that need not know why a certificate was refused.
///
/// # Errors
/// As [`Dialling::new`].
pub fn client_config(
    identity: Option<&Identity>,
    trust: Trust<'_>,
    alpns: &[&[u8]],
) -> Result<ClientConfig, EndpointError> {
    Ok(Dialling::new(identity, trust, alpns)?.config)
}

fn configured(
    identity: Option<&Identity>,
    trust: Trust<'_>,
    alpns: &[&[u8]],
    untimely: &Arc<Mutex<Option<Untimely>>>,
) -> Result<ClientConfig, EndpointError> {
    let anchor = match trust {
        Trust::Authorities(certificates) => {
            // An authority's certificate that is unusable is refused here, and not as if the overlord's own were
            // wrong.
            roots(certificates)?;
            Anchor::Authorities(certificates.to_vec())
        }
        Trust::Fingerprint(fingerprint) => Anchor::Fingerprint(fingerprint),
    };
    let verifier = OverlordVerifier { anchor, untimely: untimely.clone() };
    let builder = rustls::ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut tls = match identity {
        Some(identity) => builder.with_client_auth_cert(identity.shown(), identity.key())?,
        None => builder.with_no_client_auth(),
    };
    tls.alpn_protocols = alpns.iter().map(|alpn| alpn.to_vec()).collect();
    // Each connection has a configuration of its own, in which no session of another one can be found: room for them would
    // be for nothing.
    tls.resumption = rustls::client::Resumption::disabled();
    let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls)?));
    let door = alpns.first().copied().unwrap_or_default();
    config.transport_config(allowance::dialling(door, Heartbeat::default()));
    Ok(config)
}

/// Who is at the other end, by the certificate that the handshake checked; `None` where the other end showed none.
///
/// Whether the certificate is good now is checked here, and not by the handshake: by then its owner has proved who
/// it is, and can be named.
///
/// # Errors
/// [`IdentityError::Foreign`] where the certificate has no side and name, and [`IdentityError::Untimely`] where it
/// is not good now.
pub fn peer(connection: &Connection) -> Result<Option<Peer>, IdentityError> {
    let Some(shown) = connection.peer_identity() else { return Ok(None) };
    let chain = shown.downcast_ref::<Vec<CertificateDer<'static>>>();
    let Some(certificate) = chain.and_then(|chain| chain.first()) else { return Ok(None) };
    let peer = Peer::of(certificate)?;
    match peer.validity.check() {
        Ok(()) => Ok(Some(peer)),
        Err(untimely) => Err(IdentityError::Untimely { peer: Box::new(peer), untimely }),
    }
}

/// The certificates that the other end showed, its own first; none where it showed none.
pub fn shown(connection: &Connection) -> Vec<CertificateDer<'static>> {
    let shown = connection.peer_identity().map(|shown| shown.downcast::<Vec<CertificateDer<'static>>>());
    shown.and_then(Result::ok).map(|shown| *shown).unwrap_or_default()
}

fn endpoint(
    address: SocketAddr,
    server: Option<ServerConfig>,
    config: EndpointConfig,
) -> Result<Endpoint, EndpointError> {
    let open = || {
        let socket = bind(address)?;
        Endpoint::new(config, server, socket, Arc::new(quinn::TokioRuntime))
    };
    open().map_err(|source| EndpointError::Bind { address, source })
}

/// Derives the key of stateless resets from the identity. A listener that dies and comes back must be able to tell
/// the peers of its former life, at once, that their connections are gone: the key has to outlive it.
fn reset_key(identity: &Identity) -> EndpointConfig {
    let secret = Digest::of(&[b"stateless reset", identity.key().secret_der()].concat());
    let mut config =
        EndpointConfig::new(Arc::new(ring_hmac::Key::new(ring_hmac::HMAC_SHA256, secret.as_bytes())));
    // A reset is only sent for a connection id that one of its lives may have given out.
    let secret = Digest::of(&[b"connection ids", identity.key().secret_der()].concat());
    let ids = ring_hmac::Key::new(ring_hmac::HMAC_SHA256, secret.as_bytes());
    config.cid_generator(move || Box::new(ConnectionIds::new(ids.clone())));
    config.min_reset_interval(RESETS);
    config
}

fn bind(address: SocketAddr) -> std::io::Result<UdpSocket> {
    let domain = socket2::Domain::for_address(address);
    let socket = socket2::Socket::new(domain, socket2::Type::DGRAM, Some(socket2::Protocol::UDP))?;
    // With the system's small buffers a burst of handshakes drops packets and takes three times as long.
    // The system may grant less; that costs speed and nothing else.
    let _ = socket.set_recv_buffer_size(SOCKET_BUFFER);
    let _ = socket.set_send_buffer_size(SOCKET_BUFFER);
    if address.is_ipv6() {
        // One socket for both families, where the system allows it.
        let _ = socket.set_only_v6(false);
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// What a dialler knows the authority by.
#[derive(Debug)]
enum Anchor {
    Authorities(Vec<CertificateDer<'static>>),
    /// The chain that an overlord shows must hold the certificate with this digest.
    Fingerprint(Digest),
}

/// Accepts an overlord whose certificate the authority has signed, and notes where it is only its time that is wrong.
#[derive(Debug)]
struct OverlordVerifier {
    anchor: Anchor,
    untimely: Arc<Mutex<Option<Untimely>>>,
}

impl ServerCertVerifier for OverlordVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let authorities = match &self.anchor {
            Anchor::Authorities(certificates) => certificates.clone(),
            Anchor::Fingerprint(fingerprint) => {
                let known = intermediates.iter().find(|certificate| Digest::of(certificate) == *fingerprint);
                let known =
                    known.ok_or(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer))?;
                vec![known.clone().into_owned()]
            }
        };
        // A certificate for a server of that name, which another intermediate of the root may have signed, is no overlord's.
        if !Peer::of(end_entity).is_ok_and(|peer| peer.side == Side::Overlord) {
            return Err(rustls::Error::InvalidCertificate(CertificateError::InvalidPurpose));
        }
        let (validity, signed_at) = validity_and_moment(end_entity, intermediates)?;
        let verified =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots(&authorities)?), provider())
                .build()
                .map_err(|error| rustls::Error::General(error.to_string()))?
                .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, signed_at)?;
        let Err(untimely) = validity.check() else { return Ok(verified) };
        *self.untimely.lock().unwrap_or_else(PoisonError::into_inner) = Some(untimely);
        Err(rustls::Error::InvalidCertificate(match untimely {
            Untimely::NotYet { .. } => CertificateError::NotValidYet,
            Untimely::Over { .. } => CertificateError::Expired,
        }))
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("TLS 1.2 is not spoken here".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = ring::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// Accepts clients whose certificates an authority has itself signed, whether or not they are good now: [`peer`] looks
/// at that.
#[derive(Debug)]
struct OwnClients(Arc<dyn ClientCertVerifier>);

impl ClientCertVerifier for OwnClients {
    fn offer_client_auth(&self) -> bool {
        self.0.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.0.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let (_, signed_at) = validity_and_moment(end_entity, &[])?;
        self.0.verify_client_cert(end_entity, &[], signed_at)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// How long after one peer of a former life was told that its connection is gone, the next one is: at once, since a whole fleet
/// learns it from its next pings, and whoever is passed over asks again after ever longer pauses. A reset is smaller than what asks
/// for it, and only answers ids that a former life has given out, which are verified.
const RESETS: Duration = Duration::ZERO;
const SOCKET_BUFFER: usize = 4 << 20;

#[cfg(test)]
mod tests;
