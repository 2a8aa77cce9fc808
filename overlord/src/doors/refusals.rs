//! What the log says of peers that were turned away: few lines, however many they are.

use std::collections::HashMap;
use std::fmt::Display;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use super::source::Source;
use machine::lock;

/// Counts refusals by host, and logs the first of each at once and the others together.
///
/// Anyone can cause a refusal, so neither the lines nor what is kept between them grows with their number.
#[derive(Default)]
pub(super) struct Refusals(Mutex<Counted>);

/// What was refused since the last summary.
#[derive(Default)]
struct Counted {
    hosts: HashMap<Source, Host>,
    /// How many lines were logged at once.
    lines: usize,
    /// Refusals of hosts that there was no room for.
    elsewhere: Host,
}

/// What was refused of one host.
#[derive(Default)]
struct Host {
    /// How many lines were logged at once.
    lines: usize,
    left_out: u64,
    /// Why, the last time that it was left out.
    reason: String,
}

/// One line of the log.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    from: String,
    reason: String,
    left_out: u64,
}

/// Who was refused.
#[derive(Clone, Copy, Debug)]
pub(super) enum Applicant {
    /// A peer.
    Peer,
    /// A newcomer with a token.
    Newcomer,
}

impl Refusals {
    /// Notes that a peer was turned away, and why.
    pub(super) fn note(&self, from: SocketAddr, refused: Applicant, reason: impl Display) {
        let reason = shortened(reason.to_string());
        if let Some(line) = self.lock().line(from, reason) {
            line.log(refused);
        }
    }

    /// Logs how many refusals were left out since the last time. To be called every [`SUMMARY`].
    pub(super) fn summarise(&self) {
        let lines = self.lock().summary();
        lines.iter().for_each(|line| line.log(Applicant::Peer));
    }

    fn lock(&self) -> MutexGuard<'_, Counted> {
        lock::hold(&self.0)
    }
}

impl Counted {
    /// What is logged at once of a refusal.
    fn line(&mut self, from: SocketAddr, reason: String) -> Option<Line> {
        let source = Source::host_of(from);
        let is_known = self.hosts.contains_key(&source);
        let host = if is_known || self.hosts.len() < MAX_HOSTS {
            self.hosts.entry(source).or_default()
        } else {
            &mut self.elsewhere
        };
        if host.lines >= LINES_OF_HOST || self.lines >= LINES {
            host.left_out += 1;
            host.reason = reason;
            return None;
        }
        host.lines += 1;
        self.lines += 1;
        Some(Line { from: from.to_string(), reason, left_out: 0 })
    }

    /// What is logged of those that were left out: the hosts with most of them, and all others together.
    fn summary(&mut self) -> Vec<Line> {
        let mut elsewhere = std::mem::take(&mut self.elsewhere);
        let mut hosts: Vec<_> = self.hosts.iter_mut().filter(|(_, host)| host.left_out > 0).collect();
        hosts.sort_by_key(|(_, host)| std::cmp::Reverse(host.left_out));
        for (_, host) in hosts.iter_mut().skip(SUMMARY_LINES) {
            elsewhere.left_out += std::mem::take(&mut host.left_out);
            elsewhere.reason = std::mem::take(&mut host.reason);
        }
        hosts.truncate(SUMMARY_LINES);
        let mut lines: Vec<_> =
            hosts.iter_mut().map(|(source, host)| host.take(&source.to_string())).collect();
        if elsewhere.left_out > 0 {
            lines.push(elsewhere.take(&Source::Everyone.to_string()));
        }
        // A host that goes on has its lines behind it; one that has stopped begins anew.
        let summed: Vec<_> = lines.iter().map(|line| line.from.as_str()).collect();
        self.hosts.retain(|source, _| summed.contains(&source.to_string().as_str()));
        self.lines = 0;
        lines
    }
}

impl Host {
    fn take(&mut self, from: &str) -> Line {
        let reason = std::mem::take(&mut self.reason);
        Line { from: from.to_owned(), reason, left_out: std::mem::take(&mut self.left_out) }
    }
}

impl Line {
    fn log(&self, refused: Applicant) {
        let Self { from, reason, left_out } = self;
        match (left_out, refused) {
            (0, Applicant::Peer) => tracing::warn!(from, reason = ?reason, "refused"),
            (0, Applicant::Newcomer) => tracing::warn!(from, reason = ?reason, "refused to enrol"),
            (_, _) => tracing::warn!(from, left_out, last_reason = ?reason, "refused more than were logged"),
        }
    }
}

/// A peer says why it leaves in its own words, as many as fit into a datagram.
fn shortened(mut reason: String) -> String {
    if let Some((end, _)) = reason.char_indices().nth(MAX_REASON) {
        reason.truncate(end);
        reason.push('…');
    }
    reason
}

/// How often the log says what was left out.
pub(super) const SUMMARY: Duration = Duration::from_secs(10);
/// How many lines one host is worth at once, between two summaries.
const LINES_OF_HOST: usize = 4;
/// How many lines are logged at once, between two summaries.
const LINES: usize = 32;
/// How many hosts a summary names.
const SUMMARY_LINES: usize = 8;
/// How many hosts are told apart between two summaries.
const MAX_HOSTS: usize = 1024;
/// How many characters of a reason are kept.
const MAX_REASON: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(counted: &mut Counted, host: u16, count: usize) -> usize {
        let from = SocketAddr::from(([0x2001, 0xdb8, 1, host, 0, 0, 0, 1], 9));
        (0..count).filter_map(|n| counted.line(from, format!("reason {n}"))).count()
    }

    #[test]
    fn many_refusals_of_one_host_are_a_few_lines_and_a_count() {
        let mut counted = Counted::default();
        assert_eq!(lines(&mut counted, 7, 858), LINES_OF_HOST);
        let summary = counted.summary();
        let from = "2001:db8:1:7::/64".to_owned();
        let left_out = 858 - LINES_OF_HOST as u64;
        assert_eq!(summary, [Line { from, reason: "reason 857".into(), left_out }]);
        // It goes on: one line from now on, until it stops.
        assert_eq!(lines(&mut counted, 7, 858), 0);
        assert_eq!(counted.summary()[0].left_out, 858);
        assert_eq!(counted.summary(), []);
        assert_eq!(lines(&mut counted, 7, 1), 1);
    }

    #[test]
    fn refusals_of_many_hosts_are_bounded_too_and_none_is_lost() {
        let mut counted = Counted::default();
        let said: usize = (0..20_000).map(|host| lines(&mut counted, host, 2)).sum();
        assert_eq!((said, counted.hosts.len()), (LINES, MAX_HOSTS));
        let summary = counted.summary();
        assert_eq!(summary.len(), SUMMARY_LINES + 1);
        assert_eq!(summary.iter().map(|line| line.left_out).sum::<u64>() + said as u64, 40_000);
    }

    #[test]
    fn what_a_peer_says_is_cut() {
        assert_eq!(shortened("ü".repeat(2000)).chars().count(), MAX_REASON + 1);
        assert_eq!(shortened("short".into()), "short");
    }
}
