//! Whether the host trusts what is in a file.

use failure::{Error, Package, check_host};
use host_files::paths;
use minion_sdk::process::Output;

use crate::exports::minion::certs::certs::Verdict;
use crate::files;

const OPENSSL: Package = Package { program: "openssl", apt: "openssl", dnf: "openssl" };

/// Whether the host trusts the first certificate of a file.
pub(crate) fn file(path: &str, name: Option<&str>) -> Result<Verdict, Error> {
    name.map_or(Ok(()), check_host)?;
    let path = paths::followed(path)?;
    // Before the program reads it, which may read more than this module.
    let certificates = files::read(&path)?;
    let name = name.map_or(vec![], |name| vec!["-verify_hostname", name]);
    let argv = [&["openssl", "verify", "-untrusted", &path], name.as_slice(), &[&path]].concat();
    let output = failure::run(&argv).map_err(or_install)?;
    let problem = if output.success() { None } else { Some(problem(&argv, &output)?) };
    Ok(Verdict { trusted: problem.is_none(), problem, certificates })
}

/// What `openssl verify` says is wrong: `error 20 at 0 depth lookup: unable to get local issuer certificate`.
fn problem(argv: &[&str], output: &Output) -> Result<String, Error> {
    let text = output.stderr_text();
    let line = text.lines().find(|line| line.starts_with("error ") && line.contains(" depth lookup"));
    let words = line.and_then(|line| line.split_once("lookup:")).map(|(_, words)| words.trim().to_owned());
    words.ok_or_else(|| failure::failed(argv, output))
}

/// The same error, and what to install where it says that there is no such program.
pub(crate) fn or_install(error: Error) -> Error {
    failure::or_install(error, OPENSSL.program, &[OPENSSL])
}
