//! What the signature of a module vouches for, and the bytes of that which are signed.

use crate::digest::Digest;
use crate::name::ModuleName;

/// What a signer says of a module: this file, under this name, in this version, asks for these interfaces. The
/// same claim is put together anew from the file by whoever checks the signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleClaim {
    name: ModuleName,
    version: Option<String>,
    digest: Digest,
    /// Sorted, so that the same set gives the same bytes.
    imports: Vec<String>,
}

impl ModuleClaim {
    /// Puts a claim together. The imports may come in any order.
    pub fn new(name: ModuleName, version: Option<String>, digest: Digest, mut imports: Vec<String>) -> Self {
        imports.sort();
        Self { name, version, digest, imports }
    }

    /// The name that the module is to be loaded under.
    pub fn name(&self) -> &ModuleName {
        &self.name
    }

    /// The version in the module's metadata, if it has one.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// SHA-256 of the module's file.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The interfaces that the module asks for, sorted.
    pub fn imports(&self) -> &[String] {
        &self.imports
    }

    /// The bytes that are signed. Every part is preceded by its length, so that no two claims have the same bytes.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = DOMAIN.to_vec();
        push(&mut bytes, self.name.as_str().as_bytes());
        bytes.push(u8::from(self.version.is_some()));
        push(&mut bytes, self.version().unwrap_or_default().as_bytes());
        push(&mut bytes, self.digest.as_bytes());
        bytes.extend((self.imports.len() as u64).to_be_bytes());
        for import in &self.imports {
            push(&mut bytes, import.as_bytes());
        }
        bytes
    }
}

fn push(bytes: &mut Vec<u8>, part: &[u8]) {
    bytes.extend((part.len() as u64).to_be_bytes());
    bytes.extend(part);
}

/// Stands before all bytes that are signed, so that a signature of a claim is never one of anything else.
const DOMAIN: &[u8] = b"overlord module claim, version 1\0";

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Any claim, from a small alphabet, so that two of them are often nearly the same.
    pub(in super::super) fn claims() -> impl Strategy<Value = ModuleClaim> {
        let version = prop::option::of("[0-2]\\.[0-2]\\.[0-2]|");
        let imports = prop::collection::vec("[ab]{0,3}", 0..4);
        ("[ab]{1,3}", version, prop::sample::select(vec![0_u8, 1]), imports).prop_map(
            |(name, version, content, imports)| {
                ModuleClaim::new(name.parse().expect("a name"), version, Digest::of(&[content]), imports)
            },
        )
    }

    /// Two claims that have some of their fields in common, mostly all but one.
    pub(in super::super) fn pairs() -> impl Strategy<Value = (ModuleClaim, ModuleClaim)> {
        let taken = prop_oneof![prop::sample::select(vec![1_u8, 2, 4, 8]), 0_u8..16];
        (claims(), claims(), taken).prop_map(|(one, other, taken)| {
            let from = |field: u8| if taken & field == 0 { &one } else { &other };
            let mixed = ModuleClaim {
                name: from(1).name.clone(),
                version: from(2).version.clone(),
                digest: from(4).digest,
                imports: from(8).imports.clone(),
            };
            (one, mixed)
        })
    }

    proptest! {
        #[test]
        fn different_claims_have_different_bytes((one, other) in pairs()) {
            prop_assert_eq!(one == other, one.to_bytes() == other.to_bytes());
        }

        #[test]
        fn the_order_of_imports_does_not_matter(claim in claims()) {
            let backwards = claim.imports.iter().rev().cloned().collect();
            let again = ModuleClaim::new(claim.name.clone(), claim.version.clone(), claim.digest, backwards);
            prop_assert_eq!(again.to_bytes(), claim.to_bytes());
        }
    }

    /// Signatures that were made once must hold for ever.
    #[test]
    fn a_claim_has_the_bytes_that_were_always_signed() {
        let imports = vec!["b".to_owned(), "a".to_owned()];
        let claim =
            ModuleClaim::new("disk".parse().expect("a name"), Some("1.0".into()), Digest::of(b""), imports);
        assert_eq!((claim.version(), claim.imports()), (Some("1.0"), &["a".to_owned(), "b".to_owned()][..]));
        let number = |n: u64| n.to_be_bytes().to_vec();
        let expected = [
            b"overlord module claim, version 1\0".to_vec(),
            number(4),
            b"disk".to_vec(),
            vec![1],
            number(3),
            b"1.0".to_vec(),
            number(32),
            Digest::of(b"").as_bytes().to_vec(),
            number(2),
            number(1),
            b"a".to_vec(),
            number(1),
            b"b".to_vec(),
        ];
        assert_eq!(claim.to_bytes(), expected.concat());
        let none = ModuleClaim::new("disk".parse().expect("a name"), None, Digest::of(b""), Vec::new());
        assert_eq!((none.version(), none.imports().len(), none.digest()), (None, 0, Digest::of(b"")));
    }
}
