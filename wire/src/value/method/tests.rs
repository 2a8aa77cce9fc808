use super::*;
use crate::message::v1;
use crate::message::version::Version;
use crate::transport::frame;

fn restart() -> Methods {
    use v1::Type;
    v1::Method {
        interface: Some("acme:service/unit@1.0.0".into()),
        name: "restart".into(),
        params: vec![
            ("name".into(), Type::String),
            ("options".into(), Type::Option(Box::new(Type::List(Box::new(Type::U8))))),
        ],
        result: Some(Type::Result(None, Some(Box::new(Type::String)))),
        is_async: false,
        not_callable: None,
        docs: None,
    }
    .interned()
}

fn of_type(ty: TypeId, table: Builder) -> Methods {
    let method = Method {
        interface: None,
        name: "f".into(),
        params: vec![("p".into(), ty)],
        result: None,
        is_async: false,
        not_callable: None,
        docs: None,
    };
    Methods::new(table.build(), vec![method]).unwrap()
}

/// Tuples of sixteen, so many levels deep: few bytes that stand for many.
fn nested(levels: usize) -> Methods {
    let mut table = Builder::default();
    let mut ty = table.add(None, Type::U8).unwrap();
    for _ in 0..levels {
        ty = table.add(None, Type::Tuple(vec![ty; 16])).unwrap();
    }
    of_type(ty, table)
}

#[test]
fn a_method_prints_as_wit() {
    let methods = restart();
    let method = methods.iter().next().unwrap();
    assert_eq!(method.to_string(), "restart(name: string, options: option<list<u8>>) -> result<_, string>");
    assert_eq!(method.qualified(), "unit/restart");
    assert_eq!(method.required(), 1);
    assert!(method.takes_contents(0) && method.takes_contents(1) && !method.takes_contents(2));
    assert_eq!(method.called("unit/restart"), method.to_string().replacen("restart", "unit/restart", 1));
}

#[test]
fn a_type_with_a_name_is_called_by_it_and_defined_once() {
    let mut table = Builder::default();
    let number = table.add(None, Type::U32).unwrap();
    let point = Type::Record(vec![("x".into(), number), ("y".into(), number)]);
    let point = table.add(Some("point"), point).unwrap();
    let line = table.add(None, Type::List(point)).unwrap();
    let methods = of_type(line, table);
    let method = methods.iter().next().unwrap();
    assert_eq!(method.to_string(), "f(p: list<point>)");
    assert_eq!(method.definitions(), ["record point { x: u32, y: u32 }"]);
}

#[test]
fn buried_bytes_and_opaque_parts_are_found() {
    let methods = restart();
    let method = methods.iter().next().unwrap();
    assert!(method.param(1).unwrap().1.buries_bytes());
    let stream = v1::Type::Record(vec![("data".into(), v1::Type::Opaque("stream<u8>".into()))]).interned();
    assert_eq!(stream.get().opaque(), Some("stream<u8>"));
    assert!(!v1::Type::List(Box::new(v1::Type::U8)).interned().get().buries_bytes());
}

#[test]
fn a_table_takes_each_type_once_and_none_that_is_not_defined_or_too_deep() {
    let mut table = Builder::default();
    let text = table.add(None, Type::String).unwrap();
    assert_eq!(table.add(None, Type::String), Ok(text));
    assert_ne!(table.add(Some("name"), Type::String), Ok(text));
    let mut deep = text;
    for _ in 1..crate::value::MAX_DEPTH {
        deep = table.add(None, Type::List(deep)).unwrap();
    }
    assert_eq!(table.add(None, Type::List(deep)), Err(BadType::TooDeep));
    let forward = vec![Definition { name: None, ty: Type::List(TypeId::of(0)) }];
    let bytes = postcard::to_stdvec(&forward).unwrap();
    assert!(frame::decode::<Types>(&bytes).is_err(), "it is made of what is not there");
    let bytes = postcard::to_stdvec(&(Vec::<Definition>::new(), restart().0.methods.clone())).unwrap();
    assert!(frame::decode::<Methods>(&bytes).is_err(), "its types are in no table");
    let methods = restart();
    let mut beyond = methods.0.methods.clone();
    beyond[0].result = Some(TypeId::of(methods.types().len() as u32));
    assert_eq!(Methods::new(methods.types().clone(), beyond), Err(BadType::Undefined));
}

