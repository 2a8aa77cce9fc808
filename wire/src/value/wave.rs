//! Values as WAVE, the notation of WIT: `{name: "x", size: some(3)}`.
//!
//! The `wasm-wave` crate parses; values are built here by our own types, so that an error names its place
//! and says the same as it would for JSON.

use std::collections::HashMap;

use wasm_wave::ast::{Node, NodeType};
use wasm_wave::parser::ParserErrorKind;
use wasm_wave::untyped::UntypedValue;

use crate::value::Value;
use crate::value::error::{Place, Problem, Step, ValueError, clipped, quoted};
use crate::value::integer;
use crate::value::method::{Type, TypeRef};
use crate::value::shape;
use crate::value::specimen::{is_keyword, specimen};

/// Why a text is not WAVE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BadWave {
    /// The text names this field twice.
    FieldTwice(String),
    /// The text names this flag twice.
    FlagTwice(String),
    /// The text is not WAVE for another reason.
    Other,
}

/// Parses a text as WAVE, whatever its type.
///
/// The parser ends at 100 levels, and needs some fifty bytes for each byte of text: callers cap the text.
pub(crate) fn parse(text: &str) -> Result<UntypedValue<'_>, BadWave> {
    UntypedValue::parse(text).map_err(|error| {
        let named = || quoted(text.get(error.span()).unwrap_or_default().trim_start_matches('%'));
        match error.kind() {
            ParserErrorKind::DuplicateField => BadWave::FieldTwice(named()),
            ParserErrorKind::DuplicateFlag => BadWave::FlagTwice(named()),
            _ => BadWave::Other,
        }
    })
}

/// Reads a value of type `ty` that stands at `at`.
pub(crate) fn read(ty: TypeRef<'_>, wave: &UntypedValue<'_>, at: &Place<'_>) -> Result<Value, ValueError> {
    Reader { source: wave.source() }.read(ty, wave.node(), at)
}

/// Whether a text is short, and might well be meant as a string without its quotes.
fn is_bare(word: &str) -> bool {
    word.len() <= 60 && !word.contains(|c: char| "\"'(){}[]".contains(c) || c.is_control())
}

struct Reader<'s> {
    source: &'s str,
}

