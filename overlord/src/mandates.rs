//! What operators have signed, as far as an overlord looks at it: that it is what they ask for. Whose keys are to be
//! trusted is for the minions.

use wire::digest::Digest;
use wire::message::catalogue::ModuleRequest;
use wire::message::link::Carried;
use wire::message::operator::{Call, Refusal, RefusalKind, Target};
use wire::name::OperatorName;
use wire::signing::PublicKey;
use wire::signing::mandate::{Mandate, Mandated, MandatedCall, MandatedChange, SignedMandate};

use ledger::JobRecord;

/// Refuses a call that comes with a signature for something else.
pub(crate) fn check_call(mandate: &Carried, call: &Call, operator: &OperatorName) -> Result<(), Refusal> {
    let Some(mandate) = mandate else { return Ok(()) };
    let signed = verified(mandate, operator)?;
    let is_call = signed.mandated == Mandated::Call(Box::new(MandatedCall::of(call)));
    is_same(is_call && is_for(&signed, &call.target))
}

/// Refuses to run a job again with a signature for something else. The minions that it goes to may be fewer now.
pub(crate) fn check_rerun(
    mandate: &Carried,
    old: &JobRecord,
    operator: &OperatorName,
) -> Result<(), Refusal> {
    let Some(mandate) = mandate else { return Ok(()) };
    match verified(mandate, operator)?.mandated {
        Mandated::Call(call) => is_same(call.is_for_method(&old.method, &old.arguments).is_ok()),
        Mandated::Change(_) => is_same(false),
    }
}

/// Refuses a change of a module that comes with a signature for something else. `digest` is that of the version that is
/// assigned.
pub(crate) fn check_change(
    mandate: &Carried,
    request: &ModuleRequest,
    digest: Option<Digest>,
    operator: &OperatorName,
) -> Result<(), Refusal> {
    let Some(mandate) = mandate else { return Ok(()) };
    let signed = verified(mandate, operator)?;
    let is_target = match request {
        ModuleRequest::Push { target, .. }
        | ModuleRequest::Remove { target, .. }
        | ModuleRequest::Rollback { target, .. } => is_for(&signed, target),
        ModuleRequest::Assign { expression, .. } => is_for(&signed, &Target::of(expression.clone())),
        _ => false,
    };
    let change = MandatedChange::of(request, digest).map(Mandated::Change);
    is_same(is_target && change.as_ref() == Some(&signed.mandated))
}

/// The key that has signed this in the name of an operator; `None` where the signature is false, or in another's name.
pub(crate) fn signer(mandate: &SignedMandate, operator: &OperatorName) -> Option<PublicKey> {
    verified(mandate, operator).ok().map(|_| mandate.signer())
}

/// What an operator has signed, if this one has.
fn verified(mandate: &SignedMandate, operator: &OperatorName) -> Result<Mandate, Refusal> {
    let signed =
        mandate.verify().map_err(|error| Refusal::new(RefusalKind::BadRequest, error.to_string()))?;
    if signed.operator != *operator {
        let message = format!("what comes with this is signed as \"{}\" and not as you", signed.operator);
        return Err(Refusal::new(RefusalKind::BadRequest, message));
    }
    Ok(signed)
}

fn is_for(signed: &Mandate, target: &Target) -> bool {
    (&signed.expression, &signed.exclude) == (&target.expression, &target.exclude)
}

fn is_same(is_same: bool) -> Result<(), Refusal> {
    match is_same {
        true => Ok(()),
        false => {
            let message = "the signature that comes with this is for something else: nothing was done";
            Err(Refusal::new(RefusalKind::BadRequest, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use wire::signing::SigningKey;
    use wire::signing::mandate::Nonce;

    use super::*;

    #[test]
    fn only_who_has_signed_as_the_operator_is_named_as_the_signer() {
        let (ann, bob) = ("ann".parse().expect("a name"), "bob".parse().expect("a name"));
        let key = SigningKey::generate().expect("made");
        let mandate = Mandate {
            authority: Digest::of(b"authority"),
            operator: OperatorName::clone(&ann),
            expression: "*".into(),
            exclude: None,
            made_at: 0,
            until: 0,
            nonce: Nonce::new([0; 16]),
            mandated: Mandated::Change(MandatedChange::Remove("echo".parse().expect("a name"))),
        };
        let mandate = SignedMandate::new(mandate, &key, None).expect("signed");
        assert_eq!(signer(&mandate, &ann), Some(key.public_key()));
        assert_eq!(signer(&mandate, &bob), None);
    }
}
