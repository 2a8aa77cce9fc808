//! The first module of the README.

minion_sdk::module!({
    inline: r#"
        package acme:hello@0.1.0;
        interface hello {
            /// Greets someone.
            greet: func(name: string) -> string;
        }
        world module { export hello; }
    "#,
});

struct Hello;

impl exports::acme::hello::hello::Guest for Hello {
    fn greet(name: String) -> String {
        format!("hello, {name}")
    }
}

export!(Hello);
