//! Whether something has to be signed on this host, and whether the key that signed it is trusted.

use std::time::Duration;

use wire::identity::Moment;
use wire::name::OperatorName;
use wire::signing::mandate::SignedMandate;

use crate::access::Access;
use crate::access::signers::{Calls, Keys, Untrusted};

impl Access {
    /// Whether only what an operator has signed is done.
    pub(crate) fn wants_signatures(&self) -> bool {
        self.calls == Calls::Signed
    }

    /// Whether anybody's signature counts.
    pub(crate) fn knows_signers(&self) -> bool {
        !self.operators.is_empty() || self.operators_authority.is_some()
    }

    /// By how much the clocks of operators may differ from that of this host.
    pub(crate) fn window(&self) -> Duration {
        self.window.0
    }

    /// Whether the key of something that was signed in the name of an operator is trusted to be that operator's.
    ///
    /// # Errors
    /// [`Untrusted`], where it is not.
    pub(crate) fn check_signer(
        &self,
        signed: &SignedMandate,
        operator: &OperatorName,
        now: Moment,
    ) -> Result<(), Untrusted> {
        let key = signed.signer();
        if self.revoked_keys.contains(&key) {
            return Err(Untrusted::Revoked(key));
        }
        if self.operators.get(operator).is_some_and(|Keys(keys)| keys.contains(&key)) {
            return Ok(());
        }
        let (Some(authority), Some(certificate)) = (self.operators_authority, signed.certificate()) else {
            return Err(Untrusted::Unknown { operator: operator.clone(), key });
        };
        certificate.verify(authority)?;
        if (certificate.operator(), certificate.key()) != (operator, key) {
            return Err(Untrusted::Misplaced);
        }
        let (until, Moment(now)) = (certificate.until(), now);
        match until.0.saturating_add_unsigned(self.window.0.as_secs()) < now {
            true => Err(Untrusted::Ended { until, now: Moment(now) }),
            false => Ok(()),
        }
    }
}
