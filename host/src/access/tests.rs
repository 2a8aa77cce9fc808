//! Who may call what, by rules as their owner writes them.

mod random_rules;

use serde_json::json;

use wire::message::v1::{Method, Type};
use wire::value::Value;
use wire::value::arguments::{Arguments, Word};
use wire::value::method::Methods;

use super::*;

/// A method of the module `service`, with these parameters.
fn method(params: &[(&str, Type)]) -> Methods {
    Method {
        interface: Some("minion:service/unit@0.1.0".into()),
        name: "restart".into(),
        params: params.iter().map(|(name, ty)| ((*name).into(), ty.clone())).collect(),
        result: None,
        is_async: false,
        not_callable: None,
        docs: Some("Restarts it.\n\n- `pin` (secret): the number".into()),
    }
    .interned()
}

fn list_of(ty: Type) -> Type {
    Type::List(Box::new(ty))
}

fn option_of(ty: Type) -> Type {
    Type::Option(Box::new(ty))
}

fn words(words: &[&str]) -> Arguments {
    Arguments::Words(words.iter().map(|word| Word::Text((*word).to_owned())).collect())
}

/// What a list says of a call by `ann` of a method of these parameters.
fn said(list: &str, params: &[(&str, Type)], arguments: &Arguments) -> Result<(), Denied> {
    let access: Access = toml::from_str(list).expect(list);
    let (operator, path) = ("ann".parse().expect("a name"), "service.restart".parse().expect("a method"));
    let methods = method(params);
    access.check(&Asked::new(&operator, &path, methods.iter().next(), true, arguments))
}

/// What a rule of `allow`, and what one of `deny`, says of a call, where it is about the argument `it` alone: whether
/// each of them lets it pass.
fn passes(constraint: &str, ty: &Type, arguments: &Arguments) -> (bool, bool) {
    let let_by = |list: &str| {
        let text = format!("{list} = [{{ arguments = {{ it = {constraint} }} }}]");
        said(&text, &[("it", ty.clone())], arguments).is_ok()
    };
    (let_by("allow"), let_by("deny"))
}

const NAMED: (bool, bool) = (true, false);
const OTHER: (bool, bool) = (false, true);
/// What a constraint says nothing of passes neither.
const UNSAID: (bool, bool) = (false, false);

fn allowed(list: &str, operator: &str, method_path: &str) -> bool {
    let access: Access = toml::from_str(list).expect("a list");
    let (operator, path) = (operator.parse().expect("a name"), method_path.parse().expect("a method"));
    let methods = method(&[]);
    access.check(&Asked::new(&operator, &path, methods.iter().next(), true, &words(&[]))).is_ok()
}

#[test]
fn without_rules_everyone_may_call_everything() {
    assert!(allowed("", "ann", "service.restart"));
    assert!(!allowed("allow = []", "ann", "service.restart"));
}

#[test]
fn deny_has_the_last_word() {
    let list = "allow = [{ operator = \"a*\" }]\ndeny = [{ method = \"service.*\" }]";
    assert!(allowed(list, "ann", "test.restart"));
    assert!(!allowed(list, "ann", "service.restart"));
    assert!(!allowed(list, "bob", "test.restart"));
}

#[test]
fn modules_are_changed_by_those_who_may_and_where_nothing_is_said_by_all() {
    let may = |list: &str, operator: &str, module: &str| {
        let access: Access = toml::from_str(list).expect("a list");
        let (operator, module) = (operator.parse().expect("a name"), module.parse().expect("a name"));
        access.check_change(&operator, &module).is_ok()
    };
    assert!(may("deny = [{ operator = \"*\" }]", "ann", "service"));
    let list = "modules = [{ operator = \"ops-*\" }, { operator = \"ann\", module = \"web-*\" }]";
    assert!(may(list, "ops-1", "service") && may(list, "ann", "web-disk"));
    assert!(!may(list, "ann", "service") && !may(list, "bob", "web-disk"));
    assert!(!may("modules = []", "ops-1", "service"));
}

