//! What a module carries about itself, as custom sections.
//!
//! A component keeps the types of its functions but not their documentation, so `minion:wit` has the author's WIT
//! package in its binary form, doc comments included. Version and description have the standard sections.

use proc_macro2::{Literal, Span, TokenStream};
use quote::quote;
use syn::Error;

use crate::wit::Wit;

/// Statics that the linker turns into the sections. They exist only in the module itself, never natively.
pub(crate) fn tokens(wit: &Wit) -> syn::Result<TokenStream> {
    let docs = section("minion:wit", &encode(wit)?);
    let manifest = manifest().into_iter().map(|(name, value)| section(name, value.as_bytes()));
    Ok(quote! { #docs #(#manifest)* })
}

pub(crate) fn section(name: &str, bytes: &[u8]) -> TokenStream {
    let (length, bytes) = (bytes.len(), Literal::byte_string(bytes));
    quote! {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            #[used]
            #[allow(unsafe_code)]
            #[unsafe(link_section = #name)]
            static SECTION: [u8; #length] = *#bytes;
        };
    }
}

/// What the author's `Cargo.toml` says, under the names of the standard sections.
fn manifest() -> Vec<(&'static str, String)> {
    let said = |key| std::env::var(key).ok().filter(|value| !value.is_empty());
    let authors = said("CARGO_PKG_AUTHORS").map(|names| names.replace(':', ", "));
    // Cargo lets a slash mean OR, and the standard section does not.
    let licenses = said("CARGO_PKG_LICENSE").map(|license| license.replace('/', " OR "));
    let sections = [
        ("version", said("CARGO_PKG_VERSION")),
        ("description", said("CARGO_PKG_DESCRIPTION")),
        ("authors", authors),
        ("licenses", licenses),
    ];
    sections.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

fn encode(wit: &Wit) -> syn::Result<Vec<u8>> {
    let name = &wit.resolve.packages[wit.package].name;
    // The names have whole version numbers, as the component's own exports have them.
    let canonical_names = false;
    wit_component::encode(&wit.resolve, wit.package, canonical_names).map_err(|cause| {
        Error::new(Span::call_site(), format!("encoding the WIT package \"{name}\": {cause:#}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wit(inline: &str) -> Wit {
        let options = syn::parse_str(&format!("{{ inline: r#\"{inline}\"# }}")).expect("options");
        Wit::read(&options).expect("WIT")
    }

    #[test]
    fn a_minion_reads_the_docs_of_interfaces_and_of_root_functions() {
        let bytes = encode(&wit("/// A module.
             package acme:disk@0.1.0;
             interface disk {
                 use minion:process/process@0.1.0.{output};
                 /// How full it is.
                 usage: func(path: string) -> option<output>;
             }
             world disk-module {
                 import minion:log/log@0.1.0;
                 export disk;
                 /// Runs it all.
                 export all: func();
             }"))
        .expect("encodes");
        let decoded = reader::decode(&bytes).expect("decodes");
        let resolve = decoded.resolve();
        let (_, interface) =
            resolve.interfaces.iter().find(|(_, i)| i.name.as_deref() == Some("disk")).expect("disk");
        assert_eq!(interface.functions["usage"].docs.contents.as_deref(), Some("How full it is."));
        let text = format!("{:?}", resolve.worlds);
        assert!(text.contains("Runs it all."), "{text}");
        assert_eq!(resolve.packages[decoded.package()].docs.contents.as_deref(), Some("A module."));
    }
}
