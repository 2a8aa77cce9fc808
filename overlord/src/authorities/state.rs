//! How far the move from one authority to another is, as it is written down: one file, which is replaced as a whole, so that
//! each step is done or not.

use std::path::Path;

use machine::clock::now_ms;
use serde::{Deserialize, Serialize};
use wire::digest::Digest;
use wire::identity::{IdentityError, write_private};
use wire::message::authority::MoveStep;

/// How far the move is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct State {
    /// The authority of those of whom nothing else is recorded: the first that there was.
    pub(super) base: Digest,
    /// The authority that there is, or was before the move.
    pub(super) authority: Digest,
    /// The one that it is moved to; `None` where there is no move.
    pub(super) next: Option<Digest>,
    /// The step.
    pub(super) step: MoveStep,
    /// Since when, in milliseconds since 1970; `None` where nothing was ever moved, and nothing is written down.
    pub(super) since: Option<u64>,
}

/// The same in the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    base: String,
    authority: String,
    next: Option<String>,
    step: MoveStep,
    since: u64,
}

impl State {
    /// Where there is one authority, and there never was another.
    pub(super) fn first(authority: Digest) -> Self {
        Self { base: authority, authority, next: None, step: MoveStep::Settled, since: None }
    }

    /// The same at another step, from now on.
    pub(super) fn at(&self, step: MoveStep) -> Self {
        Self { step, since: Some(now_ms()), ..self.clone() }
    }

    /// The authority of this id alone, from now on.
    pub(super) fn settled(&self, authority: Digest) -> Self {
        Self { authority, next: None, ..self.at(MoveStep::Settled) }
    }

    /// Reads the file; `None` where there is none.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, IdentityError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(IdentityError::File { action: "read", path: path.to_owned(), source }),
        };
        let spoiled = || IdentityError::NotPem {
            path: path.to_owned(),
            what: "the state of an overlord's authorities: restore the folder from a backup",
        };
        let Written { base, authority, next, step, since } = toml::from_str(&text).map_err(|_| spoiled())?;
        let id = |text: &str| text.parse::<Digest>().map_err(|_| spoiled());
        let next = next.as_deref().map(id).transpose()?;
        if next.is_some() == (step == MoveStep::Settled) {
            return Err(spoiled());
        }
        Ok(Some(Self { base: id(&base)?, authority: id(&authority)?, next, step, since: Some(since) }))
    }

    /// Writes the file.
    pub(super) fn write(&self, path: &Path) -> Result<(), IdentityError> {
        let written = Written {
            base: self.base.to_string(),
            authority: self.authority.to_string(),
            next: self.next.map(|next| next.to_string()),
            step: self.step,
            since: self.since.unwrap_or_default(),
        };
        let text = toml::to_string(&written).map_err(|error| IdentityError::Authority(error.to_string()))?;
        write_private(path, text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_anything_else_is_named() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("state.toml");
        assert_eq!(State::read(&path).expect("no file"), None);
        let [one, other] = [b"one", b"two"].map(|bytes| Digest::of(bytes));
        let first = State::first(one);
        let moving = State { next: Some(other), ..first.at(MoveStep::Issuing) };
        for state in [moving.clone(), moving.at(MoveStep::Back), moving.settled(other)] {
            state.write(&path).expect("written");
            assert_eq!(State::read(&path).expect("read"), Some(state));
        }
        for spoiled in ["", "step = \"settled\"", "base = 1"] {
            std::fs::write(&path, spoiled).expect("written");
            assert!(State::read(&path).expect_err("spoiled").to_string().contains("state.toml"));
        }
    }
}
