//! `minion check FILE.wasm`.

use clap::Args;
use output::{Exit, Failure, print};
use serde_json::{Value, json};

use wire::document::text::{line, printable};
use wire::message::module::Module;
use wire::name::ModuleName;

use crate::cli::DirFlag;
use crate::cli::signature::SignatureFinding;
use crate::cli::workbench::{ModuleFile, Workbench};
use crate::granting;
use crate::policy::{ByteSize, Level, LevelName, ModulePolicy, ProcessGrant, Suggestion};
use crate::sandbox::{Defect, Remedy, claim};
use crate::signature_file;

/// Look a module over: what it exports, what it needs, and whether this host would run it
#[derive(Debug, Args)]
pub(crate) struct Check {
    #[command(flatten)]
    module: ModuleFile,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// What a check finds.
struct Findings {
    /// What it is, where it can be told.
    module: Option<Module>,
    needs: Vec<Need>,
    /// What it suggests that it be granted.
    levels: Vec<Suggested>,
    signature: Option<SignatureFinding>,
    problems: Vec<String>,
    warnings: Vec<String>,
    /// What its author should know, though nothing is wrong.
    notes: Vec<String>,
}

/// A capability that the module cannot be loaded without.
struct Need {
    import: String,
    /// What grants it.
    remedy: Remedy,
    granted: bool,
}

/// One level of what it suggests.
struct Suggested {
    name: String,
    description: Option<String>,
    includes: Vec<String>,
    /// What would stand in minion.toml.
    lines: String,
    granted: bool,
}

impl Check {
    pub(crate) fn run(self, dir: &DirFlag) -> Result<Exit, Failure> {
        let bench = self.module.open(dir)?;
        // The compiler is a library, and what it is given was made by strangers.
        let mut findings = output::caught(|| Findings::of(&bench)).map_err(|message| {
            Failure::failed(format_args!(
                "the engine broke while it looked at \"{}\": {message}; build the module with another version of its compiler",
                bench.name
            ))
        })?;
        // What is no module at all has no claim that anyone could sign, and that is told already.
        if let Ok(claim) = claim(bench.name.clone(), &bench.bytes) {
            let text = signature_file::read_beside(self.module.path());
            let highest = self.module.highest(dir, &bench.name)?;
            let signature = SignatureFinding::of(&bench.signatures, &claim, text, highest.as_deref());
            findings.problems.extend(signature.problem());
            findings.warnings.extend(signature.warning());
            findings.signature = Some(signature);
        }
        let is_fine = findings.problems.is_empty();
        let printed = match self.json {
            true => print(findings.document()),
            false => print(findings.text(&bench)),
        };
        Exit::of(is_fine).after_printing(printed)
    }
}

impl Findings {
    fn of(bench: &Workbench) -> Self {
        let load = |policy: &ModulePolicy| bench.sandbox.load(bench.name.clone(), &bench.bytes, policy);
        // What is missing where nothing is granted is what it needs.
        let nothing = ModulePolicy { limits: bench.policy.limits.clone(), ..ModulePolicy::default() };
        let missing = load(&nothing).err().map(|error| error.defects).unwrap_or_default();
        let (problems, module) = match load(&bench.policy) {
            Ok(module) => (Vec::new(), Some(module)),
            // It can be described all the same if grants are all that is missing.
            Err(error) => (error.defects, load(&everything(&bench.policy)).ok()),
        };
        let still = |import: &str| problems.iter().any(|problem| missing_import(problem) == Some(import));
        let needs = missing.iter().filter_map(|defect| match defect {
            Defect::NotGranted { import, remedy } => {
                Some(Need { import: import.clone(), remedy: remedy.clone(), granted: !still(import) })
            }
            _ => None,
        });
        let check = bench.sandbox.check(bench.name.clone(), &bench.bytes, &bench.policy);
        Self {
            needs: needs.collect(),
            levels: check.suggestion.iter().flat_map(|it| suggested(it, &bench.policy)).collect(),
            signature: None,
            module: module.as_ref().map(|module| module.describe().clone()),
            problems: problems.iter().map(Defect::to_string).collect(),
            warnings: check.warnings,
            notes: check.notes,
        }
    }

