//! The minions that are meant by a target that an operator wrote, and what there is to say of how it was
//! understood.

use std::collections::BTreeSet;

use wire::message::operator::{Assume, Refusal, RefusalKind, Target, TargetWarning};
use wire::name::MinionName;
use wire::targets::{Lookup, Matched, Roster, Unmatched, UnmatchedKind, resolve};

/// The minions that a target means.
#[derive(Debug)]
pub(crate) struct Matching {
    /// The minions, by name: at least one, unless the target may mean nobody.
    pub(crate) minions: Vec<MinionName>,
    /// What the operator should know.
    pub(crate) warnings: Vec<TargetWarning>,
}

/// The minions among which a target is looked for.
#[derive(Clone, Copy)]
pub(crate) enum Among<'a> {
    /// All that are enrolled.
    Enrolled(&'a Roster),
    /// All that are enrolled, where minions that connect later are meant too, so that the target may mean nobody
    /// now.
    AlsoLater(&'a Roster),
    /// The minions of a job.
    Job(&'a [MinionName]),
}

/// The minions that a target means at this moment.
///
/// # Errors
/// Where it means nobody although it must mean somebody, cannot be parsed, or names what nobody has and that is
/// not let pass.
pub(crate) fn find(among: Among<'_>, target: &Target, lookup: &impl Lookup) -> Result<Matching, Refusal> {
    let of_job;
    let roster = match among {
        Among::Enrolled(roster) | Among::AlsoLater(roster) => roster,
        Among::Job(minions) => {
            of_job = Roster::new(minions.to_vec());
            &of_job
        }
    };
    let matched = resolve(target, roster, lookup)?;
    let (matching, nobody) = Words { target, roster, among, lookup }.say(matched)?;
    match (nobody, among) {
        (Some(why), Among::Enrolled(_) | Among::Job(_)) => Err(Refusal::new(RefusalKind::NoMatch, why)),
        (Some(_), Among::AlsoLater(_)) | (None, _) => Ok(matching),
    }
}

/// Refuses to go to more than `limit` minions, unless the operator knows that they are many. `what` says what goes
/// to them, as in "the job goes to".
///
/// # Errors
/// A refusal that asks for a confirmation.
pub(crate) fn check_width(limit: usize, what: &str, width: usize, confirmed: bool) -> Result<(), Refusal> {
    if width <= limit || confirmed {
        return Ok(());
    }
    let message = format!(
        "{what} {width} minions, more than the {limit} that need no confirmation: repeat this with --yes"
    );
    Err(Refusal::new(RefusalKind::NeedsConfirmation, message))
}

/// Says what there is to say of one target.
struct Words<'a, L> {
    target: &'a Target,
    roster: &'a Roster,
    among: Among<'a>,
    lookup: &'a L,
}

impl<L: Lookup> Words<'_, L> {
    fn say(&self, matched: Matched) -> Result<(Matching, Option<String>), Refusal> {
        let refused = |message| Err(Refusal::new(RefusalKind::BadRequest, message));
        let lenience = self.target.lenience;
        let is_name = |one: &&Unmatched| matches!(one.kind, UnmatchedKind::Name(_));
        let missing: Vec<&Unmatched> = matched.unmatched.iter().filter(is_name).collect();
        if !missing.is_empty() && !lenience.ignore_missing {
            return refused(self.missing(&missing));
        }
        if !matched.undecided.is_empty() && lenience.assume_unknown.is_none() {
            return refused(self.undecided(&matched.undecided));
        }
        let mut warnings: Vec<TargetWarning> =
            matched.unmatched.iter().take(MAX_TERMS).map(|one| self.unmatched(one)).collect();
        if let Some(more) = matched.unmatched.get(MAX_TERMS..).filter(|more| !more.is_empty()) {
            let message = match more.len() {
                1 => "1 more term matches nobody".to_owned(),
                count => format!("{count} more terms match nobody"),
            };
            warnings.push(TargetWarning::Unmatched { term: "…".to_owned(), message });
        }
        let Matched { mut minions, mut undecided, unheard, before_exclusion, before_complement, .. } =
            matched;
        undecided.extend(unheard);
        undecided.sort();
        if !undecided.is_empty() {
            warnings.push(self.assumed(&undecided));
            if lenience.assume_unknown == Some(Assume::Match) {
                minions.extend(undecided);
                minions.sort();
            }
        }
        let nobody = minions.is_empty().then(|| self.nobody(before_exclusion, before_complement, &warnings));
        Ok((Matching { minions, warnings }, nobody))
    }

    /// The words for names that nobody has.
    fn missing(&self, missing: &[&Unmatched]) -> String {
        let guess = |one: &&Unmatched| (one.term.clone(), nearest(&one.term, self.names()));
        let guesses: Vec<_> = missing.iter().take(SHOWN).map(guess).collect();
        let mut shown: Vec<String> = guesses
            .iter()
            .map(|(term, near)| match near {
                Some(near) => format!("\"{term}\" (did you mean \"{near}\"?)"),
                None => format!("\"{term}\""),
            })
            .collect();
        if missing.len() > SHOWN {
            shown.push(format!("{} more", missing.len() - SHOWN));
        }
        let last = shown.pop().unwrap_or_default();
        let names = if shown.is_empty() { last } else { format!("{} or {last}", shown.join(", ")) };
        let it = if missing.len() == 1 { "it" } else { "them" };
        let nobody = match self.among {
            Among::Enrolled(_) | Among::AlsoLater(_) if self.roster.names().is_empty() => {
                return format!("no minion is called {names}: {NOBODY_YET}");
            }
            Among::Enrolled(_) | Among::AlsoLater(_) => "no minion is called",
            Among::Job(_) => "the job has no minion",
        };
        let see = match self.among {
            Among::Job(minions) => format!("it went to {}", list(minions)),
            _ if guesses.iter().any(|(_, near)| near.is_some()) => String::new(),
            _ => "see who there is with `overlord minion list`".to_owned(),
        };
        let see = if see.is_empty() { see } else { format!("{see}, or ") };
        format!("{nobody} {names}: {see}go on without {it} with --ignore-missing")
    }

    /// The words for minions of which it must be known whether they match.
    fn undecided(&self, minions: &[MinionName]) -> String {
        let (they, them) = if minions.len() == 1 { ("it", "it") } else { ("they", "them") };
        format!(
            "not known whether {} {} meant by \"{}\": {they} never said {} facts, and what is excluded or negated \
             depends on them; leave {them} out with --assume-unknown skip, or take {them} along with \
             --assume-unknown match",
            list(minions),
            if minions.len() == 1 { "is" } else { "are" },
            self.text(),
            if minions.len() == 1 { "its" } else { "their" },
        )
    }

    /// The warning that says what becomes of minions of which it is not known whether they match.
    fn assumed(&self, minions: &[MinionName]) -> TargetWarning {
        let became = match self.target.lenience.assume_unknown {
            _ if matches!(self.among, Among::AlsoLater(_)) => "looked at again once connected",
            Some(Assume::Match) => "taken along",
            Some(Assume::Skip) | None => "left out",
        };
        let (is, its) = if minions.len() == 1 { ("is", "its") } else { ("are", "their") };
        let message = format!(
            "{} {is} {became}: {its} facts were never heard, so it is not known whether \"{}\" matches",
            list(minions),
            self.text()
        );
        TargetWarning::Unknown { minions: minions.to_vec(), message }
    }

    /// The warning for a term that matches nobody, where that is let pass.
    fn unmatched(&self, one: &Unmatched) -> TargetWarning {
        let term = &one.term;
        let why = match (&one.kind, self.among) {
            (UnmatchedKind::Name(name), Among::Job(_)) => format!("the job has no minion \"{name}\""),
            (UnmatchedKind::Name(name), _) => format!("no minion is called \"{name}\""),
            (UnmatchedKind::Fact { path, told: false }, _) => match nearest(path, &self.paths()) {
                Some(near) => format!("no minion has a fact \"{path}\" (did you mean \"{near}\"?)"),
                None => format!("no minion has a fact \"{path}\""),
            },
            (UnmatchedKind::Fact { .. } | UnmatchedKind::Other, _) => format!("no minion matches \"{term}\""),
        };
        let message = if one.negated { format!("\"{term}\" excludes nobody: {why}") } else { why };
        TargetWarning::Unmatched { term: term.clone(), message }
    }

    /// Why the target means nobody.
    fn nobody(
        &self,
        before_exclusion: usize,
        before_complement: usize,
        warnings: &[TargetWarning],
    ) -> String {
        let expression = &self.target.expression;
        if let Some(exclude) = self.target.exclude.as_ref().filter(|_| before_exclusion > 0) {
            let them = if before_exclusion == 1 { "the one minion" } else { "all minions" };
            return format!(
                "no minion is left: the exclusion \"{exclude}\" excludes everybody, {them} that \"{expression}\" matches"
            );
        }
        if before_complement > 0 {
            let them = if before_complement == 1 { "the one minion" } else { "all minions" };
            return format!(
                "no minion is left of \"{expression}\": what it negates excludes everybody, {them} that the rest of it matches"
            );
        }
        // That the whole of it matches nobody is said already.
        let adds = |warning: &&TargetWarning| {
            !matches!(warning, TargetWarning::Unmatched { term, message }
                if term == expression && message.starts_with("no minion matches"))
        };
        let whys: Vec<&str> = warnings.iter().filter(adds).take(SHOWN).map(TargetWarning::message).collect();
        let hint = match self.among {
            Among::Enrolled(_) | Among::AlsoLater(_) if self.roster.names().is_empty() => {
                NOBODY_YET.to_owned()
            }
            _ if !whys.is_empty() => whys.join("; "),
            Among::Enrolled(_) | Among::AlsoLater(_) => {
                "see who there is with `overlord minion list`".to_owned()
            }
            Among::Job(minions) => format!("the job went to {}", list(minions)),
        };
        format!("no minion matches \"{expression}\": {hint}")
    }

    /// The target in one line, as people write it.
    fn text(&self) -> String {
        let Target { expression, exclude, .. } = self.target;
        exclude.as_ref().map_or_else(|| expression.clone(), |exclude| format!("{expression} -x {exclude}"))
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.roster.names().iter().map(MinionName::as_str)
    }

    /// The paths of the facts that some of the minions have told.
    fn paths(&self) -> BTreeSet<String> {
        let facts = self.roster.names().iter().filter_map(|name| self.lookup.facts(name)).take(LOOKED_AT);
        let mut paths = BTreeSet::new();
        for facts in facts {
            paths.extend(facts.as_object().into_iter().flat_map(|facts| facts.keys().cloned()));
        }
        paths
    }
}

