//! What a new policy changes for a module, in words.

use std::fmt::Display;

use crate::policy::{
    ByteSize, FileGrant, FileMode, Free, Grants, Limits, ModulePolicy, ProcessGrant, Shown, SignaturePolicy,
    Symlinks,
};

/// One line for each thing that is other than before. Values of settings are not told, since they may be
/// secret.
pub(crate) fn changes(before: &ModulePolicy, after: &ModulePolicy) -> Vec<String> {
    let mut lines = limits(&before.limits, &after.limits);
    lines.extend(grants(&before.grants, &after.grants));
    let keys = before.settings.keys().chain(after.settings.keys());
    let mut changed: Vec<&String> =
        keys.filter(|key| before.settings.get(*key) != after.settings.get(*key)).collect();
    changed.sort();
    changed.dedup();
    lines.extend(changed.into_iter().map(|key| format!("settings.{key} changed")));
    let rule = |policy: &ModulePolicy| policy.rollback.map_or("off".to_owned(), |rule| rule.to_string());
    if before.rollback != after.rollback {
        lines.push(format!("rollback is {} (was {})", rule(after), rule(before)));
    }
    lines
}

/// The same for whose modules are loaded.
pub(crate) fn signature_changes(before: &SignaturePolicy, after: &SignaturePolicy) -> Vec<String> {
    let mut lines = Vec::new();
    if before.policy != after.policy {
        let [before, after] = [before, after].map(|policy| policy.policy.as_str());
        lines.push(format!("signatures.policy is {after} (was {before})"));
    }
    let trusted = after.trusted.iter().filter(|key| !before.trusted.contains(key));
    lines.extend(trusted.map(|key| format!("signatures by {key} are trusted")));
    let distrusted = before.trusted.iter().filter(|key| !after.trusted.contains(key));
    lines.extend(distrusted.map(|key| format!("signatures by {key} are not trusted any more")));
    if before.downgrade != after.downgrade {
        lines.push(format!("signatures.downgrade is {} (was {})", after.downgrade, before.downgrade));
    }
    if before.rollback != after.rollback {
        lines.push(format!("signatures.rollback is {} (was {})", after.rollback, before.rollback));
    }
    lines
}

fn limits(before: &Limits, after: &Limits) -> Vec<String> {
    let bytes = |bytes: u64| ByteSize(bytes).to_string();
    let time = |time| humantime::format_duration(time).to_string();
    [
        ("memory", bytes(before.memory), bytes(after.memory)),
        ("table", before.table.to_string(), after.table.to_string()),
        ("cpu", time(before.cpu), time(after.cpu)),
        ("wall", time(before.wall), time(after.wall)),
        ("output", bytes(before.output), bytes(after.output)),
        ("log", bytes(before.log), bytes(after.log)),
        ("log-lines", before.log_lines.to_string(), after.log_lines.to_string()),
        ("jobs", before.jobs.to_string(), after.jobs.to_string()),
    ]
    .into_iter()
    .filter(|(_, before, after)| before != after)
    .map(|(limit, before, after)| format!("limits.{limit} is {after} (was {before})"))
    .collect()
}

fn grants(before: &Grants, after: &Grants) -> Vec<String> {
    let quota = |quota: Option<ByteSize>| quota.iter().map(ByteSize::to_string).collect::<Vec<_>>();
    [
        list("process", before.process.iter().map(process), after.process.iter().map(process)),
        list("files", before.files.iter().map(files), after.files.iter().map(files)),
        list("http", texts(&before.http), texts(&after.http)),
        list("probe", texts(&before.probe), texts(&after.probe)),
        list("env", texts(&before.env), texts(&after.env)),
        list("facts", texts(&before.facts), texts(&after.facts)),
        list("kv", quota(before.kv), quota(after.kv)),
    ]
    .concat()
}

