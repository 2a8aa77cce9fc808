//! What an operator should know of a minion and may have to mend.

use std::net::SocketAddr;

use machine::clock::now_ms;
use wire::identity::{Peer, Side, Validity};
use wire::message::operator::Trouble;
use wire::name::MinionName;

use super::{Registry, standing};

/// What was seen of a minion that may have to be mended. It is forgotten after a while.
#[derive(Default)]
pub(super) struct Troubles {
    /// The address that another minion with its key dialled from last, and when, in milliseconds since 1970.
    second: Option<(SocketAddr, u64)>,
    /// The address from which another host with another key wanted its name last, and when, in milliseconds since 1970.
    namesake: Option<(SocketAddr, u64)>,
    /// The certificate that it came with although that was not good, and when, in milliseconds since 1970.
    certificate: Option<(Validity, u64)>,
}

impl Troubles {
    /// What there is to say of it at `now`, in milliseconds since 1970.
    pub(super) fn list(&self, now: u64) -> Vec<Trouble> {
        let recent = |at: u64| now.saturating_sub(at) < REMEMBERED_MS;
        let others = [self.second, self.namesake].into_iter().flatten().filter(|(_, at)| recent(*at));
        let second =
            others.map(|(from, seen_at)| Trouble::SecondMinion { address: from.to_string(), seen_at });
        let certificate = self.certificate.map(|(validity, seen_at)| Trouble::Certificate {
            valid_from: validity.from,
            valid_until: validity.until,
            seen_at,
        });
        second.chain(certificate).collect()
    }

    /// Takes note of another minion with its key. Returns whether that is news, since it goes on trying.
    pub(super) fn second(&mut self, from: SocketAddr) -> bool {
        let now = now_ms();
        let before = self.second.replace((from, now));
        before.is_none_or(|(before, at)| before.ip() != from.ip() || now.saturating_sub(at) >= REMEMBERED_MS)
    }

    /// Takes note that it was let in, so its certificate is good.
    pub(super) fn let_in(&mut self) {
        self.certificate = None;
    }
}

impl Registry {
    /// Takes note that a host with another key wanted the name of a minion, from this address.
    pub fn came_for_the_name(&self, name: &MinionName, from: SocketAddr) {
        if let Some(entry) = self.lock().get_mut(name) {
            entry.troubles.namesake = Some((from, now_ms()));
        }
    }

    /// Takes note that somebody came from this address with a key that the minion has renewed.
    pub fn came_with_former_key(&self, name: &MinionName, from: SocketAddr) {
        if let Some(entry) = self.lock().get_mut(name) {
            entry.troubles.second(from);
        }
    }

    /// Takes note that a minion came with a certificate of ours that is not good now.
    pub fn came_with_outdated(&self, peer: &Peer) {
        let Ok(name) = peer.name.parse() else { return };
        let mut minions = self.lock();
        if peer.side != Side::Minion || standing(&minions, &name, peer.key).is_err() {
            return;
        }
        if let Some(entry) = minions.get_mut(&name) {
            entry.troubles.certificate = Some((peer.validity, now_ms()));
        }
    }
}

/// How long after its last attempt a second minion is listed: it tries every few seconds while it runs.
const REMEMBERED_MS: u64 = 10 * 60 * 1000;
