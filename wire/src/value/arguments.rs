//! Arguments in the form in which they were given, and [`bind`], which turns them into the values that a method
//! takes.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::name::ModuleName;
use crate::size::ByteSize;
use crate::value::Value;
use crate::value::check;
use crate::value::error::{Place, ValueError, echoed, quoted};
use crate::value::json;
use crate::value::method::{Signature, Type, TypeRef};
use crate::value::size::{MAX_ARGUMENTS, size};
use crate::value::strict_json::{self, BadJson};
use crate::value::word;

pub use crate::value::word::Word;

/// Arguments in the form in which they were given.
///
/// They are turned into values by [`bind`], which needs the method's signature: by the overlord where it knows
/// that, so that most mistakes never leave the machine, and always by the minion.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Arguments {
    /// The words of a command line, one for each parameter.
    Words(Vec<Word>),
    /// A JSON array with an element for each parameter, or a JSON object by parameter name, as text of at most
    /// [`MAX_JSON`] bytes.
    Json(String),
    /// Values, one for each parameter.
    Values(Vec<Value>),
}

/// The longest JSON text that is read, in bytes.
pub const MAX_JSON: usize = 16 << 20;

/// The most elements and members in a JSON text: each costs some seventy bytes while it is read.
pub const MAX_JSON_ELEMENTS: usize = 1 << 20;

/// The most characters of a signature that an error shows.
const MAX_SIGNATURE: usize = 300;

/// Why arguments do not fit a method. Every message names the method with its signature, and what to write instead
/// where that can be told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum ArgumentError {
    /// There are too few or too many arguments.
    #[error("{signature} takes {}, {given} given", counted(*.required, *.most))]
    Count { signature: String, required: usize, most: usize, given: usize },
    /// One argument is not of its parameter's type.
    #[error("argument \"{parameter}\" of {signature}: {problem}")]
    Argument { signature: String, parameter: String, problem: Box<ValueError> },
    /// The JSON object has no member for a parameter that needs one.
    #[error("argument \"{parameter}\" of {signature} is missing")]
    Missing { signature: String, parameter: String },
    /// The JSON object has a member that is no parameter.
    #[error("{signature} has no parameter {given}")]
    Unknown { signature: String, given: String },
    /// The text is not JSON.
    #[error("the arguments of {signature} are not JSON: {reason}")]
    NotJson { signature: String, reason: String },
    /// The JSON text has a key twice in one object.
    #[error("the arguments of {signature} are not clear: {reason}")]
    Twice { signature: String, reason: String },
    /// The JSON text is neither an array nor an object.
    #[error("the arguments of {signature} must be an array, or an object by parameter name, not {given}")]
    NotMany { signature: String, given: String },
    /// The values have more than [`MAX_ARGUMENTS`] bytes together.
    #[error(
        "the arguments of {signature} are too large: {bytes} bytes, and {} is the most of one call; bring it in parts, or \
         put it into a folder that the module is granted and pass its path",
        ByteSize(MAX_ARGUMENTS)
    )]
    TooMuch { signature: String, bytes: u64 },
    /// The JSON text is over [`MAX_JSON`] or [`MAX_JSON_ELEMENTS`].
    #[error("the arguments of {signature} are too large: {amount} are over the limit of {limit}")]
    TooLarge { signature: String, amount: String, limit: usize },
}

fn counted(required: usize, most: usize) -> String {
    let plural = if most == 1 { "" } else { "s" };
    match (required, most) {
        (_, 0) => "no arguments".to_owned(),
        _ if required == most => format!("{most} argument{plural}"),
        _ => format!("{required} to {most} argument{plural}"),
    }
}

/// Turns `arguments` into one value for each parameter of `method`, which `module` exports.
///
/// Trailing `option` parameters may be left out, and any `option` parameter of a JSON object. The values together
/// are at most [`MAX_ARGUMENTS`] bytes, as [`size()`] counts them.
///
/// # Errors
/// [`ArgumentError`]: which argument does not fit, and why. Words and JSON are read by the types of the
/// parameters; values are only held against them.
pub fn bind(
    method: Signature<'_>,
    module: &ModuleName,
    arguments: &Arguments,
) -> Result<Vec<Value>, ArgumentError> {
    let binding = Binding { method, module };
    let values = match arguments {
        Arguments::Words(words) => binding.each(words, word::read),
        Arguments::Json(text) => binding.json(text),
        Arguments::Values(values) => binding.each(values, |ty, value, at| {
            check::check_at(ty, value, at)?;
            Ok(value.clone())
        }),
    }?;
    match values.iter().map(size).sum() {
        bytes if bytes > MAX_ARGUMENTS => {
            Err(ArgumentError::TooMuch { signature: binding.signature(), bytes })
        }
        _ => Ok(values),
    }
}

