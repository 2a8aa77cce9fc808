//! What a value of a type looks like, for someone who has to write one on a command line.

use crate::value::method::{Type, TypeRef};

/// How long a specimen may be, in bytes: a longer one helps nobody.
const MAX: usize = 60;
/// How deep it goes before it gives up.
const DEPTH: usize = 6;

/// An example of a value of the type, in WAVE; `None` where a short one would say nothing.
pub(crate) fn specimen(ty: TypeRef<'_>) -> Option<String> {
    let mut text = String::new();
    write(ty, DEPTH, &mut text)?;
    Some(text)
}

fn write(ty: TypeRef<'_>, depth: usize, text: &mut String) -> Option<()> {
    let depth = depth.checked_sub(1)?;
    match ty.kind() {
        Type::Bool => text.push_str("true"),
        Type::F32 | Type::F64 => text.push_str("1.5"),
        Type::Char => text.push_str("'a'"),
        Type::String => text.push_str("\"a\""),
        Type::List(element) => {
            text.push('[');
            write(ty.part(*element), depth, text)?;
            text.push(']');
        }
        Type::Tuple(types) => {
            text.push('(');
            separated(types, text, |part, text| write(ty.part(*part), depth, text))?;
            text.push(')');
        }
        Type::Record(fields) => {
            text.push('{');
            separated(fields, text, |(name, field), text| {
                text.extend([label(name).as_str(), ": "]);
                write(ty.part(*field), depth, text)
            })?;
            text.push('}');
        }
        Type::Variant(cases) => {
            let (name, payload) = cases.iter().find(|(_, payload)| payload.is_some()).or(cases.first())?;
            text.push_str(&label(name));
            if let Some(payload) = payload {
                text.push('(');
                write(ty.part(*payload), depth, text)?;
                text.push(')');
            }
        }
        Type::Enum(cases) => text.push_str(&label(cases.first()?)),
        Type::Option(inner) => {
            text.push_str("some(");
            write(ty.part(*inner), depth, text)?;
            text.push(')');
        }
        Type::Result(ok, _) => {
            text.push_str("ok");
            if let Some(ok) = ok {
                text.push('(');
                write(ty.part(*ok), depth, text)?;
                text.push(')');
            }
        }
        Type::Flags(names) => text.extend(["{", &label(names.first()?), "}"]),
        Type::Opaque(_) => return None,
        Type::S8 | Type::U8 | Type::S16 | Type::U16 | Type::S32 | Type::U32 | Type::S64 | Type::U64 => {
            text.push('1');
        }
    }
    (text.len() <= MAX).then_some(())
}

fn separated<T>(
    parts: &[T],
    text: &mut String,
    mut write: impl FnMut(&T, &mut String) -> Option<()>,
) -> Option<()> {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            text.push_str(", ");
        }
        write(part, text)?;
    }
    Some(())
}

/// A case or a flag as WAVE wants it: a word that means something else there has a `%` before it.
pub(crate) fn label(name: &str) -> String {
    let percent = if is_keyword(name) { "%" } else { "" };
    format!("{percent}{name}")
}

/// Whether WAVE takes the word for something else than a name.
pub(crate) fn is_keyword(name: &str) -> bool {
    matches!(name, "true" | "false" | "none" | "some" | "ok" | "err" | "inf" | "nan")
}

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::value::arbitrary::types;
    use crate::value::error::Place;
    use crate::value::wave;

    proptest! {
        #[test]
        fn a_specimen_is_a_value_of_its_type(ty in types()) {
            let ty = ty.interned();
            if let Some(text) = specimen(ty.get()) {
                let parsed = wave::parse(&text).unwrap_or_else(|_| panic!("not WAVE: {text}"));
                let read = wave::read(ty.get(), &parsed, &Place::top(""));
                prop_assert!(read.is_ok(), "{}: {:?}", text, read);
            }
        }
    }
}
