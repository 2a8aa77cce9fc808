//! How texts compare, as people count and measure: `web2` before `web10`, `4GiB` as 4294967296, 6.9 before 6.12.
//!
//! Targets compare facts so on the overlord, and the module `facts` does on a host, so it depends on nothing.

mod counted;
mod operator;
mod quantity;

pub use counted::as_counted;
pub use operator::{Comparison, Operator};
