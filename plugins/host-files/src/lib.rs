//! Files and folders of the host, as the bundled modules look at them, read them and replace them.
//!
//! WASI opens, reads and writes them in the folders that are granted. It knows neither modes nor owners, so that for these
//! the system's `stat` is asked, and `readlink` for links that begin with `/`. The policies that modules suggest have the
//! same words.

pub mod errors;
pub mod modes;
pub mod paths;
pub mod reading;
pub mod search;
pub mod status;
mod temporary;
pub mod texts;

pub use temporary::Temporary;
