//! How the columns of a terminal are shared among the columns of a table.

use super::column::{Column, Kind, LONGEST_NAME};

/// How wide the content of a column is, its heading among it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Content {
    /// The width of its longest line.
    pub(super) widest: usize,
    /// The width of its longest word.
    pub(super) word: usize,
}

/// The form in which a table fits.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// A line for each row, with columns of these widths. Columns with `None` are left out.
    Rows(Vec<Option<usize>>),
    /// A line for each cell.
    Records,
}

/// The layout in which all columns are as wide as their content.
pub(super) fn unlimited(contents: &[Content]) -> Layout {
    Layout::Rows(contents.iter().map(|content| Some(content.widest)).collect())
}

/// The layout for so much room: columns between their least and most widths; where the least widths have no room
/// together, without minor columns; and where that does not help, as records.
pub(super) fn layout(columns: &[Column], contents: &[Content], room: Option<usize>) -> Layout {
    let bounds: Vec<Bounds> =
        columns.iter().zip(contents).map(|(column, content)| bounds(column, content)).collect();
    let Some(room) = room else {
        return Layout::Rows(bounds.iter().map(|bounds| Some(bounds.most)).collect());
    };
    let least = |shown: &[bool]| {
        let shown: Vec<usize> = (0..columns.len()).filter(|place| shown[*place]).collect();
        let gaps = shown.iter().rev().skip(1).map(|place| columns[*place].gap).sum::<usize>();
        gaps + shown.iter().map(|place| bounds[*place].least).sum::<usize>()
    };
    let mut shown: Vec<bool> = columns.iter().map(|column| !column.is_minor).collect();
    if least(&shown) > room {
        return Layout::Records;
    }
    for place in 0..columns.len() {
        if !std::mem::replace(&mut shown[place], true) && least(&shown) > room {
            shown[place] = false;
        }
    }
    let mut widths: Vec<Option<usize>> =
        bounds.iter().zip(&shown).map(|(bounds, shown)| shown.then_some(bounds.least)).collect();
    let mut left = room - least(&shown);
    let is_whole = |place: &usize| matches!(columns[*place].kind, Kind::Whole { .. });
    let (whole, others): (Vec<usize>, Vec<usize>) = (0..columns.len()).partition(is_whole);
    for places in [whole, others] {
        share(&places, &bounds, &mut widths, &mut left);
    }
    Layout::Rows(widths)
}

#[derive(Clone, Copy)]
struct Bounds {
    least: usize,
    most: usize,
}

fn bounds(column: &Column, content: &Content) -> Bounds {
    let widest = content.widest.max(column.reserved);
    let heading = super::text::width(&column.heading);
    let (least, most) = match column.kind {
        Kind::Whole { .. } => (LONGEST_NAME.max(heading), usize::MAX),
        Kind::Cut { least, most, .. } => (least.max(heading), most),
        Kind::Wrapped { least, most } => (least.max(heading).max(content.word.min(LONGEST_WORD)), most),
    };
    let least = least.min(widest);
    Bounds { least, most: most.max(least).min(widest) }
}

/// Shares what is left among these columns: each gets as much as the others, as far as it has use for it.
fn share(places: &[usize], bounds: &[Bounds], widths: &mut [Option<usize>], left: &mut usize) {
    let mut wants: Vec<(usize, usize)> =
        places.iter().filter_map(|place| Some((bounds[*place].most - widths[*place]?, *place))).collect();
    wants.sort_unstable();
    let mut others = wants.len();
    for (want, place) in wants {
        let given = want.min(*left / others);
        widths[place] = widths[place].map(|width| width + given);
        *left -= given;
        others -= 1;
    }
}

/// The longest word for which a column that is wrapped is made wide enough.
const LONGEST_WORD: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn of(columns: &[Column], widest: &[usize], room: usize) -> Layout {
        let contents: Vec<Content> =
            widest.iter().map(|widest| Content { widest: *widest, word: 5 }).collect();
        layout(columns, &contents, Some(room))
    }

    #[test]
    fn names_are_whole_and_what_is_left_is_shared() {
        let columns = [Column::whole("A"), Column::cut("B", 10, 60), Column::wrapped("C", 10, 100)];
        let rows = |widths: [usize; 3]| Layout::Rows(widths.map(Some).to_vec());
        assert_eq!(of(&columns, &[12, 300, 300], 200), rows([12, 60, 100]), "at their most");
        assert_eq!(of(&columns, &[12, 300, 300], 76), rows([12, 30, 30]), "what is left is shared");
        assert_eq!(of(&columns, &[12, 12, 300], 76), rows([12, 12, 48]), "and what one does not need, too");
        assert_eq!(of(&columns, &[50, 300, 300], 66), rows([42, 10, 10]), "a name gives way in the end");
    }

    #[test]
    fn minor_columns_give_way_and_then_rows_do() {
        let columns =
            [Column::whole("A"), Column::whole("B").minor(), Column::whole("C").minor(), Column::whole("D")];
        let widths = [10, 20, 5, 10];
        assert_eq!(of(&columns, &widths, 51), Layout::Rows(vec![Some(10), Some(20), Some(5), Some(10)]));
        assert_eq!(of(&columns, &widths, 50), Layout::Rows(vec![Some(10), Some(20), None, Some(10)]));
        assert_eq!(of(&columns, &widths, 43), Layout::Rows(vec![Some(10), None, Some(5), Some(10)]));
        assert_eq!(of(&columns, &widths, 22), Layout::Rows(vec![Some(10), None, None, Some(10)]));
        assert_eq!(of(&columns, &widths, 21), Layout::Records);
    }
}
