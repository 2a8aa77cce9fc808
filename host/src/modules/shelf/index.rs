//! What is written down of a module's versions: `index.json` beside their files.

use serde::{Deserialize, Serialize};

use wire::digest::Digest;

use crate::modules::candidate::{FileMark, Hex, hex};

/// What outlives the process of one module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Index {
    /// What the folder's file was when it was last acted upon.
    pub(super) file: Option<FileMark>,
    /// The version in service.
    pub(super) serving: Option<Hex>,
    /// The versions whose files are here, newest first.
    pub(super) versions: Vec<Kept>,
}

/// One version whose file is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    #[serde(with = "hex")]
    pub(super) digest: Digest,
    pub(super) version: Option<String>,
    pub(super) signer: Option<String>,
    /// Since when it is in its state, in milliseconds since 1970.
    pub(super) since: u64,
    /// When it was put into service last, counted within the module; nothing where it is only staged.
    #[serde(rename = "turn")]
    pub(super) serving_number: Option<u64>,
    /// Why the minion itself took it out of service, if it did.
    pub(super) rolled_back: Option<String>,
    /// Why it was refused, where all that it lacked was a grant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) not_granted: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_comes_back_as_it_was_written() {
        let digest = Digest::of(b"a");
        let kept = Kept {
            digest,
            version: Some("1.2.3".into()),
            signer: None,
            since: 5,
            serving_number: Some(1),
            rolled_back: Some("rolled back after 5 traps".into()),
            not_granted: Some("needs what is not granted".into()),
        };
        let index = Index {
            file: Some(FileMark::new(digest, Some("signed"))),
            serving: Some(Hex(digest)),
            versions: vec![kept],
        };
        let text = serde_json::to_string(&index).expect("text");
        assert!(text.contains(&digest.to_string()), "{text}");
        assert_eq!(serde_json::from_str::<Index>(&text).expect("read"), index);
        // As it was written before there was anything to say of grants.
        let before = text.replace(r#","not_granted":"needs what is not granted""#, "");
        assert_eq!(serde_json::from_str::<Index>(&before).expect("read").versions[0].not_granted, None);
    }
}
