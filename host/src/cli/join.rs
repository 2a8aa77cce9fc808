//! `minion join`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use output::{Context as _, Exit, Failure, Unprinted, note, print};
use serde_json::{Value, json};

use wire::digest::Digest;
use wire::message::enroll::Token;
use wire::name::{MinionName, ModuleName};

use crate::cli::DirFlag;
use crate::cli::config_edit::Reloaded;
use crate::cli::grant::warn;
use crate::config::Config;
use crate::enroll::{JoinEvent, Joining, join};
use crate::folder::{Enrolment, Folder};
use crate::granting::{self, FolderGrants, LockedFile, Policy, listed};
use crate::policy::LevelName;

/// Become a minion of an overlord, with a token or by waiting
///
/// A token comes from `overlord minion invite`. Without one, the host waits until an operator accepts it or a rule of the
/// overlord lets it in; it shows the fingerprint of its key, by which the operator knows it, and can be stopped and started
/// meanwhile.
///
/// Modules may touch nothing of this host until they are granted something. --grant grants all that lie in the modules
/// folder now the levels of these names that they suggest; those that come later are granted nothing by themselves.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  minion join TOKEN
  minion join TOKEN --grant read
  minion join TOKEN --grant read --modules /usr/lib/minion/modules
  minion join --overlord overlord.example.org --ca-fingerprint FINGERPRINT --name web1")]
pub(crate) struct Join {
    /// What `overlord minion invite` printed, or "-" to read it from standard input
    #[arg(required_unless_present = "overlord")]
    token: Option<String>,
    /// Where the overlord listens, to wait there without a token
    #[arg(long, value_name = "ADDRESS", requires = "ca_fingerprint", conflicts_with = "token")]
    overlord: Option<String>,
    /// The fingerprint of its authority's certificate, as `overlord minion pending` shows it
    #[arg(long, value_name = "FINGERPRINT", requires = "overlord")]
    ca_fingerprint: Option<Digest>,
    /// The name that this host is to have, and no other [default: the one that a token says, or its host name]
    #[arg(long, value_name = "NAME")]
    name: Option<MinionName>,
    /// Grant the modules of the modules folder what they suggest at this level; several are separated by commas
    #[arg(long, value_name = "LEVEL", value_delimiter = ',')]
    grant: Vec<LevelName>,
    /// Grant it to the modules of this folder, as `minion serve --modules` will load them
    #[arg(long, value_name = "DIR", requires = "grant")]
    modules: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// What is granted when the host joins.
struct Grants {
    path: PathBuf,
    before: String,
    planned: FolderGrants,
}

impl Join {
    pub(crate) async fn run(self, dir: &DirFlag) -> Result<Exit, Failure> {
        let folder = dir.folder()?;
        let joining = self.joining()?;
        // Before the token is used up, which is good once.
        let grants = self.grants(&folder)?;
        let joined = join(&folder, &joining, tell).await?;
        if !self.json {
            print(format_args!(
                "joined the overlord at {} as \"{}\"; now run `minion serve`",
                joined.overlord, joined.name
            ))?;
        }
        let Some(grants) = grants else {
            self.say_that_nothing_is_granted(&joined)?;
            return Ok(Exit::Ok);
        };
        grants.warn();
        let reloaded = grants.write(&folder).await?;
        match self.json {
            true => print(grants.document(&joined, &reloaded)),
            false => grants.say(&self.grant, &reloaded),
        }?;
        Ok(Exit::Ok)
    }

    /// Which overlord to join, and how.
    fn joining(&self) -> Result<Joining, Failure> {
        let (name, is_named) = (self.name.clone().or_else(host_name), self.name.is_some());
        let (Some(address), Some(authority)) = (&self.overlord, self.ca_fingerprint) else {
            let Token { address, authority, secret } = self.token()?;
            return Ok(Joining { address, authority, secret: Some(secret), name, is_named });
        };
        Ok(Joining { address: address.clone(), authority, secret: None, name, is_named })
    }

    /// The token; from standard input it shows in no process list and no shell's history.
    fn token(&self) -> Result<Token, Failure> {
        let text = match self.token.as_deref() {
            Some("-") => std::io::read_to_string(std::io::stdin())?,
            given => given.unwrap_or_default().to_owned(),
        };
        Ok(text.parse()?)
    }

