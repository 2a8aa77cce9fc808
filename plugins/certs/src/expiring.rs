//! Certificates that end soon.

use std::collections::HashSet;

use failure::{Error, Kind};
use host_files::{paths, search, status};
use minion_sdk::job;

use crate::exports::minion::certs::certs::{Found, Report};
use crate::{certificate, files};

/// The most files that are looked at.
const MOST_FILES: usize = 10_000;
/// The most certificates of an answer.
const MOST_FOUND: usize = 1000;
/// How the names of files with certificates end.
const ENDS: [&str; 5] = [".pem", ".crt", ".cer", ".cert", ".der"];

/// Those of these files and folders that end within so many days.
pub(crate) fn of(paths: &[String], days: u32) -> Result<Report, Error> {
    let mut report = Report { certificates: Vec::new(), looked_at: 0, hidden: 0, more: false };
    let files = all_files(paths, &mut report)?;
    let total = files.len() as u64;
    let mut seen = HashSet::new();
    for (number, (path, is_named)) in files.into_iter().enumerate() {
        if job::cancelled() {
            return Err(Error::Cancelled);
        }
        job::progress(number as u64, total, "reading certificates");
        let found = match files::bytes(&path) {
            Ok(found) => found,
            Err(error) if is_named => return Err(error),
            // A link to nothing, or a file that is not for this module.
            Err(_) => {
                report.hidden += 1;
                continue;
            }
        };
        for bytes in found {
            // Folders of authorities have many names for one certificate.
            if !seen.insert(bytes.clone()) {
                continue;
            }
            let Ok(told) = certificate::read(&bytes) else {
                report.hidden += 1;
                continue;
            };
            report.looked_at += 1;
            if told.days_left < i64::from(days) {
                report.certificates.push(Found {
                    path: path.clone(),
                    days_left: told.days_left,
                    not_after: told.not_after,
                    subject: told.subject,
                    names: told.names,
                    issuer: told.issuer,
                });
            }
        }
    }
    report.certificates.sort_by_key(|found| found.not_after.seconds);
    report.more |= report.certificates.len() > MOST_FOUND;
    report.certificates.truncate(MOST_FOUND);
    Ok(report)
}

/// The files, each with whether it was named itself.
fn all_files(paths: &[String], report: &mut Report) -> Result<Vec<(String, bool)>, Error> {
    let mut files = Vec::new();
    for path in paths {
        let path = paths::followed(path)?;
        if status::of(&path)?.kind != Kind::Folder {
            files.push((path, true));
            continue;
        }
        let found = search::find(&path, "**", None, MOST_FILES)?;
        report.more |= found.more;
        report.hidden += found.hidden;
        let fits = |path: &str| ENDS.iter().any(|end| path.ends_with(end));
        let files_of_it = found
            .matches
            .into_iter()
            .filter(|found| matches!(found.kind, Kind::File | Kind::Link) && fits(&found.path));
        files.extend(files_of_it.map(|found| (found.path, false)));
    }
    Ok(files)
}
