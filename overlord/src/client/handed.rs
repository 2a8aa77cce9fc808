//! What becomes of something signed that was handed to an overlord.

use std::sync::Arc;

use wire::message::operator::{OperatorReply, OperatorRequest, RefusalKind};
use wire::signing::mandate::SignedMandate;

use super::own::Own;

/// Something signed, and whose it is.
pub(super) struct Handed {
    own: Arc<Own>,
    mandate: Box<SignedMandate>,
}

impl Handed {
    /// What is handed over with this request, where that is anything.
    pub(super) fn with(request: &OperatorRequest, own: &Arc<Own>) -> Option<Self> {
        let mandate = match request {
            OperatorRequest::Call { mandate, .. }
            | OperatorRequest::Rerun { mandate, .. }
            | OperatorRequest::Module(_, mandate) => mandate.clone()?,
            _ => return None,
        };
        Some(Self { own: own.clone(), mandate })
    }

    /// Takes note where it has to be confirmed, and is therefore still to be used.
    pub(super) fn hear(&self, reply: &OperatorReply) {
        let OperatorReply::Refused(refusal) = reply else { return };
        if let (RefusalKind::NeedsConfirmation, Some(signer)) = (refusal.kind, &self.own.signer) {
            signer.keep_unconfirmed(&self.mandate);
        }
    }
}
