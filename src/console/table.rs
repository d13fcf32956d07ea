//! Columns for a terminal: aligned, as wide as they have to be, and nothing of them cut.

/// Columns of a terminal, as most have them.
const WIDTH: usize = 80;

/// Blanks between two columns.
const GAP: usize = 2;

/// Blanks before what did not fit into the first line of a row.
const INDENT: usize = 4;

/// A column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    head: &'static str,
    /// Its values end in one column, and not begin in one.
    number: bool,
}

impl Column {
    /// Of text.
    pub(super) const fn text(head: &'static str) -> Self {
        Self { head, number: false }
    }

    /// Of numbers.
    pub(super) const fn number(head: &'static str) -> Self {
        Self { head, number: true }
    }
}

/// Rows below heads, each with a line end. A row that is wider than a terminal takes several lines, and so
/// do the heads then.
pub(super) fn table<const N: usize>(columns: [Column; N], rows: &[[String; N]]) -> String {
    let widths: [usize; N] = std::array::from_fn(|at| {
        let cells = rows.iter().map(|row| row[at].chars().count());
        cells.chain([columns[at].head.len()]).max().unwrap_or(0)
    });
    let breaks = breaks(&widths);
    let mut text = String::new();
    let heads = columns.map(|column| column.head.to_owned());
    for row in std::iter::once(&heads).chain(rows) {
        let mut line = String::new();
        for (at, cell) in row.iter().enumerate() {
            if breaks.contains(&at) {
                text.push_str(line.trim_end());
                text.push('\n');
                line = " ".repeat(INDENT);
            } else if at > 0 {
                line.push_str(&" ".repeat(GAP));
            }
            let width = widths[at];
            line.push_str(&match columns[at].number {
                true => format!("{cell:>width$}"),
                false => format!("{cell:<width$}"),
            });
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The columns that begin a line of their own, the first apart.
fn breaks(widths: &[usize]) -> Vec<usize> {
    let (mut breaks, mut used) = (Vec::new(), 0);
    for (at, width) in widths.iter().enumerate() {
        let with = if at == 0 { *width } else { used + GAP + width };
        used = if at > 0 && with > WIDTH {
            breaks.push(at);
            INDENT + width
        } else {
            with
        };
    }
    breaks
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const COLUMNS: [Column; 3] =
        [Column::text("NAME"), Column::number("USERS"), Column::text("OWNER")];

    fn row(cells: [&str; 3]) -> [String; 3] {
        cells.map(str::to_owned)
    }

    #[test]
    fn columns_are_as_wide_as_they_have_to_be() {
        let rows = [row(["general", "12", "server"]), row(["a-lobby-with-a-name", "7", "bob"])];
        let want = "\
NAME                 USERS  OWNER
general                 12  server
a-lobby-with-a-name      7  bob
";
        assert_eq!(table(COLUMNS, &rows), want);
        assert_eq!(table(COLUMNS, &[]), "NAME  USERS  OWNER\n");
    }

    #[test]
    fn what_does_not_fit_goes_on_below() {
        let rows = [row([&"a".repeat(60), "7", &"b".repeat(20)]), row(["x", "10", "y"])];
        let want = format!(
            "NAME{}  USERS\n    OWNER\n{}      7\n    {}\nx{}     10\n    y\n",
            " ".repeat(56),
            "a".repeat(60),
            "b".repeat(20),
            " ".repeat(59),
        );
        assert_eq!(table(COLUMNS, &rows), want);
    }

    proptest! {
        #[test]
        fn nothing_is_cut_and_only_a_cell_wider_than_a_terminal_is_over_it(
            rows in proptest::collection::vec(proptest::array::uniform3("[a-z]{0,90}"), 0..6)
        ) {
            let text = table(COLUMNS, &rows);
            for cell in rows.iter().flatten() {
                prop_assert!(text.contains(cell.as_str()));
            }
            let widest = rows.iter().flatten().map(String::len).max().unwrap_or(0);
            for line in text.lines() {
                prop_assert!(line.len() <= WIDTH.max(INDENT + widest), "{}", line);
            }
        }
    }
}
