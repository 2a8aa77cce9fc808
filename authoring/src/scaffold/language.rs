//! The languages that there are templates for.

/// A file of a new module: where it goes, and what is in it, both with placeholders.
pub(super) type Template = (&'static str, &'static str);

/// A language to write a module in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Language {
    /// Rust, built with cargo.
    Rust,
    /// C, built with zig or clang.
    C,
    /// Python, built with componentize-py.
    Python,
    /// JavaScript, built with componentize-qjs.
    Js,
    /// TypeScript, built with tsc and componentize-qjs.
    Ts,
    /// Go, built with go.
    Go,
}

impl Language {
    pub(super) fn templates(self) -> &'static [Template] {
        match self {
            Language::Rust => &RUST,
            Language::C => &C,
            Language::Python => &PYTHON,
            Language::Js => &JS,
            Language::Ts => &TS,
            Language::Go => &GO,
        }
    }
}

const RUST: [Template; 5] = [
    (".cargo/config.toml", include_str!("templates/rust/config.toml")),
    (".gitignore", include_str!("templates/rust/gitignore")),
    ("Cargo.toml", include_str!("templates/rust/Cargo.toml.template")),
    ("README.md", include_str!("templates/rust/README.md")),
    ("src/lib.rs", include_str!("templates/rust/lib.rs")),
];

const C: [Template; 4] = [
    (".gitignore", include_str!("templates/c/gitignore")),
    ("Makefile", include_str!("templates/c/Makefile")),
    ("README.md", include_str!("templates/c/README.md")),
    ("module.c", include_str!("templates/c/module.c")),
];

const PYTHON: [Template; 3] = [
    (".gitignore", include_str!("templates/python/gitignore")),
    ("README.md", include_str!("templates/python/README.md")),
    ("app.py", include_str!("templates/python/app.py")),
];

const JS: [Template; 5] = [
    (".gitignore", include_str!("templates/js/gitignore")),
    ("README.md", include_str!("templates/js/README.md")),
    ("console.js", include_str!("templates/js/console.js")),
    ("module.js", include_str!("templates/js/module.js")),
    ("package.json", include_str!("templates/js/package.json")),
];

const TS: [Template; 7] = [
    (".gitignore", include_str!("templates/ts/gitignore")),
    ("README.md", include_str!("templates/ts/README.md")),
    ("console.js", include_str!("templates/js/console.js")),
    ("globals.d.ts", include_str!("templates/ts/globals.d.ts")),
    ("module.ts", include_str!("templates/ts/module.ts")),
    ("package.json", include_str!("templates/ts/package.json")),
    ("tsconfig.json", include_str!("templates/ts/tsconfig.json")),
];

const GO: [Template; 5] = [
    (".gitignore", include_str!("templates/go/gitignore")),
    ("Makefile", include_str!("templates/go/Makefile")),
    ("README.md", include_str!("templates/go/README.md")),
    ("export_my_{{snake}}_{{snake}}/module.go", include_str!("templates/go/module.go")),
    ("go.mod", include_str!("templates/go/go.mod.template")),
];
