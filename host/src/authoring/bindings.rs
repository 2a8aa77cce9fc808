//! The part of a module's source that follows from its WIT, for languages whose own tools do not make it.

use std::path::{Path, PathBuf};

use wit_bindgen_core::wit_parser::Resolve;
use wit_bindgen_core::{Files, WorldGenerator};

use super::error::AuthoringError;
use super::typescript;
use super::wit::Wit;

/// A language that there are bindings for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum BindingsLanguage {
    /// A header, a source file and an object file to compile the module with.
    C,
    /// Packages for the functions of the host, and what calls the module's own.
    Go,
    /// Declarations for the interfaces, which TypeScript checks the module against.
    Ts,
}

/// The Go packages that bindings for Go import, as `wit-bindgen` ships them. What only asynchronous functions
/// need is left out.
const GO_PACKAGE: [(&str, &str); 8] = [
    ("LICENSE", include_str!("go/LICENSE")),
    ("go.mod", include_str!("go/go.mod.embedded")),
    ("wit/runtime/empty.s", include_str!("go/wit/runtime/empty.s")),
    ("wit/runtime/runtime.go", include_str!("go/wit/runtime/runtime.go")),
    ("wit/types/option.go", include_str!("go/wit/types/option.go")),
    ("wit/types/result.go", include_str!("go/wit/types/result.go")),
    ("wit/types/tuple.go", include_str!("go/wit/types/tuple.go")),
    ("wit/types/unit.go", include_str!("go/wit/types/unit.go")),
];

/// Writes bindings for the WIT in a folder into another, which is made if it is missing, and says which files
/// they are. Files that are there already are replaced.
pub fn write_bindings(
    wit: &Path,
    language: BindingsLanguage,
    folder: &Path,
) -> Result<Vec<PathBuf>, AuthoringError> {
    let files = match language {
        BindingsLanguage::C => generate(wit, wit_bindgen_c::Opts::default().build())?,
        BindingsLanguage::Go => go(wit)?,
        BindingsLanguage::Ts => {
            let mut files = Files::default();
            files.push("module.d.ts", typescript::declarations(&Wit::read(wit)?)?.as_bytes());
            files
        }
    };
    let mut written = Vec::new();
    for (name, content) in files.iter() {
        let path = folder.join(name);
        let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        made.and_then(|()| std::fs::write(&path, content))
            .map_err(|cause| AuthoringError::Write { path: path.clone(), cause })?;
        written.push(path);
    }
    Ok(written)
}

fn go(wit: &Path) -> Result<Files, AuthoringError> {
    let mut files = generate(wit, wit_bindgen_go::Opts::default().build())?;
    // The author's own, who may add to it.
    files.remove("go.mod");
    for (name, text) in GO_PACKAGE {
        files.push(&format!("pkg/{name}"), text.as_bytes());
    }
    Ok(files)
}

/// The generators have a WIT parser of their own, in another version than the sandbox's.
fn generate(wit: &Path, mut generator: Box<dyn WorldGenerator>) -> Result<Files, AuthoringError> {
    let mut resolve = Resolve::default();
    let (package, _) =
        resolve.push_path(wit).map_err(|cause| AuthoringError::wit(wit, resolve.render_error(&cause)))?;
    let world = resolve.select_world(&[package], None);
    let world = world.map_err(|cause| AuthoringError::wit(wit, resolve.render_error(&cause)))?;
    let mut files = Files::default();
    let generated = generator.generate(&mut resolve, world, &mut files);
    generated.map_err(|cause| AuthoringError::Bindings(format!("{cause:#}")))?;
    Ok(files)
}

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_language_gets_its_files() {
        let folder = tempfile::tempdir().unwrap();
        let (wit, output) = (folder.path().join("wit"), folder.path().join("out"));
        std::fs::create_dir(&wit).unwrap();
        let text = "package a:b@0.1.0; interface c { d: func(e: string) -> option<u32>; } world module { export c; }";
        std::fs::write(wit.join("b.wit"), text).unwrap();
        for (language, expected) in [
            (BindingsLanguage::C, &["module.c", "module.h", "module_component_type.o"][..]),
            (BindingsLanguage::Go, &["pkg/go.mod", "pkg/wit/types/option.go", "wit_exports.go"]),
            (BindingsLanguage::Ts, &["module.d.ts"]),
        ] {
            let written = write_bindings(&wit, language, &output).unwrap();
            for name in expected {
                assert!(written.contains(&output.join(name)), "{name} is not among {written:?}");
            }
        }
        assert!(!output.join("go.mod").exists(), "the author's own file was written");
    }

    #[test]
    fn wit_that_is_wrong_is_named_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("b.wit"), "package a:b; world w { export f: func(a: nothing); }")
            .unwrap();
        for language in [BindingsLanguage::C, BindingsLanguage::Ts] {
            let told = write_bindings(folder.path(), language, folder.path()).unwrap_err().to_string();
            assert!(told.starts_with("the WIT in \"") && told.contains("nothing"), "{told}");
        }
    }
}
