//! The engine with nothing of ours around it: what a job costs at best. Measurements have it as their floor.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Linker, Val};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, Store};

use crate::sandbox::loading::engine::pool;

/// How many instances there may be at once.
const SLOTS: u32 = 64;

/// One method of a module, with no limits, no clock, no capabilities and no tasks: a store, an instance, a call.
///
/// Whatever the module imports traps.
#[derive(Clone)]
pub struct BareMethod(Arc<Inner>);

struct Inner {
    engine: Engine,
    component: Component,
    instances: InstancePre<()>,
    method: ComponentExportIndex,
    results: usize,
}

/// How long the stages of a module took.
#[derive(Clone, Copy, Debug)]
pub struct BareStages {
    /// A store and an instance in it.
    pub instantiate: Duration,
    /// The call.
    pub call: Duration,
}

impl BareMethod {
    /// Compiles the module and looks for a method without parameters.
    ///
    /// # Errors
    /// In words, where there is no engine, the module does not compile, or it has no such method.
    pub fn compile(bytes: &[u8], method: &str) -> Result<Self, String> {
        let engine = engine()?;
        let component = Component::from_binary(&engine, bytes).map_err(said)?;
        Self::of(engine, component, method)
    }

    /// Takes compiled code, as [`serialised`](Self::serialised) gave it, in the place of a compiler's work.
    ///
    /// # Errors
    /// As [`compile`](Self::compile).
    pub fn load(code: &std::path::Path, method: &str) -> Result<Self, String> {
        let engine = engine()?;
        Self::of(engine.clone(), cached(&engine, code)?, method)
    }

    fn of(engine: Engine, component: Component, method: &str) -> Result<Self, String> {
        let mut linker = Linker::new(&engine);
        linker.define_unknown_imports_as_traps(&component).map_err(said)?;
        let instances = linker.instantiate_pre(&component).map_err(said)?;
        let (method, results) =
            find(&engine, &component, method).ok_or_else(|| format!("it has no method \"{method}\""))?;
        Ok(Self(Arc::new(Inner { engine, component, instances, method, results })))
    }

    /// The compiled code.
    ///
    /// # Errors
    /// In words, where the engine does not give it.
    pub fn serialised(&self) -> Result<Vec<u8>, String> {
        self.0.component.serialize().map_err(said)
    }

    /// Runs one job: makes a store and an instance, calls, and drops both.
    ///
    /// # Errors
    /// In words, where the guest traps or the method has parameters.
    pub fn run(&self) -> Result<BareStages, String> {
        let Inner { engine, instances, method, results, .. } = &*self.0;
        let began = Instant::now();
        let mut store = Store::new(engine, ());
        let instance = instances.instantiate(&mut store).map_err(said)?;
        let instantiated = Instant::now();
        let function = instance.get_func(&mut store, method).ok_or("the method is no function")?;
        let mut values = vec![Val::Bool(false); *results];
        function.call(&mut store, &[], &mut values).map_err(said)?;
        Ok(BareStages { instantiate: instantiated - began, call: instantiated.elapsed() })
    }
}

/// An engine that has the pool of ours and none of its checks.
fn engine() -> Result<Engine, String> {
    let mut config = Config::new();
    config.concurrency_support(false);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(SLOTS)));
    Engine::new(&config).map_err(said)
}

/// Reads compiled code that this process has written.
#[expect(unsafe_code, reason = "compiled code is trusted, and this file was written by the caller")]
fn cached(engine: &Engine, code: &std::path::Path) -> Result<Component, String> {
    // SAFETY: the file holds what `serialize` gave in this process, in a folder that only this user can write to.
    unsafe { Component::deserialize_file(engine, code) }.map_err(said)
}

/// A function of this name, in whichever interface it is, and how many results it has.
fn find(engine: &Engine, component: &Component, name: &str) -> Option<(ComponentExportIndex, usize)> {
    let results = |item: &ComponentItem| match item {
        ComponentItem::ComponentFunc(function) => Some(function.results().len()),
        _ => None,
    };
    component.component_type().exports(engine).find_map(|(outer, item)| match &item.ty {
        ComponentItem::ComponentInstance(interface) => {
            let (_, found) = interface.exports(engine).find(|(inner, _)| *inner == name)?;
            let place = component.get_export_index(None, outer)?;
            Some((component.get_export_index(Some(&place), name)?, results(&found.ty)?))
        }
        item if outer == name => Some((component.get_export_index(None, name)?, results(item)?)),
        _ => None,
    })
}

fn said(error: wasmtime::Error) -> String {
    format!("{error:#}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module() -> Vec<u8> {
        wat::parse_str(MODULE).expect("a component")
    }

    const MODULE: &str = r#"(component
        (import "host:thing/of" (func))
        (core module $m (func (export "f") (result i32) i32.const 7) (func (export "g") unreachable))
        (core instance $i (instantiate $m))
        (func (export "seven") (result u32) (canon lift (core func $i "f")))
        (func (export "broken") (canon lift (core func $i "g"))))"#;

    #[test]
    fn a_method_runs_as_often_as_it_is_asked_to_without_what_its_module_imports() {
        let seven = BareMethod::compile(&module(), "seven").expect("compiled");
        assert!((0..100).all(|_| seven.run().is_ok()));
        let broken = BareMethod::compile(&module(), "broken").expect("compiled");
        assert!(broken.run().is_err());
        let missing = BareMethod::compile(&module(), "eight").err();
        assert_eq!(missing.as_deref(), Some("it has no method \"eight\""));
    }

    #[test]
    fn compiled_code_is_taken_without_the_module() {
        let dir = tempfile::tempdir().expect("a folder");
        let code = dir.path().join("code");
        let compiled = BareMethod::compile(&module(), "seven").expect("compiled");
        std::fs::write(&code, compiled.serialised().expect("given")).expect("written");
        BareMethod::load(&code, "seven").expect("loaded").run().expect("run");
    }
}
