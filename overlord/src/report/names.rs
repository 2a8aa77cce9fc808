//! Many names in short: `web[1-50],db1`.

use wire::name::MinionName;

/// The names with those that differ in one number put together, as people count; what is more than `most` such groups
/// is told as a number of minions.
pub(crate) fn folded(names: &[MinionName], most: usize) -> String {
    let mut names: Vec<&MinionName> = names.iter().collect();
    names.sort();
    let mut groups: Vec<Group<'_>> = Vec::new();
    for name in names {
        let (before, digits, after) = parts(name.as_str());
        let same = |group: &&mut Group<'_>| {
            (group.before, group.after) == (before, after) && !digits.is_empty() && !group.ranges.is_empty()
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.add(digits),
            None => groups.push(Group::of(before, digits, after)),
        }
    }
    let left_out: usize = groups.iter().skip(most).map(|group| group.count).sum();
    let shown: Vec<String> = groups.iter().take(most).map(Group::shown).collect();
    match left_out {
        0 => shown.join(","),
        more => format!("{} and {more} more", shown.join(",")),
    }
}

/// Names that differ in one number.
struct Group<'a> {
    before: &'a str,
    after: &'a str,
    count: usize,
    /// From and to, as they are written.
    ranges: Vec<(&'a str, &'a str)>,
}

impl<'a> Group<'a> {
    fn of(before: &'a str, digits: &'a str, after: &'a str) -> Self {
        let ranges = if digits.is_empty() { Vec::new() } else { vec![(digits, digits)] };
        Self { before, after, count: 1, ranges }
    }

    fn add(&mut self, digits: &'a str) {
        self.count += 1;
        match self.ranges.last_mut() {
            Some((_, last)) if follows(last, digits) => *last = digits,
            _ => self.ranges.push((digits, digits)),
        }
    }

    fn shown(&self) -> String {
        let range =
            |(from, to): &(&str, &str)| if from == to { (*from).to_owned() } else { format!("{from}-{to}") };
        let ranges = self.ranges.iter().map(range).collect::<Vec<_>>().join(",");
        match self.count {
            1 => format!("{}{ranges}{}", self.before, self.after),
            _ => format!("{}[{ranges}]{}", self.before, self.after),
        }
    }
}

/// What stands before the last number of a name's first label, the number, and what stands after it.
fn parts(name: &str) -> (&str, &str, &str) {
    let label = name.split('.').next().unwrap_or_default();
    let Some(end) = label.rfind(|c: char| c.is_ascii_digit()).map(|last| last + 1) else {
        return (name, "", "");
    };
    let start = label[..end].rfind(|c: char| !c.is_ascii_digit()).map_or(0, |before| before + 1);
    (&name[..start], &name[start..end], &name[end..])
}

/// Whether a number is the one after another, written in the same way.
fn follows(last: &str, next: &str) -> bool {
    let width = last.len();
    last.parse::<u64>().is_ok_and(|last| format!("{:0width$}", u128::from(last) + 1) == next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fold(names: &[&str], most: usize) -> String {
        let names: Vec<MinionName> = names.iter().map(|name| name.parse().expect("a name")).collect();
        folded(&names, most)
    }

    #[test]
    fn names_that_differ_in_one_number_are_put_together() {
        for (names, shown) in [
            (&["web10", "web9", "web2", "db1"][..], "db1,web[2,9-10]"),
            (&["web01", "web02", "web10", "web09"], "web[01-02,09-10]"),
            (&["web1.a", "web2.a", "web1.b"], "web[1-2].a,web1.b"),
            (&["mail", "mailer"], "mail,mailer"),
            (&["a1b2", "a1b3", "a2b3"], "a1b[2-3],a2b3"),
            (&["web9", "web010"], "web[9,010]"),
        ] {
            assert_eq!(fold(names, 9), shown);
        }
        let many: Vec<String> = (1..=50).map(|number| format!("web{number}")).collect();
        assert_eq!(fold(&many.iter().map(String::as_str).collect::<Vec<_>>(), 1), "web[1-50]");
    }

    #[test]
    fn what_is_too_much_is_counted() {
        assert_eq!(fold(&["a", "b", "c1", "c2"], 2), "a,b and 2 more");
    }
}