#[test]
fn what_is_large_as_a_tree_travels_small_and_is_not_told_to_older_peers() {
    let methods = nested(40);
    let bytes = frame::encode(&methods, 10_000).unwrap();
    assert_eq!(frame::decode::<Methods>(&bytes[4..]).unwrap(), methods);
    let old = v1::trees(&methods);
    assert!(old[0].params.is_empty() && old[0].not_callable.as_ref().unwrap().contains("too large"));
    assert_eq!(v1::trees(&nested(3))[0].not_callable, None);
}

#[test]
fn one_method_alone_is_the_same_from_whichever_table() {
    let mut table = Builder::default();
    let unused = table.add(Some("unused"), Type::Enum(vec!["a".into()])).unwrap();
    let text = table.add(None, Type::String).unwrap();
    let options = table.add(None, Type::List(text)).unwrap();
    assert!(unused < text);
    let one = of_type(options, table);
    let other = v1::Type::List(Box::new(v1::Type::String));
    let other = v1::Method { params: vec![("p".into(), other)], ..v1::trees(&one).remove(0) }.interned();
    assert_eq!(one.iter().next().unwrap().alone(), other.iter().next().unwrap().alone());
}

#[test]
fn one_method_is_told_in_the_form_of_either_version() {
    let one = restart().iter().next().unwrap().alone();
    for version in [
        Version::One,
        Version::Two,
        Version::Three,
        Version::Four,
        Version::Five,
        Version::Six,
        Version::Seven,
    ] {
        let bytes = version.speak(|| frame::encode(&one, 1000)).unwrap();
        let back: OneMethod = version.speak(|| frame::decode(&bytes[4..])).unwrap();
        assert_eq!(back, one);
    }
}

#[test]
fn a_method_is_called_by_each_of_its_names_and_by_no_other() {
    let methods = restart();
    let method = methods.iter().next().unwrap();
    let full = "acme:service/unit@1.0.0/restart";
    assert_eq!(method.names(), ["restart", "unit/restart", full]);
    let mut root = method.method().clone();
    root.interface = None;
    assert_eq!(root.names(), ["restart", "restart", "/restart"]);
    for (name, in_interface, at_root) in [
        ("restart", true, true),
        ("unit/restart", true, false),
        (full, true, false),
        ("/restart", false, true),
        ("stop", false, false),
        ("unit/stop", false, false),
        ("/stop", false, false),
        ("other/restart", false, false),
        ("acme:service/unit/restart", false, false),
    ] {
        assert_eq!((method.is_called(name), root.is_called(name)), (in_interface, at_root), "{name}");
    }
}

#[test]
fn a_command_is_the_run_of_wasi_and_nothing_else() {
    let mut method = restart().0.methods[0].clone();
    for (interface, name, is_command) in [
        (Some("wasi:cli/run@0.2.3"), "run", true),
        (Some("wasi:cli/run@0.3.0"), "run", true),
        (Some("wasi:cli/run@0.2.3"), "stop", false),
        (Some("acme:cli/run@0.2.3"), "run", false),
        (None, "run", false),
    ] {
        method.interface = interface.map(str::to_owned);
        method.name = name.to_owned();
        assert_eq!(method.is_command(), is_command, "{interface:?} {name}");
    }
}

