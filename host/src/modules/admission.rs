//! Which modules come into service: asked for each one before anything of it is compiled.

use std::sync::{Arc, RwLock};

use machine::lock;
use wire::name::ModuleName;

use crate::highest_versions::HighestVersions;
use crate::policy::signatures::{Allowed, Barred, Requirement, SignaturePolicy, judge, judge_unreadable};
use crate::policy_changes::signature_changes;
use crate::sandbox::{LoadError, claim};

/// Holds modules against the policy on signatures, and remembers which versions were in service.
pub(crate) struct Admission {
    policy: RwLock<Arc<SignaturePolicy>>,
    versions: HighestVersions,
}

/// Whether a module may be older than one of its name that was in service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Age {
    /// As policy says of what comes.
    Counts,
    /// As policy says of what was in service before, is kept, and is gone back to.
    GoneBackTo,
    /// It may: it is the one that serves, or did when the minion stopped.
    Waived,
}

/// Why a module is not to be compiled.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotAdmitted {
    /// It is none, so nobody can have signed it.
    #[error(transparent)]
    NoModule(#[from] LoadError),
    /// The policy on signatures is against it.
    #[error(transparent)]
    Refused(#[from] Barred),
}

impl NotAdmitted {
    /// Why, without the module's name in front.
    pub(crate) fn reason(&self) -> String {
        match self {
            NotAdmitted::NoModule(error) => error.reason(),
            NotAdmitted::Refused(refused) => refused.reason(),
        }
    }
}

impl Admission {
    pub(crate) fn new(policy: SignaturePolicy, versions: HighestVersions) -> Self {
        Self { policy: RwLock::new(Arc::new(policy)), versions }
    }

    /// Whether these bytes may be loaded under this name, with the text of the signature that came with them,
    /// if one did. What is let through with a warning is in the log.
    pub(crate) fn admit(
        &self,
        name: &ModuleName,
        bytes: &[u8],
        signature: std::io::Result<Option<String>>,
        age: Age,
    ) -> Result<Allowed, NotAdmitted> {
        let policy = self.policy();
        // Nobody asks and nobody signed, and a large file is not read once more for nothing.
        if policy.policy == Requirement::Off && !matches!(signature, Ok(Some(_))) {
            return Ok(Allowed::default());
        }
        let verdict = match signature {
            Ok(signature) => {
                let claim = claim(name.clone(), bytes)?;
                let counts = match age {
                    Age::Counts => true,
                    Age::GoneBackTo => !policy.rollback,
                    Age::Waived => false,
                };
                let highest = self.versions.highest(name).filter(|_| counts);
                judge(&policy, &claim, signature.as_deref(), highest.as_deref())
            }
            Err(error) => judge_unreadable(&policy, name, &error),
        };
        match &verdict {
            Ok(Allowed { warning: Some(warning), .. }) => {
                tracing::warn!(module = %name, warning, "a module's signature is not as it should be")
            }
            Ok(Allowed { signer: Some(signer), .. }) => {
                tracing::info!(module = %name, %signer, "a module is signed");
            }
            Ok(_) | Err(_) => {}
        }
        Ok(verdict?)
    }

    /// Notes that a module came into service, so that no older one of its name does so later. Only what someone
    /// trusted vouches for counts: anyone can write a version that is never reached again into a file.
    pub(crate) fn in_service(&self, name: &ModuleName, version: Option<&str>, signer: Option<&str>) {
        let trusted = |signer: &str| self.policy().trusted.iter().any(|key| key.to_string() == signer);
        if !signer.is_some_and(trusted) {
            return;
        }
        if let Err(error) = self.versions.note(name, version) {
            tracing::error!(module = %name, %error, "that a module was in service will not be known after a restart");
        }
    }

    /// Puts another policy into force and says what it changes, a line each.
    pub(crate) fn apply(&self, policy: &SignaturePolicy) -> Vec<String> {
        let mut current = lock::write(&self.policy);
        let changes = signature_changes(&current, policy);
        if !changes.is_empty() {
            *current = Arc::new(policy.clone());
        }
        changes
    }

    /// The policy of now; another one is another allocation.
    pub(crate) fn policy(&self) -> Arc<SignaturePolicy> {
        lock::read(&self.policy).clone()
    }
}

#[cfg(test)]
mod tests {
    use wire::signing::SigningKey;

    use super::*;

    fn module(version: &str) -> Vec<u8> {
        wat::parse_str(format!("(component (@custom \"version\" \"{version}\"))")).expect("a component")
    }

    #[test]
    fn a_newer_module_that_was_in_service_bars_the_older_unless_it_is_gone_back_to() {
        let dir = tempfile::tempdir().expect("a folder");
        let versions = HighestVersions::open(&dir.path().join("highest-versions.toml")).expect("opened");
        let admission = Admission::new(SignaturePolicy::default(), versions);
        let name: ModuleName = "disk".parse().expect("a name");
        let (old, new) = (module("1.0.0"), module("1.1.0"));
        assert_eq!(admission.admit(&name, &old, Ok(None), Age::Counts).expect("off"), Allowed::default());

        let key = SigningKey::generate().expect("made");
        let signed = |bytes: &[u8]| {
            let claim = claim(name.clone(), bytes).expect("a component");
            Ok(Some(key.sign(claim).expect("signed").to_string()))
        };
        let policy = SignaturePolicy {
            policy: Requirement::Require,
            trusted: vec![key.public_key()],
            ..SignaturePolicy::default()
        };
        let changes = [
            "signatures.policy is require (was off)".to_owned(),
            format!("signatures by {} are trusted", key.public_key()),
        ];
        assert_eq!(admission.apply(&policy), changes);
        assert_eq!(admission.apply(&policy), [""; 0]);
        let allowed = admission.admit(&name, &new, signed(&new), Age::Counts).expect("signed");
        assert_eq!(allowed.signer, Some(key.public_key()));
        let signer = key.public_key().to_string();
        admission.in_service(&name, Some("1.1.0"), Some(&signer));

        for age in [Age::Waived, Age::GoneBackTo] {
            admission.admit(&name, &old, signed(&old), age).expect("gone back to");
        }
        let older = admission.admit(&name, &old, signed(&old), Age::Counts).expect_err("older").reason();
        assert!(older.contains("1.1.0 was in service"), "{older}");
        let gone = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        let unreadable =
            admission.admit(&name, &new, Err(gone), Age::Counts).expect_err("unreadable").reason();
        assert!(unreadable.contains("cannot be read (permission denied)"), "{unreadable}");
        let none = admission.admit(&name, b"text", Ok(None), Age::Counts).expect_err("text").reason();
        assert!(none.contains("is text, not a component"), "{none}");

        admission.apply(&SignaturePolicy { rollback: false, ..policy });
        admission.admit(&name, &old, signed(&old), Age::Waived).expect("what serves");
        admission.admit(&name, &old, signed(&old), Age::GoneBackTo).expect_err("nor gone back to");
    }

    #[test]
    fn a_version_that_nobody_trusted_vouches_for_bars_no_other() {
        let dir = tempfile::tempdir().expect("a folder");
        let versions = HighestVersions::open(&dir.path().join("highest-versions.toml")).expect("opened");
        let [ann, eve] = [(); 2].map(|()| SigningKey::generate().expect("made"));
        let policy = SignaturePolicy { trusted: vec![ann.public_key()], ..SignaturePolicy::default() };
        let admission = Admission::new(policy.clone(), versions);
        let name: ModuleName = "disk".parse().expect("a name");
        admission.in_service(&name, Some("999.0.0"), None);
        admission.in_service(&name, Some("998.0.0"), Some(&eve.public_key().to_string()));
        admission.apply(&SignaturePolicy { policy: Requirement::Require, ..policy });
        let bytes = module("1.0.0");
        let signature = ann.sign(claim(name.clone(), &bytes).expect("a component")).expect("signed");
        admission.admit(&name, &bytes, Ok(Some(signature.to_string())), Age::Counts).expect("not older");
    }
}
