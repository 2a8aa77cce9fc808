//! What every table of both programs must hold, for the tests of crates that make tables.

use std::collections::BTreeSet;
use std::path::Path;
use std::{fs, io};

use crate::reader::Reader;
use crate::table::{Table, width};

/// A table whose rows are hard to show, for a test to show it.
pub struct Sample {
    /// The table.
    pub table: Table,
    /// Names, ids and states of the table, which must be shown in one piece.
    pub whole: Vec<String>,
}

/// Shows the samples on terminals of 40, 80 and 200 columns and in a pipe, and looks whether there is a sample of
/// each table that the sources below `crate_folder` make.
///
/// # Panics
/// Where a sample cannot be read as it is shown, or one is missing.
pub fn tables(crate_folder: &str, samples: impl Fn(Reader) -> Vec<Sample>) {
    for columns in [40, 80, 200] {
        for sample in samples(Reader::Terminal(Some(columns))) {
            fits(&sample, columns);
        }
    }
    for reader in [Reader::Full, Reader::Pipe] {
        for sample in samples(reader) {
            let shown = sample.table.shown(reader).to_string();
            assert!(
                !shown.contains(['…']) && !shown.contains("no room for"),
                "{reader:?} is not given all:\n{shown}"
            );
            all_whole(&sample, &shown);
        }
    }
    let found: BTreeSet<(String, u32)> = [40, 200]
        .into_iter()
        .flat_map(|columns| samples(Reader::Terminal(Some(columns))))
        .map(|sample| sample.table.made_at())
        .map(|place| (place.file().rsplit('/').next().unwrap_or_default().to_owned(), place.line()))
        .collect();
    let made = made_in(&Path::new(crate_folder).join("src"));
    let made = made.unwrap_or_else(|error| panic!("cannot read the sources below {crate_folder}: {error}"));
    assert!(!made.is_empty(), "no table is made below {crate_folder}");
    let missing: Vec<_> = made.difference(&found).collect();
    assert!(missing.is_empty(), "no sample of the tables that are made here: {missing:?}");
}

fn fits(sample: &Sample, columns: u16) {
    let shown = sample.table.shown(Reader::Terminal(Some(columns))).to_string();
    for line in shown.lines() {
        assert!(width(line) <= usize::from(columns), "wider than {columns}: {line:?} of\n{shown}");
    }
    let is_narrow = |line: &&str| (1..=2).contains(&width(line.trim()));
    let narrow =
        shown.lines().zip(shown.lines().skip(1)).find(|(one, next)| is_narrow(one) && is_narrow(next));
    assert!(narrow.is_none(), "a column is as wide as a letter at {columns}:\n{shown}");
    all_whole(sample, &shown);
}

fn all_whole(sample: &Sample, shown: &str) {
    for name in &sample.whole {
        assert!(shown.contains(name.as_str()), "\"{name}\" is not there in one piece:\n{shown}");
    }
}

/// The files and lines in which tables are made, without those of tests.
fn made_in(folder: &Path) -> io::Result<BTreeSet<(String, u32)>> {
    let mut made = BTreeSet::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            made.extend(made_in(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let source = fs::read_to_string(&path)?;
            made.extend(lines_of(&source).map(|line| (name.clone(), line)));
        }
    }
    Ok(made)
}

fn lines_of(source: &str) -> impl Iterator<Item = u32> {
    let imports = source.split("use output::").skip(1).filter_map(|rest| rest.split(';').next());
    let makes_tables = imports.into_iter().any(|names| names.contains("Table"));
    let source = source.split("\nmod tests {").next().filter(|_| makes_tables).unwrap_or_default();
    let is_made = |line: &str| {
        let calls = line.match_indices("Table::new(");
        calls
            .into_iter()
            .any(|(place, _)| !line[..place].ends_with(|c: char| c.is_alphanumeric() || c == ':'))
    };
    (1..).zip(source.lines()).filter(move |(_, line)| is_made(line)).map(|(number, _)| number)
}
