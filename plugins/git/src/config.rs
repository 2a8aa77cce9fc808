//! What may stand in the configuration of a checkout.

use failure::Error;

/// Keys that run nothing, include nothing and write nothing outside; a `*` stands for the part in the middle, which is a name
/// of a branch, of a remote, or a URL. What is not here is refused, since nobody knows all keys that run something.
const HARMLESS: [&str; 60] = [
    "advice.*",
    "branch.*.autosetuprebase",
    "branch.*.description",
    "branch.*.merge",
    "branch.*.pushremote",
    "branch.*.rebase",
    "branch.*.remote",
    "color.*",
    "core.abbrev",
    "core.autocrlf",
    "core.bare",
    "core.bigfilethreshold",
    "core.commitgraph",
    "core.compression",
    "core.eol",
    "core.filemode",
    "core.ignorecase",
    "core.logallrefupdates",
    "core.longpaths",
    "core.multipackindex",
    "core.precomposeunicode",
    "core.quotepath",
    "core.repositoryformatversion",
    "core.safecrlf",
    "core.sharedrepository",
    "core.sparsecheckout",
    "core.sparsecheckoutcone",
    "core.symlinks",
    "extensions.objectformat",
    "extensions.refstorage",
    "fetch.parallel",
    "fetch.prune",
    "fetch.prunetags",
    "gc.auto",
    "gc.autodetach",
    "http.*.extraheader",
    "http.*.proxy",
    "http.*.sslcainfo",
    "http.*.sslverify",
    "http.extraheader",
    "http.proxy",
    "http.sslcainfo",
    "http.sslverify",
    "init.defaultbranch",
    "maintenance.auto",
    "pull.ff",
    "pull.rebase",
    "push.autosetupremote",
    "push.default",
    "remote.*.fetch",
    "remote.*.prune",
    "remote.*.pushurl",
    "remote.*.tagopt",
    "remote.*.url",
    "submodule.*.active",
    "submodule.*.url",
    "submodule.active",
    "url.*.insteadof",
    "user.email",
    "user.name",
];

/// Refuses a configuration that has anything else in it; its keys are behind each other, each with a zero at its end.
pub(crate) fn check(names: &str, folder: &str) -> Result<(), Error> {
    match names.split_terminator('\0').find(|name| !is_harmless(name)) {
        None => Ok(()),
        Some(name) => {
            let shown: String = name.chars().take(200).collect();
            Err(Error::Denied(format!(
                "the configuration of the checkout \"{folder}\" has \"{}\" in it, which is not known to be harmless: `git -C \
                 {folder} config --unset-all` takes it out",
                shown.escape_debug()
            )))
        }
    }
}

/// Section and key are in small letters, as `git` says them; what is between is as it was written.
fn is_harmless(name: &str) -> bool {
    HARMLESS.iter().any(|known| match known.split_once('*') {
        None => *known == name,
        Some((section, key)) => name
            .strip_prefix(section)
            .and_then(|rest| rest.strip_suffix(key))
            .is_some_and(|between| !between.is_empty()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_run_something_is_named() {
        let fine = "core.bare\0remote.origin.url\0branch.feature/a.b.merge\0http.https://a.example/.extraheader\0color.ui\0";
        assert_eq!(check(fine, "/srv/app"), Ok(()));
        assert_eq!(check("", "/srv/app"), Ok(()));
        for key in [
            "core.sshcommand",
            "core.hookspath",
            "core.fsmonitor",
            "core.worktree",
            "core.gitproxy",
            "core.alternaterefscommand",
            "core.attributesfile",
            "filter.lfs.smudge",
            "filter.x.url",
            "include.path",
            "includeif.gitdir:/srv/.path",
            "remote.origin.uploadpack",
            "remote.origin.vcs",
            "remote.origin.promisor",
            "branch.main.mergeoptions",
            "credential.helper",
            "credential.https://a.example.helper",
            "diff.external",
            "merge.x.driver",
            "gpg.program",
            "gc.recentobjectshook",
            "http.cookiefile",
            "http.savecookies",
            "submodule.x.update",
            "extensions.worktreeconfig",
            "alias.status",
            "remote..url",
            "",
        ] {
            let denied = check(&format!("core.bare\0{key}\0"), "/srv/app");
            assert!(matches!(denied, Err(Error::Denied(told)) if told.contains(key)), "{key}");
        }
    }
}
