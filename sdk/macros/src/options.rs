//! What an author writes between the parentheses of `module!`.

use proc_macro2::{TokenStream, TokenTree};
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Ident, LitStr, Token};

/// The options of `module!`: those that it uses itself, and the rest as it was written.
#[derive(Default)]
pub(crate) struct Options {
    /// WIT given as text.
    pub(crate) inline: Option<LitStr>,
    /// Folders or files of WIT, relative to the author's `Cargo.toml`.
    pub(crate) paths: Vec<LitStr>,
    /// The world that is meant, where the WIT has several.
    pub(crate) world: Option<LitStr>,
    /// The file with the policy that the module suggests, relative to the author's `Cargo.toml`.
    pub(crate) policy: Option<LitStr>,
    /// The entries of the author's own `with: { … }`.
    pub(crate) with: TokenStream,
    /// Options for `wit_bindgen::generate!` alone, each with a comma behind it.
    pub(crate) rest: TokenStream,
}

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut options = Options::default();
        if input.is_empty() {
            return Ok(options);
        }
        let content;
        syn::braced!(content in input);
        while !content.is_empty() {
            options.read_one(&content)?;
            if !content.is_empty() {
                content.parse::<Token![,]>()?;
            }
        }
        Ok(options)
    }
}

impl Options {
    fn read_one(&mut self, input: ParseStream<'_>) -> syn::Result<()> {
        let name: Ident = input.parse()?;
        match name.to_string().as_str() {
            "inline" => self.inline = Some(value(input)?),
            "world" => self.world = Some(value(input)?),
            "policy" => self.policy = Some(value(input)?),
            "path" => self.paths = paths(input)?,
            "with" => {
                input.parse::<Token![:]>()?;
                let entries;
                syn::braced!(entries in input);
                self.with = entries.parse()?;
            }
            _ => {
                let value = until_comma(input)?;
                self.rest.extend(quote! { #name #value, });
            }
        }
        Ok(())
    }
}

fn value(input: ParseStream<'_>) -> syn::Result<LitStr> {
    input.parse::<Token![:]>()?;
    input.parse()
}

fn paths(input: ParseStream<'_>) -> syn::Result<Vec<LitStr>> {
    input.parse::<Token![:]>()?;
    if !input.peek(syn::token::Bracket) {
        return Ok(vec![input.parse()?]);
    }
    let list;
    syn::bracketed!(list in input);
    Ok(Punctuated::<LitStr, Token![,]>::parse_terminated(&list)?.into_iter().collect())
}

fn until_comma(input: ParseStream<'_>) -> syn::Result<TokenStream> {
    let mut tokens = TokenStream::new();
    while !input.is_empty() && !input.peek(Token![,]) {
        tokens.extend([input.parse::<TokenTree>()?]);
    }
    Ok(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Options {
        syn::parse_str(text).expect("parses")
    }

    #[test]
    fn nothing_at_all_is_enough() {
        assert!(parse("").inline.is_none());
        assert!(parse("{}").paths.is_empty());
    }

    #[test]
    fn options_of_our_own_are_taken_out_and_others_handed_on() {
        let options = parse(
            r#"{ inline: "package a:b;", path: ["x", "y"], world: "w", policy: "p.toml", with: { "a:b/c": d::e },
                generate_all, additional_derives: [PartialEq, Eq] }"#,
        );
        assert_eq!(options.inline.expect("inline").value(), "package a:b;");
        assert_eq!(options.paths.iter().map(LitStr::value).collect::<Vec<_>>(), ["x", "y"]);
        assert_eq!(options.world.expect("world").value(), "w");
        assert_eq!(options.policy.expect("policy").value(), "p.toml");
        assert_eq!(options.with.to_string(), r#""a:b/c" : d :: e"#);
        assert_eq!(options.rest.to_string(), "generate_all , additional_derives : [PartialEq , Eq] ,");
    }

    #[test]
    fn one_path_needs_no_brackets() {
        assert_eq!(parse(r#"{ path: "wit" }"#).paths[0].value(), "wit");
    }
}
