//! What can be said of a module without putting it into service.

use wire::message::module::Module;

use crate::policy::Suggestion;
use crate::sandbox::component::imports::Import;
use crate::sandbox::error::Defect;

/// What was found out about a module, and everything that stands in its way.
#[derive(Debug, Default)]
pub struct Check {
    /// What the module is and exports; `None` where that could not be found out.
    pub module: Option<Module>,
    /// What the module imports, each with whether it can have that.
    pub imports: Vec<Import>,
    /// The policy that the module suggests; `None` where there is none that can be read.
    pub suggestion: Option<Suggestion>,
    /// Why the module cannot be loaded. Each reads on from the module's name.
    pub problems: Vec<Defect>,
    /// What is not as it should be, and is no reason to refuse the module.
    pub warnings: Vec<String>,
    /// What the module's author should know, though nothing is wrong.
    pub notes: Vec<String>,
}

impl Check {
    /// The check with a problem that ends it.
    pub(in crate::sandbox) fn with(mut self, problem: Defect) -> Self {
        self.problems.push(problem);
        self
    }
}