#[test]
fn what_takes_and_gives_contents_is_bytes_or_text_also_behind_an_option() {
    use v1::Type;
    let boxed = |ty: &Type| Box::new(ty.clone());
    let bytes = Type::List(Box::new(Type::U8));
    for (ty, is) in [
        (Type::String, true),
        (bytes, true),
        (Type::U8, false),
        (Type::List(Box::new(Type::String)), false),
        (Type::Tuple(vec![Type::String]), false),
    ] {
        let result = |ok, err| Type::Result(ok, err);
        for (ty, takes, gives) in [
            (ty.clone(), is, is),
            (Type::Option(boxed(&ty)), is, is),
            (result(Some(boxed(&ty)), None), false, is),
            (result(Some(Box::new(Type::Option(boxed(&ty)))), None), false, is),
            (result(None, Some(boxed(&ty))), false, false),
        ] {
            let params = vec![("p".into(), ty.clone())];
            let method = v1::Method { params, result: Some(ty.clone()), ..v1::trees(&restart()).remove(0) };
            let methods = method.interned();
            let method = methods.iter().next().unwrap();
            assert_eq!((method.takes_contents(0), method.gives_contents()), (takes, gives), "{ty}");
        }
    }
    let silent = v1::Method { result: None, ..v1::trees(&restart()).remove(0) }.interned();
    assert!(!silent.iter().next().unwrap().gives_contents());
}

#[test]
fn what_a_type_is_made_of_is_found_in_every_kind_of_type() {
    let mut table = Builder::default();
    let stream = table.add(None, Type::Opaque("stream<u8>".into())).unwrap();
    let byte = table.add(None, Type::U8).unwrap();
    let bytes = table.add(None, Type::List(byte)).unwrap();
    let around = |part: TypeId| {
        let named = || ("name".to_owned(), part);
        [
            Type::List(part),
            Type::Option(part),
            Type::Tuple(vec![byte, part]),
            Type::Record(vec![named()]),
            Type::Variant(vec![("none".into(), None), ("some".into(), Some(part))]),
            Type::Result(Some(part), None),
            Type::Result(None, Some(part)),
        ]
    };
    for (with_stream, with_bytes) in around(stream).into_iter().zip(around(bytes)) {
        let place = table.add(None, with_stream).unwrap();
        let ty = table.types().get(place).unwrap();
        assert_eq!((ty.opaque(), ty.buries_bytes()), (Some("stream<u8>"), false), "{ty}");
        let place = table.add(None, with_bytes).unwrap();
        let ty = table.types().get(place).unwrap();
        assert_eq!((ty.opaque(), ty.buries_bytes()), (None, true), "{ty}");
        let (mut other, mut known) = (Builder::default(), HashMap::new());
        let moved = other.copy(ty, &mut known).unwrap();
        assert_eq!(other.types().get(moved).unwrap().to_string(), ty.to_string());
    }
}

#[test]
fn a_type_is_as_heavy_as_its_tree_and_written_up_to_its_names() {
    let mut table = Builder::default();
    let number = table.add(None, Type::U32).unwrap();
    let pair = Type::Record(vec![("left".into(), number), ("right".into(), number)]);
    // A unit for the type itself, and the memory of its names.
    let own = 1 + pair.elsewhere() as u64;
    let pair = table.add(None, pair).unwrap();
    let named = table.add(Some("some"), Type::Option(pair)).unwrap();
    let list = table.add(None, Type::List(named)).unwrap();
    let both = table.add(None, Type::Result(Some(named), Some(pair))).unwrap();
    let types = table.build();
    let sizes = |ty| types.get(ty).map(|ty| (ty.weight(), ty.written())).unwrap();
    assert_eq!([number, pair].map(sizes), [(1, 1), (own + 2, own + 2)]);
    assert_eq!([named, list].map(sizes), [(own + 3, own + 3), (own + 4, 2)]);
    assert_eq!(sizes(both), (1 + own + 3 + own + 2, 1 + 1 + own + 2));
    // The rows are all that a table holds, in one buffer.
    let rows: usize = types.iter().map(TypeRef::held).sum();
    assert!((rows..rows + 32).contains(&types.elsewhere()), "{rows} of {}", types.elsewhere());
    assert!(rows > types.len() * size_of::<Definition>() + own as usize);
}