impl Reader<'_> {
    fn read(&self, ty: TypeRef<'_>, node: &Node, at: &Place<'_>) -> Result<Value, ValueError> {
        let read = |ty: TypeRef<'_>, node: &Node, at: &Place<'_>| self.read(ty, node, at);
        let unexpected = || self.unexpected(ty, node, at);
        match ty.kind() {
            Type::Bool => node.as_bool().map(Value::Bool).map_err(|_| unexpected()),
            Type::S8 | Type::U8 | Type::S16 | Type::U16 | Type::S32 | Type::U32 | Type::S64 | Type::U64 => {
                self.integer(ty, node, at)
            }
            Type::F32 => match node.as_number::<f32>(self.source) {
                Ok(value) if value.is_infinite() && !self.says_infinite(node) => {
                    Err(self.range(ty, node, at))
                }
                value => value.map(Value::F32).map_err(|_| unexpected()),
            },
            Type::F64 => match node.as_number::<f64>(self.source) {
                Ok(value) if value.is_infinite() && !self.says_infinite(node) => {
                    Err(self.range(ty, node, at))
                }
                value => value.map(Value::F64).map_err(|_| unexpected()),
            },
            Type::Char => node.as_char(self.source).map(Value::Char).map_err(|_| unexpected()),
            Type::String => node
                .as_str(self.source)
                .map(|text| Value::String(text.into_owned()))
                .map_err(|_| unexpected()),
            Type::List(element) => self.list(ty, ty.part(*element), node, at),
            Type::Tuple(types) => {
                let nodes = node.as_tuple().map_err(|_| unexpected())?;
                if nodes.len() != types.len() {
                    return Err(at.error(Problem::Length { expected: types.len(), given: nodes.len() }));
                }
                let pairs = types.iter().zip(nodes).enumerate();
                let values = pairs
                    .map(|(index, (part, node))| read(ty.part(*part), node, &at.down(Step::Index(index))?));
                Ok(Value::Tuple(values.collect::<Result<_, _>>()?))
            }
            Type::Record(fields) => {
                let given: HashMap<&str, &Node> =
                    node.as_record(self.source).map_err(|_| unexpected())?.collect();
                let names = given.iter().map(|(name, node)| (*name, *node));
                shape::record(ty, fields, names, |name| given.get(name).copied(), read, at)
            }
            Type::Variant(cases) => {
                let (case, payload) = node.as_variant(self.source).map_err(|_| unexpected())?;
                shape::variant(ty, cases, case, payload, read, at)
            }
            Type::Enum(cases) => {
                shape::enumeration(cases, node.as_enum(self.source).map_err(|_| unexpected())?, at)
            }
            Type::Option(inner) => self.option(ty, ty.part(*inner), node, at),
            Type::Result(ok, err) => self.result(ty, (ty.maybe(*ok), ty.maybe(*err)), node, at),
            Type::Flags(names) => {
                let given = node.as_flags(self.source).map_err(|_| unexpected())?;
                let given: Vec<&str> = given.map(|name| name.trim_start_matches('%')).collect();
                shape::flags(names, &given, at)
            }
            Type::Opaque(name) => Err(at.error(Problem::NotPassable(clipped(name)))),
        }
    }

    fn integer(&self, ty: TypeRef<'_>, node: &Node, at: &Place<'_>) -> Result<Value, ValueError> {
        integer::value(ty.kind(), self.number(ty, node, at)?).ok_or_else(|| self.range(ty, node, at))
    }

    fn number(&self, ty: TypeRef<'_>, node: &Node, at: &Place<'_>) -> Result<i128, ValueError> {
        let number = match node.ty() {
            NodeType::Number => integer::decimal(self.text(node)),
            _ => None,
        };
        number.ok_or_else(|| at.unexpected(ty, self.echo(node)))
    }

    fn list(
        &self,
        ty: TypeRef<'_>,
        element: TypeRef<'_>,
        node: &Node,
        at: &Place<'_>,
    ) -> Result<Value, ValueError> {
        let nodes = node.as_list().map_err(|_| self.unexpected(ty, node, at))?.enumerate();
        if ty.is_bytes() {
            let bytes = nodes.map(|(index, node)| {
                let at = at.down(Step::Index(index))?;
                let number = self.number(element, node, &at)?;
                u8::try_from(number).map_err(|_| self.range(element, node, &at))
            });
            return Ok(Value::Bytes(bytes.collect::<Result<_, _>>()?));
        }
        let values = nodes.map(|(index, node)| self.read(element, node, &at.down(Step::Index(index))?));
        Ok(Value::List(values.collect::<Result<_, _>>()?))
    }

    /// An option may be written without `some`, unless it holds an option or a result.
    fn option(
        &self,
        ty: TypeRef<'_>,
        inner: TypeRef<'_>,
        node: &Node,
        at: &Place<'_>,
    ) -> Result<Value, ValueError> {
        let (node, step) = match node.as_option() {
            Ok(None) => return Ok(Value::Option(None)),
            Ok(Some(payload)) => (payload, Step::Inside),
            Err(_) if matches!(inner.kind(), Type::Option(_) | Type::Result(..)) => {
                return Err(self.unexpected(ty, node, at));
            }
            Err(_) => (node, Step::Inside),
        };
        Ok(Value::Option(Some(Box::new(self.read(inner, node, &at.down(step)?)?))))
    }

    fn result(
        &self,
        ty: TypeRef<'_>,
        (ok, err): (Option<TypeRef<'_>>, Option<TypeRef<'_>>),
        node: &Node,
        at: &Place<'_>,
    ) -> Result<Value, ValueError> {
        let read = |ty: TypeRef<'_>, node: &Node, at: &Place<'_>| self.read(ty, node, at);
        match node.as_result() {
            Ok(Ok(payload)) => Ok(Value::Result(Ok(shape::side("ok", ok, payload, read, at)?))),
            Ok(Err(payload)) => Ok(Value::Result(Err(shape::side("err", err, payload, read, at)?))),
            Err(_) => Err(self.unexpected(ty, node, at)),
        }
    }

    /// The error that a node is of another type, with what was meant where that can be told.
    fn unexpected(&self, ty: TypeRef<'_>, node: &Node, at: &Place<'_>) -> ValueError {
        let word = self.text(node);
        let hint = match ty.kind() {
            Type::String if is_bare(word) => format!(
                "inside brackets a string stands in double quotes, \"{word}\", and for the shell the whole argument \
                 in single ones"
            ),
            Type::Enum(_) | Type::Variant(_) if is_keyword(word) => {
                format!("as a name it is written %{word}, because {word} alone means something else")
            }
            Type::Bool => "write true or false".to_owned(),
            Type::List(_) | Type::Tuple(_) | Type::Record(_) | Type::Flags(_) if !ty.is_bytes() => {
                match specimen(ty) {
                    Some(specimen) => format!("write it like '{specimen}'"),
                    None => return at.unexpected(ty, self.echo(node)),
                }
            }
            _ => return at.unexpected(ty, self.echo(node)),
        };
        let got = if matches!(ty.kind(), Type::String) { clipped(word) } else { self.echo(node) };
        at.written(ty, got, hint)
    }

    fn range(&self, ty: TypeRef<'_>, node: &Node, at: &Place<'_>) -> ValueError {
        at.error(Problem::OutOfRange { ty: ty.to_string(), got: clipped(self.text(node)) })
    }

    fn says_infinite(&self, node: &Node) -> bool {
        matches!(self.text(node), "inf" | "-inf")
    }

    fn text(&self, node: &Node) -> &str {
        self.source.get(node.span()).unwrap_or_default()
    }

    /// The node as it was written, in quotes where it is not a literal of its own.
    fn echo(&self, node: &Node) -> String {
        match node.ty() {
            NodeType::Label => quoted(self.text(node)),
            _ => clipped(self.text(node)).replace(char::is_control, "\u{fffd}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::v1::Type;

    fn option(ty: Type) -> Type {
        Type::Option(Box::new(ty))
    }

    fn list(ty: Type) -> Type {
        Type::List(Box::new(ty))
    }

    fn some(value: Value) -> Value {
        Value::Option(Some(Box::new(value)))
    }

    /// What the text says as WAVE, which as JSON it might also be.
    fn wave(ty: &Type, text: &str) -> Result<Value, String> {
        let parsed = parse(text).unwrap_or_else(|bad| panic!("{text} is not WAVE: {bad:?}"));
        super::read(ty.interned().get(), &parsed, &Place::top("")).map_err(|error| error.to_string())
    }

    #[test]
    fn each_type_is_read_as_it_is_written() {
        let result = Type::Result(Some(Box::new(Type::U8)), Some(Box::new(Type::String)));
        let seven = || Some(Box::new(Value::Unsigned(7)));
        let failed = Value::Result(Err(Some(Box::new(Value::String("x".into())))));
        let optional = option(result.clone());
        for (ty, text, value) in [
            (Type::Bool, "false", Value::Bool(false)),
            (Type::S8, "-128", Value::Signed(-128)),
            (Type::U8, "0", Value::Unsigned(0)),
            (Type::F32, "1.5", Value::F32(1.5)),
            (Type::F32, "-inf", Value::F32(f32::NEG_INFINITY)),
            (Type::F64, "1e300", Value::F64(1e300)),
            (Type::F64, "inf", Value::F64(f64::INFINITY)),
            (Type::F64, "-inf", Value::F64(f64::NEG_INFINITY)),
            (Type::Char, "'x'", Value::Char('x')),
            (Type::String, "\"a\\n\"", Value::String("a\n".into())),
            (list(Type::Bool), "[true]", Value::List(vec![Value::Bool(true)])),
            (list(Type::U8), "[0, 255]", Value::Bytes(vec![0, 255])),
            (Type::Tuple(vec![Type::Bool, Type::U8]), "(true, 7)", {
                Value::Tuple(vec![Value::Bool(true), Value::Unsigned(7)])
            }),
            (result.clone(), "ok(7)", Value::Result(Ok(seven()))),
            (result, "err(\"x\")", failed.clone()),
            // An option may go without `some`, unless that could be meant of what it holds.
            (option(Type::U8), "7", Value::Option(seven())),
            (option(Type::U8), "some(7)", Value::Option(seven())),
            (option(Type::U8), "none", Value::Option(None)),
            (option(option(Type::U8)), "some(7)", some(Value::Option(seven()))),
            (option(option(Type::U8)), "some(none)", some(Value::Option(None))),
            (optional, "some(err(\"x\"))", some(failed)),
        ] {
            assert_eq!(wave(&ty, text), Ok(value), "{ty} from {text}");
        }
    }

    #[test]
    fn what_is_of_another_type_is_repeated_and_says_what_was_meant() {
        let strings = list(Type::String);
        let names = Type::Enum(vec!["all".into(), "none".into()]);
        let result = Type::Result(Some(Box::new(Type::U8)), None);
        let (long, longest) = ("a".repeat(61), "a".repeat(60));
        let quotes = |word: &str| {
            format!(
                "[0]: expected string, got {word}: inside brackets a string stands in double quotes, \"{word}\", \
                 and for the shell the whole argument in single ones"
            )
        };
        for (ty, text, said) in [
            (Type::U8, "256", "256 is out of range for u8".to_owned()),
            (Type::U8, "1.5", "expected u8, got 1.5".to_owned()),
            (Type::F32, "1e39", "1e39 is out of range for f32".to_owned()),
            (Type::F32, "-1e39", "-1e39 is out of range for f32".to_owned()),
            (Type::F64, "1e999", "1e999 is out of range for f64".to_owned()),
            (Type::F64, "half", "expected f64, got \"half\"".to_owned()),
            (Type::Char, "x", "expected char, got \"x\"".to_owned()),
            (Type::Bool, "7", "expected bool, got 7: write true or false".to_owned()),
            (list(Type::U8), "[1, 256]", "[1]: 256 is out of range for u8".to_owned()),
            (list(Type::U8), "[x]", "[0]: expected u8, got \"x\"".to_owned()),
            (list(Type::U8), "x", "expected list<u8>, got \"x\"".to_owned()),
            (list(Type::U32), "x", "expected list<u32>, got \"x\": write it like '[1]'".to_owned()),
            (Type::Tuple(vec![Type::U8; 2]), "(1)", "expected 2 elements, got 1".to_owned()),
            (strings.clone(), &format!("[{longest}]"), quotes(&longest)),
            (strings.clone(), &format!("[{long}]"), format!("[0]: expected string, got \"{long}\"")),
            (strings.clone(), "[[a]]", "[0]: expected string, got [a]".to_owned()),
            (strings, "['a']", "[0]: expected string, got 'a'".to_owned()),
            (list(names.clone()), "[\"all\"]", "[0]: expected enum { all, none }, got \"all\"".to_owned()),
            (
                list(names),
                "[none]",
                "[0]: expected enum { all, none }, got none: as a name it is written %none, because none alone means \
                 something else"
                    .to_owned(),
            ),
            (option(option(Type::U8)), "7", "expected option<option<u8>>, got 7".to_owned()),
            (option(result.clone()), "ok(7)", "expected option<result<u8>>, got ok(7)".to_owned()),
            (result.clone(), "ok", "\"ok\" needs a payload: u8, as in 'ok(1)'".to_owned()),
            (result, "err(1)", "\"err\" takes no payload".to_owned()),
            (Type::Opaque("stream<u8>".into()), "1", "stream<u8> cannot be passed from outside".to_owned()),
        ] {
            assert_eq!(wave(&ty, text), Err(said), "{ty} from {text}");
        }
    }
}
