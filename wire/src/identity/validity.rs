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

    /// Whether the certificate is good now by this host's clock.
    ///
    /// # Errors
    /// [`Untimely`] where it is not, with the clock's reading.
    pub fn check(self) -> Result<(), Untimely> {
        let Moment(now) = Moment::now();
        match self {
            Self { from, .. } if now < from => Err(Untimely::NotYet { from, now }),
            Self { until, .. } if now > until => Err(Untimely::Over { until, now }),
            _ => Ok(()),
        }
    }

    /// A second at which the certificate is good, since 1970: for checks of who signed it, which must not fail for
    /// the time.
    pub(crate) fn a_second(self) -> u64 {
        self.until.try_into().unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
