//! The macro of `minion-sdk`; use it as `minion_sdk::module!`.
//!
//! It reads the author's WIT together with the `minion:*` packages of this repository, hands both to
//! `wit_bindgen::generate!`, and adds the section `minion:wit`, which carries the author's doc comments, and the section
//! `minion:policy` with what the module suggests to be granted.

mod options;
mod section;
mod suggested;
mod wit;

use proc_macro2::TokenStream;
use quote::quote;

use crate::options::Options;
use crate::suggested::Suggested;
use crate::wit::Wit;

/// Turns the crate into a module: generates a trait `Guest` for each interface that its world exports, and
/// the macro `export!`, which takes the type that implements them.
///
/// The WIT is given as text (`inline: "…"`), as one or several folders (`path: "…"`, `path: ["…", "…"]`), or
/// lies in the folder `wit` beside `Cargo.toml`. The packages `minion:*` need no copies: WIT may name them as
/// if they were there. Where the WIT has several worlds, `world: "…"` says which. All other options are those
/// of `wit_bindgen::generate!` and are handed on to it.
///
/// What the module suggests that it be granted, in levels, is in the file that `policy: "…"` names, or in `policy.toml`
/// beside `Cargo.toml` where there is one.
///
/// ```ignore
/// minion_sdk::module!({ inline: "
///     package acme:hello@0.1.0;
///     world hello {
///         /// Greets somebody by name.
///         export greet: func(name: string) -> string;
///     }
/// " });
///
/// struct Hello;
///
/// impl Guest for Hello {
///     fn greet(name: String) -> String {
///         format!("hello, {name}")
///     }
/// }
///
/// export!(Hello);
/// ```
#[proc_macro]
pub fn module(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let options = syn::parse_macro_input!(input as Options);
    expand(&options).unwrap_or_else(syn::Error::into_compile_error).into()
}

fn expand(options: &Options) -> syn::Result<TokenStream> {
    let wit = Wit::read(options)?;
    let bindings = bindings(options, &wit);
    let section = section::tokens(&wit)?;
    let suggested = Suggested::find(options)?.map(|suggested| suggested.tokens());
    Ok(quote! { #bindings #section #suggested })
}

/// The call of `wit_bindgen::generate!` that the author would have to write by hand.
fn bindings(options: &Options, wit: &Wit) -> TokenStream {
    let Options { with, rest, .. } = options;
    let (paths, world) = (wit.paths(), wit.world_id());
    let inline = options.inline.as_ref().map(|text| quote! { inline: #text, });
    let supplied = wit.supplied_imports().into_iter().map(|(interface, module)| {
        let module: syn::Path = syn::parse_str(&module).expect("a WIT name in snake case is a path");
        quote! { #interface: #module, }
    });
    quote! {
        ::minion_sdk::wit_bindgen::generate!({
            #inline
            path: [#(#paths),*],
            world: #world,
            runtime_path: "::minion_sdk::wit_bindgen::rt",
            with: { #(#supplied)* #with },
            #rest
        });
    }
}
