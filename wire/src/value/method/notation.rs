//! How types and methods are written: as WIT writes them, with names where types have them.

use std::fmt::{self, Write as _};

use super::{Signature, Type, TypeRef};

/// The most characters of a type or a signature that are written out. Where what is shared has no name, few bytes
/// of a component can stand for many of text.
const MAX_WRITTEN: usize = 4000;

/// Writes a type by its name, and a type without a name by what it is made of.
impl fmt::Display for TypeRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        written(f, |pen| pen.ty(*self))
    }
}

impl TypeRef<'_> {
    /// The definition of the type where it has a name, as in `record point { x: u32 }`; at most some four thousand
    /// characters.
    pub fn definition_text(self) -> String {
        Definition(self).to_string()
    }
}

/// A type as WIT defines it.
struct Definition<'a>(TypeRef<'a>);

impl fmt::Display for Definition<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        written(f, |pen| match (self.0.name(), self.0.kind()) {
            (None, _) => pen.kind(self.0, ""),
            (Some(name), Type::Record(_) | Type::Variant(_) | Type::Enum(_) | Type::Flags(_)) => {
                pen.kind(self.0, &format!(" {name}"))
            }
            (Some(name), _) => {
                write!(pen, "type {name} = ")?;
                pen.kind(self.0, "")
            }
        })
    }
}

/// Writes the method as WIT would, without `func`: `add(a: s64, b: s64) -> s64`.
impl fmt::Display for Signature<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Called { signature: *self, name: &self.name }.fmt(f)
    }
}

/// A method by one of its names.
struct Called<'a> {
    signature: Signature<'a>,
    name: &'a str,
}

impl fmt::Display for Called<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        written(f, |pen| {
            write!(pen, "{}(", self.name)?;
            pen.listed(self.signature.params(), |pen, (name, ty)| {
                write!(pen, "{name}: ")?;
                pen.ty(ty)
            })?;
            pen.write_char(')')?;
            match self.signature.result() {
                Some(ty) => {
                    pen.write_str(" -> ")?;
                    pen.ty(ty)
                }
                None => Ok(()),
            }
        })
    }
}

impl Signature<'_> {
    /// The signature as text, with another of the method's names in front.
    pub fn called(self, name: &str) -> String {
        Called { signature: self, name }.to_string()
    }

    /// The definitions of those types in the signature that have names, each once.
    pub fn definitions(self) -> Vec<String> {
        let named = self.types().into_iter().filter(|ty| ty.name().is_some());
        named.map(TypeRef::definition_text).collect()
    }
}

/// Writes with a [`Pen`], and an ellipsis where it ran dry.
fn written(f: &mut fmt::Formatter<'_>, write: impl FnOnce(&mut Pen) -> fmt::Result) -> fmt::Result {
    let mut pen = Pen { text: String::new(), left: MAX_WRITTEN };
    match write(&mut pen) {
        Ok(()) => f.write_str(&pen.text),
        // Only a pen that has run dry fails.
        Err(fmt::Error) => write!(f, "{}…", pen.text),
    }
}

/// Writes a limited number of characters, so that a type that is large as a tree ends somewhere.
struct Pen {
    text: String,
    left: usize,
}

impl fmt::Write for Pen {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        match text.char_indices().nth(self.left) {
            None => {
                self.left -= text.chars().count();
                self.text.push_str(text);
                Ok(())
            }
            Some((end, _)) => {
                self.left = 0;
                self.text.push_str(&text[..end]);
                Err(fmt::Error)
            }
        }
    }
}

impl Pen {
    /// Writes a type by its name, or by what it is made of.
    fn ty(&mut self, ty: TypeRef<'_>) -> fmt::Result {
        match ty.name() {
            Some(name) => self.write_str(name),
            None => self.kind(ty, ""),
        }
    }

    /// Writes what a type is made of, with its name behind the keyword.
    fn kind(&mut self, ty: TypeRef<'_>, name: &str) -> fmt::Result {
        let part = |id| ty.part(id);
        match ty.kind() {
            Type::Bool => self.write_str("bool"),
            Type::S8 => self.write_str("s8"),
            Type::U8 => self.write_str("u8"),
            Type::S16 => self.write_str("s16"),
            Type::U16 => self.write_str("u16"),
            Type::S32 => self.write_str("s32"),
            Type::U32 => self.write_str("u32"),
            Type::S64 => self.write_str("s64"),
            Type::U64 => self.write_str("u64"),
            Type::F32 => self.write_str("f32"),
            Type::F64 => self.write_str("f64"),
            Type::Char => self.write_str("char"),
            Type::String => self.write_str("string"),
            Type::List(inner) => self.generic("list", [Some(part(*inner))]),
            Type::Option(inner) => self.generic("option", [Some(part(*inner))]),
            Type::Tuple(types) => self.generic("tuple", types.iter().map(|ty| Some(part(*ty)))),
            Type::Record(fields) => self.block("record", name, fields.iter(), |pen, (name, ty)| {
                write!(pen, "{name}: ")?;
                pen.ty(part(*ty))
            }),
            Type::Variant(cases) => self.block("variant", name, cases.iter(), |pen, (name, ty)| {
                pen.write_str(name)?;
                let Some(ty) = ty else { return Ok(()) };
                pen.write_char('(')?;
                pen.ty(part(*ty))?;
                pen.write_char(')')
            }),
            Type::Enum(cases) => self.block("enum", name, cases.iter(), |pen, case| pen.write_str(case)),
            Type::Flags(names) => self.block("flags", name, names.iter(), |pen, flag| pen.write_str(flag)),
            Type::Result(None, None) => self.write_str("result"),
            Type::Result(Some(ok), None) => self.generic("result", [Some(part(*ok))]),
            Type::Result(ok, Some(err)) => self.generic("result", [ok.map(part), Some(part(*err))]),
            Type::Opaque(name) => self.write_str(name),
        }
    }

    /// Writes `word<type, type>`, with `_` for a side that carries nothing.
    fn generic<'a>(
        &mut self,
        word: &str,
        types: impl IntoIterator<Item = Option<TypeRef<'a>>>,
    ) -> fmt::Result {
        write!(self, "{word}<")?;
        self.listed(types.into_iter(), |pen, ty| match ty {
            Some(ty) => pen.ty(ty),
            None => pen.write_char('_'),
        })?;
        self.write_char('>')
    }

    /// Writes `word name { thing, thing }`.
    fn block<T>(
        &mut self,
        word: &str,
        name: &str,
        things: impl Iterator<Item = T>,
        write: impl Fn(&mut Pen, T) -> fmt::Result,
    ) -> fmt::Result {
        write!(self, "{word}{name} {{ ")?;
        self.listed(things, write)?;
        self.write_str(" }")
    }

    /// Writes things with commas between them.
    fn listed<T>(
        &mut self,
        things: impl Iterator<Item = T>,
        write: impl Fn(&mut Pen, T) -> fmt::Result,
    ) -> fmt::Result {
        for (place, thing) in things.enumerate() {
            if place > 0 {
                self.write_str(", ")?;
            }
            write(self, thing)?;
        }
        Ok(())
    }
}
