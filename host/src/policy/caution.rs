//! Grants that give more than they seem to: advice to the people who write them, and no boundary.

use std::path::Path;

use super::{FileMode, Free, Grants, HttpGrant, ProcessGrant, Reach};

/// Programs for which any argument of the module's choice is one too many.
const OBEY_ARGUMENTS: &[(&str, &str)] = &[
    (
        "sh bash dash zsh ksh fish busybox python python2 python3 perl ruby node php lua tclsh awk gawk mawk expect gdb \
         psql mysql sqlite3",
        "takes programs as arguments",
    ),
    (
        "env xargs nice ionice nohup timeout setsid stdbuf time strace watch flock script parallel sudo doas su runuser \
         chroot unshare nsenter systemd-run start-stop-daemon docker podman kubectl ssh at batch busctl dbus-send",
        "runs the program that its arguments name",
    ),
    (
        "find tar rsync sed vi vim less more man git hg make cargo npm pip apt apt-get dpkg rpm dnf yum mount ip tcpdump \
         zip",
        "has arguments that make it run other programs or write any file",
    ),
    (
        "cp mv ln dd tee install chmod chown curl wget scp socat nc ncat openssl gpg cat head tail",
        "reads or writes whatever file its arguments name",
    ),
];

/// Programs that obey what they find in the folder in which they run.
const OBEY_FOLDER: &str = "git hg svn make cmake ninja cargo npm npx yarn pnpm node pip python python3 perl ruby bundle rake \
                           gradle mvn ansible ansible-playbook docker docker-compose podman terraform vagrant vi vim gdb \
                           just tox pytest composer direnv";

/// What to say of the grants of programs and addresses, a sentence each, that reads on from the module's name.
pub fn of_processes(grants: &Grants) -> Vec<String> {
    let mut told = Vec::new();
    for caution in grants.process.iter().flat_map(|grant| of_process(grant, grants)) {
        // The same of many grants of one program is worth one line.
        if !told.contains(&caution) {
            told.push(caution);
        }
    }
    told
}

/// What to say of the grants of addresses.
pub fn of_addresses(grants: &Grants) -> Vec<String> {
    grants.http.iter().filter_map(of_address).collect()
}

fn of_address(grant: &HttpGrant) -> Option<String> {
    if grant.covers_nothing() {
        return Some(format!(
            "has \"{grant}\" in `http`, which covers nothing: write the host as a name or an address, and the path \
             without \";\", \"\\\", \"//\", dots alone or escaped separators"
        ));
    }
    let hosts = match grant.reach() {
        _ if !grant.is_of_any_host() => return None,
        Reach::Public => "any host of the internet, and tell it",
        _ => "any host of the internet and of private networks, this one too, and tell it",
    };
    Some(format!(
        "may send requests to {hosts} all that it knows (\"{grant}\" in `http`): see docs/grants.md"
    ))
}

fn of_process(grant: &ProcessGrant, grants: &Grants) -> Vec<String> {
    let any_program = grant.is_free(Free::Command);
    let command = if any_program { "any program".to_owned() } else { format!("\"{}\"", grant.command) };
    let tell = |reason: String| format!("may run {command}, {reason}: see docs/grants.md");
    let mut told = Vec::new();
    let name = grant.command.rsplit('/').next().unwrap_or_default();
    told.extend(of_freedom(grant).map(&tell));
    if grant.command.contains('*') && !any_program {
        told.push(tell("which may be any program".to_owned()));
    }
    if grant.is_free(Free::Args) || grant.args.iter().any(|arg| arg.contains('*')) {
        let known = OBEY_ARGUMENTS.iter().find(|(programs, _)| is_among(name, programs));
        told.extend(
            known.map(|(_, reason)| tell(format!("which {reason}, with arguments of its own choice"))),
        );
    }
    if grant.args.iter().any(|arg| arg.starts_with("-*") || arg.starts_with("--*")) {
        told.push(tell("with options of its own choice".to_owned()));
    }
    for cwd in &grant.cwd {
        let shown = cwd.as_path().display();
        if is_among(name, OBEY_FOLDER) {
            told.push(tell(format!("which obeys what it finds in its folder, in {shown}")));
        }
        let mut writable = grants.files.iter().filter(|files| files.mode == FileMode::ReadWrite);
        if writable.any(|files| overlap(cwd.as_path(), &files.host)) {
            told.push(tell(format!(
                "in {shown}, where it may put what that obeys; no dry run runs it there"
            )));
        }
    }
    let idle =
        grant.env.iter().find(|entry| entry.contains('*') && !entry.contains("_*") && !entry.contains('='));
    told.extend(idle.map(|entry| tell(format!("and \"{entry}\" in its `env` covers nothing"))));
    told
}