fn list(
    capability: &str,
    before: impl IntoIterator<Item = String>,
    after: impl IntoIterator<Item = String>,
) -> Vec<String> {
    let (before, after): (Vec<_>, Vec<_>) = (before.into_iter().collect(), after.into_iter().collect());
    let granted = after.iter().filter(|grant| !before.contains(grant));
    let withdrawn = before.iter().filter(|grant| !after.contains(grant));
    let granted = granted.map(|grant| format!("{capability} \"{grant}\" is granted"));
    granted.chain(withdrawn.map(|grant| format!("{capability} \"{grant}\" is withdrawn"))).collect()
}

fn texts<T: Display>(grants: &[T]) -> Vec<String> {
    grants.iter().map(T::to_string).collect()
}

fn process(grant: &ProcessGrant) -> String {
    let mut text =
        if grant.is_free(Free::Command) { "any program".to_owned() } else { grant.command.clone() };
    for arg in &grant.args {
        text = text + " " + arg;
    }
    if !grant.has_usual_variables() {
        text = format!("{text} (env {})", grant.env.join(", "));
    }
    if !grant.cwd.is_empty() {
        let folders: Vec<String> = grant.cwd.iter().map(|cwd| cwd.as_path().display().to_string()).collect();
        text = format!("{text} (in {})", folders.join(", "));
    }
    let free = [(Free::Args, "arguments"), (Free::Env, "environment"), (Free::Cwd, "folder")];
    for (_, words) in free.iter().filter(|(free, _)| grant.is_free(*free)) {
        text = format!("{text} (any {words})");
    }
    if grant.read_only { text + " (read-only)" } else { text }
}

fn files(grant: &FileGrant) -> String {
    let mode = match grant.mode {
        FileMode::ReadOnly => "ro",
        FileMode::ReadWrite => "rw",
    };
    let symlinks = if grant.symlinks == Symlinks::Allowed { ", symlinks" } else { "" };
    let public = if grant.shown == Shown::Public { ", public" } else { "" };
    let only =
        if grant.only.is_empty() { String::new() } else { format!(", only {}", grant.only.join(", ")) };
    format!("{} as {} ({mode}{symlinks}{public}{only})", grant.host.display(), grant.guest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;

    fn policy(text: &str) -> ModulePolicy {
        let policy: Policy = toml::from_str(text).expect("a policy");
        policy.of(&"service".parse().expect("a name"))
    }

    #[test]
    fn every_change_is_told_and_nothing_else() {
        let before = policy(
            "[service]\nprocess = [{ command = \"ls\" }]\nfacts = [\"os.*\"]\nsettings = { key = \"hunter2\", a = 1 }",
        );
        let after = policy(
            "[service]\nprocess = [{ command = \"systemctl\", args = [\"restart\", \"*\"] }]\nfacts = [\"os.*\"]\n\
             kv = { quota = \"1MiB\" }\nlimits = { memory = \"32MiB\" }\nsettings = { key = \"hunter3\", a = 1 }\n\
             rollback = { traps = 5, within = \"10m\" }",
        );
        assert_eq!(changes(&before, &before), Vec::<String>::new());
        assert_eq!(
            changes(&before, &after),
            [
                "limits.memory is 32 MiB (was 64 MiB)",
                "process \"systemctl restart *\" is granted",
                "process \"ls\" is withdrawn",
                "kv \"1 MiB\" is granted",
                "settings.key changed",
                "rollback is 5 traps within 10m (was off)",
            ]
        );
    }

    #[test]
    fn what_is_left_to_the_module_is_told() {
        let after = policy(
            "[service]\nprocess = [{ any = [\"command\", \"args\", \"env\", \"cwd\"] }, { command = \"x\", any = [\"args\"] }]",
        );
        let expected = [
            "process \"any program (any arguments) (any environment) (any folder)\" is granted",
            "process \"x (any arguments)\" is granted",
        ];
        assert_eq!(changes(&policy("[service]"), &after), expected);
    }
}
