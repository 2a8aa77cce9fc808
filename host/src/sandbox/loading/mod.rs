//! The way of a module from bytes to something that can be run.

pub(super) mod cache;
pub(super) mod compilations;
pub(super) mod engine;
pub(super) mod linker;
pub(super) mod loaded_module;

use std::sync::Mutex;

use machine::failpoint::{Point, reach};
use machine::lock;
use wasmtime::Engine;
use wasmtime::component::{Component, InstancePre, Linker};
use wire::digest::Digest;
use wire::message::module::Module;
use wire::name::ModuleName;

use crate::policy::ModulePolicy;
use crate::sandbox::capabilities::facts::Facts;
use crate::sandbox::component::advice;
use crate::sandbox::component::check::Check;
use crate::sandbox::component::describe::Description;
use crate::sandbox::component::imports;
use crate::sandbox::component::inspect::{inspect, validate};
use crate::sandbox::component::javascript;
use crate::sandbox::component::surface;
use crate::sandbox::component::surface::Surface;
use crate::sandbox::component::tool_exports;
use crate::sandbox::config::SandboxConfig;
use crate::sandbox::error::{Defect, LoadError, SandboxError};
use crate::sandbox::limits::job_budgets::Budgets;
use crate::sandbox::loading::cache::Cache;
use crate::sandbox::loading::compilations::{Compilations, unless_quick};
use crate::sandbox::loading::engine::{Concurrency, Plan};
use crate::sandbox::loading::loaded_module::{LoadedModule, Provisions, check_resources, compile};
use crate::sandbox::run::guest::Guest;
use crate::sandbox::ticker::Ticker;

/// Checks, compiles and links modules.
pub(in crate::sandbox) struct Loader {
    /// How instances of the plain engine are allocated.
    plan: Plan,
    /// The engine for components without async functions, which most of them are.
    plain: Base,
    /// The engine for the others; made for the first of them.
    concurrent: Mutex<Option<(Base, Plan)>>,
    /// The compiled code on disk, or why it is not kept; `None` where it is not meant to be.
    cache: Result<Cache, Option<String>>,
    /// What modules may read of the host.
    facts: Facts,
    /// What jobs may take of the host, all of them together.
    budgets: Budgets,
    /// The compilations that are under way.
    compiling: Compilations,
    /// Called when a compilation lasts longer than a moment.
    on_slow: fn(&ModuleName),
}

/// A module whose outside was looked at, and that may have what it imports. The compiler has not seen it yet.
#[derive(Debug)]
pub struct Verified {
    description: Description,
}

impl Verified {
    /// The version in its metadata, if it has one.
    pub fn version(&self) -> Option<&str> {
        self.description.module.version.as_deref()
    }

    /// What the module is and what it exports.
    pub fn module(&self) -> &Module {
        &self.description.module
    }
}

/// An engine, with everything that each module on it is linked with.
#[derive(Clone)]
struct Base {
    /// The engine, which compiles and runs.
    engine: Engine,
    /// The functions that need no grant.
    linker: Linker<Guest>,
}

impl Loader {
    /// Makes the engine that most modules need.
    ///
    /// # Errors
    /// [`SandboxError::Engine`], where there is none for this host.
    pub(in crate::sandbox) fn new(config: SandboxConfig, ticker: &Ticker) -> Result<Self, SandboxError> {
        let mut plan = Plan::new(config.max_jobs, config.allocation);
        let plain = Base::new(&mut plan, Concurrency::Off, ticker)
            .map_err(|error| SandboxError::Engine(format!("{error:#}")))?;
        let cache = match config.cache_dir {
            None => Err(None),
            Some(folder) => Cache::open(folder.clone()).map_err(|error| {
                let problem = format!("the cache \"{}\" cannot be used: {error}", folder.display());
                tracing::warn!(problem, "compiled code is not kept");
                Some(problem)
            }),
        };
        Ok(Self {
            plain,
            concurrent: Mutex::new(None),
            cache,
            budgets: Budgets::new(plan.slots.into(), config.held, config.processes),
            plan,
            facts: config.facts,
            compiling: Compilations::default(),
            on_slow: config.on_slow_compilation,
        })
    }

