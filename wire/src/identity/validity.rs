//! The time for which a certificate is good.

use std::fmt;
use std::time::UNIX_EPOCH;

use time::OffsetDateTime;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::IdentityError;
use machine::clock;

/// The time for which a certificate is good, in seconds since 1970. Both ends belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The first second at which the certificate is good.
    pub from: i64,
    /// The last second at which the certificate is good.
    pub until: i64,
}

/// Why a certificate is not good now by this host's clock. The message reads on from the name of the certificate's
/// owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Untimely {
    /// The certificate's time has not come.
    #[error("is not valid yet: it begins at {}, and this host's clock says {}", Moment(*.from), Moment(*.now))]
    NotYet {
        /// The first second of the certificate, since 1970.
        from: i64,
        /// This host's clock, in seconds since 1970.
        now: i64,
    },
    /// The certificate's time is over.
    #[error("has ended: it was valid until {}, and this host's clock says {}", Moment(*.until), Moment(*.now))]
    Over {
        /// The last second of the certificate, since 1970.
        until: i64,
        /// This host's clock, in seconds since 1970.
        now: i64,
    },
}

impl Validity {
    /// The time of a certificate in DER.
    ///
    /// # Errors
    /// [`IdentityError::Foreign`] where the bytes are no certificate.
    pub fn of(certificate: &[u8]) -> Result<Self, IdentityError> {
        let (_, parsed) = X509Certificate::from_der(certificate)
            .map_err(|_| IdentityError::Foreign("it is not an X.509 certificate"))?;
        Ok(Self::read(&parsed))
    }

    pub(super) fn read(certificate: &X509Certificate<'_>) -> Self {
        let validity = certificate.validity();
        Self { from: validity.not_before.timestamp(), until: validity.not_after.timestamp() }
    }

    /// Whether the certificate is good now by this host's clock, give or take what clocks may differ by: an hour
    /// before it was made, and for [`Validity::tolerance`] after its end.
    ///
    /// # Errors
    /// [`Untimely`] where it is not, with the clock's reading.
    pub fn check(self) -> Result<(), Untimely> {
        let Moment(now) = Moment::now();
        match self {
            Self { from, .. } if now < from => Err(Untimely::NotYet { from, now }),
            Self { until, .. } if now > until.saturating_add(self.tolerance()) => {
                Err(Untimely::Over { until, now })
            }
            _ => Ok(()),
        }
    }

    /// For how many seconds the certificate was made to be good, from when it was made.
    pub fn lifetime(self) -> i64 {
        self.until.saturating_sub(self.from).saturating_sub(BACKDATED_SECS).max(0)
    }

    /// For how many seconds after its end the certificate is still taken: five minutes, as clocks differ, but a tenth
    /// of its lifetime at most, so that a certificate for seconds is not one for minutes.
    pub fn tolerance(self) -> i64 {
        (self.lifetime() / 10).min(MOST_TOLERANCE_SECS)
    }

    /// The second from which on the certificate is to be renewed, since 1970: two thirds of its lifetime have passed
    /// then.
    pub fn due(self) -> i64 {
        self.until.saturating_sub(self.lifetime() / 3)
    }

    /// The second from which on the certificate should have been renewed, with some time for that, since 1970.
    pub fn overdue(self) -> i64 {
        self.until.saturating_sub(self.lifetime() / 10 * 3)
    }

    /// Whether the certificate is to be renewed by this host's clock: it is due, or was made by a clock that was ahead.
    pub fn is_due(self) -> bool {
        let Moment(now) = Moment::now();
        now < self.from || self.due() <= now
    }
}

impl fmt::Display for Validity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "from {} until {}", Moment(self.from), Moment(self.until))
    }
}

/// A moment in seconds since 1970. Shown in UTC as RFC 3339 has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment(pub i64);

impl Moment {
    /// This moment, by this host's clock.
    pub fn now() -> Self {
        Self(clock::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What no calendar holds is shown as its first day.
        let at = OffsetDateTime::from_unix_timestamp(self.0).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let (year, month, day) = at.to_calendar_date();
        let (hour, minute, second) = at.to_hms();
        write!(f, "{year:04}-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z", u8::from(month))
    }
}

/// How many seconds before it is made a certificate begins, for peers whose clock is slow.
pub(super) const BACKDATED_SECS: i64 = 3600;
/// The longest time for which a certificate is taken after its end.
const MOST_TOLERANCE_SECS: i64 = 300;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_tolerated_for_a_tenth_of_its_life_and_for_minutes_at_most() {
        let made_for = |lifetime: i64, ago: i64| {
            let Moment(now) = Moment::now();
            let made = now - lifetime - ago;
            Validity { from: made - BACKDATED_SECS, until: made + lifetime }
        };
        for (lifetime, tolerance) in [(30, 3), (3000, 300), (30 * 86_400, 300), (5, 0)] {
            let validity = made_for(lifetime, 0);
            assert_eq!((validity.lifetime(), validity.tolerance()), (lifetime, tolerance));
            assert_eq!(validity.due(), validity.until - lifetime / 3);
        }
        assert_eq!(made_for(86_400, 240).check(), Ok(()));
        assert!(made_for(86_400, 320).check().is_err());
        assert!(made_for(30, 30).check().is_err());
        assert!(Validity { from: i64::MAX, until: i64::MIN }.check().is_err());
    }

    #[test]
    fn a_certificate_that_is_not_good_now_says_both_times() {
        let now = clock::now_ms() as i64 / 1000;
        assert_eq!(Validity { from: now - 60, until: now + 60 }.check(), Ok(()));
        let not_yet = Validity { from: 4_000_000_000, until: 5_000_000_000 }.check().expect_err("not yet");
        assert!(
            not_yet.to_string().contains("begins at 2096-10-02T07:06:40Z, and this host's clock says 20")
        );
        let over = Validity { from: 0, until: 1_000_000_000 }.check().expect_err("over");
        assert!(over.to_string().contains("until 2001-09-09T01:46:40Z, and this host's clock says 20"));
    }

    #[test]
    fn the_first_and_the_last_second_belong_to_a_certificate() {
        // The clock may go on to another second while it is asked: it is asked again then.
        fn checked(at: impl Fn(i64) -> Validity) -> Result<(), Untimely> {
            loop {
                let Moment(now) = Moment::now();
                let checked = at(now).check();
                if Moment::now() == Moment(now) {
                    return checked;
                }
            }
        }
        assert_eq!(checked(|now| Validity { from: now, until: now + 60 }), Ok(()));
        assert_eq!(checked(|now| Validity { from: now - 60, until: now }), Ok(()));
        let early = checked(|now| Validity { from: now + 1, until: now + 60 });
        assert!(matches!(early, Err(Untimely::NotYet { from, now }) if from == now + 1), "{early:?}");
        let late = checked(|now| Validity { from: now - 60, until: now - 1 });
        assert!(matches!(late, Err(Untimely::Over { until, now }) if until == now - 1), "{late:?}");
    }

    #[test]
    fn a_time_is_shown_in_utc() {
        let validity = Validity { from: 0, until: 1_000_000_000 };
        assert_eq!(validity.to_string(), "from 1970-01-01T00:00:00Z until 2001-09-09T01:46:40Z");
        assert_eq!(Moment(i64::MAX).to_string(), "1970-01-01T00:00:00Z", "no calendar has that day");
        assert!(matches!(Validity::of(b"nothing"), Err(IdentityError::Foreign(_))));
    }
}
