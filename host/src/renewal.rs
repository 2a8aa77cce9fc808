//! The minion renews its certificate over its link, with a new key each time.
//!
//! The overlord says when. The new key and its certificate are on disk before the overlord hears of them again; then a
//! connection of their own shows that they work, and with that the former key is not good any more. The link is not
//! touched: nobody who has a job here notices. Wherever this breaks off, the folder has a key that the overlord takes.

use std::convert::Infallible;
use std::time::Duration;

use machine::backoff::Backoff;
use quinn::Connection;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use wire::digest::Digest;
use wire::identity::{Identity, IdentityError, Moment, make_key, signing_request};
use wire::message::link::{ALPNS, Acknowledged, Notice};
use wire::message::renewal::Renewal as Answer;
use wire::transport::endpoint::{Dialling, Trust};
use wire::transport::frame::FrameError;

use crate::audit::Audit;
use crate::dial::DialError;
use crate::dialler::Dialler;
use crate::membership::{Member, Membership, authorities};
use crate::notice::notify;

/// The renewal of a minion's certificate over one link.
pub(crate) struct Renewal<'a> {
    pub(crate) membership: &'a Membership,
    pub(crate) connection: &'a Connection,
    /// Shows the new certificate on a connection of its own.
    pub(crate) dialler: &'a Dialler,
    /// Told until when the certificate is good.
    pub(crate) member: &'a watch::Sender<Member>,
    pub(crate) audit: &'a Audit,
    pub(crate) wanted: &'a Wanted,
}

/// That the overlord wants the certificate to be renewed before it is due, since it moves to another authority.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted(watch::Sender<Option<Instant>>);

impl Wanted {
    /// It is to be renewed in so much time, or earlier where that was said before: who asks again and again, each time for another
    /// moment, puts nothing off.
    pub(crate) fn in_time(&self, time: Duration) {
        let now = Instant::now();
        let at = now + time.min(LONGEST);
        self.0.send_if_modified(|wanted| {
            if wanted.is_some_and(|before| before > now && before <= at) {
                return false;
            }
            *wanted = Some(at);
            true
        });
    }
}

/// Why a certificate is renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// It is due.
    Due,
    /// The overlord has asked for it.
    Asked,
}

/// Why there is no new certificate yet.
#[derive(Debug, thiserror::Error)]
enum NotRenewed {
    #[error("the overlord refuses: {0}")]
    Refused(String),
    #[error("cannot ask the overlord: {0}")]
    Link(#[from] FrameError),
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error("this host has joined anew meanwhile")]
    JoinedAnew,
}

/// Why a new certificate could not be shown.
#[derive(Debug, thiserror::Error)]
enum NotProved {
    #[error(transparent)]
    Dial(#[from] DialError),
    #[error("the overlord does not answer: {0}")]
    Silent(FrameError),
}

impl Renewal<'_> {
    /// Renews the certificate in so much time, and from then on whenever it is due. Ends with the link.
    pub(crate) async fn run(self, renew_in: Duration) -> Infallible {
        let (mut backoff, mut due) = (Backoff::new(SHORTEST, LONGEST), Instant::now() + renew_in);
        let (mut asked, mut cause) = (self.wanted.0.subscribe(), Cause::Due);
        // When it is due whatever the overlord asks for, and how soon it may be asked for at the earliest.
        let (mut own_due, mut earliest) = (due, Instant::now());
        loop {
            tokio::select! {
                () = sleep_until(due) => {}
                // It fails only when nobody can ask any more, and `self` holds who can.
                Ok(()) = asked.changed() => {
                    if let Some(at) = *asked.borrow_and_update() {
                        (due, cause) = (at.max(earliest), Cause::Asked);
                    }
                    continue;
                }
            }
            match self.renew(cause).await {
                Ok(renew_in) => {
                    (due, cause) = (Instant::now() + until_next(renew_in), Cause::Due);
                    own_due = due;
                    earliest = Instant::now() + LEAST_ASKED;
                    self.prove(&mut asked).await;
                    backoff.reset();
                }
                Err(error) => {
                    let until = self.member.borrow().valid_until;
                    tracing::warn!(%error, until = %Moment(until), "the certificate is not renewed, trying again");
                    due = Instant::now() + backoff.pause();
                    // Who asks again does not shorten the pause; and one that cannot follow renews as it is, before it ends.
                    earliest = due;
                    if Instant::now() >= own_due {
                        cause = Cause::Due;
                    }
                }
            }
        }
    }

