//! A claim with the signature of whoever vouches for it, as it lies in a file beside the module.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

use super::claim::ModuleClaim;
use super::public_key::PublicKey;
use crate::digest::Digest;
use crate::document::text::printable;
use crate::name::ModuleName;

/// The largest text of a signature that is read, in bytes.
pub const MAX_SIGNATURE: usize = 64 << 10;

/// A detached signature of a module. Its text is a JSON document of at most [`MAX_SIGNATURE`] bytes, which
/// [`str::parse`] reads and `to_string` writes.
#[derive(Clone, PartialEq, Eq)]
pub struct ModuleSignature {
    claim: ModuleClaim,
    signer: PublicKey,
    signature: [u8; 64],
}

/// Why a text is not a module signature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedSignature {
    /// The text has more bytes than any signature has.
    #[error("it has more than {MAX_SIGNATURE} bytes")]
    TooLarge,
    /// The text is not the document that it should be: what is wrong with it.
    #[error("{0}")]
    Document(String),
}

/// The error for a claim that no signature file has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "its signature would have more than {MAX_SIGNATURE} bytes: it has too many imports, or too long a version"
)]
pub struct SignatureTooLarge;

/// Why a signature does not vouch for a claim.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Disagreement {
    /// The signer never signed what the signature says.
    #[error("the signature is false: its key did not sign what it says")]
    False,
    /// The signature is about a module of another name.
    #[error("the signature is for module \"{signed}\"")]
    Name {
        /// What was signed.
        signed: ModuleName,
    },
    /// The signature is about another version.
    #[error("the signature is for {}, the file has {}", version(.signed), version(.found))]
    Version {
        /// What was signed.
        signed: Option<String>,
        /// What is there.
        found: Option<String>,
    },
    /// The signature is about a module that asks for other interfaces.
    #[error("the signature is for other imports{}{}", listed(" than ", .unsigned), listed(", and for ", .missing))]
    Imports {
        /// What the module asks for and the signer did not sign.
        unsigned: Vec<String>,
        /// What the signer signed and the module does not ask for.
        missing: Vec<String>,
    },
    /// The signature is about another file.
    #[error("the signature is for the digest {}, the file has {}", .signed.short(), .found.short())]
    Digest {
        /// What was signed.
        signed: Digest,
        /// What is there.
        found: Digest,
    },
}

impl ModuleSignature {
    /// Puts a signature together whose text can be read again.
    pub(super) fn new(
        claim: ModuleClaim,
        signer: PublicKey,
        signature: [u8; 64],
    ) -> Result<Self, SignatureTooLarge> {
        let made = Self { claim, signer, signature };
        if made.to_string().len() > MAX_SIGNATURE { Err(SignatureTooLarge) } else { Ok(made) }
    }

    /// What the signature says of a module. Nobody vouches for it before [`verify`](Self::verify) succeeded.
    pub fn claim(&self) -> &ModuleClaim {
        &self.claim
    }

    /// The public key that the signature names as its own; the same holds for it as for [`claim`](Self::claim).
    pub fn signer(&self) -> PublicKey {
        self.signer
    }

    /// Whether the signer vouches for this claim. Whether the signer is to be trusted is another question.
    ///
    /// # Errors
    /// [`Disagreement::False`] where the signer's key did not sign what the signature says; otherwise the first of
    /// name, version, imports and digest that differs.
    pub fn verify(&self, claim: &ModuleClaim) -> Result<(), Disagreement> {
        // Checked first: what a false signature says is of no interest.
        if !self.signer.verifies(&self.claim.to_bytes(), &self.signature) {
            return Err(Disagreement::False);
        }
        let signed = &self.claim;
        if signed.name() != claim.name() {
            return Err(Disagreement::Name { signed: signed.name().clone() });
        }
        if signed.version() != claim.version() {
            let [signed, found] = [signed, claim].map(|claim| claim.version().map(str::to_owned));
            return Err(Disagreement::Version { signed, found });
        }
        if signed.imports() != claim.imports() {
            let (unsigned, missing) = (only_in(claim, signed), only_in(signed, claim));
            return Err(Disagreement::Imports { unsigned, missing });
        }
        // Compared last, since a digest says least of what is different.
        if signed.digest() != claim.digest() {
            return Err(Disagreement::Digest { signed: signed.digest(), found: claim.digest() });
        }
        Ok(())
    }
}

/// The document that is the text of a signature.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    module: ModuleName,
    version: Option<String>,
    digest: String,
    imports: Vec<String>,
    signer: PublicKey,
    signature: String,
}

impl fmt::Display for ModuleSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let document = Document {
            module: self.claim.name().clone(),
            version: self.claim.version().map(str::to_owned),
            digest: self.claim.digest().to_string(),
            imports: self.claim.imports().to_vec(),
            signer: self.signer,
            signature: BASE64.encode(&self.signature),
        };
        writeln!(f, "{}", serde_json::to_string_pretty(&document).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for ModuleSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signature = BASE64.encode(&self.signature);
        f.debug_struct("ModuleSignature")
            .field("claim", &self.claim)
            .field("signer", &self.signer)
            .field("signature", &signature)
            .finish()
    }
}

