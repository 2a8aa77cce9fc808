//! What the helps of both programs say.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use regex::Regex;
use rig::binary;

/// What the help of each command says, by the words that lead to it.
pub(crate) struct Helps(BTreeMap<Vec<String>, Help>);

struct Help {
    subcommands: BTreeSet<String>,
    options: BTreeSet<String>,
}

impl Helps {
    pub(crate) fn of(programs: [&str; 2]) -> Self {
        let mut helps = Self(BTreeMap::new());
        for program in programs {
            helps.read(vec![program.to_owned()]);
        }
        helps.read(["minion", MEASURE].map(str::to_owned).to_vec());
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
    pub(crate) fn mistake(&self, line: &str) -> Option<String> {
        let mut words = line.split_whitespace().peekable();
        let mut path = vec![words.next()?.to_owned()];
        while let Some(help) = self.0.get(&path).filter(|help| !help.subcommands.is_empty()) {
            // A placeholder, or the end of what the line says.
            let Some(word) = words.next_if(|word| is_word(word)) else { break };
            if !(help.subcommands.contains(word) || path.len() == 1 && [MAN, MEASURE].contains(&word)) {
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

    /// The commands that have an option, as they are typed.
    pub(crate) fn with_option(&self, option: &str) -> BTreeSet<String> {
        let having = self.0.iter().filter(|(_, help)| help.options.contains(option));
        having.map(|(path, _)| path.join(" ")).collect()
    }

    pub(crate) fn has_option(&self, option: &str) -> bool {
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

pub(crate) fn is_word(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_lowercase())
        && word.chars().all(|c| c.is_ascii_lowercase() || c == '-')
}

/// The name of the option that a word is.
pub(crate) fn option(word: &str) -> Option<String> {
    let word = word.trim_start_matches('[');
    let name = word.split(|c: char| !c.is_ascii_lowercase() && c != '-').next()?;
    (name.starts_with("--") && name.len() > 2).then(|| name.to_owned())
}

/// A command of both programs that their helps do not list.
const MAN: &str = "man";

/// A command of the minion that its help does not list: `overlord bench` runs it.
const MEASURE: &str = "measure";