    /// Looks at a module's outside and at its imports, which needs no compiler.
    ///
    /// # Errors
    /// [`LoadError`], with everything that is wrong.
    pub(in crate::sandbox) fn verify(
        &self,
        name: ModuleName,
        bytes: &[u8],
        policy: &ModulePolicy,
    ) -> Result<Verified, LoadError> {
        let refused = |defects: Vec<Defect>| LoadError { module: name.clone(), defects };
        let inspection = inspect(bytes).map_err(|defect| refused(vec![defect]))?;
        let surface = self.surface(bytes);
        let imports = inspection.imports(&policy.grants, surface.as_ref().ok());
        // A section that cannot be read is told of where the module is described.
        let suggestion = inspection.suggestion();
        let defects = imports::defects(&imports, &name, suggestion.as_ref());
        if !defects.is_empty() {
            return Err(refused(defects));
        }
        let digest = Digest::of(bytes);
        let described =
            surface.and_then(|surface| Description::of(name.clone(), digest, inspection, &surface));
        let mut description = described.map_err(|defect| refused(vec![defect]))?;
        let told = imports::warnings(&imports, &name, suggestion.as_ref(), &policy.grants);
        description.warnings.extend(told);
        Ok(Verified { description })
    }

    /// Compiles and links a module that was verified, from the same bytes under the same policy. Blocks.
    ///
    /// # Errors
    /// [`LoadError`], with what the compiler or the linker found.
    pub(in crate::sandbox) fn compile(
        &self,
        verified: Verified,
        bytes: &[u8],
        policy: &ModulePolicy,
        ticker: &Ticker,
    ) -> Result<LoadedModule, LoadError> {
        let Verified { description } = verified;
        let name = description.module.name.clone();
        let refuse = |defect: Defect| LoadError { module: name.clone(), defects: vec![defect] };
        let (base, component) = self.component(&description.module, bytes, ticker).map_err(refuse)?;
        check_resources(&component, &policy.limits).map_err(refuse)?;
        let instances = base.link(&component, policy).map_err(refuse)?;
        let exports = description.exports(&component).map_err(refuse)?;
        let provisions = Provisions { facts: self.facts.clone(), budgets: self.budgets.clone() };
        Ok(LoadedModule::new(description, exports, policy, instances, provisions))
    }

    /// Looks at a module as closely as that is possible without putting it into service, and collects everything
    /// that is wrong.
    pub(in crate::sandbox) fn check(
        &self,
        name: ModuleName,
        bytes: &[u8],
        policy: &ModulePolicy,
        ticker: &Ticker,
    ) -> Check {
        let mut check = Check::default();
        let inspection = match inspect(bytes) {
            Ok(inspection) => inspection,
            Err(defect) => return check.with(defect),
        };
        let surface = self.surface(bytes);
        check.notes.extend(surface.iter().flat_map(tool_exports::notes));
        check.imports = inspection.imports(&policy.grants, surface.as_ref().ok());
        check.suggestion = inspection.suggestion();
        check.problems.extend(imports::defects(&check.imports, &name, check.suggestion.as_ref()));
        let digest = Digest::of(bytes);
        // Where something was refused already, compiling would take more than it is worth.
        let what_it_is = surface.as_ref().ok().map(surface::what_it_is);
        let described =
            surface.and_then(|surface| Description::of(name.clone(), digest, inspection, &surface));
        let description = match described {
            Ok(description) => description,
            Err(defect) => return check.with(defect),
        };
        let (base, component) = match self.component(&description.module, bytes, ticker) {
            Ok(compiled) => compiled,
            Err(defect) => return check.with(defect),
        };
        if description.module.methods.iter().len() == 0 {
            check.problems.extend(what_it_is.map(Defect::NoMethods));
        }
        check.problems.extend(check_resources(&component, &policy.limits).err());
        if check.problems.is_empty() {
            check.problems.extend(base.link(&component, policy).err());
        }
        let told = imports::warnings(&check.imports, &name, check.suggestion.as_ref(), &policy.grants);
        check.warnings.extend(told);
        check.warnings.extend(description.warnings);
        check.warnings.extend(advice::on(bytes, &description.module.methods));
        check.notes.extend(javascript::note(bytes, &description.module.methods));
        check.module = Some(description.module);
        check
    }

    /// What a component imports and exports, whichever engine it needs.
    fn surface(&self, bytes: &[u8]) -> Result<Surface, Defect> {
        Surface::read(bytes, self.plain.engine.get_wasm_features() | engine::CONCURRENT)
    }

    /// How instances of the plain engine are allocated.
    pub(in crate::sandbox) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The same for components with async functions; `None` before there was one.
    pub(in crate::sandbox) fn concurrent_plan(&self) -> Option<Plan> {
        lock::hold(&self.concurrent).as_ref().map(|(_, plan)| plan.clone())
    }

