//! A list in columns: on a terminal as wide as it is, else between tabs.

use crate::report::paint::Paint;
use crate::report::rows::table::Table;

/// The rows under these heads.
pub fn table(heads: &[&str], rows: Vec<Vec<&str>>, paint: Paint) -> String {
    if !paint.is_terminal {
        let clean = |cell: &str| cell.replace(['\t', '\n', '\r'], " ");
        let line =
            |cells: &[&str]| cells.iter().take(heads.len()).map(|cell| clean(cell)).collect::<Vec<_>>().join("\t");
        let lines: Vec<String> = rows.iter().map(|row| line(row)).collect();
        return lines.join("\n");
    }
    let heads: Vec<String> = heads.iter().map(|&head| head.to_owned()).collect();
    let mut table = Table::whole(paint);
    let mut buffer = Vec::new();
    for row in rows {
        table.row(&heads, row.into_iter().take(heads.len()).map(Into::into).collect(), &mut buffer);
    }
    table.end(&heads, false, &mut buffer);
    String::from_utf8_lossy(&buffer).trim_end().to_owned()
}
