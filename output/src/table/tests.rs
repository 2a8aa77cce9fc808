//! What tables look like, at any width.

use proptest::prelude::*;

use super::*;

fn at(table: &Table, columns: u16) -> String {
    table.shown(Reader::Terminal(Some(columns))).to_string()
}

fn jobs() -> Table {
    let columns = [
        Column::whole("JOB"),
        Column::whole("STATE"),
        Column::cut("TARGET", 12, 40),
        Column::whole("AGE").minor(),
        Column::whole("BY").minor(),
    ];
    let names: Vec<String> = (1..=40).map(|number| format!("web{number}")).collect();
    let row = |state: &str| {
        ["01KB00000000000000000000JB", state, &names.join(","), "1m 4s", "ann"].map(str::to_owned)
    };
    Table::new(columns).with([row("remote-error"), row("partial")])
}

#[test]
fn a_table_gives_up_as_much_as_it_must() {
    let expected = "\
JOB                         STATE         TARGET                      AGE    BY
01KB00000000000000000000JB  remote-error  web1,web2,…,web39,web40     1m 4s  ann
01KB00000000000000000000JB  partial       web1,web2,…,web39,web40     1m 4s  ann";
    assert_eq!(at(&jobs(), 80), expected);
    let expected = "\
JOB                         STATE         TARGET           AGE
01KB00000000000000000000JB  remote-error  web1,…,web40     1m 4s
01KB00000000000000000000JB  partial       web1,…,web40     1m 4s
(no room for BY: see --full)";
    assert_eq!(at(&jobs(), 64), expected);
    let expected = "\
JOB: 01KB00000000000000000000JB
STATE: remote-error
TARGET: web1,web2,web3,…,web39,web40
AGE: 1m 4s
BY: ann

JOB: 01KB00000000000000000000JB";
    assert!(at(&jobs(), 40).starts_with(expected), "{}", at(&jobs(), 40));
    let widest = at(&jobs(), 1000).lines().map(width).max();
    assert_eq!(widest, Some(26 + 12 + 40 + 5 + 3 + 8), "the most width holds where there is room for more");
}

#[test]
fn a_pipe_and_full_have_all_of_it() {
    for reader in [Reader::Pipe, Reader::Full] {
        let shown = jobs().shown(reader).to_string();
        assert!(shown.lines().count() == 3 && shown.matches(",web40  1m 4s  ann").count() == 2, "{shown}");
    }
}

#[test]
fn columns_are_aligned_under_their_heading() {
    let rows = [["web1", "yes"], ["データ", "no"], ["database1", ""]];
    let table = Table::new(["NAME", "CONNECTED"].map(Column::whole)).with(rows.map(|row| row.map(Cell::new)));
    let expected = "NAME       CONNECTED\nweb1       yes\nデータ     no\ndatabase1";
    assert_eq!(at(&table, 80), expected);
    let empty = Table::new(["NAME", "CONNECTED"].map(Column::whole));
    assert_eq!((at(&empty, 80), at(&empty, 20)), ("NAME  CONNECTED".into(), "NAME  CONNECTED".into()));
}

#[test]
fn errors_are_wrapped_and_values_keep_so_many_lines() {
    let columns = [Column::whole("N"), Column::cut("VALUE", 10, 99).lines(3), Column::wrapped("WHY", 10, 20)];
    let row = ["web1", "1\n2\n3\n4", "the disk is full, and so is the other one"].map(Cell::new);
    let expected = "\
N     VALUE           WHY
web1  1               the disk is full,
      2               and so is the other
      … 2 more lines  one";
    assert_eq!(at(&Table::new(columns).with([row]), 80), expected);
}

#[test]
fn a_cell_brings_no_styles_and_no_rows_of_its_own() {
    let hostile = "\u{1b}[31mred\nweb2  ok\u{1b}]0;title\u{7}\u{202e}";
    let mut table = Table::new(["NAME", "STATE"].map(Column::whole)).verbatim();
    table.add([Cell::new(hostile), Cell::new("ok").fg(Color::Green)]);
    for reader in [Reader::Terminal(Some(80)), Reader::Terminal(Some(20)), Reader::Full] {
        let Shown::Screen(shown) = table.shown(reader) else { panic!("not for a terminal") };
        assert_eq!(shown.with_styles().matches('\u{1b}').count(), 2, "{shown:?}");
        assert!(!shown.to_string().contains("\nweb2"), "{shown:?}");
    }
    let Shown::Pipe(piped) = table.shown(Reader::Pipe) else { panic!("not for a pipe") };
    assert!(piped.contains("\u{1b}[31mred") && piped.contains("web2  ok\u{1b}]0;"));
}

#[test]
fn cells_in_a_pipe_keep_their_bytes_and_their_column() {
    let rows = [["long", "1\n22", "x\ty\r\n\u{1b}[1mz\r\n"], ["s", "", ""]].map(|row| row.map(Cell::new));
    let columns = [Column::whole("A"), Column::whole("B").right(), Column::whole("C")];
    let table = Table::new(columns).verbatim().set_off(3).with(rows);
    let expected = "A      B  C\nlong   1  x\ty\r\n      22  \u{1b}[1mz\r\ns";
    assert_eq!(table.shown(Reader::Pipe).to_string(), expected);
}

#[test]
fn a_table_says_whether_all_of_it_fits() {
    let table =
        Table::new(["A", "B"].map(Column::whole)).with([["12345", "12345"].map(Cell::new)]).set_off(3);
    assert!(table.fits(Reader::Terminal(Some(15))) && !table.fits(Reader::Terminal(Some(14))));
    assert!(table.fits(Reader::Terminal(None)) && table.fits(Reader::Pipe));
}

#[test]
fn a_value_without_width_stands_beside_no_name_that_fills_the_room() {
    let columns = ["A", "A", "A_NAME_OF_SEVENTEEN"].map(Column::whole);
    let table = Table::new(columns).with([["", "", "\u{301}"].map(Cell::new)]);
    for line in at(&table, 20).lines() {
        assert!(width(line) <= 20, "{line:?}");
    }
}

fn columns() -> impl Strategy<Value = Vec<Column>> {
    let kind =
        (0..4_u8, "[A-Z]{1,20}", any::<bool>(), 1..4_usize).prop_map(|(kind, heading, is_minor, lines)| {
            let column = match kind {
                0 => Column::whole(heading),
                1 => Column::whole(heading).lines(9).right(),
                2 => Column::cut(heading, 12, 60).lines(lines),
                _ => Column::wrapped(heading, 12, 60),
            };
            if is_minor { column.minor() } else { column }
        });
    prop::collection::vec(kind, 1..7)
}

proptest! {
    #[test]
    fn no_line_is_wider_than_the_terminal(
        columns in columns(),
        rows in prop::collection::vec(prop::collection::vec("[a-z ,日\u{301}\n]{0,90}", 7), 0..4),
        room in 20_u16..250,
        margin in 0_usize..4,
    ) {
        let table = Table::new(columns).with(rows).set_off(margin);
        let shown = at(&table, room);
        for line in shown.lines() {
            prop_assert!(width(line) <= usize::from(room), "{line:?} in {shown}");
        }
    }
}
