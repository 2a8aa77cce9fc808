//! Whose modules this minion takes: the `[signatures]` table of `minion.toml`.
//!
//! [`judge`] decides on one module before anything of it is compiled. It looks at two things: whether someone
//! who is trusted vouches for the very file, and whether the version is one that was left behind.

use std::cmp::Ordering;

use semver::Version;
use serde::Deserialize;

use wire::document::text::printable;
use wire::name::ModuleName;
use wire::signing::{Disagreement, MalformedSignature, ModuleClaim, ModuleSignature, PublicKey};

/// What is asked of a module before it is loaded.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct SignaturePolicy {
    /// What happens with a module that does not have what is asked for. Default: `off`.
    pub policy: Requirement,
    /// The public keys of those whose modules are taken. Default: nobody's.
    pub trusted: Vec<PublicKey>,
    /// Whether a module may be older than one of its name that was in service. Default: no.
    pub downgrade: bool,
    /// Whether one may be gone back to that was itself in service here and is kept, be it older or not. Default:
    /// yes.
    pub rollback: bool,
}

impl Default for SignaturePolicy {
    fn default() -> Self {
        Self { policy: Requirement::default(), trusted: Vec::new(), downgrade: false, rollback: true }
    }
}

/// What happens with a module that no trusted signer vouches for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Requirement {
    /// It is not loaded.
    Require,
    /// It is loaded with a warning.
    Warn,
    /// It is loaded.
    #[default]
    Off,
}

impl Requirement {
    /// The word for it in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Requirement::Require => "require",
            Requirement::Warn => "warn",
            Requirement::Off => "off",
        }
    }
}

/// A module that may be loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// Who vouches for it, trusted or not; under `require` always someone trusted.
    pub signer: Option<PublicKey>,
    /// What would be in its way under `require`; reads on from its name.
    pub warning: Option<String>,
}

/// A module that must not be loaded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("module \"{module}\" {}", listed(.objections))]
pub struct Barred {
    /// The module.
    pub module: ModuleName,
    /// Everything that is in its way.
    pub objections: Vec<Objection>,
}

impl Barred {
    /// Why, without the module's name in front.
    pub fn reason(&self) -> String {
        listed(&self.objections)
    }
}

/// What is in the way of a module; reads on from its name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum Objection {
    #[error(
        "is not signed: sign it with `minion sign {module}.wasm --key KEY`, and put {module}.wasm.sig beside it"
    )]
    Unsigned { module: ModuleName },
    #[error("has a signature that cannot be read ({cause}): make {module}.wasm.sig readable for the minion")]
    Unreadable { module: ModuleName, cause: String },
    #[error("has a file {module}.wasm.sig that is no signature ({cause}): sign it again with `minion sign`")]
    Malformed { module: ModuleName, cause: MalformedSignature },
    #[error(
        "is not what {signer} signed ({cause}): take file and signature from the same build, or sign it again"
    )]
    Wrong { signer: PublicKey, cause: Disagreement },
    #[error(
        "is signed by {signer}, who is not trusted here: if you know whose key that is, add it to `trusted` in \
         [signatures] in minion.toml"
    )]
    Untrusted { signer: PublicKey },
    #[error("has version {version}, and {highest} was in service before: {REMEDY}")]
    Older { version: Version, highest: Version },
    #[error("has {}, which cannot be compared with {highest}, which was in service before: {REMEDY}", shown(.version))]
    Incomparable { version: Option<String>, highest: Version },
}

