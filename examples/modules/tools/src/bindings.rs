//! The part of a module's source that follows from its WIT.

use std::path::Path;

use anyhow::{Context as _, bail};
use wit_bindgen_core::{Files, WorldGenerator};

use crate::typescript;
use crate::wit::Wit;

/// What bindings can be made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    C,
    Go,
    TypeScript,
}

impl Language {
    /// The language that the command line calls so.
    pub(crate) fn named(name: &str) -> anyhow::Result<Self> {
        match name {
            "c" => Ok(Self::C),
            "go" => Ok(Self::Go),
            "ts" => Ok(Self::TypeScript),
            _ => bail!("there are bindings for c, go and ts, not for \"{name}\""),
        }
    }
}

/// The Go packages that bindings for Go import, as `wit-bindgen` ships them. What only asynchronous functions
/// need is left out.
const GO_PACKAGE: [(&str, &str); 8] = [
    ("LICENSE", include_str!("go/LICENSE")),
    ("go.mod", include_str!("go/go.mod.txt")),
    ("wit/runtime/runtime.go", include_str!("go/wit/runtime/runtime.go")),
    ("wit/runtime/empty.s", include_str!("go/wit/runtime/empty.s")),
    ("wit/types/option.go", include_str!("go/wit/types/option.go")),
    ("wit/types/result.go", include_str!("go/wit/types/result.go")),
    ("wit/types/tuple.go", include_str!("go/wit/types/tuple.go")),
    ("wit/types/unit.go", include_str!("go/wit/types/unit.go")),
];

/// Writes bindings into a folder, which is made if it is missing.
pub(crate) fn write(wit: &Wit, language: Language, folder: &Path) -> anyhow::Result<()> {
    let files = match language {
        Language::C => generate(wit, wit_bindgen_c::Opts::default().build())?,
        Language::Go => go(wit)?,
        Language::TypeScript => {
            let mut files = Files::default();
            files.push("module.d.ts", typescript::declarations(wit)?.as_bytes());
            files
        }
    };
    for (name, content) in files.iter() {
        let path = folder.join(name);
        let parent = path.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent).with_context(|| format!("making \"{}\"", parent.display()))?;
        std::fs::write(&path, content).with_context(|| format!("writing \"{}\"", path.display()))?;
    }
    Ok(())
}

fn go(wit: &Wit) -> anyhow::Result<Files> {
    let mut files = generate(wit, wit_bindgen_go::Opts::default().build())?;
    // The author's own, who may add to it.
    files.remove("go.mod");
    for (name, text) in GO_PACKAGE {
        files.push(&format!("pkg/{name}"), text.as_bytes());
    }
    Ok(files)
}

fn generate(wit: &Wit, mut generator: Box<dyn WorldGenerator>) -> anyhow::Result<Files> {
    let mut files = Files::default();
    generator.generate(&mut wit.resolve.clone(), wit.world, &mut files)?;
    Ok(files)
}
