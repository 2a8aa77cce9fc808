//! From what an operator writes behind `NAME@` to one version.

use wire::message::catalogue::KeptModule;
use wire::name::ModuleName;

/// Why a version is not found in the catalogue.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotKept {
    /// Nothing of that name.
    #[error("no module \"{0}\" is in the catalogue: push it first, or bring it with `overlord module add`")]
    NoName(ModuleName),
    /// Other versions.
    #[error(
        "the catalogue has no version \"{version}\" of \"{name}\", only {}: push it first, or bring it with \
         `overlord module add`",
        .present.join(", ")
    )]
    NoVersion {
        /// The module.
        name: ModuleName,
        /// What was asked for.
        version: String,
        /// What there is.
        present: Vec<String>,
    },
    /// Several.
    #[error("\"{name}@{version}\" may be {}: write the beginning of the digest", .candidates.join(" or "))]
    Ambiguous {
        /// The module.
        name: ModuleName,
        /// What was asked for.
        version: String,
        /// What it may be.
        candidates: Vec<String>,
    },
}

/// The one of `kept`, all of which have this name, with this version or a digest that begins so.
pub(super) fn find<'a>(
    kept: &'a [KeptModule],
    name: &ModuleName,
    version: &str,
) -> Result<&'a KeptModule, NotKept> {
    let by_version = |module: &&KeptModule| module.version.as_deref() == Some(version);
    let beginning = version.to_ascii_lowercase();
    let by_digest =
        |module: &&KeptModule| !beginning.is_empty() && module.digest.to_string().starts_with(&beginning);
    let mut found: Vec<&KeptModule> = kept.iter().filter(by_version).collect();
    if found.is_empty() {
        found = kept.iter().filter(by_digest).collect();
    }
    match found.as_slice() {
        [one] => Ok(one),
        [] if kept.is_empty() => Err(NotKept::NoName(name.clone())),
        [] => Err(NotKept::NoVersion {
            name: name.clone(),
            version: version.to_owned(),
            present: kept.iter().map(told).collect(),
        }),
        several => Err(NotKept::Ambiguous {
            name: name.clone(),
            version: version.to_owned(),
            candidates: several.iter().map(|module| told(module)).collect(),
        }),
    }
}

fn told(module: &KeptModule) -> String {
    match &module.version {
        Some(version) => format!("{version} ({})", module.digest.short()),
        None => module.digest.short(),
    }
}

#[cfg(test)]
mod tests {
    use wire::digest::Digest;

    use super::*;

    fn name() -> ModuleName {
        "test".parse().expect("a name")
    }

    fn kept(version: Option<&str>, code: &str) -> KeptModule {
        KeptModule {
            name: name(),
            digest: Digest::of(code.as_bytes()),
            version: version.map(str::to_owned),
            size: 1,
            signature: None,
            pushed_by: "alice".parse().expect("a name"),
            pushed_at: 0,
        }
    }

    #[test]
    fn a_version_is_found_by_its_name_or_the_beginning_of_its_digest() {
        let all = [kept(Some("1.0.0"), "a"), kept(Some("2.0.0"), "b"), kept(None, "c")];
        let found = |version: &str| find(&all, &name(), version).map(|module| module.digest);
        assert_eq!(found("2.0.0"), Ok(all[1].digest));
        assert_eq!(found(&all[2].digest.short().to_uppercase()), Ok(all[2].digest));
        assert!(matches!(found(""), Err(NotKept::NoVersion { .. })));
    }

    #[test]
    fn what_is_not_there_is_told_with_what_is() {
        let error = find(&[], &name(), "1").expect_err("nothing").to_string();
        assert!(error.contains("no module \"test\"") && error.contains("push it first"), "{error}");
        let one = kept(Some("1.0.0"), "a");
        let error = find(std::slice::from_ref(&one), &name(), "3").expect_err("another").to_string();
        assert!(error.contains(&format!("only 1.0.0 ({})", one.digest.short())), "{error}");
    }

    #[test]
    fn two_builds_of_one_version_are_told_apart_by_their_digests() {
        let all = [kept(Some("1.0.0"), "a"), kept(Some("1.0.0"), "b")];
        let error = find(&all, &name(), "1.0.0").expect_err("two").to_string();
        assert!(error.contains(&all[0].digest.short()) && error.contains(&all[1].digest.short()), "{error}");
        assert_eq!(find(&all, &name(), &all[0].digest.to_string()), Ok(&all[0]));
    }
}
