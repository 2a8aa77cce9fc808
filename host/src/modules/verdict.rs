//! Whether a module's file may be looked at any further: decided of every file, whichever way it came, and
//! before anything of it is compiled.

use crate::admission::{Admission, Age, NotAdmitted};
use crate::modules::error::Refusal;
use crate::modules::folder::Candidate;

/// Judges a file, and says who signed it.
pub(super) fn judge(
    admission: &Admission,
    candidate: &Candidate,
    age: Age,
) -> Result<Option<String>, Refusal> {
    let Candidate { name, bytes, signature, .. } = candidate;
    match admission.admit(name, bytes, signature.read(), age) {
        Ok(allowed) => Ok(allowed.signer.map(|signer| signer.to_string())),
        Err(NotAdmitted::NoModule(error)) => Err(error.into()),
        Err(refused) => Err(Refusal::new(refused.reason())),
    }
}