#[test]
fn a_rule_holds_whichever_way_the_method_is_written() {
    let full = "service.minion:service/unit@0.1.0/restart";
    for denied in ["service.restart", "service.unit/restart", "service.unit/*", full] {
        let list = format!("deny = [{{ method = \"{denied}\" }}]");
        for written in ["service.restart", "service.unit/restart", full] {
            assert!(!allowed(&list, "ann", written), "{denied} {written}");
        }
    }
}

#[test]
fn a_rule_holds_where_it_is_not_known_which_method_is_meant() {
    let denies = |rule: &str, written: &str| {
        let access: Access = toml::from_str(&format!("deny = [{{ method = \"{rule}\" }}]")).expect("a list");
        let (operator, path) = ("ann".parse().expect("a name"), written.parse().expect("a method"));
        access.check(&Asked::new(&operator, &path, None, false, &words(&[]))).is_err()
    };
    assert!(denies("service.restart", "service.unit/restart") && denies("service.*", "service.restart"));
    assert!(denies("service.unit/*", "service.unit/restart") && !denies("service.stop", "service.restart"));
}

#[test]
fn what_is_allowed_by_a_short_name_is_no_method_of_another_interface_that_has_it_too() {
    let may = |list: &str, is_alone: bool, written: &str| {
        let access: Access = toml::from_str(list).expect("a list");
        let (operator, path) = ("ann".parse().expect("a name"), written.parse().expect("a method"));
        let methods = method(&[]);
        access.check(&Asked::new(&operator, &path, methods.iter().next(), is_alone, &words(&[]))).is_ok()
    };
    let full = "service.minion:service/unit@0.1.0/restart";
    for written in ["service.unit/restart", full] {
        assert!(may("allow = [{ method = \"service.restart\" }]", true, written), "{written}");
        assert!(!may("allow = [{ method = \"service.restart\" }]", false, written), "{written}");
        assert!(may("allow = [{ method = \"service.unit/restart\" }]", false, written), "{written}");
        assert!(may("allow = [{ method = \"service.*\" }]", false, written), "{written}");
        assert!(!may("deny = [{ method = \"service.restart\" }]", false, written), "{written}");
    }
}

#[test]
fn who_is_denied_is_told_what() {
    let access: Access = toml::from_str("allow = []\nmodules = []").expect("a list");
    let operator = "ann".parse().expect("a name");
    let path = "service.restart".parse().expect("a method");
    let told = access
        .check(&Asked::new(&operator, &path, None, false, &words(&[])))
        .expect_err("denied")
        .to_string();
    assert_eq!(told, "the access list of this minion does not let \"ann\" call \"service.restart\"");
    let change = access.check_change(&operator, &"service".parse().expect("a name"));
    let told = change.expect_err("denied").to_string();
    assert_eq!(told, "does not let \"ann\" change module \"service\": its access list is against it");
}

