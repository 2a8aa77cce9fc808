//! What is wrong with a minion that an operator should know of.

use std::net::SocketAddr;

use machine::clock::now_ms;
use wire::identity::{Peer, Role, Validity};
use wire::message::operator::Trouble;

use super::{Registry, standing};

/// What was seen of a minion that may have to be mended. It is forgotten after a while.
#[derive(Default)]
pub(super) struct Troubles {
    /// Another one with its key: from where it dialled last, and when.
    second: Option<(SocketAddr, u64)>,
    /// The certificate that it came with though the time of that is not now, and when.
    certificate: Option<(Validity, u64)>,
}

impl Troubles {
    /// What there is to say of it at `now`.
    pub(super) fn list(&self, now: u64) -> Vec<Trouble> {
        let recent = |at: u64| now.saturating_sub(at) < REMEMBERED_MS;
        let second = self.second.filter(|(_, at)| recent(*at));
        let second =
            second.map(|(from, seen_at)| Trouble::SecondMinion { address: from.to_string(), seen_at });
        let certificate = self.certificate.map(|(validity, seen_at)| Trouble::Certificate {
            valid_from: validity.from,
            valid_until: validity.until,
            seen_at,
        });
        second.into_iter().chain(certificate).collect()
    }

    /// Notes another one with its key. Says whether that is news: it goes on trying.
    pub(super) fn second(&mut self, from: SocketAddr) -> bool {
        let now = now_ms();
        let before = self.second.replace((from, now));
        before.is_none_or(|(before, at)| before.ip() != from.ip() || now.saturating_sub(at) >= REMEMBERED_MS)
    }

    /// Notes that it was let in.
    pub(super) fn let_in(&mut self) {
        self.certificate = None;
    }
}

impl Registry {
    /// Notes that a minion came with a certificate of ours whose time is not now.
    pub fn came_with_outdated(&self, peer: &Peer) {
        let Ok(name) = peer.name.parse() else { return };
        let mut minions = self.lock();
        if peer.role != Role::Minion || standing(&minions, &name, peer.key).is_err() {
            return;
        }
        if let Some(entry) = minions.get_mut(&name) {
            entry.troubles.certificate = Some((peer.validity, now_ms()));
        }
    }
}

/// How long after its last attempt a second minion is listed: it tries every few seconds while it runs.
const REMEMBERED_MS: u64 = 10 * 60 * 1000;