/// What it means that something is left to the module.
fn of_freedom(grant: &ProcessGrant) -> Option<String> {
    let named = |(free, words)| grant.is_free(free).then_some(words);
    let chosen: Vec<&str> =
        [(Free::Args, "any arguments"), (Free::Env, "any environment"), (Free::Cwd, "any folder")]
            .into_iter()
            .filter_map(named)
            .collect();
    let all = grant.is_free(Free::Command);
    if !all && chosen.is_empty() {
        return None;
    }
    let with = if chosen.is_empty() {
        "without arguments".to_owned()
    } else {
        format!("with {}", chosen.join(", "))
    };
    let reach = if all {
        "so it, and whoever may call it, may do"
    } else {
        "which may let it, and whoever may call it, do"
    };
    Some(format!("{with}, {reach} whatever the minion's user may"))
}

fn is_among(name: &str, programs: &str) -> bool {
    programs.split_whitespace().any(|program| program == name)
}

fn overlap(one: &Path, other: &Path) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;

    fn told(lines: &str) -> Vec<String> {
        let policy: Policy = toml::from_str(&format!("[a]\n{lines}")).expect("a policy");
        let grants = policy.of(&"a".parse().expect("a name")).grants;
        of_processes(&grants).into_iter().chain(of_addresses(&grants)).collect()
    }

    #[test]
    fn what_gives_more_than_it_seems_to_is_told() {
        for (lines, part) in [
            ("process = [{ command = 'sh', args = ['-c', '*'] }]", "takes programs as arguments"),
            ("process = [{ command = '/usr/bin/find', args = ['**'] }]", "write any file"),
            ("process = [{ command = 'x', args = ['-*'] }]", "options of its own choice"),
            ("process = [{ command = 'x', args = ['--*'] }]", "options of its own choice"),
            ("process = [{ command = '*' }]", "any program"),
            ("process = [{ command = 'git', args = ['status'], cwd = ['/srv/app'] }]", "obeys what it finds"),
            (
                "process = [{ command = 'x', cwd = ['/srv/app'] }]\nfiles = [{ host = '/srv', mode = 'rw' }]",
                "where it may put",
            ),
            (
                "process = [{ command = 'x', cwd = ['/srv'] }]\nfiles = [{ host = '/srv/app', mode = 'rw' }]",
                "where it may put",
            ),
            ("process = [{ command = 'x', env = ['*'] }]", "\"*\" in its `env` covers nothing"),
            ("http = ['https://a.example/x%2Fy']", "covers nothing"),
            ("http = ['https://*/*']", "any host of the internet, and tell it all that it knows"),
            ("http = [{ url = 'http://*:*/*', private = true }]", "and of private networks, this one too"),
            (
                "process = [{ any = ['command', 'args', 'env', 'cwd'] }]",
                "may run any program, with any arguments, any environment, any folder, so it, and whoever may call \
                 it, may do whatever the minion's user may",
            ),
            ("process = [{ any = ['command'] }]", "may run any program, without arguments, so it"),
            (
                "process = [{ command = 'x', args = ['-u'], any = ['args'] }]",
                "may run \"x\", with any arguments",
            ),
            ("process = [{ command = 'x', any = ['env'] }]", "with any environment"),
            ("process = [{ command = 'x', any = ['cwd'] }]", "with any folder"),
        ] {
            let told = told(lines);
            assert!(told.len() == 1 && told[0].contains(part), "{lines}: {told:?}");
        }
    }

    #[test]
    fn the_same_of_many_grants_is_told_once() {
        let grants =
            "process = [{ command = 'find', args = ['*'] }, { command = 'find', args = ['x', '*'] }]";
        assert_eq!(told(grants).len(), 1, "{:?}", told(grants));
    }

    #[test]
    fn what_gives_what_it_says_is_not() {
        let lines = "process = [{ command = 'systemctl', args = ['restart', '*'] }, { command = 'git', args = ['status'] }, \
                     { command = 'sh', args = ['-c', 'uptime'], cwd = ['/srv/app'], env = ['APP_*', 'X=*'] }]\n\
                     files = [{ host = '/srv', mode = 'ro' }, { host = '/data', mode = 'rw' }]\nhttp = ['https://a.example/*']";
        assert_eq!(told(lines), [""; 0]);
    }
}
