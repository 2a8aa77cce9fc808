//! Documentation on its way into line comments.
//!
//! Generators write each line behind `//`. In C a backslash at its end takes the next line, which is code, into the
//! comment, and a carriage return ends it.

use wit_bindgen_core::wit_parser::{Docs, Resolve, TypeDefKind, WorldItem};

/// Makes every line of documentation one that stays in its comment and takes nothing else in.
pub(super) fn keep_in_comments(resolve: &mut Resolve) {
    for (_, package) in resolve.packages.iter_mut() {
        keep(&mut package.docs);
    }
    for (_, world) in resolve.worlds.iter_mut() {
        keep(&mut world.docs);
        for item in world.imports.values_mut().chain(world.exports.values_mut()) {
            match item {
                WorldItem::Function(function) => keep(&mut function.docs),
                WorldItem::Interface { docs, .. } => keep(docs),
                WorldItem::Type { .. } => {}
            }
        }
    }
    for (_, interface) in resolve.interfaces.iter_mut() {
        keep(&mut interface.docs);
        interface.functions.values_mut().for_each(|function| keep(&mut function.docs));
    }
    for (_, ty) in resolve.types.iter_mut() {
        keep(&mut ty.docs);
        match &mut ty.kind {
            TypeDefKind::Record(record) => record.fields.iter_mut().for_each(|field| keep(&mut field.docs)),
            TypeDefKind::Variant(variant) => variant.cases.iter_mut().for_each(|case| keep(&mut case.docs)),
            TypeDefKind::Enum(names) => names.cases.iter_mut().for_each(|case| keep(&mut case.docs)),
            TypeDefKind::Flags(flags) => flags.flags.iter_mut().for_each(|flag| keep(&mut flag.docs)),
            _ => {}
        }
    }
}

fn keep(docs: &mut Docs) {
    let Some(text) = &mut docs.contents else { return };
    let lines: Vec<String> = text.lines().map(kept).collect();
    *text = lines.join("\n");
}

fn kept(line: &str) -> String {
    let line = wire::document::text::line(line);
    let line = line.trim_end();
    // `??/` is a backslash in the oldest forms of C. White space behind it does not help.
    let takes_the_next = line.ends_with('\\') || line.ends_with("??/");
    if takes_the_next { format!("{line} .") } else { line.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_takes_the_next_one_in_or_ends_early() {
        assert_eq!(kept("a path like C:\\"), "a path like C:\\ .");
        assert_eq!(kept("what ??/  "), "what ??/ .");
        assert!(!kept("one\rint two;").contains('\r'));
        assert_eq!(kept("plain"), "plain");
    }
}
