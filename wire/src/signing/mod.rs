//! Signatures: who vouches for which file of a module, and who wants what to be done.
//!
//! An author signs a [`ModuleClaim`] with a [`SigningKey`]. The [`ModuleSignature`] lies in a file of its own
//! beside the module, and a minion holds it against the [`PublicKey`]s that its policy trusts.
//!
//! An operator signs a [`Mandate`](mandate::Mandate) with a key of the same kind.
//!
//! Nothing here reads a module: the claim is put together by whoever has looked into the file. Nor is trust
//! decided here, which is for the minion's policy.

mod claim;
mod key;
pub mod mandate;
mod module_signature;
mod public_key;

pub use self::claim::ModuleClaim;
pub use self::key::{KeyError, SigningKey};
pub use self::module_signature::{
    Disagreement, MAX_SIGNATURE, MalformedSignature, ModuleSignature, SignatureTooLarge,
};
pub use self::public_key::{BadPublicKey, PublicKey};
