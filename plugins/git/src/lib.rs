//! The module `git`: checkouts on the host. What each method does is said in `wit/git.wit`.

mod checkout;
mod config;
mod log;
mod pull;
mod status;
mod url;

use failure::Error;

use checkout::Checkout;
use exports::minion::git::git::{Commit, Guest, Pulled, State};

minion_sdk::module!({
    path: ["../types", "wit"],
    world: "minion:git/module",
    with: { "minion:types/types@0.1.0": failure::types },
    additional_derives: [PartialEq, Eq],
});

struct Git;

export!(Git);

impl Guest for Git {
    fn status(folder: String) -> Result<State, Error> {
        status::of(&Checkout::open(&folder)?)
    }

    fn log(folder: String, most: Option<u32>) -> Result<Vec<Commit>, Error> {
        log::of(&Checkout::open(&folder)?, most)
    }

    fn pull(folder: String) -> Result<Pulled, Error> {
        pull::pull(&Checkout::open(&folder)?)
    }
}