#[test]
fn each_kind_of_constraint_names_its_arguments_and_no_others() {
    let case = || Type::Enum(vec!["stop".into(), "start".into()]);
    let shape = || Type::Variant(vec![("none-at-all".into(), None), ("circle".into(), Some(Type::F64))]);
    for (constraint, ty, word, expected) in [
        ("{ globs = [\"web-*\", \"db\"] }", Type::String, "web-1", NAMED),
        ("{ globs = [\"web-*\", \"db\"] }", Type::String, "db", NAMED),
        ("{ globs = [\"web-*\", \"db\"] }", Type::String, "db1", OTHER),
        ("{ globs = [\"web-*\"] }", Type::String, "WEB-1", OTHER),
        ("{ globs = [\"web-*\"] }", Type::String, "web-1\nssh", NAMED),
        ("{ globs = [\"?\"] }", Type::Char, "x", NAMED),
        ("{ globs = [\"st*\"] }", case(), "stop", NAMED),
        ("{ globs = [\"sta*\"] }", case(), "stop", OTHER),
        ("{ globs = [\"none*\"] }", shape(), "none-at-all", NAMED),
        ("{ globs = [\"*\"] }", shape(), "circle(2.0)", UNSAID),
        ("{ globs = [\"*\"] }", Type::U16, "80", UNSAID),
        ("{ list = [\"a\", \"b\"] }", Type::String, "b", NAMED),
        ("{ list = [\"a\", \"b\"] }", Type::String, "a*", OTHER),
        ("{ list = [80, 443] }", Type::U16, "443", NAMED),
        ("{ list = [\"443\"] }", Type::U16, "443", NAMED),
        ("{ list = [80, 443] }", Type::U16, "444", OTHER),
        ("{ list = [80] }", Type::String, "80", UNSAID),
        ("{ list = [true] }", Type::Bool, "true", NAMED),
        ("{ list = [true] }", Type::Bool, "false", OTHER),
        ("{ list = [0.1] }", Type::F32, "0.1", NAMED),
        ("{ list = [\"NaN\"] }", Type::F64, "NaN", NAMED),
        ("{ list = [\"NaN\"] }", Type::F32, "NaN", NAMED),
        ("{ list = [0.5] }", Type::F64, "0.5", NAMED),
        ("{ list = [0.5] }", Type::F64, "0.25", OTHER),
        ("{ list = [\"stop\"] }", case(), "start", OTHER),
        ("{ list = [\"gone\"] }", case(), "start", OTHER),
        ("{ list = [{ circle = 2 }] }", shape(), "circle(2.0)", NAMED),
        ("{ list = [{ circle = 2 }] }", shape(), "circle(3.0)", OTHER),
    ] {
        assert_eq!(passes(constraint, &ty, &words(&[word])), expected, "{constraint} {word}");
    }
}

#[test]
fn ranges_absence_and_what_is_said_together_name_their_arguments_and_no_others() {
    for (constraint, ty, word, expected) in [
        ("{ range = { min = 1, max = 10 } }", Type::S64, "1", NAMED),
        ("{ range = { min = 1, max = 10 } }", Type::S64, "10", NAMED),
        ("{ range = { min = 1, max = 10 } }", Type::S64, "0", OTHER),
        ("{ range = { max = 10 } }", Type::S64, "11", OTHER),
        ("{ range = { max = 10 } }", Type::S64, "-11", NAMED),
        ("{ range = { max = 9007199254740992.0 } }", Type::U64, "9007199254740993", OTHER),
        ("{ range = { max = 0.1 } }", Type::F32, "0.1", NAMED),
        ("{ range = { min = 0 } }", Type::F64, "NaN", UNSAID),
        ("{ range = { min = 0 } }", Type::F64, "Infinity", NAMED),
        ("{ range = { min = 0 } }", Type::String, "5", UNSAID),
        ("{ absent = true }", option_of(Type::String), "none", NAMED),
        ("{ absent = true }", option_of(Type::String), "some(\"none\")", OTHER),
        ("{ absent = true }", option_of(Type::String), "x", OTHER),
        ("{ absent = true }", Type::String, "none", OTHER),
        ("{ absent = true }", option_of(list_of(Type::U16)), "[]", OTHER),
        ("{ absent = true }", option_of(option_of(Type::U16)), "some(none)", UNSAID),
        ("{ globs = [\"a\"], absent = true }", option_of(Type::String), "none", NAMED),
        ("{ globs = [\"a\"], absent = true }", option_of(Type::String), "a", NAMED),
        ("{ globs = [\"a\"] }", option_of(Type::String), "none", OTHER),
        ("{ globs = [\"a\"], range = { min = 5 }, list = [1] }", Type::U8, "1", NAMED),
        ("{ range = { min = 5 }, list = [1] }", Type::U8, "2", OTHER),
        ("{ globs = [\"a\"], range = { min = 5 }, list = [1] }", Type::U8, "2", UNSAID),
        ("{ list = [\"22\", \"ssh\"] }", Type::U16, "23", UNSAID),
        ("{ list = [\"a\", 80] }", Type::String, "80", UNSAID),
        ("{ list = [\"a\", true] }", Type::String, "true", UNSAID),
        ("{ list = [\"a\", [\"b\"]] }", Type::String, "b", UNSAID),
        ("{ range = { max = 9 }, list = [\"a\"] }", Type::String, "5", UNSAID),
        ("{ list = [70000] }", Type::U16, "80", OTHER),
        ("{ list = [\"eA==\"] }", list_of(Type::U8), "\"eA==\"", NAMED),
        ("{ range = { max = 127 } }", list_of(Type::U8), "[1, 128]", (false, false)),
    ] {
        assert_eq!(passes(constraint, &ty, &words(&[word])), expected, "{constraint} {word}");
    }
}

