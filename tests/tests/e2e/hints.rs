//! Every command that a message, a help text or a page tells people to run is there, with the options that it names.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use regex::Regex;
use rig::binary;

/// What the help of each command says, by the words that lead to it.
struct Helps(BTreeMap<Vec<String>, Help>);

struct Help {
    subcommands: BTreeSet<String>,
    options: BTreeSet<String>,
}

impl Helps {
    fn of(programs: [&str; 2]) -> Self {
        let mut helps = Self(BTreeMap::new());
        for program in programs {
            helps.read(vec![program.to_owned()]);
        }
        helps
    }

    /// Runs the help of a command and of all below it.
    fn read(&mut self, path: Vec<String>) {
        let ran = Command::new(binary(&path[0])).args(&path[1..]).arg("--help").output().expect("runs");
        assert!(ran.status.success(), "`{} --help` fails", path.join(" "));
        let help = Help::parse(&String::from_utf8(ran.stdout).expect("text"));
        for subcommand in help.subcommands.iter().filter(|name| *name != "help") {
            self.read([path.as_slice(), std::slice::from_ref(subcommand)].concat());
        }
        self.0.insert(path, help);
    }

    /// What is wrong with a command line as people are told it.
    fn mistake(&self, line: &str) -> Option<String> {
        let mut words = line.split_whitespace().peekable();
        let mut path = vec![words.next()?.to_owned()];
        while let Some(help) = self.0.get(&path).filter(|help| !help.subcommands.is_empty()) {
            // A placeholder, or the end of what the line says.
            let Some(word) = words.next_if(|word| is_word(word)) else { break };
            if !(help.subcommands.contains(word) || path.len() == 1 && word == HIDDEN) {
                return Some(format!("there is no `{} {word}`", path.join(" ")));
            }
            path.push(word.to_owned());
        }
        let help = self.0.get(&path)?;
        // What follows two dashes is no option of ours.
        let options = words.take_while(|word| *word != "--").filter_map(option);
        let unknown = options.into_iter().find(|option| !help.options.contains(option));
        unknown.map(|option| format!("`{}` has no {option}", path.join(" ")))
    }

    fn has_option(&self, option: &str) -> bool {
        self.0.values().any(|help| help.options.contains(option))
    }
}

impl Help {
    fn parse(text: &str) -> Self {
        let own = text.split("Examples:").next().unwrap_or_default();
        let option = Regex::new(r"--[a-z][a-z-]+").expect("a pattern");
        let options = option.find_iter(own).map(|found| found.as_str().to_owned()).collect();
        let listed = own.lines().skip_while(|line| *line != "Commands:").skip(1);
        let subcommands = listed
            .take_while(|line| line.is_empty() || line.starts_with("  "))
            .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
            .filter_map(|line| line.split_whitespace().next())
            .map(str::to_owned)
            .collect();
        Self { subcommands, options }
    }
}

fn is_word(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_lowercase())
        && word.chars().all(|c| c.is_ascii_lowercase() || c == '-')
}

/// The name of the option that a word is.
fn option(word: &str) -> Option<String> {
    let word = word.trim_start_matches('[');
    let name = word.split(|c: char| !c.is_ascii_lowercase() && c != '-').next()?;
    (name.starts_with("--") && name.len() > 2).then(|| name.to_owned())
}

/// All files below these folders whose names end so.
fn files(folders: &[&str], ending: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut left: Vec<PathBuf> = folders.iter().map(|folder| root.join(folder)).collect();
    let mut found = Vec::new();
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(fs::read_dir(&path).expect("listed").map(|entry| entry.expect("an entry").path()));
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
    assert!(!found.is_empty(), "no {ending} in {folders:?}");
    found
}

const SOURCES: [&str; 5] = ["overlord/src", "host/src", "wire/src", "ledger/src", "output/src"];

/// A command of both programs that their helps do not list.
const HIDDEN: &str = "man";

/// Options that are named and are not ours.
const FOREIGN: [&str; 1] = ["--foo"];

/// The command lines in a text: as code, behind a colon or as an example, and in a page the lines of its blocks of code.
fn commands(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).expect("read");
    let is_page = path.extension().is_some_and(|ending| ending == "md");
    let places = if is_page { "`" } else { "`|: |^  " };
    let anywhere = Regex::new(&format!(r"(?m)(?:{places})((?:overlord|minion) [^`\\\n|>#;]*)"));
    let found = anywhere.expect("a pattern").captures_iter(&text).map(|found| found[1].to_owned()).collect();
    let mut lines: Vec<String> = found;
    if is_page {
        let blocks = text.split("```").skip(1).step_by(2).flat_map(str::lines);
        let bare = blocks.map(|line| line.trim_start_matches(['$', ' ']));
        let ours = bare.filter(|line| line.starts_with("overlord ") || line.starts_with("minion "));
        lines.extend(ours.map(|line| line.split(['|', '>', '#', ';']).next().unwrap_or_default().to_owned()));
    }
    // Where no command follows it is a sentence about the program.
    lines.retain(|line| {
        line.split_whitespace().nth(1).is_some_and(|word| is_word(word) || option(word).is_some())
    });
    lines
}

#[test]
fn every_command_that_is_advised_is_there() {
    let helps = Helps::of(["overlord", "minion"]);
    let (mut count, mut mistakes) = (0, Vec::new());
    let pages =
        [files(&["docs", "README.md", "CONTRIBUTING.md"], ".md"), files(&["host", "overlord"], ".toml")];
    for path in files(&SOURCES, ".rs").into_iter().chain(pages.concat()) {
        for line in commands(&path) {
            count += 1;
            mistakes.extend(helps.mistake(&line).map(|why| format!("{}: {line:?}: {why}", path.display())));
        }
    }
    assert!(count > 100, "only {count} were found");
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
}

#[test]
fn every_option_that_a_message_names_is_there() {
    let helps = Helps::of(["overlord", "minion"]);
    let named = Regex::new(r"(?:^|[^\w-])(--[a-z][a-z-]+)").expect("a pattern");
    let mut mistakes = Vec::new();
    for path in files(&SOURCES, ".rs")
        .into_iter()
        .filter(|path| !path.components().any(|part| part.as_os_str() == "tests"))
    {
        let text = fs::read_to_string(&path).expect("read");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            let unknown = named
                .captures_iter(line)
                .map(|found| found[1].to_owned())
                .filter(|option| !helps.has_option(option) && !FOREIGN.contains(&option.as_str()));
            mistakes.extend(
                unknown.map(|option| format!("{}: nothing has {option}: {}", path.display(), line.trim())),
            );
        }
    }
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
}
