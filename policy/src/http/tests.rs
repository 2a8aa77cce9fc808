use super::*;

fn allows(pattern: &str, scheme: &str, host: &str, port: Option<u16>, path: &str) -> bool {
    let grant: HttpGrant = pattern.parse().expect("a pattern");
    HttpTarget::of(scheme, host, port, path).is_ok_and(|target| grant.allows(&target))
}

#[test]
fn a_pattern_covers_its_own_scheme_host_port_and_path_only() {
    let status = "https://status.example.org/v1/*";
    assert!(allows(status, "https", "status.example.org", None, "/v1/now"));
    assert!(allows(status, "https", "STATUS.example.org", Some(443), "/v1/now?x=1"));
    assert!(!allows(status, "http", "status.example.org", None, "/v1/now"));
    assert!(!allows(status, "https", "status.example.org", Some(8443), "/v1/now"));
    assert!(!allows(status, "https", "status.example.org.evil.net", None, "/v1/now"));
    assert!(!allows(status, "https", "status.example.org", None, "/v2/now"));
    assert!(!allows(status, "https", "status.example.org", None, "/v1?/now"));
}

#[test]
fn a_path_is_compared_decoded_and_without_its_query() {
    let tags = |path: &str| allows("https://a.example/repos/*/tags", "https", "a.example", None, path);
    assert!(tags("/repos/x/tags") && tags("/repos/x/tags?page=2") && tags("/repos/%78/t%61gs"));
    assert!(!tags("/repos/x/keys?/tags") && !tags("/repos/x/keys%3f/tags") && !tags("/repos/x/keys#/tags"));
    let v1 = |path: &str| allows("https://a.example/v1/*", "https", "a.example", None, path);
    for path in [
        "/v1/../admin",
        "/v1/%2e%2e/admin",
        "/v1/..%2fadmin",
        "/v1/..;/admin",
        "/v1/..%5cadmin",
        "/v1/%252e%252e%252fadmin",
        "/v1//admin",
        "/v1/x;/admin",
    ] {
        assert!(!v1(path), "{path}");
    }
    assert!(allows("https://a.example/a%20b/*", "https", "a.example", None, "/a%20b/c"));
}

#[test]
fn a_query_counts_where_the_pattern_has_one_and_then_parameter_by_parameter() {
    let one = |path: &str| allows("https://a.example/find?q=*", "https", "a.example", None, path);
    assert!(one("/find?q=x"));
    assert!(!one("/find") && !one("/find?q=x&all=1") && !one("/find?all=1") && !one("/find?q=x;all=1"));
    assert!(allows("https://a.example/find?*", "https", "a.example", None, "/find?q=x&all=1"));
    assert!(allows("https://a.example/find?*", "https", "a.example", None, "/find"));
}

#[test]
fn a_star_before_a_host_covers_what_is_below_it() {
    assert!(allows("https://*.example.org", "https", "a.b.example.org", None, "/any"));
    assert!(!allows("https://*.example.org", "https", "example.org", None, "/"));
    assert!(!allows("https://*.example.org", "https", "badexample.org", None, "/"));
    assert!(!allows("https://*.example.org", "https", ".example.org", None, "/"));
}

#[test]
fn a_star_alone_covers_every_host_and_reaches_no_further_than_a_name() {
    for host in ["a.example", "localhost", "10.0.0.1", "[::1]"] {
        assert!(allows("http://*/*", "http", host, None, "/x"), "{host}");
        assert!(!allows("http://*/*", "http", host, Some(81), "/x"), "{host}");
        assert!(!allows("http://*:*/*", "https", host, None, "/x"), "{host}");
        assert!(allows("http://*:*/*", "http", host, Some(81), "/x"), "{host}");
    }
    assert!(!allows("http://*:*/*", "http", "2130706433", None, "/"));
    assert!(!allows("http://*/v1/*", "http", "a.example", None, "/v2/x"));
    let any: HttpGrant = "https://*:*/*".parse().expect("a pattern");
    assert_eq!((any.reach(), any.to_string().as_str()), (Reach::Public, "https://*:*/*"));
    assert!(!any.covers_nothing() && any.is_of_any_host());
    assert!(!"https://*.example/*".parse::<HttpGrant>().expect("a pattern").is_of_any_host());
    assert_eq!(any.with_private(), "{ url = \"https://*:*/*\", private = true }");
    assert_eq!(HttpGrant { private: true, ..any }.reach(), Reach::Private);
    assert!(allows("http://a.example:*/*", "http", "a.example", Some(81), "/"));
    assert!(!allows("http://a.example:*/*", "http", "b.example", Some(81), "/"));
    for bad in ["https://**/*", "https://*a/*:*", "https://*:*:*/*", "https://*:/*", "https://*@a/*"] {
        assert!(bad.parse::<HttpGrant>().is_err(), "{bad}");
    }
}

