//! Plain aligned columns for the commands whose answer is a list.

use output::{Cell, ColumnConstraint, Table};
use wire::text::line;

/// A heading and rows, aligned, no wider than the terminal.
pub(super) fn columns(heading: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::fitting();
    table.set_header(heading);
    for row in rows {
        // What names a row is one line, or it could be taken for another row.
        let cells = row.iter().enumerate().map(|(place, cell)| match place {
            0 => Cell::new(line(cell)),
            _ => Cell::new(cell),
        });
        table.add_row(cells, None);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    if let Some(column) = table.column_mut(0) {
        // It names the row: a name in two pieces is no use to anyone who wants to copy it.
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
    table.render().to_string()
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
