//! The ids that an endpoint gives out for its connections.

use std::time::Duration;

use quinn_proto::{ConnectionId, ConnectionIdGenerator, InvalidCid, RandomConnectionIdGenerator};
use ring::hmac;

/// Makes ids that no two connections share, also not those of two lives of one endpoint, and knows whether one of its lives may
/// have made an id.
///
/// A listener that was restarted tells a peer of its former life, by a stateless reset, that the connection is gone. It cannot where
/// the id of that connection belongs to another one by now, and the peer waits until it gives up. The ids of quinn's own that can be
/// verified have 24 bits to tell them apart, so that this happens to one of a thousand peers at every third restart.
pub(super) struct ConnectionIds {
    random: RandomConnectionIdGenerator,
    key: hmac::Key,
}

impl ConnectionIds {
    /// Ids that are verified by this key, which is to outlive the endpoint.
    pub(super) fn new(key: hmac::Key) -> Self {
        Self { random: RandomConnectionIdGenerator::new(RANDOM), key }
    }

    /// What an id with these random bytes ends with.
    fn signature(&self, random: &[u8]) -> [u8; SIGNATURE] {
        let mut signature = [0; SIGNATURE];
        signature.copy_from_slice(&hmac::sign(&self.key, random).as_ref()[..SIGNATURE]);
        signature
    }
}

impl ConnectionIdGenerator for ConnectionIds {
    fn generate_cid(&mut self) -> ConnectionId {
        let random = self.random.generate_cid();
        ConnectionId::new(&[&random[..], &self.signature(&random)].concat())
    }

    fn validate(&self, id: &ConnectionId) -> Result<(), InvalidCid> {
        let random = id.get(..RANDOM).ok_or(InvalidCid)?;
        if id[RANDOM..] == self.signature(random) { Ok(()) } else { Err(InvalidCid) }
    }

    fn cid_len(&self) -> usize {
        RANDOM + SIGNATURE
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}

/// How many bytes of an id are random.
const RANDOM: usize = 8;
/// How many bytes follow, by which it is verified. They need not keep a forger away, who gains no more than an answer of a few
/// bytes; they spare those answers where packets are damaged or for somebody else.
const SIGNATURE: usize = 4;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn ids(key: &[u8]) -> ConnectionIds {
        ConnectionIds::new(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    #[test]
    fn an_endpoint_knows_the_ids_of_its_former_lives_and_no_others() {
        let (mut former, present, mut other) = (ids(b"one"), ids(b"one"), ids(b"other"));
        for _ in 0..100 {
            let id = former.generate_cid();
            assert_eq!(id.len(), present.cid_len());
            assert!(present.validate(&id).is_ok() && present.validate(&other.generate_cid()).is_err());
        }
        assert!(present.validate(&ConnectionId::new(&[])).is_err());
        assert!(present.validate(&ConnectionId::new(&[1; 8])).is_err());
    }

    #[test]
    fn no_id_is_given_out_twice_however_many_connections_there_were() {
        let mut ids = ids(b"one");
        let all: HashSet<_> = (0..100_000).map(|_| ids.generate_cid()).collect();
        assert_eq!(all.len(), 100_000);
    }
}
