//! What a module suggests that it be granted, as it is told to the owner of the host.

use serde::{Deserialize, Serialize};

use crate::sandbox::suggestion;

/// What a module of a running minion suggests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Suggested {
    /// This, in the words of its section.
    Text(String),
    /// Nothing.
    Nothing,
    /// Something that cannot be read.
    Unreadable(String),
    /// There is no such module.
    NoModule,
}

impl Suggested {
    /// What the component of these bytes suggests.
    pub(crate) fn by(component: &[u8]) -> Self {
        match suggestion(component) {
            Ok(Some(suggestion)) => Suggested::Text(suggestion.text().to_owned()),
            Ok(None) => Suggested::Nothing,
            Err(error) => Suggested::Unreadable(error.to_string()),
        }
    }
}
