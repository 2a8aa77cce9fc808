//! What stands before all doors: how many may be on their way in, how often a newcomer may fail, and what the
//! log says of those who were turned away.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::connection_limit::{ConnectionLimit, Share, Shares};
use super::refusals::Refusals;
use super::source::Source;
use machine::lock;

/// What all doors share.
pub(super) struct Guard {
    /// Those whose handshake is under way.
    pub(super) strangers: Arc<ConnectionLimit>,
    /// Those who have come to the newcomers' door.
    pub(super) newcomers: Arc<ConnectionLimit>,
    pub(super) failures: Failures,
    pub(super) refusals: Refusals,
    /// Whose refusals the audit log has, and since when.
    audited: Mutex<HashMap<String, Instant>>,
}

impl Guard {
    pub(super) fn new() -> Self {
        Self {
            strangers: ConnectionLimit::new(STRANGERS),
            newcomers: ConnectionLimit::new(NEWCOMERS),
            failures: Failures::default(),
            refusals: Refusals::default(),
            audited: Mutex::default(),
        }
    }

    /// Whether that the owner of a certificate is refused belongs into the audit log: it goes on trying, and the log would
    /// have nothing else.
    pub(super) fn is_news(&self, name: &str) -> bool {
        let now = Instant::now();
        let mut audited = lock::hold(&self.audited);
        if audited.len() >= MAX_AUDITED {
            audited.retain(|_, since| now.saturating_duration_since(*since) < AUDITED_EVERY);
        }
        let is_old = |since: &Instant| now.saturating_duration_since(*since) >= AUDITED_EVERY;
        if audited.get(name).is_some_and(|since| !is_old(since)) || audited.len() >= MAX_AUDITED {
            return false;
        }
        audited.insert(name.to_owned(), now);
        true
    }

    /// Whether a peer at this address must show that it is there before anything is held for it. Otherwise
    /// anyone could use the shares of others, under their addresses.
    pub(super) fn wants_proof(&self, from: SocketAddr) -> bool {
        let (host, everyone) = self.strangers.crowd(from);
        host >= UNPROVEN_OF_HOST || everyone >= UNPROVEN
    }
}

/// How many answers to wrong tokens each host has left.
#[derive(Default)]
pub(super) struct Failures(Mutex<HashMap<Source, Left>>);

/// Answers of one host.
#[derive(Clone, Copy)]
struct Left {
    answers: f64,
    at: Instant,
}

impl Failures {
    /// Whether another wrong token from this address is worth an answer.
    pub(super) fn is_answered(&self, from: SocketAddr) -> bool {
        self.is_answered_at(from, Instant::now())
    }

    fn is_answered_at(&self, from: SocketAddr, now: Instant) -> bool {
        let mut hosts = lock::hold(&self.0);
        let refilled = |left: &Left| {
            let grown = now.saturating_duration_since(left.at).as_secs_f64() / REFILL.as_secs_f64();
            (left.answers + grown).min(ANSWERS)
        };
        let source = Source::host_of(from);
        let answers = match hosts.get(&source) {
            Some(left) => refilled(left),
            None => {
                if hosts.len() >= MAX_HOSTS {
                    hosts.retain(|_, left| refilled(left) < ANSWERS);
                }
                if hosts.len() >= MAX_HOSTS {
                    return false;
                }
                ANSWERS
            }
        };
        let is_answered = answers >= 1.0;
        let answers = if is_answered { answers - 1.0 } else { answers };
        hosts.insert(source, Left { answers, at: now });
        is_answered
    }
}

/// A handshake costs some tens of kilobytes, and a first datagram that waits a few.
const STRANGERS: Shares = Shares {
    socket: Share { places: 8, present: 32 },
    host: Share { places: 32, present: 512 },
    network: Share { places: 64, present: 512 },
    everyone: Share { places: 512, present: 1536 },
};

/// A connection of a newcomer costs about a hundred kilobytes, whether it has a place or waits.
const NEWCOMERS: Shares = Shares {
    socket: Share { places: 1, present: 2 },
    host: Share { places: 4, present: 32 },
    network: Share { places: 8, present: 64 },
    everyone: Share { places: 32, present: 192 },
};

/// How many of a host may be on their way in before the next ones must prove their address.
const UNPROVEN_OF_HOST: usize = 4;
/// The same, of all.
const UNPROVEN: usize = 64;
/// How many wrong tokens of a host are answered at once.
const ANSWERS: f64 = 8.0;
/// How long it takes until one more is answered.
const REFILL: Duration = Duration::from_secs(5);
/// How often the audit log has it that the same certificate is refused.
const AUDITED_EVERY: Duration = Duration::from_secs(600);
/// How many refused certificates are told apart for that.
const MAX_AUDITED: usize = 4096;
/// How many hosts that sent wrong tokens are remembered.
const MAX_HOSTS: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn host(number: u32) -> SocketAddr {
        SocketAddr::from((number.to_be_bytes(), 9))
    }

    #[test]
    fn few_wrong_tokens_of_a_host_are_answered_and_later_a_few_more() {
        let (failures, now) = (Failures::default(), Instant::now());
        let answered = |from, at| (0..100).filter(|_| failures.is_answered_at(from, at)).count();
        assert_eq!(answered(host(1), now), ANSWERS as usize);
        assert_eq!(answered(host(2), now), ANSWERS as usize);
        assert_eq!(answered(host(1), now + REFILL * 3), 3);
        assert_eq!(answered(host(1), now + REFILL * 1000), ANSWERS as usize);
    }

    #[test]
    fn no_more_hosts_are_remembered_than_there_is_room_for() {
        let (failures, now) = (Failures::default(), Instant::now());
        let answered = (0..5000).filter(|number| failures.is_answered_at(host(*number), now)).count();
        assert_eq!(answered, MAX_HOSTS);
        assert!(failures.is_answered_at(host(5000), now + REFILL));
    }
}