    /// What jobs may take of the host, all of them together.
    pub(in crate::sandbox) fn budgets(&self) -> &Budgets {
        &self.budgets
    }

    /// How many modules were found in the cache, and how many were not.
    pub(in crate::sandbox) fn cache_counts(&self) -> (u64, u64) {
        self.cache.as_ref().map_or((0, 0), Cache::counts)
    }

    /// Why compiled code is not kept although it should be; `None` where all is well.
    pub(in crate::sandbox) fn cache_problem(&self) -> Option<String> {
        self.cache.as_ref().err().cloned().flatten()
    }

    /// The compiled component, and the base that it was compiled for. Blocks where the cache does not have it.
    fn component(&self, module: &Module, bytes: &[u8], ticker: &Ticker) -> Result<(Base, Component), Defect> {
        let digest = module.digest;
        let cached = |base: &Base| self.cache.as_ref().ok()?.load(&base.engine, digest);
        // Which engine it needs takes a look at every byte, and the cache mostly knows. What is there never
        // waits for a compiler.
        if let Some(component) = cached(&self.plain) {
            return Ok((self.plain.clone(), component));
        }
        let _compiling = self.compiling.begin(digest);
        // Another thread may have compiled the same component meanwhile, and left it here.
        if let Some(component) = cached(&self.plain) {
            return Ok((self.plain.clone(), component));
        }
        let base = match needed(bytes, &module.imports, &self.plain.engine)? {
            Concurrency::Off => self.plain.clone(),
            Concurrency::On => {
                let base = self.concurrent(ticker)?;
                if let Some(component) = cached(&base) {
                    return Ok((base, component));
                }
                base
            }
        };
        reach(Point::CompileBefore);
        let component = unless_quick(|| (self.on_slow)(&module.name), || compile(&base.engine, bytes))?;
        reach(Point::CompileAfter);
        if let Some(Err(error)) =
            self.cache.as_ref().ok().map(|cache| cache.store(&base.engine, digest, &component))
        {
            tracing::warn!(%error, "compiled code cannot be kept; it will be compiled again at the next start");
        }
        // From its file, the code is the system's to drop and to read again, and not memory of this process.
        let component =
            self.cache.as_ref().ok().and_then(|cache| cache.kept(&base.engine, digest)).unwrap_or(component);
        Ok((base, component))
    }

    /// The engine for async functions, made at its first use.
    fn concurrent(&self, ticker: &Ticker) -> Result<Base, Defect> {
        let mut concurrent = lock::hold(&self.concurrent);
        if let Some((base, _)) = &*concurrent {
            return Ok(base.clone());
        }
        let mut plan = self.plan.clone();
        let base = Base::new(&mut plan, Concurrency::On, ticker)
            .map_err(|error| Defect::Compile(format!("{error:#}")))?;
        *concurrent = Some((base.clone(), plan));
        Ok(base)
    }
}

impl Base {
    /// Makes an engine, has its epoch moved by the ticker, and links what each module on it can have.
    fn new(plan: &mut Plan, concurrency: Concurrency, ticker: &Ticker) -> wasmtime::Result<Self> {
        let engine = engine::build(plan, concurrency)?;
        ticker.add(engine.clone());
        Ok(Self { linker: linker::base(&engine, concurrency)?, engine })
    }

    /// Links a component with what policy grants it.
    fn link(&self, component: &Component, policy: &ModulePolicy) -> Result<InstancePre<Guest>, Defect> {
        let link = || {
            let instances = linker::granted(&self.linker, &policy.grants)?.instantiate_pre(component)?;
            component.initialize_copy_on_write_image()?;
            Ok(instances)
        };
        link().map_err(|error: wasmtime::Error| Defect::Link(format!("{error:#}")))
    }
}

/// Whether a component needs async functions. It is valid without them, or only with them, or not at all; and it
/// needs them where it imports something of WASI 0.3, which has some.
fn needed(bytes: &[u8], imports: &[String], plain: &Engine) -> Result<Concurrency, Defect> {
    let features = plain.get_wasm_features();
    if validate(bytes, features).is_ok() && !imports.iter().any(|import| imports::is_later_wasi(import)) {
        return Ok(Concurrency::Off);
    }
    // The second error is the one to tell: the first may only say that async functions are off.
    validate(bytes, features | engine::CONCURRENT).map(|()| Concurrency::On)
}
