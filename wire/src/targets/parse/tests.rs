use proptest::prelude::*;

use super::*;
use crate::targets::Expression;

fn pointed(text: &str) -> String {
    Expression::parse(text).expect_err("an error").pointed()
}

proptest! {
    #[test]
    fn any_text_is_an_expression_or_an_error(text in ".{0,80}") {
        if let Err(error) = Expression::parse(&text) {
            prop_assert!(error.to_string().chars().count() < 300);
            prop_assert_eq!(error.pointed().lines().count(), 2);
        }
    }

    #[test]
    fn text_made_of_the_grammar_never_panics(
        text in r#"(web|db|[0-9]|\*|\?|@|:|~|!|=|<|>|\^|&|,|;|\(|\)|\[|\]|\{|\}|"| |\\|-|_|\.|é){0,30}"#,
    ) {
        let _ = Expression::parse(&text).map_err(|error| (error.to_string(), error.pointed()));
    }
}

#[test]
fn an_error_points_at_its_place() {
    for (text, expected) in [
        ("web*,,db", "web*,,db\n     ^ a term is missing here"),
        ("web*,", "web*,\n     ^ a term is missing here"),
        ("(web*&db", "(web*&db\n^ this \"(\" is never closed"),
        ("web)", "web)\n   ^ this \")\" was never opened"),
        ("web1 web2", "web1 web2\n     ^ \"w\" does not belong here"),
        ("db é", "db é\n   ^ \"é\" does not belong here"),
        ("web!", "web!\n   ^ \"!\" does not belong here"),
        ("web_*", "web_*\n^^^^^ a minion's name has no \"_\" in it"),
        ("web[0-", "web[0-\n   ^ this \"[\" is never closed"),
        ("db,web[9-0]", "db,web[9-0]\n   ^^^^^^^^ \"[…]\" holds letters and digits"),
        ("@", "@\n^ a group's name is missing"),
        ("@web:", "@web:\n     ^ a term is missing here"),
        ("os==debian", "os==debian\n  ^^ there is no operator \"==\""),
        ("os=~deb", "os=~deb\n  ^^ there is no operator \"=~\""),
        ("os=,web", "os=,web\n   ^ a value is missing here"),
        ("os=deb ian", "os=deb ian\n       ^ \"i\" does not belong here"),
        ("os=deb\"ian\"", "os=deb\"ian\"\n      ^ \"\"\" does not belong here"),
        ("o?s=x", "o?s=x\n^^^ a fact's name has letters"),
        ("os=\"deb", "os=\"deb\n   ^ this \"\"\" is never closed"),
        ("db,web_1", "db,web_1\n   ^^^^^ \"web_1\" is not a minion name"),
        ("db & {a}", "db & {a}\n     ^ \"{\" does not belong here"),
        ("~web(", "~web(\n^^^^^ not a regular expression: unclosed group"),
    ] {
        let got = pointed(text);
        assert!(got.starts_with(expected), "{text}:\n{got}");
    }
    assert!(
        pointed("  ").ends_with("it is empty: write a name, a pattern such as \"web*\", or \"*\" for all")
    );
}

#[test]
fn a_message_is_one_line_with_the_column() {
    let error = Expression::parse("web*,@").expect_err("an error");
    assert_eq!(error.to_string(), "target \"web*,@\", column 6: a group's name is missing after \"@\"");
    assert_eq!((error.column(), error.problem()), (6, &Problem::GroupMissing));
}

#[test]
fn only_the_part_around_the_place_is_shown() {
    let text = format!("{}(,{}", "web1,".repeat(1000), "db1,".repeat(1000));
    let pointed = pointed(&text);
    let (excerpt, mark) = pointed.split_once('\n').expect("two lines");
    assert!(excerpt.chars().count() < 80, "{excerpt}");
    let place = mark.find('^').expect("a mark");
    assert_eq!(excerpt.chars().nth(place), Some(','), "{pointed}");
}

#[test]
fn what_was_cut_off_and_what_does_not_print_is_marked() {
    let pointed = |text: String| pointed(&text);
    let near = format!("{}^web", "a".repeat(35));
    assert!(
        pointed(near.clone()).starts_with(&format!("{near}\n{}^ ", " ".repeat(35))),
        "nothing is cut off"
    );
    let right = pointed(format!("^{}", "a".repeat(70)));
    assert!(right.starts_with(&format!("^{}…\n^ ", "a".repeat(69))), "{right}");
    let left = pointed(format!("{}^web", "a".repeat(36)));
    assert!(left.starts_with(&format!("…{}^web\n{}^ ", "a".repeat(35), " ".repeat(36))), "{left}");
    assert!(pointed("web\u{7}".to_owned()).starts_with("web\u{fffd}\n   ^ "));
    let long = pointed(format!("web_{}", "1".repeat(60)));
    assert!(long.contains(&format!("\n{} ", "^".repeat(35))), "{long}");
}

#[test]
fn what_costs_much_is_bounded() {
    let blanks = |count| "a".to_owned() + &" ".repeat(count);
    for (allowed, refused, what) in [
        (blanks(MAX_TEXT - 1), blanks(MAX_TEXT), "more than 1048576 bytes"),
        ("!".repeat(64) + "a", "!".repeat(65) + "a", "more than 64 levels"),
        ("(a),".repeat(100) + "a", "(".repeat(100_000), "more than 64 levels"),
        ("~a,".repeat(64) + "a", "~a,".repeat(65) + "a", "more than 64 regular expressions"),
        ("~a{1000}".to_owned(), "~a{1000}{1000}{1000}".to_owned(), "size limit"),
        ("x.".repeat(15) + "x=1", "x.".repeat(16) + "x=1", "a fact's name has"),
    ] {
        assert_eq!(Expression::parse(&allowed).err(), None);
        let error = Expression::parse(&refused).expect_err("an error").to_string();
        assert!(error.contains(what), "{error}");
    }
}