#[test]
fn tables_are_the_same_where_they_hold_the_same_types() {
    use std::hash::{BuildHasher, RandomState};
    let table = |types: &[(Option<&str>, Type)]| {
        let mut table = Builder::default();
        for (name, ty) in types {
            table.add(*name, ty.clone()).unwrap();
        }
        table.build()
    };
    let (text, named) = (table(&[(None, Type::String)]), table(&[(Some("text"), Type::String)]));
    let (none, other) = (table(&[]), table(&[(None, Type::Bool)]));
    let hashes = RandomState::new();
    let again = table(&[(None, Type::String), (None, Type::String)]);
    assert_eq!((&again, hashes.hash_one(&again)), (&text, hashes.hash_one(&text)));
    for other in [&none, &other, &named] {
        assert_ne!(other, &text);
        assert_ne!(hashes.hash_one(other), hashes.hash_one(&text), "{other:?}");
    }
    assert_eq!([&none, &text].map(|types| (types.len(), types.is_empty())), [(0, true), (1, false)]);
}

#[test]
fn a_name_is_taken_by_another_type_of_that_name_alone() {
    let mut table = Builder::default();
    table.add(Some("text"), Type::String).unwrap();
    table.add(None, Type::Bool).unwrap();
    assert!(table.is_taken("text", &Type::Bool));
    assert!(!table.is_taken("text", &Type::String), "it is that type itself");
    assert!(!table.is_taken("flag", &Type::Bool));
}

#[test]
fn methods_are_counted_and_documented_by_their_places() {
    let mut methods = restart();
    assert_eq!((methods.len(), methods.is_empty()), (1, false));
    assert_eq!((Methods::default().len(), Methods::default().is_empty()), (0, true));
    let another = Method { name: "stop".into(), ..methods.0.methods[0].clone() };
    Arc::make_mut(&mut methods.0).methods.push(another);
    assert_eq!(methods.len(), 2);
    methods.document(1, Some("Stops it.".into()));
    methods.document(2, Some("There is none.".into()));
    let docs: Vec<_> = methods.iter().map(|method| method.method().docs.as_deref()).collect();
    assert_eq!(docs, [None, Some("Stops it.")]);
}

#[test]
fn a_definition_is_written_as_wit_writes_it() {
    let mut table = Builder::default();
    let number = table.add(None, Type::U32).unwrap();
    let text = table.add(Some("text"), Type::String).unwrap();
    let two = || vec!["a".to_owned(), "b".to_owned()];
    for (name, ty, written) in [
        (None, Type::U32, "u32"),
        (Some("id"), Type::U32, "type id = u32"),
        (Some("ids"), Type::List(number), "type ids = list<u32>"),
        (None, Type::Option(text), "option<text>"),
        (None, Type::Tuple(vec![number, text]), "tuple<u32, text>"),
        (None, Type::Result(None, None), "result"),
        (None, Type::Result(Some(number), None), "result<u32>"),
        (None, Type::Result(None, Some(text)), "result<_, text>"),
        (None, Type::Result(Some(number), Some(text)), "result<u32, text>"),
        (Some("color"), Type::Enum(two()), "enum color { a, b }"),
        (None, Type::Flags(two()), "flags { a, b }"),
        (
            Some("c"),
            Type::Variant(vec![("a".into(), None), ("b".into(), Some(text))]),
            "variant c { a, b(text) }",
        ),
        (None, Type::Record(vec![("x".into(), number), ("y".into(), text)]), "record { x: u32, y: text }"),
    ] {
        let place = table.add(name, ty).unwrap();
        assert_eq!(table.types().get(place).unwrap().definition_text(), written);
    }
}

#[test]
fn a_type_is_written_up_to_four_thousand_characters() {
    for (length, is_cut) in [(4000 - "enum {  }".len(), false), (4001 - "enum {  }".len(), true)] {
        let text = v1::Type::Enum(vec!["é".repeat(length)]).to_string();
        assert_eq!((text.chars().count(), text.ends_with('…')), (4000 + usize::from(is_cut), is_cut));
    }
}
