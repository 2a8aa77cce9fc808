//! The module `fetch`: files of web servers. What each method does is said in `wit/fetch.wit`.

mod download;
mod target;
mod way;
mod wish;

use failure::Error;
use web::Method;

use exports::minion::fetch::fetch::{Fetched, Guest, Options, Remote};
use way::Way;
use wish::Wish;

minion_sdk::module!({
    path: ["../types", "wit"],
    world: "minion:fetch/module",
    with: { "minion:types/types@0.1.0": failure::types },
    additional_derives: [PartialEq, Eq],
});

struct Fetch;

export!(Fetch);

impl Guest for Fetch {
    fn inspect(url: String, authorization: Option<String>) -> Result<Remote, Error> {
        let mut way = Way::to(&url, authorization)?;
        let answer = way.ask(Method::Head, &[]).map_err(|stop| way.told(stop))?;
        way.check(&answer)?;
        Ok(Remote {
            url: way.url(),
            size: answer.header("content-length").and_then(|length| length.trim().parse().ok()),
            media_type: answer.header("content-type"),
            modified: answer.header("last-modified"),
            etag: answer.header("etag"),
            resumable: way::is_resumable(&answer),
        })
    }

    fn get(
        url: String,
        path: String,
        options: Option<Options>,
        authorization: Option<String>,
    ) -> Result<Fetched, Error> {
        let none = Options { sha256: None, mode: None, most_bytes: None };
        target::get(Way::to(&url, authorization)?, &path, &Wish::of(options.unwrap_or(none))?)
    }
}
