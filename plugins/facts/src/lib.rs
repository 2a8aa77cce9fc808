//! The module `facts`: what the minion knows of its host. What each method does is said in `wit/facts.wit`.

mod condition;

use failure::Error;
use minion_sdk::facts;

use condition::Condition;
use exports::minion::known::facts::{Answer, Check, Fact, Guest};

minion_sdk::module!({
    path: ["../types", "wit"],
    world: "minion:known/module",
    with: { "minion:types/types@0.1.0": failure::types },
});

struct Facts;

export!(Facts);

/// The most conditions of one query.
const MOST_CONDITIONS: usize = 100;
/// How alike a path is to be at least that is offered for one that is not there, of 1.
const ALIKE: f64 = 0.7;

impl Guest for Facts {
    fn list(path: Option<String>) -> Result<Vec<Fact>, Error> {
        let path = path.unwrap_or_default();
        let found = facts::list(&path).map_err(of_host)?;
        if found.is_empty() && !path.is_empty() {
            return Err(no_fact(&path)?);
        }
        Ok(found.into_iter().map(|(path, value)| Fact { path, value }).collect())
    }

    fn show(path: String) -> Result<String, Error> {
        match facts::get(&path).map_err(of_host)? {
            Some(value) => Ok(value),
            None => Err(no_fact(&path)?),
        }
    }

    fn query(conditions: Vec<String>) -> Result<Answer, Error> {
        if conditions.is_empty() || conditions.len() > MOST_CONDITIONS {
            return Err(Error::Invalid(format!(
                "{} conditions: give 1 to {MOST_CONDITIONS}, such as \"os=debian\"",
                conditions.len()
            )));
        }
        let checks = conditions.into_iter().map(check).collect::<Result<Vec<Check>, Error>>()?;
        Ok(Answer { fits: checks.iter().all(|check| check.fits), checks })
    }
}

fn check(condition: String) -> Result<Check, Error> {
    let parsed = Condition::parse(&condition).map_err(Error::Invalid)?;
    let value = facts::get(parsed.path()).map_err(of_host)?;
    Ok(Check { fits: parsed.holds(value.as_deref()), value, condition })
}

/// What to say where there is no fact of a path.
fn no_fact(path: &str) -> Result<Error, Error> {
    let all = facts::list("").map_err(of_host)?;
    let nearest = all
        .iter()
        .map(|(known, _)| (strsim::jaro_winkler(known, path), known))
        .max_by(|(one, _), (other, _)| one.total_cmp(other));
    let hint = match nearest {
        Some((alike, known)) if alike >= ALIKE => format!("did you mean \"{known}\"?"),
        _ => "`facts.list` has all that there are".to_owned(),
    };
    Ok(Error::NotFound(format!("there is no fact \"{path}\" on this host: {hint}")))
}

fn of_host(error: facts::Error) -> Error {
    match error {
        facts::Error::Denied(text) => Error::Denied(text),
        facts::Error::Cancelled => Error::Cancelled,
        facts::Error::Other(text) => Error::Other(text),
    }
}
