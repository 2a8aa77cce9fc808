//! Certificates are renewed over the connections of their owners.

use std::fmt::Display;
use std::net::SocketAddr;
use std::time::Duration;

use ledger::{Holding, Issued};
use quinn::Connection;
use wire::identity::{IdentityError, Moment, Peer, Side, SigningRequest, Validity};
use wire::message::operator::{OperatorReply, Refusal, RefusalKind};
use wire::message::renewal::{MAX_SIGNING_REQUEST, Renewal};
use wire::name::MinionName;
use wire::transport::endpoint;

use crate::authorities::Authorities;
use crate::operators::{Presence, RenewalError};
use crate::registry::{Link, LinkError};
use crate::services::Services;

/// Makes the next certificate of a minion, for the key of its signing request.
///
/// # Errors
/// [`LinkError::Replaced`] where the connection does not speak for the minion any more.
pub(super) async fn of_minion(
    services: &Services,
    link: &Link,
    minion: &MinionName,
    over: &Connection,
    (request, knows_moves): (&[u8], bool),
) -> Result<Renewal, LinkError> {
    let Services { authorities, audit, .. } = services;
    let held = authorities.held();
    let lifetime = held.own().lifetimes().minion;
    let before = link.next()?;
    let refused = |why: String| {
        tracing::warn!(%minion, ?why, "its certificate is not renewed");
        Ok(Renewal::Refused(why))
    };
    let shown = link.shown()?;
    let next = before.map(|before| before.key);
    let is_asked = knows_moves && shown.is_some_and(|shown| !authorities.has_moved_with(&shown.key, next));
    // Before the request is looked at, which costs more than to send it.
    if let Some(objection) = link.too_early(if is_asked { MOVE_PAUSE } else { pause(lifetime) })? {
        return refused(format!("\"{minion}\" {objection}"));
    }
    if !is_asked && shown.is_some_and(|shown| !may_be_due(shown.validity(), lifetime)) {
        return refused(format!("\"{minion}\" asks long before its certificate is due"));
    }
    let request = match SigningRequest::from_der(request) {
        Ok(request) => request,
        Err(error) => return refused(format!("its signing request is no good: {error}")),
    };
    if let Some(objection) = link.objection(request.key())? {
        return refused(format!("\"{minion}\" {objection}"));
    }
    let holds = shown.map(|shown| authorities.holding(&shown.key)).unwrap_or_else(|| held.first_holding());
    let (from, certificates) = (over.remote_address(), endpoint::shown(over));
    if !certificates.first().is_some_and(|certificate| held.is_known(certificate, &holds)) {
        return refused(format!("the certificate of \"{minion}\" is of an authority that was let go of"));
    }
    let renewing = held.renewing(&holds, knows_moves);
    let signed = renewing.authority.sign_request(&request, Side::Minion, minion.as_str());
    let (certificate, peer) = match signed.and_then(|certificate| Ok((Peer::of(&certificate)?, certificate)))
    {
        Ok((peer, certificate)) => (certificate, peer),
        Err(error) => return refused(format!("it cannot be signed: {error}")),
    };
    if let Err(why) = record(authorities, link, &peer, renewing.holding.clone()).await? {
        return refused(why);
    }
    if let Some(before) = before {
        // It was never shown, and lets nobody in any more.
        authorities.is_former(before.key).await;
    }
    audit.renewed(&peer, from);
    tracing::info!(%minion, key = %peer.key, until = %Moment(peer.validity.until), "renewed its certificate");
    let renew_in_ms = due_in(peer.validity, lifetime);
    Ok(Renewal::Renewed { credentials: renewing.credentials(certificate), renew_in_ms })
}

/// Puts a certificate on record before its owner has it; or says why that cannot be: the link goes on, and the minion asks
/// again.
async fn record(
    authorities: &Authorities,
    link: &Link,
    peer: &Peer,
    holding: Holding,
) -> Result<Result<(), String>, LinkError> {
    let cannot = |error: &dyn Display| Ok(Err(format!("it cannot be recorded: {error}")));
    if let Err(error) = authorities.giving(peer.key, holding).await {
        return cannot(&error);
    }
    match link.renewing(Issued::from(peer)).await {
        Err(LinkError::Ledger(error)) => cannot(&error),
        recorded => recorded.map(Ok),
    }
}

/// Makes the next certificate of an operator, for the key of its signing request.
///
/// # Errors
/// [`Refusal`], where the request is no good.
pub(super) async fn of_operator(
    services: &Services,
    (presence, certificate): (&Presence, &[u8]),
    (from, request, knows_moves): (SocketAddr, &[u8], bool),
) -> Result<OperatorReply, Refusal> {
    let Services { authorities, audit, .. } = services;
    let operator = presence.name();
    let (held, holds) = (authorities.held(), authorities.holding(&presence.key()));
    if !held.is_known(certificate, &holds) {
        let message = "the certificate is of an authority that was let go of: have an administrator run `overlord operator \
                       invite NAME --replace`, and log in with the token";
        return Err(Refusal::new(RefusalKind::Denied, message.to_owned()));
    }
    let renewing = held.renewing(&holds, knows_moves);
    let authority = &renewing.authority;
    let bad = |error: IdentityError| {
        Refusal::new(RefusalKind::BadRequest, format!("the signing request is no good: {error}"))
    };
    if request.len() > MAX_SIGNING_REQUEST {
        let message = format!("a signing request has {MAX_SIGNING_REQUEST} bytes at most");
        return Err(Refusal::new(RefusalKind::BadRequest, message));
    }
    let request = SigningRequest::from_der(request).map_err(bad)?;
    let lifetime = services.operators.find(operator).and_then(|(record, _)| record.lifetime_ms);
    let certificate = match lifetime {
        Some(lifetime) => authority.sign_request_for(&request, Side::Operator, operator.as_str(), lifetime),
        None => authority.sign_request(&request, Side::Operator, operator.as_str()),
    };
    let certificate = certificate.map_err(bad)?;
    let peer = Peer::of(&certificate).map_err(bad)?;
    let recorded = services.operators.renew(operator, presence.key(), Issued::from(&peer)).await;
    recorded.map_err(|error| not_recorded(&error))?;
    if let Err(error) = authorities.giving_operator(operator, peer.key, renewing.holding.clone()).await {
        return Err(Refusal::new(RefusalKind::Unavailable, format!("it cannot be recorded: {error}")));
    }
    audit.renewed(&peer, from);
    tracing::info!(%operator, key = %peer.key, until = %Moment(peer.validity.until), "renewed its certificate");
    Ok(OperatorReply::Renewed(Box::new(renewing.credentials(certificate))))
}

