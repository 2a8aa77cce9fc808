//! `minion status`.

use clap::Args;
use output::{Column, Exit, Failure, FullFlag, Table, print, show};
use serde_json::{Value, json};

use machine::clock::{now_ms, rfc3339};
use wire::document::text::{counted, printable, since, size, span};
use wire::identity::Moment;

use crate::cli::DirFlag;
use crate::control;
use crate::status::{ModuleStatus, Status as Vitals};

/// Show how the running minion is
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    full: FullFlag,
}

impl Status {
    pub(crate) async fn run(self, dir: &DirFlag) -> Result<Exit, Failure> {
        let folder = dir.folder()?;
        Failure::unless(
            !folder.is_of_swarm(),
            "a swarm has no status of its own: `overlord minion list` tells of its minions",
        )?;
        let status = control::status(folder.dir(), &folder.socket()).await?;
        if self.json {
            print(document(&status))?;
            return Ok(Exit::Ok);
        }
        print(text(&status))?;
        if !status.modules.is_empty() {
            print("")?;
            show(&table(&status.modules).shown(self.full.reader()))?;
        }
        Ok(Exit::Ok)
    }
}

fn document(status: &Vitals) -> Value {
    json!({
        "name": status.name,
        "version": status.version,
        "pid": status.pid,
        "started_at": rfc3339(status.started_at),
        "overlord": status.overlord,
        "valid_until_at": Moment(status.valid_until).to_string(),
        "linked_at": status.linked_since.map(rfc3339),
        "unlinked": status.unlinked,
        "engine": status.engine,
        "slots": status.slots,
        "running": status.running,
        "queued": status.queued,
        "cache_hits": status.cache_hits,
        "cache_misses": status.cache_misses,
        "cache_problem": status.cache_problem,
        "ledger_bytes": status.ledger_bytes,
        "modules": status.modules.iter().map(module_document).collect::<Vec<_>>(),
        "descriptors": status.descriptors,
        "descriptors_limit": status.descriptors_limit,
        "job_descriptors": status.job_descriptors,
        "job_descriptors_limit": status.job_descriptors_limit,
        "processes": status.processes,
        "processes_limit": status.processes_limit,
        "held_bytes": status.held_bytes,
        "held_limit_bytes": status.held_limit,
        "disk": {
            "path": status.ledger,
            "free_bytes": status.disk_free_bytes,
            "takes_work": status.disk_takes_work,
        },
    })
}

fn module_document(module: &ModuleStatus) -> Value {
    json!({
        "name": module.name,
        "version": module.version,
        "digest": module.digest,
        "state": module.state,
        "job_count": module.jobs,
        "counts": module.outcomes,
        "cpu_ms": module.cpu_us as f64 / 1000.0,
        "peak_memory": module.peak_memory,
    })
}

fn text(status: &Vitals) -> String {
    let now = now_ms();
    let link = match (status.linked_since, &status.unlinked) {
        (Some(linked), _) => format!("linked for {}", since(linked, now)),
        (None, Some(why)) => format!("not linked: {}", printable(why)),
        (None, None) => "not linked".to_owned(),
    };
    let cache = match &status.cache_problem {
        Some(problem) => problem.clone(),
        None => format!(
            "{} found compiled, {} compiled",
            counted(status.cache_hits as usize, "module"),
            status.cache_misses
        ),
    };
    let mut lines = vec![
        format!("minion    {} (version {}, process {})", status.name, status.version, status.pid),
        format!("up for    {}", since(status.started_at, now)),
        format!("overlord  {}, {link}", status.overlord),
        format!("valid     until {}, by its certificate", Moment(status.valid_until)),
        format!("engine    {}", status.engine),
        format!("jobs      {} running, {} waiting, {} slots", status.running, status.queued, status.slots),
        format!("cache     {cache}"),
    ];
    lines.push(format!("handles   {}", handles(status)));
    lines.push(format!(
        "for jobs  {} of {} processes, {} of {} held",
        status.processes,
        status.processes_limit,
        size(status.held_bytes),
        size(status.held_limit)
    ));
    lines.extend(status.ledger_bytes.map(|bytes| format!("ledger    {}", size(bytes))));
    lines.push(format!("disk      {}", disk(status)));
    lines.join("\n")
}

/// How full the disk of the ledger is, with what to do where it takes no more.
fn disk(status: &Vitals) -> String {
    let free = size(status.disk_free_bytes);
    match status.disk_takes_work {
        true => format!("{free} free"),
        false => format!(
            "full, {free} free: new jobs are rejected, so free some space on the disk of \"{}\"",
            status.ledger.display()
        ),
    }
}

/// The open descriptors, with a warning where few are left.
fn handles(status: &Vitals) -> String {
    let open = status.descriptors.map_or_else(|| "?".to_owned(), |open| open.to_string());
    let all = format!(
        "{open} of {} descriptors open, {} of {} for jobs",
        status.descriptors_limit, status.job_descriptors, status.job_descriptors_limit
    );
    let few = |used: u64, limit: u64| used >= limit - limit / 5;
    match few(status.job_descriptors, status.job_descriptors_limit)
        || few(status.descriptors.unwrap_or(0), status.descriptors_limit)
    {
        true => format!("{all}: few are left, so raise the limit of open files (`LimitNOFILE`, `ulimit -n`)"),
        false => all,
    }
}

/// What the jobs of each module came to.
pub(super) fn table(modules: &[ModuleStatus]) -> Table {
    let columns = [
        Column::whole("MODULE"),
        Column::whole("VERSION").minor(),
        Column::whole("STATE"),
        Column::whole("JOBS"),
        Column::whole("OK"),
        Column::whole("CPU").minor(),
        Column::whole("PEAK MEMORY").minor(),
    ];
    Table::new(columns).with(modules.iter().map(row))
}

fn row(module: &ModuleStatus) -> Vec<String> {
    vec![
        module.name.clone(),
        module.version.clone().unwrap_or_else(|| "-".to_owned()),
        module.state.clone(),
        module.jobs.to_string(),
        module.outcomes.get("ok").unwrap_or(&0).to_string(),
        span(module.cpu_us),
        size(module.peak_memory),
    ]
}
