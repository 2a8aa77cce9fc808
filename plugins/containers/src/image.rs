//! What is told of an image.

use serde::Deserialize;

use crate::exports::minion::containers::containers::Image;
use crate::time;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Told {
    id: String,
    repo_tags: Option<Vec<String>>,
    repo_digests: Option<Vec<String>>,
    created: Option<String>,
    architecture: Option<String>,
    size: Option<u64>,
}

impl Told {
    pub(crate) fn image(self) -> Image {
        Image {
            names: self.repo_tags.unwrap_or_default(),
            size: self.size.unwrap_or(0),
            created: time::stamp(self.created.as_deref()),
            architecture: self.architecture.unwrap_or_default(),
            digests: self.repo_digests.unwrap_or_default(),
            id: self.id.trim_start_matches("sha256:").to_owned(),
        }
    }
}