    /// Gets the next certificate and keeps it. Returns in how much time the one after it is due.
    async fn renew(&self, cause: Cause) -> Result<Duration, NotRenewed> {
        let key = make_key()?;
        let request = signing_request(&key)?;
        let notice = match cause {
            Cause::Due => Notice::Renew(request),
            Cause::Asked => Notice::Move(request),
        };
        let (credentials, renew_in_ms) = match notify(self.connection, &notice).await? {
            Answer::Renewed { credentials, renew_in_ms } => (credentials, renew_in_ms),
            Answer::Refused(why) => return Err(NotRenewed::Refused(why)),
        };
        let before = self.membership.identity();
        let renewed = before.renewed(&key, credentials)?;
        let peer = renewed.peer()?;
        let authorities = authorities(&renewed);
        let trusted = (renewed.authorities() != before.authorities()).then(|| fingerprints(&renewed));
        if !self.membership.keep(renewed)? {
            return Err(NotRenewed::JoinedAnew);
        }
        self.member.send_modify(|member| {
            member.valid_until = peer.validity.until;
            member.authorities = authorities;
        });
        self.audit.renewed(&peer);
        if let Some(trusted) = trusted {
            self.audit.authorities_changed(&trusted);
            tracing::info!(trusted = trusted.join(", "), "other authorities of overlords are trusted now");
        }
        tracing::info!(key = %peer.key, until = %Moment(peer.validity.until), "renewed the certificate");
        Ok(Duration::from_millis(renew_in_ms))
    }

    /// Shows the overlord the new certificate, for as many attempts as it takes, or until the overlord asks for another one: it may
    /// have gone back to another authority. Until then both keys are good.
    async fn prove(&self, asked: &mut watch::Receiver<Option<Instant>>) {
        tokio::select! {
            () = self.show_until_seen() => {}
            Ok(()) = asked.changed() => asked.mark_changed(),
        }
    }

    async fn show_until_seen(&self) {
        let (mut backoff, mut said) = (Backoff::new(SHORTEST, LONGEST), String::new());
        while let Err(error) = self.show().await {
            let why = error.to_string();
            if said != why {
                tracing::warn!(why, "the new certificate cannot be shown to the overlord, trying again");
            }
            said = why;
            sleep(backoff.pause()).await;
        }
    }

    async fn show(&self) -> Result<(), NotProved> {
        let (identity, address) = (self.membership.identity(), &self.membership.member.overlord);
        let dialling = Dialling::new(Some(&identity), Trust::Authorities(identity.authorities()), ALPNS);
        let dialled = self.dialler.dial(address, &dialling.map_err(DialError::from)?).await?;
        let shown = notify(&dialled.connection, &Notice::Proof).await;
        let closed = dialled.connection.close_reason();
        dialled.close().await;
        match (shown, closed) {
            (Ok(Acknowledged), _) => Ok(()),
            (Err(_), Some(reason)) => Err(DialError::ended(address, &reason).explained(&identity).into()),
            (Err(error), None) => Err(NotProved::Silent(error)),
        }
    }
}

/// The authorities that an identity trusts, by their fingerprints.
fn fingerprints(identity: &Identity) -> Vec<String> {
    identity.authorities().iter().map(|authority| Digest::of(authority).to_string()).collect()
}

/// In how much time a certificate that was renewed now is renewed again, where the overlord says so: each is a new key and a
/// write to disk, whatever it says.
fn until_next(renew_in: Duration) -> Duration {
    renew_in.max(LEAST)
}

/// The least time from one renewal to the next. The briefest certificates that an overlord makes, for 30 seconds, are good
/// for longer.
const LEAST: Duration = Duration::from_secs(10);
/// The same where the overlord asks for it, as it does at each step of a move to another authority.
const LEAST_ASKED: Duration = Duration::from_secs(1);
/// The shortest and the longest pause before the next attempt, but for what chance adds.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_asked_again_before_it_has_renewed_does_so_at_the_earlier_moment() {
        let wanted = Wanted::default();
        let asked = wanted.0.subscribe();
        let mut last = None;
        for (secs, is_news) in [(300, true), (500, false), (100, true), (300, false)] {
            wanted.in_time(Duration::from_secs(secs));
            let at = *asked.borrow();
            assert_eq!(at != last, is_news, "{secs}");
            last = at;
        }
    }

    #[test]
    fn an_overlord_cannot_ask_for_one_renewal_after_the_other_without_a_pause() {
        for (said, waited) in [(0, 10), (9, 10), (17, 17), (86_400, 86_400)] {
            assert_eq!(until_next(Duration::from_secs(said)), Duration::from_secs(waited));
        }
    }
}
