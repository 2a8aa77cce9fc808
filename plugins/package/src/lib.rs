//! The module `package`: the packages of a host with apt or dnf. What each method does is said in `wit/package.wit`.
//!
//! What was done is told by what is installed before and afterwards, and not by what the package manager says that it does,
//! which is meant for people.

mod debian;
mod deviations;
mod family;
mod given;
mod plan;
mod redhat;
mod table;
mod waiting;

use std::time::Duration;

use failure::{Change, Error, changed};

use exports::minion::packages::package::{Details, Deviation, Found, Guest, Installed, Newer, Transaction};
use plan::Plan;
use waiting::Wait;

minion_sdk::module!({
    path: ["../types", "wit"],
    world: "minion:packages/module",
    with: { "minion:types/types@0.1.0": failure::types },
    additional_derives: [PartialEq, Eq],
});

struct Package;

export!(Package);

impl Guest for Package {
    fn list(pattern: Option<String>) -> Result<Vec<Installed>, Error> {
        let mut found = family::of_host()?.table()?;
        found.retain(|row| {
            table::is_there(row) && pattern.as_deref().is_none_or(|it| given::fits(it, &row.name))
        });
        found.sort_by(|one, other| (&one.name, &one.architecture).cmp(&(&other.name, &other.architecture)));
        Ok(found)
    }

    fn info(name: String) -> Result<Details, Error> {
        given::name(&name)?;
        family::of_host()?.info(&name)
    }

    fn search(text: String) -> Result<Vec<Found>, Error> {
        given::text(&text)?;
        family::of_host()?.search(&text)
    }

    fn upgradable() -> Result<Vec<Newer>, Error> {
        family::of_host()?.upgradable()
    }

    fn held() -> Result<Vec<String>, Error> {
        family::of_host()?.held()
    }

    fn owner(path: String) -> Result<Vec<String>, Error> {
        family::of_host()?.owner(given::path(&path)?)
    }

    fn files(name: String) -> Result<Vec<String>, Error> {
        given::name(&name)?;
        family::of_host()?.files(&name)
    }

    fn verify(name: String) -> Result<Vec<Deviation>, Error> {
        given::name(&name)?;
        family::of_host()?.verify(&name)
    }

    fn refresh(wait: Option<u32>) -> Result<Change, Error> {
        let is_new = family::of_host()?.refresh(within(wait))?;
        Ok(changed(is_new.then(|| "read the repositories".to_owned()).into_iter().collect()))
    }

    fn install(packages: Vec<String>, wait: Option<u32>) -> Result<Transaction, Error> {
        let wishes = packages.iter().map(|package| given::wish(package)).collect::<Result<_, _>>()?;
        carry_out(Plan::Install(wishes), wait)
    }

    fn remove(packages: Vec<String>, purge: Option<bool>, wait: Option<u32>) -> Result<Transaction, Error> {
        given::names(&packages)?;
        carry_out(Plan::Remove { names: packages, purge: purge.unwrap_or(false) }, wait)
    }

    fn upgrade(packages: Option<Vec<String>>, wait: Option<u32>) -> Result<Transaction, Error> {
        given::names(packages.as_deref().unwrap_or_default())?;
        carry_out(packages.map_or(Plan::UpgradeAll, Plan::Upgrade), wait)
    }

    fn hold(packages: Vec<String>, wait: Option<u32>) -> Result<Change, Error> {
        mark(packages, true, wait)
    }

    fn unhold(packages: Vec<String>, wait: Option<u32>) -> Result<Change, Error> {
        mark(packages, false, wait)
    }
}

/// For how long others may lock what is changed.
fn within(wait: Option<u32>) -> Wait {
    Wait(Duration::from_secs(wait.unwrap_or(60).into()))
}

/// Does what is planned, and says what that changed; in a dry run, what it would change.
fn carry_out(plan: Plan, wait: Option<u32>) -> Result<Transaction, Error> {
    let family = family::of_host()?;
    let before = family.table()?;
    let Some(plan) = plan.needed(&before, |has, wished| family.is_version(has, wished))? else {
        return Ok(Transaction { changed: false, steps: Vec::new() });
    };
    if minion_sdk::job::dry_run() {
        let steps = family.would(&plan, &before)?;
        return Ok(Transaction { changed: !steps.is_empty() || plan.is_purge(), steps });
    }
    family.carry_out(&plan, within(wait))?;
    let after = family.table()?;
    Ok(Transaction { changed: before != after, steps: table::difference(&before, &after) })
}

/// Holds packages, or lets them go.
fn mark(mut names: Vec<String>, hold: bool, wait: Option<u32>) -> Result<Change, Error> {
    given::names(&names)?;
    let family = family::of_host()?;
    let held = family.held()?;
    names.retain(|name| held.contains(name) != hold);
    if !names.is_empty() {
        family.mark(hold, &names, within(wait))?;
    }
    let word = if hold { "held" } else { "let go" };
    Ok(changed(names.iter().map(|name| format!("{word} {name}")).collect()))
}