#[test]
fn of_a_list_every_element_must_be_allowed_and_one_is_enough_to_be_denied() {
    let (texts, flags) = (list_of(Type::String), Type::Flags(vec!["read".into(), "write".into()]));
    let pair = Type::Tuple(vec![Type::String, Type::U8]);
    for (constraint, ty, word, expected) in [
        ("{ globs = [\"web-*\"] }", &texts, r#"["web-1", "web-2"]"#, NAMED),
        ("{ globs = [\"web-*\"] }", &texts, r#"["web-1", "db"]"#, (false, false)),
        ("{ globs = [\"web-*\"] }", &texts, r#"["mail", "db"]"#, OTHER),
        // Where nothing is given, methods may mean all there is.
        ("{ globs = [\"*\"] }", &texts, "[]", OTHER),
        ("{ globs = [\"*\"], list = [[]] }", &texts, "[]", NAMED),
        ("{ list = [[\"a\", \"b\"]] }", &texts, r#"["a", "b"]"#, NAMED),
        ("{ list = [[\"a\", \"b\"]] }", &texts, r#"["b", "a"]"#, OTHER),
        ("{ list = [\"read\"] }", &flags, r#"["read"]"#, NAMED),
        ("{ list = [\"read\"] }", &flags, r#"["write", "read"]"#, (false, false)),
        ("{ list = [[\"write\", \"read\"]] }", &flags, r#"["read", "write"]"#, NAMED),
        ("{ globs = [\"a\"], range = { max = 2 } }", &pair, r#"["a", 1]"#, NAMED),
        ("{ globs = [\"a\"], range = { max = 2 } }", &pair, r#"["a", 3]"#, (false, false)),
        ("{ globs = [\"a\"] }", &pair, r#"["b", 3]"#, UNSAID),
        ("{ globs = [\"a\"] }", &list_of(option_of(Type::String)), r#"["a", null]"#, (false, false)),
        ("{ globs = [\"a\"] }", &list_of(texts.clone()), r#"[["a"], []]"#, (false, false)),
    ] {
        assert_eq!(passes(constraint, ty, &words(&[word])), expected, "{constraint} {word}");
    }
}

#[test]
fn what_a_glob_allows_does_not_lead_out_of_its_folder() {
    for (glob, text, expected) in [
        ("/srv/*", "/srv/../etc/passwd", (false, false)),
        ("/srv/*", "/srv/a/..", (false, false)),
        ("*", "--file=../x", (false, false)),
        ("../*", "../x", NAMED),
        ("/srv/*", "/srv/v1..v2", NAMED),
    ] {
        let constraint = format!("{{ globs = [\"{glob}\"] }}");
        assert_eq!(passes(&constraint, &Type::String, &words(&[text])), expected, "{glob} {text}");
    }
}

#[test]
fn no_other_spelling_of_a_value_gets_round_a_constraint() {
    let params = [("port", Type::U16), ("mode", option_of(Type::String))];
    let list = |port: &str| format!("deny = [{{ arguments = {{ port = {port} }} }}]");
    let json = |json: serde_json::Value| Arguments::Json(json.to_string());
    let ways = [
        words(&["22"]),
        words(&["22", "none"]),
        words(&["\"22\""]),
        json(json!([22])),
        json(json!(["22"])),
        json(json!([22, null])),
        json(json!({ "port": 22 })),
        json(json!({ "mode": null, "port": "22" })),
        Arguments::Json("{\"\\u0070ort\": 22}".into()),
        Arguments::Values(vec![Value::Unsigned(22)]),
        Arguments::Values(vec![Value::Unsigned(22), Value::Option(None)]),
    ];
    for way in &ways {
        for port in ["{ list = [22] }", "{ list = [\"22\"] }", "{ range = { max = 1023 } }"] {
            assert!(said(&list(port), &params, way).is_err(), "{port} {way:?}");
        }
        assert_eq!(said(&list("{ list = [23] }"), &params, way), Ok(()), "{way:?}");
        let default = "deny = [{ arguments = { mode = { absent = true } } }]";
        assert!(said(default, &params, way).is_err(), "{way:?}");
        let no_default = "allow = [{ arguments = { mode = { globs = [\"*\"] } } }]";
        assert!(said(no_default, &params, way).is_err(), "{way:?}");
    }
}

#[test]
fn arguments_that_fit_no_method_are_left_to_be_rejected() {
    let port = [("port", Type::U16)];
    let lists = [
        "allow = [{ arguments = { port = { list = [1] } } }]",
        "deny = [{ arguments = { port = { list = [1] } } }]",
    ];
    for list in lists {
        assert_eq!(said(list, &port, &words(&["many"])), Ok(()), "{list}");
        assert_eq!(said(list, &port, &words(&[])), Ok(()), "{list}");
    }
    assert!(said("deny = [{ method = \"service.*\" }]", &port, &words(&["many"])).is_err());
}

#[test]
fn fields_of_records_are_held_by_their_names() {
    let login = || Type::Record(vec![("user".into(), Type::String), ("port".into(), option_of(Type::U16))]);
    let allowed = |name: &str, constraint: &str, ty: Type, json: serde_json::Value| {
        let list = format!("allow = [{{ arguments = {{ \"{name}\" = {constraint} }} }}]");
        said(&list, &[("it", ty)], &Arguments::Json(json!([json]).to_string())).is_ok()
    };
    let web = "{ globs = [\"web\"] }";
    assert!(allowed("it.user", web, login(), json!({ "user": "web" })));
    assert!(!allowed("it.user", web, login(), json!({ "user": "root" })));
    assert!(allowed("it.port", "{ absent = true }", login(), json!({ "user": "root" })));
    assert!(!allowed("it.port", "{ absent = true }", login(), json!({ "user": "root", "port": 1 })));
    assert!(!allowed("it.usr", web, login(), json!({ "user": "web" })));
    assert!(!allowed("it.user.name", web, login(), json!({ "user": "web" })));
    assert!(allowed("it.user", web, list_of(login()), json!([{ "user": "web" }])));
    assert!(!allowed("it.user", web, list_of(login()), json!([{ "user": "web" }, { "user": "root" }])));
    assert!(!allowed("it.user", "{ globs = [\"*\"] }", list_of(login()), json!([])));
    assert!(!allowed("it.user", web, option_of(login()), json!(null)));
    assert!(allowed(
        "it",
        "{ list = [{ user = \"web\" }] }",
        login(),
        json!({ "port": null, "user": "web" })
    ));
    assert!(!allowed("it", "{ list = [{ user = \"web\" }] }", login(), json!({ "port": 2, "user": "web" })));
}

#[test]
fn a_field_is_denied_by_what_can_be_named_of_its_own_type() {
    let login = Type::Record(vec![("user".into(), Type::String), ("port".into(), Type::U16)]);
    let is_let_by = |constraint: &str, port: u16| {
        let list = format!("deny = [{{ arguments = {{ \"it.port\" = {constraint} }} }}]");
        let call = Arguments::Json(json!([{ "user": "web", "port": port }]).to_string());
        said(&list, &[("it", login.clone())], &call).is_ok()
    };
    assert!(is_let_by("{ range = { max = 1023 } }", 8080) && !is_let_by("{ range = { max = 1023 } }", 22));
    assert!(!is_let_by("{ globs = [\"web\"] }", 22), "a user is named so, and no port");
}

#[test]
fn a_constraint_on_what_the_method_does_not_have_denies_and_says_so() {
    let login = Type::Record(vec![("user".into(), Type::String), ("port".into(), Type::U16)]);
    let params = [("unit", Type::String), ("force", Type::Bool), ("login", login)];
    let call = words(&["ssh", "false", "{user: \"web\", port: 22}"]);
    for list in ["allow", "deny"] {
        for name in ["unti", "unit.name", "login.usr", "login.user.name"] {
            let text = format!("{list} = [{{ arguments = {{ \"{name}\" = {{ globs = [\"web\"] }} }} }}]");
            let told = said(&text, &params, &call).expect_err("denied").to_string();
            let expected = format!(
                "rule 1 of [[access.{list}]] is about an argument \"{name}\", which the method does not have"
            );
            assert!(told.contains(&expected) && told.contains("minion.toml"), "{told}");
        }
        let text = format!("{list} = [{{ arguments = {{ force = {{ globs = [\"true\"] }} }} }}]");
        let told = said(&text, &params, &call).expect_err("denied").to_string();
        let says = match list {
            "allow" => "says nothing of values like that of \"force\"",
            _ => "names what no value of \"force\" can be",
        };
        assert!(told.contains(says), "{told}");
    }
    let other = "allow = [{ arguments = { unti = { list = [1] } } }, { method = \"service.restart\" }]";
    assert_eq!(said(other, &params, &call), Ok(()), "another rule allows it");
}

#[test]
fn all_arguments_of_a_rule_must_be_so_and_of_rules_one() {
    let params = [("unit", Type::String), ("force", Type::Bool)];
    let both = "{ arguments = { unit = { globs = [\"web*\"] }, force = { list = [false] } } }";
    let calls = [["web1", "false"], ["web1", "true"], ["db", "false"], ["db", "true"]];
    let passing = |list: &str| calls.map(|call| said(list, &params, &words(&call)).is_ok());
    assert_eq!(passing(&format!("allow = [{both}]")), [true, false, false, false]);
    assert_eq!(passing(&format!("deny = [{both}]")), [false, true, true, true]);
    let db = "{ arguments = { unit = { list = [\"db\"] } } }";
    assert_eq!(passing(&format!("allow = [{both}, {db}]")), [true, false, true, true]);
    assert_eq!(passing(&format!("allow = [{db}, {both}]\ndeny = [{db}]")), [true, false, false, false]);
    let bob = "allow = [{ operator = \"bob\", arguments = { unti = { absent = true } } }, {}]";
    assert_eq!(passing(bob), [true; 4], "a rule about others says nothing");
}

#[test]
fn a_denied_call_names_the_rule_and_the_parameter() {
    let params = [("unit", Type::String), ("force", Type::Bool)];
    let told = |list: &str| said(list, &params, &words(&["ssh", "true"])).expect_err("denied");
    let web = "{ arguments = { unit = { globs = [\"web-*\"] } } }";
    let start = "the access list of this minion does not let \"ann\" call \"service.restart\"";
    let denied = told(&format!("allow = [{{ operator = \"bob\" }}, {web}]"));
    assert_eq!(
        denied.to_string(),
        format!("{start}: rule 2 of [[access.allow]] wants \"unit\" to be like \"web-*\"")
    );
    let objection = denied.objection().expect("a rule");
    assert_eq!(
        (objection.rule.as_str(), &objection.arguments[..]),
        ("rule 2 of [[access.allow]]", &["unit".to_owned()][..])
    );

    let twice = told(&format!("allow = [{web}, {web}, {web}]")).to_string();
    assert!(twice.ends_with("\"web-*\", and 2 more rules do not allow it either"), "{twice}");
    let named = "deny = [{ name = \"no ssh\", arguments = { unit = { list = [\"ssh\"] }, force = { list = [true] } } }]";
    let told_named = told(named);
    let expected =
        "rule \"no ssh\" of [[access.deny]] denies it where \"force\" is true and \"unit\" is \"ssh\"";
    assert_eq!(told_named.to_string(), format!("{start}: {expected}"));
    assert_eq!(told_named.objection().expect("a rule").arguments, ["force", "unit"]);
    assert_eq!(told("deny = [{}]").to_string(), format!("{start}: rule 1 of [[access.deny]] denies it"));
}

#[test]
fn secrets_are_shown_neither_of_the_call_nor_of_the_rule() {
    let login = Type::Record(vec![("user".into(), Type::String), ("password".into(), Type::String)]);
    let params = [("token", Type::String), ("pin", Type::String), ("login", login)];
    let call = words(&["hunter2", "hunter2", "{user: \"ann\", password: \"hunter2\"}"]);
    for (list, secret, name) in [
        ("deny", "hunter2", "token"),
        ("deny", "hunter2", "pin"),
        ("deny", "hunter2", "login.password"),
        ("allow", "swordfish", "token"),
        ("allow", "swordfish", "pin"),
        ("allow", "swordfish", "login.password"),
    ] {
        for constraint in [format!("{{ list = [\"{secret}\"] }}"), format!("{{ globs = [\"{secret}\"] }}")] {
            let list = format!("{list} = [{{ arguments = {{ \"{name}\" = {constraint} }} }}]");
            let told = said(&list, &params, &call).expect_err("denied");
            let all = format!("{told} {told:?}");
            assert!(all.contains(name) && !all.contains("hunter2") && !all.contains("swordfish"), "{all}");
        }
    }
    let whole =
        "allow = [{ arguments = { login = { list = [{ user = \"ann\", password = \"swordfish\" }] } } }]";
    let told = said(whole, &params, &call).expect_err("denied").to_string();
    assert!(told.contains("ann") && !told.contains("swordfish") && !told.contains("hunter2"), "{told}");
}

#[test]
fn arguments_are_looked_at_where_a_rule_that_is_about_the_call_names_some() {
    let looks = |list: &str| {
        let access: Access = toml::from_str(list).expect(list);
        let (operator, path) = ("ann".parse().expect("a name"), "service.restart".parse().expect("a method"));
        let (methods, arguments) = (method(&[]), words(&[]));
        access.looks_at_arguments(&Asked::new(&operator, &path, methods.iter().next(), true, &arguments))
    };
    for list in ["allow", "deny"] {
        assert!(looks(&format!(
            "{list} = [{{ method = \"service.*\", arguments = {{ unit = {{ list = [1] }} }} }}]"
        )));
        assert!(!looks(&format!(
            "{list} = [{{ method = \"user.*\", arguments = {{ unit = {{ list = [1] }} }} }}]"
        )));
        assert!(!looks(&format!("{list} = [{{ method = \"service.*\" }}]")));
    }
    assert!(!looks(""));
}

#[test]
fn a_list_that_is_replaced_holds_for_all_who_share_it_and_says_whether_it_differs() {
    let list = |text: &str| -> Access { toml::from_str(text).expect("a list") };
    let in_force = AccessInForce::new(list("deny = [{ operator = \"ann\" }]"));
    let shared = in_force.clone();
    assert!(!in_force.replace(list("deny = [{ operator = \"ann\", method = \"*\" }]")));
    assert!(in_force.replace(list("deny = [{ operator = \"bob\" }]")));
    assert_eq!(*shared.current(), list("deny = [{ operator = \"bob\" }]"));
    let constrained = |text: &str| list(&format!("allow = [{{ arguments = {{ a = {text} }} }}]"));
    assert!(in_force.replace(constrained("{ list = [1] }")));
    assert!(!in_force.replace(constrained("{ list = [1] }")));
    assert!(in_force.replace(constrained("{ list = [2] }")));
    assert!(in_force.replace(Access::default()) && *shared.current() == Access::default());
}

#[test]
fn what_a_rule_does_not_know_is_an_error_that_names_it() {
    for (list, named) in [
        ("alow = []", "alow"),
        ("deny = [{ user = \"a\" }]", "user"),
        ("deny = [{ method = \"a[\" }]", "a["),
        ("deny = [{ arguments = { a = { glob = [] } } }]", "glob"),
        ("deny = [{ arguments = { a = { range = { least = 1 } } } }]", "least"),
        ("deny = [{ arguments = { a = {} } }]", "names no argument"),
        ("deny = [{ arguments = { \"a.\" = { absent = true } } }]", "\"a.\""),
    ] {
        let error = toml::from_str::<Access>(list).expect_err(list).to_string();
        assert!(error.contains(named), "{error}");
    }
}
