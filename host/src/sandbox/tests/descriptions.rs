//! What is told of modules: their types each once, and never more than there is room for.

use wire::memory::Held as _;
use wire::message::inventory::{self, Inventory};
use wire::message::module::{self, Module};
use wire::transport::frame;

use super::{ModulePolicy, load};

/// A component whose exported `f` takes this type, after these definitions.
fn taking(definitions: &str, ty: &str) -> String {
    format!(
        r#"(component
            (core module $m
                (memory (export "memory") 1)
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 8)
                (func (export "f") (param i32)))
            (core instance $i (instantiate $m))
            {definitions}
            (func (export "f") (param "p" {ty})
                (canon lift (core func $i "f") (memory (core memory $i "memory")) (realloc (core func $i "realloc")))))"#
    )
}

/// Tuples of sixteen of a type, so many levels deep.
fn tuples(of: &str, levels: usize) -> String {
    let level = |level: usize| {
        let inner = if level == 0 { of.to_owned() } else { format!("$t{}", level - 1) };
        format!("(type $t{level} (tuple {}))", [inner.as_str(); 16].join(" "))
    };
    (0..levels).map(level).collect()
}

/// A record with one field of so many letters, under the name `$wide`.
fn wide(letters: usize) -> String {
    let name = "a".repeat(letters);
    format!("(type $r (record (field \"{name}\" u8) (field \"b\" string))) (export $wide \"wide\" (type $r))")
}

fn described(component: &str) -> Module {
    load(component, &ModulePolicy::default()).unwrap_or_else(|error| panic!("{error}")).describe().clone()
}

fn refusal(component: &str) -> String {
    load(component, &ModulePolicy::default()).expect_err("refused").to_string()
}

#[test]
fn a_type_that_is_used_ten_thousand_times_is_told_once() {
    // As a tree this would be 65 MB; where names could have 90,000 letters, 6 GB.
    let module = described(&taking(&format!("{} {}", wide(1_000), tuples("$wide", 4)), "$t3"));
    assert!(module.held() < 20_000, "{} bytes", module.held());
    assert!(frame::encode(&module, 20_000).is_ok());
    let method = module.method("f").unwrap();
    assert!(method.to_string().chars().count() < 5_000);
    assert!(module.document().to_string().len() < 1_000_000);
    assert!(module.description().len() < 200_000);

    let told = refusal(&taking(&format!("{} {}", wide(90_000), tuples("$wide", 3)), "$t2"));
    assert!(told.contains("its signatures are too large: it has a name in a type of 90000 bytes"), "{told}");
}

#[test]
fn what_takes_more_than_there_is_room_for_is_refused_before_it_is_compiled() {
    let lifted =
        |n: usize| format!("(func (export \"f{n}-{}\") (canon lift (core func $i \"f\")))", "a".repeat(90));
    let many: String = (0..10_000).map(lifted).collect();
    let core = r#"(core module $m (func (export "f"))) (core instance $i (instantiate $m))"#;
    let told = refusal(&format!("(component {core} {many})"));
    assert!(told.contains("its signatures are too large") && told.contains("1 MiB"), "{told}");

    let imports: String = (0..40)
        .map(|n| format!("(import \"i{n}-{}\" (instance (export \"f\" (func))))", "a".repeat(30_000)))
        .collect();
    assert!(refusal(&format!("(component {imports})")).len() < 100_000);
}

#[test]
fn a_function_that_would_take_a_compiler_gibibytes_is_refused_before_it_is_compiled() {
    let body = "(drop (i32.const 1))".repeat(400_000);
    let told = refusal(&super::component(&format!("(func (export \"f\") {body})"), &[("f", "")]));
    assert!(told.contains("has a function of 12000"), "{told}");
    assert!(told.contains("1048576 are the most"), "{told}");
}

#[test]
fn what_is_nested_deeper_than_a_value_may_be_cannot_be_called() {
    let nested: String = (1..70).map(|n| format!("(type $l{n} (list $l{}))", n - 1)).collect();
    let module = described(
        &taking(&format!("(type $l0 (list u8)) {nested}"), "$l69").replace("(param i32)", "(param i32 i32)"),
    );
    let method = module.method("f").unwrap();
    assert!(
        method
            .not_callable
            .as_ref()
            .is_some_and(|why| why == "its signature has a type nested deeper than 64 levels")
    );
}

#[test]
fn a_type_is_called_by_the_name_that_wit_gives_it() {
    let wit = "
        package acme:geo@1.0.0;
        interface plane { record point { x: u32, y: u32 } area: func(p: point) -> u32; }
        interface line { record point { x: u32 } length: func(p: point, q: point) -> u32; }
        world module { export plane; export line; }
    ";
    let core = r#"(module
        (memory (export "memory") 1)
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 8)
        (func (export "acme:geo/plane@1.0.0#area") (param i32 i32) (result i32) i32.const 0)
        (func (export "acme:geo/line@1.0.0#length") (param i32 i32) (result i32) i32.const 0))"#;
    let bytes = super::of_wit(wit, core);
    let module = super::sandbox().load("geo".parse().unwrap(), &bytes, &ModulePolicy::default()).unwrap();
    let signatures: Vec<String> = module.describe().methods.iter().map(|method| method.to_string()).collect();
    assert_eq!(signatures, ["area(p: point) -> u32", "length(p: line/point, q: line/point) -> u32"]);
    let text = module.describe().method_description(module.method("length").unwrap());
    assert_eq!(text.matches("record line/point { x: u32 }").count(), 1, "{text}");
}

#[test]
fn an_inventory_has_room_for_what_is_in_service_and_counts_what_it_leaves_out() {
    let active = described(&taking(&format!("{} {}", wide(1_000), tuples("$wide", 1)), "$t0"));
    let failed = |n: usize| Module {
        name: format!("broken-{n}").parse().unwrap(),
        state: module::ModuleState::Failed("x".repeat(10_000)),
        methods: Default::default(),
        ..active.clone()
    };
    let mut modules: Vec<Module> = (0..1_000).map(failed).collect();
    modules.push(active.clone());
    let inventory = Inventory::of(modules);
    assert!(inventory.held() <= inventory::MAX_HELD);
    assert!(inventory.left_out > 100);
    assert!(inventory.modules.contains(&active));

    let small = |n: usize| Module { state: module::ModuleState::Failed(String::new()), ..failed(n) };
    let mut many = Inventory::of((0..3_000).map(small).chain([active.clone()]).collect());
    assert!(many.left_out > 1_900 && many.modules.contains(&active));
    assert!(many.modules.iter_mut().all(|module| module.fit().is_ok()), "an overlord takes it");
}
