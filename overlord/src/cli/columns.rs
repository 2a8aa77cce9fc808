//! Plain aligned columns for the commands whose answer is a list.

use comfy_table::{Cell, ColumnConstraint, ContentArrangement, presets};

use crate::report::table::fitting;
use crate::report::text::printable;

/// A heading and rows, aligned, no wider than the terminal.
pub(super) fn columns(heading: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = fitting();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(heading.iter().map(Cell::new));
    table.add_rows(
        rows.into_iter().map(|row| row.into_iter().map(|cell| printable(&cell)).collect::<Vec<_>>()),
    );
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    if let Some(column) = table.column_mut(0) {
        // It names the row: a name in two pieces is no use to anyone who wants to copy it.
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
    table.trim_fmt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_under_their_heading() {
        let rows = [vec!["web1".to_owned(), "yes".to_owned()], vec!["database1".to_owned(), "no".to_owned()]];
        assert_eq!(
            columns(&["NAME", "CONNECTED"], rows),
            "NAME       CONNECTED\nweb1       yes\ndatabase1  no"
        );
    }
}
