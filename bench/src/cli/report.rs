//! How a report is shown: as a table, or as the one document that all measurements have.

use output::{Column, Exit, FullFlag, Table, note, print, show};
use serde_json::{Map, Value, json};

use crate::report::{Figures, Measured, Report, Unit};
use overlord::cli::{CliError, Format, FormatFlag};

/// Prints a report in the form that was asked for.
pub(super) fn shown(report: &Report, format: FormatFlag, full: FullFlag) -> Result<Exit, CliError> {
    match format.format() {
        Format::Json => print(document(report))?,
        Format::Text => {
            show(&table(&report.measured).shown(full.reader()))?;
            if !report.floors.is_empty() {
                show(
                    &table(&report.floors)
                        .titled("What the floors are made of, each alone")
                        .shown(full.reader()),
                )?;
            }
            if BUILD == "dev" {
                note("these figures are of a build for development: take a release build to compare them");
            }
        }
    }
    Ok(Exit::Ok)
}

/// A row for each thing that was measured. Columns are those that any of them needs.
pub(super) fn table(measured: &[Measured]) -> Table {
    let with = names(measured, |one| one.with.iter().map(|(name, _)| *name));
    let figures = names(measured, |one| one.figures.iter().map(|(name, _)| *name));
    let has_rate = measured.iter().any(|one| one.rate.is_some());
    let has_floor = measured.iter().any(|one| one.floor.is_some());
    let has_slowest = measured.iter().any(|one| one.rate_ratio().is_some());
    let has_slower = measured.iter().any(|one| one.slower.is_some());
    let is_compared = |name: &&str| measured.iter().any(|one| one.by == *name);

    let mut columns = vec![Column::whole("WHAT")];
    columns.extend(with.iter().map(|name| Column::whole(heading(name)).right()));
    columns.extend(has_rate.then(|| Column::whole("A SECOND").right()));
    columns.extend(figures.iter().map(|name| {
        let column = Column::whole(heading(name)).right();
        if is_compared(name) { column } else { column.minor() }
    }));
    if has_floor {
        columns.extend([Column::whole("FLOOR").right().minor(), Column::whole("RATIO").right()]);
    }
    if has_slowest {
        let headings = ["SLOWEST PART", "ITS RATE", "RATE RATIO"];
        columns.extend(headings.map(|heading| Column::whole(heading).right().minor()));
    }

    columns.extend(has_slower.then(|| Column::whole("SLOWER").right()));

    let row = |one: &Measured| {
        let mut cells = vec![one.what.to_owned()];
        cells.extend(
            with.iter().map(|name| one.number(name).map(|number| number.to_string()).unwrap_or_default()),
        );
        cells.extend(has_rate.then(|| one.rate.map(rate).unwrap_or_default()));
        cells.extend(figures.iter().map(|name| amount(one.unit, one.figure(name))));
        if has_floor {
            cells.extend([amount(one.unit, one.floor()), times(one.ratio())]);
        }
        if has_slowest {
            let slowest = one.floor.as_ref().and_then(|floor| floor.rate);
            let (number, part) = slowest.map(|(number, part)| (rate(number), part)).unwrap_or_default();
            cells.extend([part.to_owned(), number, times(one.rate_ratio())]);
        }
        cells.extend(has_slower.then(|| times(one.slower)));
        cells
    };
    Table::new(columns).with(measured.iter().map(row))
}

/// What a program reads: see `docs/performance.md`.
pub(super) fn document(report: &Report) -> Value {
    let mut document = Map::new();
    document.insert("bench".into(), report.bench.into());
    document.insert("build".into(), BUILD.into());
    document.extend(report.given.iter().map(|(name, number)| ((*name).to_owned(), (*number).into())));
    if let Some(headline) = report.measured.get(report.headline) {
        document.extend(figures(headline));
    }
    document.insert("measured".into(), report.measured.iter().map(one).collect());
    document.insert("floors".into(), report.floors.iter().map(one).collect());
    document.into()
}

