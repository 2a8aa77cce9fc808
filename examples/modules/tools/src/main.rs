//! `module-tools bindings c|go|ts WIT OUT` writes what a module's source needs to compile.
//! `module-tools pack WIT IN OUT` makes a component out of what compilers put out, with its documentation.

mod bindings;
mod clock;
mod component;
mod docs;
mod typescript;
mod wit;

use std::path::Path;

use anyhow::{Context as _, bail};

use crate::bindings::Language;
use crate::wit::Wit;

const USAGE: &str = "usage: module-tools bindings c|go|ts WIT OUT-FOLDER
       module-tools pack WIT IN.wasm OUT.wasm";

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["bindings", language, wit, out] => {
            bindings::write(&Wit::read(Path::new(wit))?, Language::named(language)?, Path::new(out))
        }
        ["pack", wit, input, output] => pack(&Wit::read(Path::new(wit))?, Path::new(input), Path::new(output)),
        _ => bail!(USAGE),
    }
}

fn pack(wit: &Wit, input: &Path, output: &Path) -> anyhow::Result<()> {
    let bytes = std::fs::read(input).with_context(|| format!("reading \"{}\"", input.display()))?;
    let component = component::from_any(&bytes, wit)?;
    let documented = docs::add(component, wit)?;
    std::fs::write(output, documented).with_context(|| format!("writing \"{}\"", output.display()))
}