fn not_recorded(error: &RenewalError) -> Refusal {
    let kind = match error {
        RenewalError::Gone | RenewalError::TooOften(_) => RefusalKind::Denied,
        RenewalError::Ledger(_) | RenewalError::Broken(_) => RefusalKind::Unavailable,
    };
    Refusal::new(kind, format!("the certificate is not renewed: {error}"))
}

/// In how many milliseconds a minion with a certificate of this time is to ask for the next one: when up to two thirds of
/// its life have passed, earlier for some than for others, so that those that joined together do not renew together. A
/// certificate that was made for longer than they are made for now is renewed as if it had been made for that long.
///
/// The overlord counts this out since it is its clock by which the certificate was made and will be looked at; the minion
/// waits for so long, and its own clock may say what it likes.
pub(super) fn due_in(validity: Validity, lifetime: Duration) -> u64 {
    let Moment(now) = Moment::now();
    let (made, life) =
        (validity.until - validity.lifetime(), validity.lifetime().min(lifetime.as_secs() as i64));
    let (life_ms, passed_ms) = (life.saturating_mul(1000) as f64, (now - made).saturating_mul(1000) as f64);
    let wait = life_ms * (LATEST - fastrand::f64() * JITTER) - passed_ms;
    if wait > 0.0 {
        return wait as u64;
    }
    // It is overdue, perhaps with many others, since the overlord was off.
    let left_ms = (validity.until - now).max(0).saturating_mul(1000) as f64;
    (fastrand::f64() * (left_ms / 10.0).min(OVERDUE_MS)) as u64
}

/// Whether a minion with a certificate of this time may have been told to ask for the next one by now, with some time for
/// clocks that were corrected. Whoever copied its key is not given another just because it asks.
fn may_be_due(validity: Validity, lifetime: Duration) -> bool {
    let Moment(now) = Moment::now();
    let (made, life) =
        (validity.until - validity.lifetime(), validity.lifetime().min(lifetime.as_secs() as i64));
    (now - made) as f64 >= life as f64 * (LATEST - JITTER - SLACK)
}

/// How long after one renewal a minion gets the next.
fn pause(lifetime: Duration) -> Duration {
    (lifetime / 10).min(MOST_PAUSE)
}

/// The part of its life after which a certificate is renewed at the latest.
const LATEST: f64 = 2.0 / 3.0;
/// By how much of its life it may be renewed earlier.
const JITTER: f64 = 0.1;
/// By how much of its life it may ask earlier than it was told to.
const SLACK: f64 = 0.1;
/// Within how many milliseconds those are renewed that are overdue.
const OVERDUE_MS: f64 = 60_000.0;
/// How long after one renewal a minion gets the next where the overlord has asked for that.
const MOVE_PAUSE: Duration = Duration::from_secs(1);
/// The longest time between two renewals that is asked for.
const MOST_PAUSE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    /// A certificate that was made `ago` seconds before now, for `life` seconds.
    fn made(ago: i64, life: i64) -> Validity {
        let Moment(now) = Moment::now();
        Validity { from: now - ago - 3600, until: now - ago + life }
    }

    #[test]
    fn a_certificate_is_renewed_by_two_thirds_of_its_life_and_not_all_at_once() {
        let day = Duration::from_secs(86_400);
        let hours = |validity| due_in(validity, day) as f64 / 3_600_000.0;
        let waits: Vec<f64> = (0..100).map(|_| hours(made(0, 86_400))).collect();
        assert!(waits.iter().all(|wait| (13.5..=16.0).contains(wait)), "{waits:?}");
        assert!(waits.iter().any(|wait| (wait - waits[0]).abs() > 0.01), "{waits:?}");
        // One that was made for a month, when a day is what they are made for now.
        assert!(hours(made(3600, 30 * 86_400)) <= 15.0);
        assert!(hours(made(86_400, 30 * 86_400)) < 0.1);
        assert_eq!(due_in(made(40, 30), Duration::from_secs(30)), 0);
    }

    #[test]
    fn nobody_is_given_another_certificate_long_before_it_is_due() {
        let day = Duration::from_secs(86_400);
        for (ago, life, may_be) in [
            (0, 86_400, false),
            (10 * 3600, 86_400, false),
            (12 * 3600, 86_400, true),
            (90_000, 86_400, true),
        ] {
            assert_eq!(may_be_due(made(ago, life), day), may_be, "{ago} of {life}");
        }
        // Made for a month, when a day is what they are made for now.
        assert!(may_be_due(made(12 * 3600, 30 * 86_400), day));
    }
}
