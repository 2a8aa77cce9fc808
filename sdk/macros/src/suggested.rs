//! The policy that a module suggests, embedded in it as the section `minion:policy`.

use std::path::{Path, PathBuf};

use policy::Suggestion;
use policy::suggestion::SECTION;
use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::Error;

use crate::options::Options;
use crate::section::section;

/// The name of the file beside `Cargo.toml`, unless an option names another.
const USUAL: &str = "policy.toml";

/// The text of a suggested policy that was found to be one.
pub(crate) struct Suggested {
    path: PathBuf,
    text: String,
}

impl Suggested {
    /// Finds the file that the options name, or the usual one where it exists; `None` where there is none.
    pub(crate) fn find(options: &Options) -> syn::Result<Option<Self>> {
        let manifest = std::env::var("CARGO_MANIFEST_DIR")
            .map_err(|_| Error::new(Span::call_site(), "cargo must run this macro"))?;
        let span = options.policy.as_ref().map_or_else(Span::call_site, syn::LitStr::span);
        let named = options.policy.as_ref().map(syn::LitStr::value);
        let path = Path::new(&manifest).join(named.as_deref().unwrap_or(USUAL));
        if named.is_none() && !path.exists() {
            return Ok(None);
        }
        Self::read(path).map(Some).map_err(|message| Error::new(span, message))
    }

    fn read(path: PathBuf) -> Result<Self, String> {
        let shown = path.display();
        let bytes = std::fs::read(&path).map_err(|cause| format!("cannot read \"{shown}\": {cause}"))?;
        let suggestion = Suggestion::from_bytes(&bytes)
            .map_err(|cause| format!("\"{shown}\", {cause}; see docs/grants.md"))?;
        let text = suggestion.text().to_owned();
        Ok(Self { path, text })
    }

    /// The section, and what makes cargo build the crate again when the file changes.
    pub(crate) fn tokens(&self) -> TokenStream {
        let (section, path) = (section(SECTION, self.text.as_bytes()), self.path.display().to_string());
        quote! {
            #section
            const _: &[u8] = include_bytes!(#path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Suggested, String> {
        let path = std::env::temp_dir().join(format!("suggested-{}-{}.toml", std::process::id(), text.len()));
        std::fs::write(&path, text).expect("written");
        let read = Suggested::read(path.clone());
        std::fs::remove_file(path).expect("removed");
        read
    }

    #[test]
    fn levels_become_a_section_as_they_are_written() {
        let text = "# What it may see.\n[read]\nfacts = [\"os.*\"]\n";
        let tokens = read(text).expect("read").tokens().to_string();
        assert!(tokens.contains("\"minion:policy\"") && tokens.contains("# What it may see."), "{tokens}");
    }

    #[test]
    fn what_is_no_policy_is_an_error_that_says_where_and_why() {
        let told = read("[read]\nfacts = ['*']\nfiles = [{ host = 'etc' }]\n").err().expect("refused");
        assert!(told.contains(".toml\", line 3: ") && told.contains("not an absolute path"), "{told}");
    }
}