fn one(measured: &Measured) -> Value {
    let mut document = Map::new();
    document.insert("what".into(), measured.what.into());
    document.extend(measured.with.iter().map(|(name, number)| ((*name).to_owned(), (*number).into())));
    if let Some(rate) = measured.rate {
        document.insert("rate".into(), json!(rate));
    }
    document.extend(figures(measured));
    if let Some((rate, part)) = measured.floor.as_ref().and_then(|floor| floor.rate) {
        document.insert("floor_rate".into(), json!(rate));
        document.insert("slowest".into(), part.into());
        document.insert("rate_ratio".into(), json!(measured.rate_ratio()));
    }
    if let Some(slower) = measured.slower {
        document.insert("slower".into(), json!(slower));
    }
    document.into()
}

/// The figures, the floor's and the ratio of the two.
fn figures(measured: &Measured) -> Map<String, Value> {
    let (own, floor) = match measured.unit {
        Unit::Milliseconds => ("ms", "floor_ms"),
        Unit::Bytes => ("bytes", "floor_bytes"),
    };
    let object = |figures: &Figures| -> Value {
        figures.iter().map(|(name, figure)| ((*name).to_owned(), json!(figure))).collect()
    };
    let mut document = Map::new();
    document.insert(own.into(), object(&measured.figures));
    if let Some(floor_of) = &measured.floor {
        document.insert(floor.into(), object(&floor_of.figures));
        document.insert("ratio".into(), json!(measured.ratio()));
    }
    document
}

/// All names that any of them has, in the order in which they come.
fn names<'a, N: Iterator<Item = &'static str>>(
    measured: &'a [Measured],
    of: impl Fn(&'a Measured) -> N,
) -> Vec<&'static str> {
    let mut names = Vec::new();
    for name in measured.iter().flat_map(of) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn heading(name: &str) -> String {
    match name {
        "p99_9" => "P99.9".to_owned(),
        name => name.replace('_', " ").to_uppercase(),
    }
}

fn rate(number: f64) -> String {
    if number < 100.0 { format!("{number:.1}") } else { format!("{number:.0}") }
}

fn amount(unit: Unit, number: Option<f64>) -> String {
    match (unit, number) {
        (_, None) => String::new(),
        (Unit::Milliseconds, Some(time)) if time < 1.0 => format!("{time:.3} ms"),
        (Unit::Milliseconds, Some(time)) if time < 100.0 => format!("{time:.2} ms"),
        (Unit::Milliseconds, Some(time)) => format!("{time:.0} ms"),
        (Unit::Bytes, Some(bytes)) if bytes < 10_240.0 => format!("{bytes:.0} B"),
        (Unit::Bytes, Some(bytes)) if bytes < 10_485_760.0 => format!("{:.1} KiB", bytes / 1024.0),
        (Unit::Bytes, Some(bytes)) => format!("{:.1} MiB", bytes / 1_048_576.0),
    }
}

fn times(ratio: Option<f64>) -> String {
    ratio.map(|ratio| format!("{ratio:.1}")).unwrap_or_default()
}

/// How this program was built, without which figures say nothing.
pub(super) const BUILD: &str = if cfg!(debug_assertions) { "dev" } else { "release" };

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Floor;

    #[test]
    fn a_report_is_one_document_whose_headline_stands_at_its_top() {
        let floor = Floor { figures: vec![("last", 2.0)], rate: None };
        let small = Measured::times("call", vec![("first", 1.0), ("last", 3.0)], "last").with("minions", 10);
        let large = Measured::times("call", vec![("first", 2.0), ("last", 6.0)], "last").with("minions", 100);
        let report = Report {
            bench: "fanout",
            given: vec![("minions", 100)],
            measured: vec![small.over(floor.clone()), large.over(floor)],
            headline: 1,
            floors: Vec::new(),
        };
        let row = |minions: u64, first: f64, last: f64| {
            json!({
                "what": "call", "minions": minions, "ms": {"first": first, "last": last},
                "floor_ms": {"last": 2.0}, "ratio": last / 2.0,
            })
        };
        let expected = json!({
            "bench": "fanout", "build": BUILD, "minions": 100,
            "ms": {"first": 2.0, "last": 6.0}, "floor_ms": {"last": 2.0}, "ratio": 3.0,
            "measured": [row(10, 1.0, 3.0), row(100, 2.0, 6.0)], "floors": [],
        });
        assert_eq!(document(&report), expected);
    }
}