impl FromStr for ModuleSignature {
    type Err = MalformedSignature;

    fn from_str(text: &str) -> Result<Self, MalformedSignature> {
        if text.len() > MAX_SIGNATURE {
            return Err(MalformedSignature::TooLarge);
        }
        let malformed = |cause: &dyn fmt::Display| {
            let cause = printable(&cause.to_string()).replace('\n', " ");
            MalformedSignature::Document(cause.chars().take(MAX_CAUSE).collect())
        };
        let document: Document = serde_json::from_str(text).map_err(|error| malformed(&error))?;
        let digest = document.digest.parse().map_err(|error| malformed(&error))?;
        let signature = BASE64.decode(document.signature.as_bytes()).ok();
        let signature = signature.and_then(|bytes| bytes.try_into().ok());
        let signature = signature.ok_or_else(|| malformed(&"\"signature\" is not 64 bytes in base64"))?;
        let claim = ModuleClaim::new(document.module, document.version, digest, document.imports);
        Ok(Self { claim, signer: document.signer, signature })
    }
}

fn only_in(claim: &ModuleClaim, other: &ModuleClaim) -> Vec<String> {
    claim.imports().iter().filter(|import| !other.imports().contains(import)).cloned().collect()
}

fn version(version: &Option<String>) -> String {
    match version {
        Some(version) => format!("version \"{}\"", shortened(version)),
        None => "no version".to_owned(),
    }
}

fn listed(introduction: &str, imports: &[String]) -> String {
    let shown: Vec<String> =
        imports.iter().take(IMPORTS_SHOWN).map(|import| format!("\"{}\"", shortened(import))).collect();
    match imports.len() {
        0 => String::new(),
        all if all > IMPORTS_SHOWN => {
            format!("{introduction}{} and {} more", shown.join(", "), all - IMPORTS_SHOWN)
        }
        _ => format!("{introduction}{}", shown.join(", ")),
    }
}

fn shortened(text: &str) -> String {
    printable(text).replace('\n', " ").chars().take(MAX_CAUSE).collect()
}

