//! Names and comments, as TypeScript takes them.

use wit_parser::Docs;

/// A line of documentation, which must not end the comment that it is in.
fn inside_comment(line: &str) -> String {
    wire::document::text::line(line).replace("*/", "* /")
}

/// The doc comment, with what a function throws as its last line.
pub(super) fn comment(docs: &Docs, thrown: Option<&str>, indent: &str) -> String {
    let mut lines: Vec<String> =
        docs.contents.iter().flat_map(|text| text.trim().lines()).map(inside_comment).collect();
    lines.extend(thrown.map(|thrown| inside_comment(&format!("@throws {{{thrown}}}"))));
    match lines.as_slice() {
        [] => String::new(),
        [line] => format!("{indent}/** {line} */\n"),
        lines => {
            let middle: String =
                lines.iter().map(|line| format!("{indent} * {line}").trim_end().to_owned() + "\n").collect();
            format!("{indent}/**\n{middle}{indent} */\n")
        }
    }
}

pub(super) fn pascal(name: &str) -> String {
    let word = |word: &str| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_ascii_uppercase() + rest
    };
    name.split('-').map(word).collect()
}

pub(super) fn camel(name: &str) -> String {
    let name = pascal(name);
    let (first, rest) = name.split_at(name.len().min(1));
    first.to_ascii_lowercase() + rest
}

/// A name that can be declared.
pub(super) fn word(name: &str) -> String {
    const RESERVED: [&str; 48] = [
        "arguments",
        "await",
        "break",
        "case",
        "catch",
        "class",
        "const",
        "continue",
        "debugger",
        "default",
        "delete",
        "do",
        "else",
        "enum",
        "eval",
        "export",
        "extends",
        "false",
        "finally",
        "for",
        "function",
        "if",
        "implements",
        "import",
        "in",
        "instanceof",
        "interface",
        "let",
        "new",
        "null",
        "package",
        "private",
        "protected",
        "public",
        "return",
        "static",
        "super",
        "switch",
        "this",
        "throw",
        "true",
        "try",
        "typeof",
        "var",
        "void",
        "while",
        "with",
        "yield",
    ];
    if RESERVED.contains(&name) { format!("{name}_") } else { name.to_owned() }
}
