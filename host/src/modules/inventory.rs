//! Modules as an overlord takes them: it refuses what is larger than any good minion's.

use wire::message::module::Module;
use wire::value::method::Methods;

/// The module, without what no overlord takes. It serves here all the same.
pub(crate) fn tellable(mut module: Module) -> Module {
    if let Err(unfit) = module.fit() {
        tracing::warn!(
            module = %module.name,
            %unfit,
            "the overlord is told nothing of its methods, which it would not take"
        );
        module.methods = Methods::default();
        module.imports.clear();
        module.versions.truncate(wire::message::caps::MAX_VERSIONS);
    }
    module
}

#[cfg(test)]
mod tests {
    use wire::digest::Digest;
    use wire::message::module::ModuleState;
    use wire::message::v1::Method;

    use super::*;

    #[test]
    fn a_module_that_no_overlord_takes_never_costs_the_link() {
        let method = Method {
            interface: None,
            name: "x".repeat(wire::message::caps::MAX_NAME + 1),
            params: Vec::new(),
            result: None,
            is_async: false,
            not_callable: None,
            docs: None,
        };
        let module = Module {
            name: "test".parse().expect("a name"),
            version: None,
            digest: Digest::of(b""),
            description: Some("d".repeat(1 << 20)),
            state: ModuleState::Active,
            methods: method.interned(),
            imports: Vec::new(),
            versions: Vec::new(),
        };
        let mut told = tellable(module);
        assert_eq!(told.fit(), Ok(()));
        assert!(told.methods.is_empty());
    }
}
