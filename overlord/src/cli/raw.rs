//! A result as bytes, for a file or a program.

use clap::ValueEnum;
use wire::document::text::{bytes, printable};
use wire::message::operator::{JobDocument, Target};
use wire::message::outcome::Outcome;
use wire::name::MethodPath;

use super::CliError;
use crate::client::Client;
use output::note;

/// Forms of a result besides text and JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    /// Its bytes.
    Raw,
}

/// Refuses a call whose result could not be written as bytes, before it is made.
pub(super) async fn check(client: &Client, target: &Target, method: &MethodPath) -> Result<(), CliError> {
    not_on_screen()?;
    if client.targets(target.clone()).await?.answer.len() > 1 {
        return Err(SEVERAL);
    }
    let methods = client.method(target.clone(), method.clone()).await?.answer;
    if methods.iter().any(|method| !method.signature().gives_contents()) {
        return Err(NO_CONTENTS);
    }
    Ok(())
}

/// Refuses a job whose results cannot be written as bytes.
pub(super) fn fits(document: &JobDocument) -> Result<(), CliError> {
    not_on_screen()?;
    let [part] = &document.parts[..] else { return Err(SEVERAL) };
    match part.report.as_ref().map(|report| &report.outcome) {
        Some(Outcome::Ok(Some(value))) if bytes(value).is_none() => Err(NO_CONTENTS),
        Some(Outcome::Ok(None)) => Err(NO_CONTENTS),
        _ => Ok(()),
    }
}

/// Writes the bytes that the only minion gave back, or on stderr why there are none.
pub(super) fn print(document: &JobDocument) -> Result<(), CliError> {
    fits(document)?;
    for part in &document.parts {
        match part.report.as_ref().map(|report| &report.outcome) {
            Some(Outcome::Ok(Some(value))) => {
                output::print_bytes(bytes(value).unwrap_or_default())?;
            }
            Some(Outcome::Failed(failure)) => note(failed(part.minion.as_str(), failure)),
            Some(Outcome::Ok(None)) | None => {}
        }
    }
    Ok(())
}

/// Why there is no value, each line behind the minion that it is of.
pub(super) fn failed(minion: &str, failure: &wire::message::outcome::Failure) -> String {
    let message = printable(&failure.message).replace('\n', &format!("\n{minion}: "));
    format!("{minion}: {}: {message}", failure.kind.outcome())
}

fn not_on_screen() -> Result<(), CliError> {
    match output::stdout_is_terminal() {
        true => Err(CliError::Usage("--output raw is not for a terminal: send it to a file or a program")),
        false => Ok(()),
    }
}

const SEVERAL: CliError =
    CliError::Usage("--output raw writes the result of one minion: name one, or take --json for all of them");
const NO_CONTENTS: CliError = CliError::Usage(
    "--output raw is for results that are a string or list<u8>: leave it out, or take --json",
);
