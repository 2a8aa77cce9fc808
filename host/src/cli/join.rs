//! `minion join TOKEN`.

use std::process::ExitCode;

use clap::Args;

use wire::enroll::{BadToken, Token};

use crate::cli::Place;
use crate::cli::output::print;
use crate::enroll::join;

/// Become a minion of the overlord that made this token
#[derive(Debug, Args)]
pub(crate) struct Join {
    /// What `overlord minion invite NAME` printed, or "-" to read it from standard input
    token: String,
}

impl Join {
    pub(crate) async fn run(self, place: &Place) -> anyhow::Result<ExitCode> {
        let folder = place.folder()?;
        let joined = join(&folder, &self.token()?).await?;
        print(format_args!(
            "joined the overlord at {} as \"{}\"; now run `minion serve`",
            joined.overlord, joined.name
        ));
        Ok(ExitCode::SUCCESS)
    }

    /// The token; from standard input it shows in no process list and no shell's history.
    fn token(&self) -> anyhow::Result<Token> {
        let text = match self.token.as_str() {
            "-" => std::io::read_to_string(std::io::stdin())?,
            given => given.to_owned(),
        };
        text.parse().map_err(|error: BadToken| error.into())
    }
}