/// The most characters that an error shows of words in a signature.
const MAX_CAUSE: usize = 200;
/// The most imports that an error lists.
const IMPORTS_SHOWN: usize = 5;

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::super::SigningKey;
    use super::super::claim::tests::{claims, pairs};
    use super::*;

    static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate().expect("made"));

    fn sign(claim: &ModuleClaim) -> ModuleSignature {
        KEY.sign(claim.clone()).expect("signed")
    }

    fn claim(name: &str, version: &str, content: &[u8], imports: &[&str]) -> ModuleClaim {
        let imports = imports.iter().map(|import| (*import).to_owned()).collect();
        ModuleClaim::new(name.parse().expect("a name"), Some(version.into()), Digest::of(content), imports)
    }

    proptest! {
        #[test]
        fn a_signature_survives_its_text_and_vouches_for_its_claim(claim in claims()) {
            let signature: ModuleSignature = sign(&claim).to_string().parse().expect("parses");
            prop_assert_eq!(signature.signer(), KEY.public_key());
            prop_assert_eq!(signature.verify(&claim), Ok(()));
        }

        #[test]
        fn a_signature_vouches_for_no_other_claim((one, other) in pairs()) {
            prop_assert_eq!(sign(&one).verify(&other).is_ok(), one == other);
        }

        #[test]
        fn a_changed_bit_of_signature_or_signer_makes_it_false(claim in claims(), bit in 0_usize..768) {
            let mut altered = sign(&claim);
            let (byte, mask) = (bit / 8, 1 << (bit % 8));
            match byte.checked_sub(64) {
                None => altered.signature[byte] ^= mask,
                Some(byte) => {
                    let text = altered.signer.to_string();
                    let mut key = BASE64.decode(&text.as_bytes()[8..]).expect("base64");
                    key[byte] ^= mask;
                    altered.signer = PublicKey::new(key.try_into().expect("32 bytes"));
                }
            }
            prop_assert_eq!(altered.verify(&claim), Err(Disagreement::False));
        }

        #[test]
        fn a_claim_that_was_put_under_a_signature_makes_it_false((one, other) in pairs()) {
            prop_assume!(one != other);
            let forged = ModuleSignature { claim: other.clone(), ..sign(&one) };
            prop_assert_eq!(forged.verify(&other), Err(Disagreement::False));
        }

        #[test]
        fn no_change_of_the_text_vouches_for_something_else(
            claim in claims(), at in any::<prop::sample::Index>(), put in "[ -~]",
        ) {
            let mut text = sign(&claim).to_string();
            let at = at.index(text.len());
            text.replace_range(at..=at, &put);
            if let Ok(altered) = text.parse::<ModuleSignature>() {
                let same = *altered.claim() == claim && altered.signer() == KEY.public_key();
                prop_assert!(same || altered.verify(altered.claim()) == Err(Disagreement::False), "{}", text);
            }
        }

        #[test]
        fn garbage_is_refused(text in "\\PC*") {
            prop_assert!(text.parse::<ModuleSignature>().is_err());
        }

        #[test]
        fn whatever_looks_like_a_signature_is_read_or_refused(
            name in "\\PC*", version in "\\PC*", digest in "[0-9a-f]{60,68}", signature in "[A-Za-z0-9+/]{80,90}==",
        ) {
            let text = serde_json::json!({
                "module": name, "version": version, "digest": digest, "imports": [version],
                "signer": KEY.public_key(), "signature": signature,
            });
            if let Ok(read) = text.to_string().parse::<ModuleSignature>() {
                prop_assert_eq!(read.verify(read.claim()), Err(Disagreement::False));
            }
        }
    }

    #[test]
    fn a_signature_says_what_is_different() {
        let signature = sign(&claim("disk", "1.2.0", b"file", &["wasi:io/poll@0.2.0"]));
        for (found, told) in [
            (claim("service", "1.2.0", b"file", &["wasi:io/poll@0.2.0"]), "for module \"disk\""),
            (claim("disk", "1.3.0", b"other", &[]), "for version \"1.2.0\", the file has version \"1.3.0\""),
            (claim("disk", "1.2.0", b"other", &["minion:kv/kv@0.1.0"]), "than \"minion:kv/kv@0.1.0\""),
            (claim("disk", "1.2.0", b"other", &["wasi:io/poll@0.2.0"]), "the digest"),
        ] {
            let said = signature.verify(&found).expect_err("another module").to_string();
            assert!(said.contains(told), "{said}");
        }
    }

    #[test]
    fn a_text_that_is_too_large_is_neither_read_nor_made() {
        let text = sign(&claim("disk", "1.0.0", b"", &[])).to_string();
        let padded = text.clone() + &" ".repeat(MAX_SIGNATURE - text.len());
        assert!(padded.parse::<ModuleSignature>().is_ok());
        assert_eq!((padded + " ").parse::<ModuleSignature>(), Err(MalformedSignature::TooLarge));
        let imports = "x".repeat(MAX_SIGNATURE);
        assert_eq!(KEY.sign(claim("disk", "1.0.0", b"", &[&imports])), Err(SignatureTooLarge));
    }

    #[test]
    fn a_field_that_is_not_known_is_refused_and_told_in_one_short_line() {
        let text = sign(&claim("disk", "1.0.0", b"", &[])).to_string();
        let more = text.replacen('{', &format!("{{\"{}\": 1,", "x\\n".repeat(500)), 1);
        let said = more.parse::<ModuleSignature>().expect_err("unknown").to_string();
        assert!(said.contains("unknown field") && said.len() < 300 && !said.contains('\n'), "{said}");
    }

    #[test]
    fn other_imports_are_listed_up_to_five_of_each_kind() {
        let imports = |names: &str| names.chars().map(String::from).collect::<Vec<_>>();
        let said = |unsigned: &str, missing: &str| {
            Disagreement::Imports { unsigned: imports(unsigned), missing: imports(missing) }.to_string()
        };
        let begin = "the signature is for other imports";
        assert_eq!(said("a", ""), format!("{begin} than \"a\""));
        assert_eq!(said("", "b"), format!("{begin}, and for \"b\""));
        let five = r#""a", "b", "c", "d", "e""#;
        assert_eq!(said("abcde", "z"), format!("{begin} than {five}, and for \"z\""));
        assert_eq!(said("abcdefg", ""), format!("{begin} than {five} and 2 more"));
        let signature = sign(&claim("disk", "1.0.0", b"", &["a", "b"]));
        let found = signature.verify(&claim("disk", "1.0.0", b"", &["b", "c"]));
        assert_eq!(found, Err(Disagreement::Imports { unsigned: imports("c"), missing: imports("a") }));
    }

    #[test]
    fn a_version_that_differs_is_told_in_a_short_line() {
        let said = |signed: Option<&str>| {
            Disagreement::Version { signed: signed.map(str::to_owned), found: None }.to_string()
        };
        assert_eq!(said(None), "the signature is for no version, the file has no version");
        assert_eq!(said(Some("1\n2")), "the signature is for version \"1 2\", the file has no version");
        let long = format!("the signature is for version \"{}\", the file has no version", "x".repeat(200));
        assert_eq!(said(Some(&"x".repeat(300))), long);
    }

    #[test]
    fn a_signature_shows_its_claim_and_its_signer() {
        let signature = sign(&claim("disk", "1.0.0", b"", &[]));
        let shown = format!("{signature:?}");
        assert!(shown.starts_with("ModuleSignature { claim: ModuleClaim { name:"), "{shown}");
        assert!(shown.contains(&format!("signer: {:?}, signature: \"", KEY.public_key())), "{shown}");
    }
}
