//! The part of a module's source that follows from its WIT, for languages whose own tools do not make it.

use std::path::{Path, PathBuf};

use wire::document::text::line;
use wit_bindgen_core::{Files, WorldGenerator};

use super::error::AuthoringError;
use super::generator_docs::keep_in_comments;
use super::supervised::supervised;
use super::typescript;
use super::wit::{Generated, Wit};

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

/// Writes bindings for a world of the WIT in a folder into another folder, which is made if it is missing, and says
/// which files they are. Files that are there already are replaced. The world must be named where there are several.
pub fn write_bindings(
    wit: &Path,
    world: Option<&str>,
    language: BindingsLanguage,
    folder: &Path,
) -> Result<Vec<PathBuf>, AuthoringError> {
    let (wit, world) = (wit.to_owned(), world.map(str::to_owned));
    let files = supervised("making the bindings", move || language.generate(&wit, world.as_deref()))?;
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

impl BindingsLanguage {
    fn generate(self, wit: &Path, world: Option<&str>) -> Result<Files, AuthoringError> {
        let mut source = Generated::read(wit, world)?;
        match self {
            Self::C => generate(&mut source, "wit-bindgen-c", || wit_bindgen_c::Opts::default().build()),
            Self::Go => {
                let mut files =
                    generate(&mut source, "wit-bindgen-go", || wit_bindgen_go::Opts::default().build())?;
                // The author's own, who may add to it.
                files.remove("go.mod");
                for (name, text) in GO_PACKAGE {
                    files.push(&format!("pkg/{name}"), text.as_bytes());
                }
                Ok(files)
            }
            Self::Ts => {
                let mut files = Files::default();
                let text = typescript::declarations(&Wit::read(wit, world)?)?;
                files.push("module.d.ts", text.as_bytes());
                Ok(files)
            }
        }
    }
}

/// Has a generator do its work, whose faults are told as such: it may panic where it lacks something.
fn generate(
    source: &mut Generated,
    name: &'static str,
    generator: impl FnOnce() -> Box<dyn WorldGenerator>,
) -> Result<Files, AuthoringError> {
    keep_in_comments(&mut source.resolve);
    let mut files = Files::default();
    let generated = output::caught(|| generator().generate(&mut source.resolve, source.world, &mut files));
    match generated {
        Ok(Ok(())) => Ok(files),
        Ok(Err(cause)) => Err(AuthoringError::Bindings(format!("{cause:#}"))),
        Err(message) => Err(AuthoringError::Generator {
            name,
            message: line(&message),
            unusual: source.unusual.iter().map(|told| format!(" ({told})")).collect(),
        }),
    }
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
            let written = write_bindings(&wit, None, language, &output).unwrap();
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
            let told = write_bindings(folder.path(), None, language, folder.path()).unwrap_err().to_string();
            assert!(told.starts_with("the WIT in \"") && told.contains("nothing"), "{told}");
        }
    }
    const ALL: [BindingsLanguage; 3] = [BindingsLanguage::C, BindingsLanguage::Go, BindingsLanguage::Ts];

    fn of(text: &str, language: BindingsLanguage) -> Result<Vec<PathBuf>, String> {
        let folder = tempfile::tempdir().unwrap();
        let (wit, output) = (folder.path().join("b.wit"), folder.path().join("out"));
        std::fs::write(&wit, text).unwrap();
        write_bindings(&wit, None, language, &output).map_err(|told| told.to_string())
    }

    #[test]
    fn a_generator_that_breaks_is_named_with_what_to_do() {
        let clash = "package a:b; world module { export i; }
            interface i { resource r { m: func(); } method-r-m: func(); }";
        let told = of(clash, BindingsLanguage::C).unwrap_err();
        assert!(told.contains("wit-bindgen-c broke") && told.contains("method_r_m"), "{told}");
        assert!(told.contains("another language"), "{told}");
        for (ty, named) in [("error-context", "`error-context`"), ("list<u8, 4>", "a list of fixed length")] {
            let text = format!("package a:b; world module {{ export f: func(a: {ty}) -> {ty}; }}");
            for language in [BindingsLanguage::C, BindingsLanguage::Go] {
                let told = of(&text, language).unwrap_err();
                assert!(told.contains(&format!("the function \"f\" of the world has {named}")), "{told}");
            }
        }
    }

    #[test]
    fn versions_that_differ_in_their_build_alone_break_nothing() {
        let text = "package a:b; world module { import x:y/i@1.0.0+a; export x:y/i@1.0.0+b; }
            package x:y@1.0.0+a { interface i { resource r; record p { x: u8 } f: func(r: borrow<r>) -> p; } }
            package x:y@1.0.0+b { interface i { resource r; record p { x: u8 } f: func(r: borrow<r>) -> p; } }";
        for language in ALL {
            let _ = of(text, language);
        }
    }

    #[test]
    fn types_that_double_with_every_line_are_refused_before_they_are_written_out() {
        let kinds = ["type N = tuple<P, P>;", "record N { a: P, b: P }", "variant N { a(P), b(P) }"];
        for kind in kinds.into_iter().chain(["type N = result<P, P>;"]) {
            let next = |n: u32| kind.replace('N', &format!("t{n}")).replace('P', &format!("t{}", n - 1));
            let types: String = (1..=40).map(next).collect();
            let interface = format!("type t0 = u8; {types} f: func(a: t40) -> t40;");
            for place in ["export i", "import i"] {
                let text = format!("package a:b; interface i {{ {interface} }} world module {{ {place}; }}");
                for language in ALL {
                    let told = of(&text, language).unwrap_err();
                    assert!(told.contains("have more than 500000 parts"), "{told}");
                }
            }
        }
    }

    #[test]
    fn a_chain_of_types_is_refused_before_a_stack_ends() {
        let types: String = (1..50_000).map(|n| format!("type t{n} = option<t{}>;\n", n - 1)).collect();
        let text = format!(
            "package a:b; interface i {{ type t0 = u8; {types} f: func(a: t49999); }} world module {{ export i; }}"
        );
        for language in ALL {
            let told = of(&text, language).unwrap_err();
            assert!(told.contains("types deep, one within the other"), "{told}");
        }
    }

    #[test]
    fn one_world_of_several_is_chosen_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let wit = folder.path().join("b.wit");
        std::fs::write(&wit, "package a:b; world one { export f: func(); } world two { export g: func(); }")
            .unwrap();
        let write = |world| write_bindings(&wit, world, BindingsLanguage::C, folder.path());
        let told = write(None).unwrap_err().to_string();
        assert!(told.contains("choose one with --world: `one`, `two`"), "{told}");
        let told = write(Some("three")).unwrap_err().to_string();
        assert!(told.contains("--world takes one of `one`, `two`"), "{told}");
        for name in ["two", "a:b/two"] {
            assert!(write(Some(name)).unwrap().contains(&folder.path().join("two.h")));
        }
    }

    /// The WIT that the parser itself is tested with, where cargo keeps its sources.
    fn corpus() -> Vec<PathBuf> {
        let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
        let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
        let entries = |folder: PathBuf| {
            std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
        };
        let registries: Vec<PathBuf> =
            home.into_iter().flat_map(|home| entries(home.join("registry/src"))).collect();
        let newest = |name: &str| {
            let crates = registries.iter().cloned().flat_map(entries);
            crates
                .filter(|path| path.file_name().is_some_and(|own| own.to_string_lossy().starts_with(name)))
                .max()
        };
        let folders = [("wit-parser-", "tests/ui"), ("wit-component-", "tests/components")];
        let folders = folders.into_iter().filter_map(|(name, folder)| Some(newest(name)?.join(folder)));
        let is_wit = |path: &PathBuf| path.is_dir() || path.extension().is_some_and(|ending| ending == "wit");
        folders.flat_map(entries).filter(is_wit).collect()
    }

    #[test]
    fn what_the_parser_is_tested_with_neither_breaks_nor_takes_too_much() {
        let output = tempfile::tempdir().unwrap();
        for wit in corpus() {
            for language in ALL {
                // One package may have many worlds: the first will do.
                let write = |world: Option<&str>| write_bindings(&wit, world, language, output.path());
                let told = write(None).err().map(|told| told.to_string()).unwrap_or_default();
                let world = told.split("--world: `").nth(1).and_then(|names| names.split('`').next());
                let outcome = world.map_or(Ok(Vec::new()), |world| write(Some(world)));
                for told in [told.clone()].into_iter().chain(outcome.err().map(|told| told.to_string())) {
                    assert!(
                        !told.starts_with("making the bindings"),
                        "{language:?}, {}: {told}",
                        wit.display()
                    );
                }
            }
        }
    }
}
