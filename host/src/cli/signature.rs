//! What `minion check` says of the signature beside a module.

use serde_json::{Value, json};

use wire::name::ModuleName;
use wire::signing::{ModuleClaim, PublicKey};

use crate::policy::signatures::{Allowed, Barred, Objection, judge, judge_unreadable, signer};
use crate::policy::{Requirement, SignaturePolicy};

/// A signature held against a module and a policy.
pub(super) struct SignatureFinding {
    found: Found,
    policy: Requirement,
    verdict: Result<Allowed, Barred>,
}

/// What is beside the module.
enum Found {
    Nothing,
    /// A signature that vouches for the module, and whether its signer is trusted.
    Good(PublicKey, Trust),
    Bad(Objection),
}

/// What policy says of a signer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trust {
    Trusted,
    Unknown,
}

impl SignatureFinding {
    pub(super) fn of(
        policy: &SignaturePolicy,
        claim: &ModuleClaim,
        text: std::io::Result<Option<String>>,
        highest: Option<&str>,
    ) -> Self {
        let (found, verdict) = match text {
            Ok(text) => {
                let found = match signer(claim, text.as_deref()) {
                    Ok(key) if policy.trusted.contains(&key) => Found::Good(key, Trust::Trusted),
                    Ok(key) => Found::Good(key, Trust::Unknown),
                    Err(Objection::Unsigned { .. }) => Found::Nothing,
                    Err(objection) => Found::Bad(objection),
                };
                (found, judge(policy, claim, text.as_deref(), highest))
            }
            Err(error) => {
                let cause = error.to_string();
                let objection = Objection::Unreadable { module: claim.name().clone(), cause };
                (Found::Bad(objection), judge_unreadable(policy, claim.name(), &error))
            }
        };
        Self { found, policy: policy.policy, verdict }
    }

    /// Why the module would not be loaded; reads on from its name.
    pub(super) fn problem(&self) -> Option<String> {
        self.verdict.as_ref().err().map(Barred::reason)
    }

    /// What the minion would warn of; reads on from the module's name.
    pub(super) fn warning(&self) -> Option<String> {
        self.verdict.as_ref().ok().and_then(|allowed| allowed.warning.clone())
    }

    pub(super) fn line(&self, module: &ModuleName) -> String {
        match &self.found {
            Found::Nothing => "not signed".to_owned(),
            Found::Good(key, trust) => {
                let trust = match trust {
                    Trust::Trusted => "trusted here",
                    Trust::Unknown => "not trusted here",
                };
                format!("signed by {key} ({}), {trust}", key.fingerprint())
            }
            // It is told as a problem or as a warning where policy minds.
            Found::Bad(_) if self.policy != Requirement::Off => "the signature is no good".to_owned(),
            Found::Bad(objection) => format!("the signature is no good: \"{module}\" {objection}"),
        }
    }

    pub(super) fn document(&self) -> Value {
        let (key, trust, problem) = match &self.found {
            Found::Nothing => (None, None, None),
            Found::Good(key, trust) => (Some(key), Some(*trust), None),
            Found::Bad(objection) => (None, None, Some(objection.to_string())),
        };
        json!({
            "present": !matches!(self.found, Found::Nothing),
            "verifies": key.is_some(),
            "signer": key,
            "fingerprint": key.map(PublicKey::fingerprint),
            "trusted": trust == Some(Trust::Trusted),
            "problem": problem,
            "policy": self.policy.as_str(),
        })
    }
}