struct Binding<'a> {
    method: Signature<'a>,
    module: &'a ModuleName,
}

impl Binding<'_> {
    /// Reads one value for each of `given`, in the order of the parameters.
    fn each<T>(
        &self,
        given: &[T],
        read: impl Fn(TypeRef<'_>, &T, &Place<'_>) -> Result<Value, ValueError>,
    ) -> Result<Vec<Value>, ArgumentError> {
        let (required, most) = (self.method.required(), self.method.params().len());
        if !(required..=most).contains(&given.len()) {
            let signature = self.signature();
            return Err(ArgumentError::Count { signature, required, most, given: given.len() });
        }
        let values = self.method.params().zip(given).map(|((name, ty), given)| {
            read(ty, given, &Place::top(name)).map_err(|problem| self.error(name, problem))
        });
        let left_out = (given.len()..most).map(|_| Ok(Value::Option(None)));
        values.chain(left_out).collect()
    }

    fn json(&self, text: &str) -> Result<Vec<Value>, ArgumentError> {
        let too_large = |amount, limit| {
            let signature = self.signature();
            Err(ArgumentError::TooLarge { signature, amount, limit })
        };
        if text.len() > MAX_JSON {
            return too_large(format!("{} bytes", text.len()), MAX_JSON);
        }
        let elements = elements(text);
        if elements > MAX_JSON_ELEMENTS {
            return too_large(format!("{elements} elements"), MAX_JSON_ELEMENTS);
        }
        let json = strict_json::parse(text).map_err(|error| match error {
            BadJson::Syntax(reason) => ArgumentError::NotJson { signature: self.signature(), reason },
            BadJson::Twice(reason) => ArgumentError::Twice { signature: self.signature(), reason },
        })?;
        match json {
            Json::Array(elements) => self.each(&elements, json::read),
            Json::Object(members) => {
                let is_param = |given: &str| self.method.params().any(|(name, _)| name == given);
                if let Some(given) = members.keys().find(|name| !is_param(name)) {
                    let (signature, given) = (self.signature(), quoted(given));
                    return Err(ArgumentError::Unknown { signature, given });
                }
                let values = self.method.params().map(|(name, ty)| match (members.get(name), ty.kind()) {
                    (Some(json), _) => {
                        json::read(ty, json, &Place::top(name)).map_err(|problem| self.error(name, problem))
                    }
                    (None, Type::Option(_)) => Ok(Value::Option(None)),
                    (None, _) => {
                        let (signature, parameter) = (self.signature(), name.to_owned());
                        Err(ArgumentError::Missing { signature, parameter })
                    }
                });
                values.collect()
            }
            other => Err(ArgumentError::NotMany { signature: self.signature(), given: echoed(&other) }),
        }
    }

    fn signature(&self) -> String {
        let whole = format!("{}.{}", self.module, self.method);
        match whole.char_indices().nth(MAX_SIGNATURE) {
            None => whole,
            Some((end, _)) => format!("{}…", &whole[..end]),
        }
    }

    /// Puts an error to its parameter. The parameter's name is in the message already, so it is repeated only in
    /// front of a longer path.
    fn error(&self, parameter: &str, mut problem: ValueError) -> ArgumentError {
        if problem.path == parameter {
            problem.path.clear();
        }
        let (signature, parameter) = (self.signature(), parameter.to_owned());
        ArgumentError::Argument { signature, parameter, problem: Box::new(problem) }
    }
}

/// How many elements and members a JSON text has at most, counted without parsing it.
fn elements(text: &str) -> usize {
    let (mut count, mut in_string, mut escaped) = (0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => in_string = !in_string,
            b',' | b'[' | b'{' if !in_string => count += 1,
            _ => {}
        }
    }
    count
}

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests;