/// The candidate that is most like a misspelt word; `None` where none is like it.
fn nearest<'a, S: AsRef<str> + ?Sized + 'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a S>,
) -> Option<&'a str> {
    let word = word.to_lowercase();
    let most = (word.chars().count() / 3).clamp(1, MAX_SLIPS);
    let distances = candidates.into_iter().map(AsRef::as_ref).filter_map(|candidate| {
        // Comparing the lengths first is cheaper than comparing the texts.
        let near = candidate.len().abs_diff(word.len()) <= most;
        near.then(|| (strsim::osa_distance(&word, candidate), candidate))
    });
    distances.filter(|(distance, _)| *distance <= most).min().map(|(_, candidate)| candidate)
}

/// The names, as many as fit into a line.
pub(crate) fn list(minions: &[MinionName]) -> String {
    let shown: Vec<String> = minions.iter().take(SHOWN).map(|name| format!("\"{name}\"")).collect();
    match minions.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// What to do where no minion is enrolled yet.
const NOBODY_YET: &str = "no minion is enrolled yet: invite one with `overlord minion invite NAME`";
/// How many minions are named in one line.
const SHOWN: usize = 8;
/// The most terms that an operator is told of one by one.
const MAX_TERMS: usize = 1_000;
/// How many letters may be wrong in a word that is guessed.
const MAX_SLIPS: usize = 3;
/// The facts of how many minions are searched for one that may be meant.
const LOOKED_AT: usize = 200;

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests;