    /// What is to be granted; nothing, where that was not asked for.
    fn grants(&self, folder: &Folder) -> Result<Option<Grants>, Failure> {
        if self.grant.is_empty() {
            return Ok(None);
        }
        let path = folder.config();
        let before = granting::read(&path).with_context(|| format!("cannot read \"{}\"", path.display()))?;
        let configured = || Ok(Config::load(&path)?.modules_dir.unwrap_or_else(|| folder.modules()));
        let modules = self.modules.clone().map_or_else(configured, Ok::<_, Failure>)?;
        let policy = Policy { path: path.clone(), text: &before };
        let planned = FolderGrants::plan(&modules, &self.grant, &policy)?;
        Ok(Some(Grants { path, before, planned }))
    }

    fn say_that_nothing_is_granted(&self, joined: &Enrolment) -> Result<(), Unprinted> {
        match self.json {
            true => print(json!({
                "name": joined.name.as_str(), "overlord": joined.overlord, "grants": [], "left_out": [],
            }))?,
            false => note(
                "no module is granted anything of this host: `minion grant MODULE` grants one of them what it suggests, and \
                 `minion join TOKEN --grant read` all of them at once",
            ),
        }
        Ok(())
    }
}

/// Says how it is with a join that takes its time.
fn tell(event: JoinEvent<'_>) {
    match event {
        JoinEvent::Waits { name, fingerprint } => note(format_args!(
            "waits to be let in as \"{name}\", with the fingerprint {fingerprint}; an operator does it with: overlord minion \
             accept {name} --fingerprint {fingerprint}"
        )),
        JoinEvent::Full => {
            note("so many hosts wait that the overlord has no room for this one: asks again until it has")
        }
        JoinEvent::Unreachable(error) => note(format_args!("{error}; tries again until it works")),
    }
}

/// The name of this host, where it could be a minion's.
fn host_name() -> Option<MinionName> {
    sysinfo::System::host_name().ok()?.parse().ok()
}

impl Grants {
    /// Says what gives more than it seems to.
    fn warn(&self) {
        let Ok(config) = toml::from_str::<Config>(&self.planned.after) else { return };
        for (module, _) in &self.planned.granted {
            warn(module, &config.modules.of(module).grants);
        }
    }

    /// Writes them, and has a minion that runs already read them.
    async fn write(&self, folder: &Folder) -> Result<Reloaded, Failure> {
        if self.planned.granted.is_empty() {
            return Ok(Reloaded::NotRunning);
        }
        LockedFile::lock(&self.path)
            .and_then(|file| file.write(&self.before, &self.planned.after))
            .with_context(|| format!("this host has joined, and cannot write \"{}\"", self.path.display()))?;
        Reloaded::now(folder).await
    }

    fn say(&self, levels: &[LevelName], reloaded: &Reloaded) -> Result<(), Unprinted> {
        let (levels, path) = (listed(levels), self.path.display());
        if self.planned.granted.is_empty() {
            print(format_args!("granted {levels} to no module: nothing was written into \"{path}\""))?;
        } else {
            for (levels, modules) in self.by_levels() {
                print(format_args!("granted {levels} to {}", modules.join(", ")))?;
            }
            print(format_args!(
                "each has its lines in \"{path}\" now, and `minion revoke-grant MODULE` takes them out; {reloaded}"
            ))?;
        }
        let left_out = self.planned.left_out.iter().map(|(module, reason)| format!("{module} ({reason})"));
        let left_out: Vec<String> = left_out.collect();
        if !left_out.is_empty() {
            note(format_args!("left out: {}", left_out.join(", ")));
        }
        Ok(())
    }

    /// The modules that are granted something, by the levels that they have.
    fn by_levels(&self) -> BTreeMap<String, Vec<&str>> {
        let mut modules: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for (module, change) in &self.planned.granted {
            modules.entry(listed(&change.levels)).or_default().push(module.as_str());
        }
        modules
    }

    fn document(&self, joined: &Enrolment, reloaded: &Reloaded) -> Value {
        let granted = |(module, change): &(ModuleName, granting::Change)| {
            json!({
                "module": module.as_str(),
                "levels": change.levels.iter().map(LevelName::as_str).collect::<Vec<_>>(),
                "added": change.added,
                "removed": change.removed,
            })
        };
        let left_out =
            |(module, reason): &(ModuleName, String)| json!({ "module": module.as_str(), "reason": reason });
        json!({
            "name": joined.name.as_str(),
            "overlord": joined.overlord,
            "file": self.path.display().to_string(),
            "grants": self.planned.granted.iter().map(granted).collect::<Vec<_>>(),
            "left_out": self.planned.left_out.iter().map(left_out).collect::<Vec<_>>(),
            "reload": reloaded.document(),
        })
    }
}
