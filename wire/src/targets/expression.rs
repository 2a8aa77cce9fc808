//! A target expression that was understood.

use std::fmt;
use std::str::FromStr;

use super::error::TargetError;
use super::parse::Parser;
use super::term::Node;

/// A parsed target expression. Globs and regular expressions in it are compiled.
#[derive(Clone, Debug)]
pub struct Expression {
    text: String,
    root: Node,
}

impl Expression {
    /// Parses an expression.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        Ok(Self { root: Parser::new(text).parse()?, text: text.to_owned() })
    }

    /// The expression that matches what any of `members` matches, for a group made of them.
    pub fn any_of<'a>(members: impl IntoIterator<Item = &'a str>) -> Result<Self, TargetError> {
        let members: Vec<&str> = members.into_iter().collect();
        // Each by itself first: one with a stray parenthesis must not reach into the next.
        let nodes = members.iter().map(|text| Parser::new(text).parse());
        let root = Node::Union(nodes.collect::<Result<_, _>>()?);
        Ok(Self { root, text: members.join(",") })
    }

    /// The expression as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// How many minions it can mean at most, whoever is enrolled; `None` where the expression does not say that.
    pub fn at_most(&self) -> Option<usize> {
        self.root.at_most()
    }

    pub(super) fn root(&self) -> &Node {
        &self.root
    }
}

impl FromStr for Expression {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        Self::parse(text)
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_alone_say_how_many_minions_are_meant_at_most() {
        for (text, most) in [
            ("web1", Some(1)),
            ("web1,db1,db2", Some(3)),
            ("web1 & web*", Some(1)),
            ("(web1,web2) & !web1", Some(2)),
            ("web1,web*", None),
            ("*", None),
            ("!web1", None),
            ("@web", None),
            ("~web1", None),
            ("os=debian", None),
        ] {
            assert_eq!(Expression::parse(text).expect(text).at_most(), most, "{text}");
        }
    }
}