    fn document(&self) -> Value {
        let need = |need: &Need| {
            let command = need.remedy.command().map(|command| command.to_string());
            let (granted, line) = (need.granted, need.remedy.line);
            json!({ "import": need.import, "granted": granted, "grant": line, "command": command })
        };
        json!({
            "ok": self.problems.is_empty(),
            "module": self.module.as_ref().map(Module::document),
            "needs": self.needs.iter().map(need).collect::<Vec<_>>(),
            "suggests": self.levels.iter().map(Suggested::document).collect::<Vec<_>>(),
            "signature": self.signature.as_ref().map(SignatureFinding::document),
            "problems": self.problems,
            "warnings": self.warnings,
            "notes": self.notes,
        })
    }

    fn text(&self, bench: &Workbench) -> String {
        let mut lines: Vec<String> = Vec::new();
        if let Some(module) = &self.module {
            lines.extend([module.description(), String::new(), "imports".to_owned()]);
            lines.extend(module.imports.iter().map(|import| format!("    {}", line(import))));
            lines.push(String::new());
        }
        for need in &self.needs {
            let state = match need.granted {
                true => "granted here".to_owned(),
                false => format!("not granted here; {}", need.remedy),
            };
            lines.push(format!("needs {}: {state}", line(&need.import)));
        }
        lines.extend(self.levels.iter().map(|level| level.text(&bench.name)));
        lines.extend(self.signature.iter().map(|signature| signature.line(&bench.name)));
        lines.extend(self.warnings.iter().map(|warning| format!("warning: {}", line(warning))));
        lines.extend(self.notes.iter().map(|note| format!("note: {}", line(note))));
        lines.extend(
            self.problems.iter().map(|problem| format!("problem: \"{}\" {}", bench.name, line(problem))),
        );
        lines.extend(self.problems.is_empty().then(|| "this host would run it".to_owned()));
        printable(&lines.join("\n"))
    }
}

impl Suggested {
    fn document(&self) -> Value {
        json!({
            "level": self.name,
            "description": self.description,
            "includes": self.includes,
            "granted": self.granted,
            "lines": self.lines,
        })
    }

    fn text(&self, module: &ModuleName) -> String {
        let includes = match self.includes.as_slice() {
            [] => String::new(),
            names => format!(" (with {})", names.join(", ")),
        };
        let about =
            self.description.as_deref().map_or_else(String::new, |about| format!(", {}", line(about)));
        let state = match self.granted {
            true => "granted here".to_owned(),
            false => format!("`minion grant {module}:{}`", self.name),
        };
        let lines: String = self.lines.lines().map(|line| format!("\n    {line}")).collect();
        format!("suggests {}{includes}{about}: {state}{lines}", self.name)
    }
}

/// What a module suggests, held against what is granted.
fn suggested(suggestion: &Suggestion, policy: &ModulePolicy) -> Vec<Suggested> {
    let level = |level: &Level| Suggested {
        name: level.name().to_string(),
        description: level.description().map(str::to_owned),
        includes: level.includes().iter().map(LevelName::to_string).collect(),
        lines: granting::of_level(suggestion, level),
        granted: suggestion.is_within(std::slice::from_ref(level.name()), policy),
    };
    suggestion.levels().iter().map(level).collect()
}

fn missing_import(defect: &Defect) -> Option<&str> {
    match defect {
        Defect::NotGranted { import, .. } => Some(import),
        _ => None,
    }
}

/// A policy under which no import is missing a grant. Nothing runs under it.
fn everything(policy: &ModulePolicy) -> ModulePolicy {
    let mut policy = policy.clone();
    let any = ProcessGrant {
        command: "*".into(),
        args: Vec::new(),
        env: Vec::new(),
        cwd: Vec::new(),
        read_only: true,
        any: Vec::new(),
    };
    policy.grants.process = vec![any];
    policy.grants.probe = "*:*".parse().into_iter().collect();
    policy.grants.facts = vec!["*".into()];
    policy.grants.kv = Some(ByteSize(1));
    policy
}
