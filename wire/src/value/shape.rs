//! What all notations of a value have in common: records, cases and flags, built by the rules of the type.

use crate::value::Value;
use crate::value::error::{Place, Problem, Step, ValueError, clipped, quoted};
use crate::value::method::{Type, TypeId, TypeRef};
use crate::value::specimen::{label, specimen};

/// Builds a record from what was `given` by name: a missing option is none, a missing other field or an
/// unknown one is an error.
pub(crate) fn record<'g, T: Copy>(
    ty: TypeRef<'_>,
    fields: &[(String, TypeId)],
    given: impl Iterator<Item = (&'g str, T)> + Clone,
    find: impl Fn(&str) -> Option<T>,
    read: impl Fn(TypeRef<'_>, T, &Place<'_>) -> Result<Value, ValueError>,
    at: &Place<'_>,
) -> Result<Value, ValueError> {
    if let Some((unknown, _)) = given.clone().find(|(name, _)| fields.iter().all(|(field, _)| field != name))
    {
        let known = fields.iter().map(|(name, _)| name.clone()).collect();
        return Err(at.error(Problem::Unknown { what: "field", given: quoted(unknown), known }));
    }
    let fields = fields.iter().map(|(name, field)| {
        let field = ty.part(*field);
        let value = match (find(name), field.kind()) {
            (Some(given), _) => read(field, given, &at.down(Step::Field(name))?)?,
            (None, Type::Option(_)) => Value::Option(None),
            (None, _) => return Err(at.error(Problem::MissingField(name.clone()))),
        };
        Ok((name.clone(), value))
    });
    Ok(Value::Record(fields.collect::<Result<_, ValueError>>()?))
}

/// Builds a case of a variant, with its payload exactly where it takes one.
pub(crate) fn variant<T>(
    ty: TypeRef<'_>,
    cases: &[(String, Option<TypeId>)],
    case: &str,
    payload: Option<T>,
    read: impl FnOnce(TypeRef<'_>, T, &Place<'_>) -> Result<Value, ValueError>,
    at: &Place<'_>,
) -> Result<Value, ValueError> {
    let Some((name, carried)) = cases.iter().find(|(name, _)| name == case) else {
        let known = cases.iter().map(|(name, _)| name.clone()).collect();
        return Err(at.error(Problem::Unknown { what: "case", given: quoted(case), known }));
    };
    let payload = self::payload((name, &label(name)), ty.maybe(*carried), payload, read, at)?;
    Ok(Value::Variant(name.clone(), payload))
}

/// Builds the payload of a side of a result, `ok` or `err`.
pub(crate) fn side<T>(
    name: &str,
    ty: Option<TypeRef<'_>>,
    payload: Option<T>,
    read: impl FnOnce(TypeRef<'_>, T, &Place<'_>) -> Result<Value, ValueError>,
    at: &Place<'_>,
) -> Result<Option<Box<Value>>, ValueError> {
    self::payload((name, name), ty, payload, read, at)
}

/// Builds the payload of something with this name, which in WAVE is written like the second.
fn payload<T>(
    (name, written): (&str, &str),
    ty: Option<TypeRef<'_>>,
    payload: Option<T>,
    read: impl FnOnce(TypeRef<'_>, T, &Place<'_>) -> Result<Value, ValueError>,
    at: &Place<'_>,
) -> Result<Option<Box<Value>>, ValueError> {
    match (ty, payload) {
        (Some(ty), Some(payload)) => Ok(Some(Box::new(read(ty, payload, &at.down(Step::Field(name))?)?))),
        (None, None) => Ok(None),
        (None, Some(_)) => Err(at.error(Problem::NeedlessPayload(name.to_owned()))),
        (Some(ty), None) => {
            let specimen = specimen(ty).map(|payload| format!("{written}({payload})"));
            let ty = clipped(&ty.definition_text());
            Err(at.error(Problem::MissingPayload { case: name.to_owned(), ty, specimen }))
        }
    }
}

/// Builds a case of an enum.
pub(crate) fn enumeration(cases: &[String], case: &str, at: &Place<'_>) -> Result<Value, ValueError> {
    if cases.iter().any(|name| name == case) {
        return Ok(Value::Enum(case.to_owned()));
    }
    Err(at.error(Problem::Unknown { what: "case", given: quoted(case), known: cases.to_vec() }))
}

/// Builds flags, in the order of the type.
pub(crate) fn flags(names: &[String], given: &[&str], at: &Place<'_>) -> Result<Value, ValueError> {
    let mut set = vec![false; names.len()];
    for flag in given {
        let Some(index) = names.iter().position(|name| name == flag) else {
            return Err(at.error(Problem::Unknown {
                what: "flag",
                given: quoted(flag),
                known: names.to_vec(),
            }));
        };
        if std::mem::replace(&mut set[index], true) {
            return Err(at.error(Problem::TwiceGiven(quoted(flag))));
        }
    }
    Ok(Value::Flags(names.iter().zip(set).filter(|(_, set)| *set).map(|(name, _)| name.clone()).collect()))
}
