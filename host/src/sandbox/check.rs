//! What can be said of a module without loading it.

use wire::message::module::Module;

use super::error::Defect;
use super::imports::Import;
use crate::policy::Suggestion;

/// What was found out about a module, and everything that stands in its way.
#[derive(Debug, Default)]
pub struct Check {
    /// What it is and exports, as far as it could be compiled.
    pub module: Option<Module>,
    /// What it imports, and whether it can have it.
    pub imports: Vec<Import>,
    /// The policy that it suggests, where that can be read.
    pub suggestion: Option<Suggestion>,
    /// Why it cannot be loaded; each reads on from its name.
    pub problems: Vec<Defect>,
    /// What is not as it should be and yet no reason to refuse it.
    pub warnings: Vec<String>,
    /// What its author should know, though nothing is wrong.
    pub notes: Vec<String>,
}

impl Check {
    /// The same with a problem that ends it.
    pub(super) fn with(mut self, problem: Defect) -> Self {
        self.problems.push(problem);
        self
    }
}
