//! A module's name, in the forms that sources need it in.

use wire::name::ModuleName;

/// What WIT or one of the languages keeps for itself, so that nothing can be called so there.
const RESERVED: &str = "\
    abstract as async await become bool borrow box break case catch char class const constructor \
    continue crate debugger default delete do dyn else enum export extends extern f32 f64 false final \
    finally flags fn for from func function future gen if impl import in include instanceof interface \
    let list loop macro map match mod module move mut new null option override own package priv pub \
    record ref resource result return s16 s32 s64 s8 self static stream string struct super switch this \
    throw trait true try tuple type typeof u16 u32 u64 u8 unsafe use var variant virtual void where \
    while with world yield";

/// One name in its forms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identifier {
    /// As the module is called.
    name: String,
    /// As words of lower-case letters and digits, each of which begins with a letter.
    words: Vec<String>,
}

impl Identifier {
    pub(super) fn of(name: &ModuleName) -> Self {
        let mut words: Vec<String> = Vec::new();
        for part in name.as_str().split(['-', '_']).filter(|part| !part.is_empty()) {
            let part = part.to_ascii_lowercase();
            let digit = part.starts_with(|first: char| first.is_ascii_digit());
            match words.last_mut() {
                Some(last) if digit => last.push_str(&part),
                None if digit => words.push(format!("n{part}")),
                _ => words.push(part),
            }
        }
        match words.as_slice() {
            [] => words.push("unnamed".to_owned()),
            [only] if RESERVED.split(' ').any(|word| word == only) => words.push("methods".to_owned()),
            _ => {}
        }
        Self { name: name.as_str().to_owned(), words }
    }

    /// The text with the name in place of each placeholder.
    pub(super) fn fill(&self, text: &str) -> String {
        let camel = {
            let pascal = self.pascal();
            let (first, rest) = pascal.split_at(1);
            first.to_ascii_lowercase() + rest
        };
        text.replace("{{name}}", &self.name)
            .replace("{{wit}}", &self.words.join("-"))
            .replace("{{snake}}", &self.words.join("_"))
            .replace("{{pascal}}", &self.pascal())
            .replace("{{camel}}", &camel)
    }

    fn pascal(&self) -> String {
        let word = |word: &String| {
            let (first, rest) = word.split_at(1);
            first.to_ascii_uppercase() + rest
        };
        self.words.iter().map(word).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(name: &str) -> String {
        let identifier = Identifier::of(&name.parse().expect("a name"));
        identifier.fill("{{name}} {{wit}} {{snake}} {{pascal}} {{camel}}")
    }

    #[test]
    fn a_name_has_the_form_of_each_place() {
        assert_eq!(filled("disk"), "disk disk disk Disk disk");
        assert_eq!(
            filled("Web-Server_pool"),
            "Web-Server_pool web-server-pool web_server_pool WebServerPool webServerPool"
        );
    }

    #[test]
    fn what_cannot_be_a_name_elsewhere_becomes_one() {
        assert_eq!(filled("2fa-8"), "2fa-8 n2fa8 n2fa8 N2fa8 n2fa8");
        assert_eq!(filled("type"), "type type-methods type_methods TypeMethods typeMethods");
        assert_eq!(filled("--"), "-- unnamed unnamed Unnamed unnamed");
    }
}