#[test]
fn a_grant_that_names_methods_allows_no_others() {
    let grant = |lines: &str| {
        let table: toml::Table = toml::from_str(&format!("grant = {lines}")).expect("toml");
        table["grant"].clone().try_into::<HttpGrant>()
    };
    let reading = grant("{ url = 'http://a.example/*', methods = ['GET', 'HEAD'] }").expect("a grant");
    for (method, allowed) in [
        (Some("GET"), true),
        (Some("HEAD"), true),
        (Some("POST"), false),
        (Some("get"), false),
        (None, false),
    ] {
        assert_eq!(reading.allows_method(method), allowed, "{method:?}");
    }
    assert_eq!(reading.to_string(), "http://a.example:80/* (GET, HEAD)");
    let private = "{ url = \"http://a.example/*\", private = true, methods = [\"GET\", \"HEAD\"] }";
    assert_eq!(reading.with_private(), private);
    assert!(grant("'http://a.example/*'").expect("a grant").allows_method(None));
    for bad in ["[]", "['']", "['get']", "['GET ']", "'GET'"] {
        assert!(grant(&format!("{{ url = 'http://a.example/*', methods = {bad} }}")).is_err(), "{bad}");
    }
}

#[test]
fn of_several_grants_the_one_that_names_the_address_reaches_furthest() {
    let one = Reach::Address("0.0.0.0".parse().expect("an address"));
    assert!(Reach::Public < Reach::Loopback && Reach::Loopback < Reach::Private && Reach::Private < one);
}

#[test]
fn a_host_is_a_name_or_an_address_that_is_written_as_one() {
    assert!(allows("http://[::1]:80", "http", "[0:0::1]", None, "/"));
    assert!(allows("http://[::1]/x", "http", "[::1]", None, "/x"));
    assert!(allows("http://127.0.0.1", "http", "127.0.0.1", None, "/"));
    assert!(allows("http://a_b-1.example", "http", "a_b-1.example", None, ""));
    for host in ["", "a..b", ".a", "a@b.example", "é.example", "a b", "[::1", "[a]", "*"] {
        assert!(HttpTarget::of("http", host, None, "/").is_err(), "{host}");
    }
    for host in [
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "127.1",
        "0177.0.0.1",
        "127.0.0.1.",
        "[::ffff:127.0.0.1]",
        "a@127.0.0.1",
    ] {
        assert!(!allows("http://127.0.0.1", "http", host, None, "/"), "{host}");
        let same = format!("http://{host}");
        assert!(host.contains(['@', '[']) || !allows(&same, "http", host, None, "/"), "{host}");
    }
}

#[test]
fn only_a_grant_that_says_so_reaches_further_than_the_internet() {
    let reach = |text: &str| {
        let text = format!("grant = {text}");
        toml::from_str::<toml::Table>(&text).expect("toml")["grant"]
            .clone()
            .try_into::<HttpGrant>()
            .map(|g| g.reach())
    };
    assert_eq!(reach("\"http://a.example\""), Ok(Reach::Public));
    assert_eq!(reach("{ url = \"http://a.example\", private = true }"), Ok(Reach::Private));
    assert_eq!(reach("\"http://localhost:1\""), Ok(Reach::Loopback));
    assert_eq!(reach("\"http://10.0.0.1\""), Ok(Reach::Address("10.0.0.1".parse().expect("an address"))));
    assert!(reach("{ url = \"http://a.example\", privat = true }").is_err());
    let grant: HttpGrant = "https://*.example:8443/x?y=*".parse().expect("a pattern");
    assert_eq!(grant.with_private(), "{ url = \"https://*.example:8443/x?y=*\", private = true }");
    let grant = HttpGrant { private: true, ..grant };
    assert_eq!(grant.to_string(), "https://*.example:8443/x?y=* (private)");
    let error =
        toml::from_str::<std::collections::BTreeMap<String, HttpGrant>>("grant = 80").expect_err("no grant");
    let expected = "expected a URL, or a table like { url = \"https://host.example/*\", private = true }";
    assert!(error.message().ends_with(expected), "{error}");
}

#[test]
fn what_is_not_a_url_is_refused_and_what_no_request_can_have_is_kept_and_covers_nothing() {
    for bad in
        ["", "example.org", "ftp://example.org", "https://", "https://a@b/", "https://a:b/", "https://*./"]
    {
        assert!(bad.parse::<HttpGrant>().is_err(), "{bad:?} was accepted");
    }
    for unused in ["https://a.example/x%2Fy", "https://a.example/x;y/*", "http://2130706433/*"] {
        assert!(unused.parse::<HttpGrant>().expect("kept").covers_nothing(), "{unused}");
    }
}