/// Decides on a module that is about to be loaded.
///
/// `signature` is the text that was found beside the file, and `highest` the highest version with a trusted
/// signature that was ever in service under the module's name. Under `off` nothing is in the way. Under `require` the module needs a
/// signature by someone trusted over exactly this claim, and must not be older than `highest`, unless the policy
/// allows that; under `warn` the same is a warning.
///
/// Versions are compared by the rules of SemVer, without build metadata. Once a version of that form was in
/// service, a module without one counts as older: that it is not cannot be told, and a signed file from before
/// there were versions must not be a way back. A `highest` that is none hinders nothing.
pub fn judge(
    policy: &SignaturePolicy,
    claim: &ModuleClaim,
    signature: Option<&str>,
    highest: Option<&str>,
) -> Result<Allowed, Barred> {
    let signer = signer(claim, signature);
    if policy.policy == Requirement::Off {
        return Ok(Allowed { signer: signer.ok(), warning: None });
    }
    let (signer, objection) = match signer {
        Ok(signer) if policy.trusted.contains(&signer) => (Some(signer), None),
        Ok(signer) => (Some(signer), Some(Objection::Untrusted { signer })),
        Err(objection) => (None, Some(objection)),
    };
    let age = if policy.downgrade { None } else { age(claim.version(), highest) };
    conclude(policy, claim.name(), signer, objection.into_iter().chain(age).collect())
}

/// Decides on a module whose signature is there and cannot be read.
pub fn judge_unreadable(
    policy: &SignaturePolicy,
    module: &ModuleName,
    cause: &std::io::Error,
) -> Result<Allowed, Barred> {
    let objection = Objection::Unreadable { module: module.clone(), cause: cause.to_string() };
    conclude(policy, module, None, vec![objection])
}

/// Who vouches for exactly this claim, trusted or not.
pub fn signer(claim: &ModuleClaim, signature: Option<&str>) -> Result<PublicKey, Objection> {
    let module = || claim.name().clone();
    let text = signature.ok_or_else(|| Objection::Unsigned { module: module() })?;
    let signature: ModuleSignature =
        text.parse().map_err(|cause| Objection::Malformed { module: module(), cause })?;
    let signer = signature.signer();
    signature.verify(claim).map_err(|cause| Objection::Wrong { signer, cause })?;
    Ok(signer)
}

/// The higher of the highest version so far and one that comes into service.
pub fn highest<'a>(before: Option<&'a str>, version: Option<&'a str>) -> Option<&'a str> {
    let parsed = |text: Option<&'a str>| text.and_then(|text| Some((Version::parse(text).ok()?, text)));
    match (parsed(before), parsed(version)) {
        (Some((before, text)), Some((version, _))) if before.cmp_precedence(&version).is_ge() => Some(text),
        (before, version) => version.or(before).map(|(_, text)| text),
    }
}

fn conclude(
    policy: &SignaturePolicy,
    module: &ModuleName,
    signer: Option<PublicKey>,
    objections: Vec<Objection>,
) -> Result<Allowed, Barred> {
    let warning = (!objections.is_empty()).then(|| format!("{}; {WARNED}", listed(&objections)));
    match policy.policy {
        Requirement::Require if !objections.is_empty() => Err(Barred { module: module.clone(), objections }),
        Requirement::Require | Requirement::Off => Ok(Allowed { signer, warning: None }),
        Requirement::Warn => Ok(Allowed { signer, warning }),
    }
}

/// What is wrong with the age of a version.
fn age(version: Option<&str>, highest: Option<&str>) -> Option<Objection> {
    let highest = Version::parse(highest?).ok()?;
    let Some(parsed) = version.and_then(|version| Version::parse(version).ok()) else {
        return Some(Objection::Incomparable { version: version.map(str::to_owned), highest });
    };
    match parsed.cmp_precedence(&highest) {
        Ordering::Less => Some(Objection::Older { version: parsed, highest }),
        Ordering::Equal | Ordering::Greater => None,
    }
}

fn shown(version: &Option<String>) -> String {
    match version {
        Some(version) => format!("version \"{}\"", printable(version).replace('\n', " ")),
        None => "no version".to_owned(),
    }
}

fn listed(objections: &[Objection]) -> String {
    objections.iter().map(Objection::to_string).collect::<Vec<_>>().join("; it ")
}

/// What to do about a version that was left behind.
const REMEDY: &str =
    "pack it with a later version, or set `downgrade = true` in [signatures] in minion.toml to go back";
