//! Runs a minion inside another program, until Ctrl-C.
//!
//! Uses the identity and the modules of `MINION_DIR`, where `minion join TOKEN` has put the former.

use minion_host::{Config, Folder, Minion};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = Folder::locate(None)?;
    let config = Config::load(&folder.config())?;
    let minion = Minion::start(&folder, config).await?;
    println!("minion {} serves {}", minion.name(), minion.overlord());
    tokio::signal::ctrl_c().await?;
    minion.stop().await;
    Ok(())
}
