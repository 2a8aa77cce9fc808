//! Which door a connection asked for, and in which version.

use quinn::Connection;

/// The application protocol that both ends agreed on, which says the door and the version; `None` before the
/// handshake.
pub fn alpn(connection: &Connection) -> Option<Vec<u8>> {
    let data = connection.handshake_data()?;
    data.downcast_ref::<quinn::crypto::rustls::HandshakeData>()?.protocol.clone()
}