/// What happens all the same where the policy only warns.
const WARNED: &str = "it is loaded all the same, since [signatures] has policy = \"warn\"";

#[cfg(test)]
mod tests {
    use wire::digest::Digest;
    use wire::signing::SigningKey;

    use super::*;

    fn claim(name: &str, version: Option<&str>, content: &[u8]) -> ModuleClaim {
        let version = version.map(str::to_owned);
        ModuleClaim::new(name.parse().expect("a name"), version, Digest::of(content), Vec::new())
    }

    fn key() -> SigningKey {
        SigningKey::generate().expect("made")
    }

    fn policy(policy: Requirement, trusted: &SigningKey) -> SignaturePolicy {
        SignaturePolicy { policy, trusted: vec![trusted.public_key()], ..SignaturePolicy::default() }
    }

    fn signed(key: &SigningKey, claim: &ModuleClaim) -> String {
        key.sign(claim.clone()).expect("signed").to_string()
    }

    /// What stands in the way of a module, and that it is only a warning under `warn` and nothing under `off`.
    fn told(
        policy: &SignaturePolicy,
        claim: &ModuleClaim,
        text: Option<&str>,
        highest: Option<&str>,
    ) -> String {
        let with = |requirement| SignaturePolicy { policy: requirement, ..policy.clone() };
        let reason = judge(&with(Requirement::Require), claim, text, highest).expect_err("refused").reason();
        let warned = judge(&with(Requirement::Warn), claim, text, highest).expect("loaded");
        assert_eq!(warned.warning, Some(format!("{reason}; {WARNED}")));
        let off = judge(&with(Requirement::Off), claim, text, highest).expect("loaded");
        assert_eq!(off.warning, None);
        reason
    }

    #[test]
    fn a_module_that_someone_trusted_signed_is_loaded() {
        let (ann, disk) = (key(), claim("disk", Some("1.0.0"), b"file"));
        let text = signed(&ann, &disk);
        for requirement in [Requirement::Require, Requirement::Warn, Requirement::Off] {
            let allowed = judge(&policy(requirement, &ann), &disk, Some(&text), Some("1.0.0"));
            assert_eq!(allowed, Ok(Allowed { signer: Some(ann.public_key()), warning: None }));
        }
    }

    #[test]
    fn every_other_signature_is_refused_with_the_next_step() {
        let (ann, eve) = (key(), key());
        let (disk, trusted) = (claim("disk", Some("1.0.0"), b"file"), policy(Requirement::Require, &ann));
        let unsigned = told(&trusted, &disk, None, None);
        assert!(
            unsigned.contains("minion sign disk.wasm") && unsigned.contains("disk.wasm.sig"),
            "{unsigned}"
        );
        let malformed = told(&trusted, &disk, Some("{}"), None);
        assert!(malformed.contains("is no signature"), "{malformed}");
        let stranger = told(&trusted, &disk, Some(&signed(&eve, &disk)), None);
        assert!(stranger.contains(&eve.public_key().to_string()), "{stranger}");
        assert!(stranger.contains("`trusted` in [signatures]"), "{stranger}");
        for (other, part) in [
            (claim("service", Some("1.0.0"), b"file"), "for module \"service\""),
            (claim("disk", Some("1.1.0"), b"file"), "for version \"1.1.0\""),
            (claim("disk", Some("1.0.0"), b"other"), "for the digest"),
        ] {
            let wrong = told(&trusted, &disk, Some(&signed(&ann, &other)), None);
            assert!(wrong.contains(part) && wrong.contains(&ann.public_key().to_string()), "{wrong}");
        }
    }

