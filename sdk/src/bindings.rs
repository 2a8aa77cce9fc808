//! The host's interfaces as `wit-bindgen` generates them, once for the SDK and every module that uses it.

wit_bindgen::generate!({
    path: ["../wit/facts", "../wit/job", "../wit/kv", "../wit/log", "../wit/probe", "../wit/process", "../wit/settings"],
    inline: "
        package minion:sdk@0.1.0;
        world host {
            import minion:facts/facts@0.1.0;
            import minion:job/job@0.1.0;
            import minion:kv/kv@0.1.0;
            import minion:log/log@0.1.0;
            import minion:probe/probe@0.1.0;
            import minion:process/process@0.1.0;
            import minion:settings/settings@0.1.0;
        }
    ",
    additional_derives: [PartialEq],
    generate_all,
});