    #[test]
    fn a_signature_that_cannot_be_read_is_none_and_the_file_is_named() {
        let (ann, disk) = (key(), "disk".parse().expect("a name"));
        let denied = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        let judged = |requirement| judge_unreadable(&policy(requirement, &ann), &disk, &denied);
        let reason = judged(Requirement::Require).expect_err("refused").reason();
        let expected = "has a signature that cannot be read (permission denied): make disk.wasm.sig readable for the \
                        minion";
        assert_eq!(reason, expected);
        let warning = Some(format!("{reason}; {WARNED}"));
        assert_eq!(judged(Requirement::Warn), Ok(Allowed { signer: None, warning }));
        assert_eq!(judged(Requirement::Off), Ok(Allowed::default()));
    }

    #[test]
    fn what_is_asked_is_shown_as_it_is_written() {
        for word in ["require", "warn", "off"] {
            let policy: SignaturePolicy = toml::from_str(&format!("policy = \"{word}\"")).expect("a table");
            assert_eq!(policy.policy.as_str(), word);
        }
    }

    #[test]
    fn a_refusal_names_the_module() {
        let refused = judge(&policy(Requirement::Require, &key()), &claim("disk", None, b""), None, None);
        assert!(refused.expect_err("refused").to_string().starts_with("module \"disk\" is not signed"));
    }

    #[test]
    fn a_version_that_was_left_behind_is_refused_unless_policy_allows_it() {
        let ann = key();
        let strict = policy(Requirement::Require, &ann);
        for (version, highest, part) in [
            (Some("1.9.0"), "1.10.0", "has version 1.9.0, and 1.10.0 was"),
            (Some("2.0.0-rc.1"), "2.0.0", "has version 2.0.0-rc.1"),
            (Some("latest"), "1.0.0", "has version \"latest\", which cannot be compared with 1.0.0"),
            (None, "1.0.0", "has no version"),
        ] {
            let disk = claim("disk", version, b"file");
            let text = signed(&ann, &disk);
            let reason = told(&strict, &disk, Some(&text), Some(highest));
            assert!(reason.contains(part) && reason.contains("downgrade = true"), "{reason}");
            let lenient = SignaturePolicy { downgrade: true, ..strict.clone() };
            assert!(judge(&lenient, &disk, Some(&text), Some(highest)).is_ok());
        }
        for (version, highest) in [
            (Some("1.10.0"), Some("1.9.0")),
            (Some("1.0.0+b"), Some("1.0.0+c")),
            (Some("1.0.0"), Some("latest")),
            (Some("latest"), Some("newest")),
            (None, None),
        ] {
            let disk = claim("disk", version, b"file");
            assert!(
                judge(&strict, &disk, Some(&signed(&ann, &disk)), highest).is_ok(),
                "{version:?} {highest:?}"
            );
        }
    }

    #[test]
    fn all_that_is_in_the_way_is_told_at_once() {
        let reason = told(
            &policy(Requirement::Require, &key()),
            &claim("disk", Some("1.0.0"), b""),
            None,
            Some("2.0.0"),
        );
        assert!(reason.contains("is not signed") && reason.contains("; it has version 1.0.0"), "{reason}");
    }

    #[test]
    fn the_highest_version_only_rises() {
        for (before, version, after) in [
            (None, None, None),
            (None, Some("1.0.0"), Some("1.0.0")),
            (Some("1.0.0"), Some("1.0.1"), Some("1.0.1")),
            (Some("1.10.0"), Some("1.9.0"), Some("1.10.0")),
            (Some("1.0.0"), None, Some("1.0.0")),
            (Some("1.0.0"), Some("latest"), Some("1.0.0")),
            (None, Some("latest"), None),
        ] {
            assert_eq!(highest(before, version), after);
        }
    }

    #[test]
    fn what_the_table_does_not_know_is_an_error_that_names_it() {
        for (text, named) in [
            ("policy = \"always\"", "always"),
            ("trust = []", "trust"),
            ("trusted = [\"ed25519:AAAA\"]", "not a public key"),
            ("downgrade = \"yes\"", "downgrade"),
        ] {
            let error = toml::from_str::<SignaturePolicy>(text).expect_err(text).to_string();
            assert!(error.contains(named), "{text}: {error}");
        }
    }
}
