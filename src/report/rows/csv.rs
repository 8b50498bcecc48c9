//! Rows as CSV (RFC 4180).

use std::borrow::Cow;

/// One line. With `safe`, what a spreadsheet would take for a formula is made a text.
pub fn line<'a>(buffer: &mut Vec<u8>, cells: impl Iterator<Item = Cow<'a, str>>, safe: bool) {
    for (place, cell) in cells.enumerate() {
        if place > 0 {
            buffer.push(b',');
        }
        let mark = if safe && cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
        if cell.bytes().fold(false, |is_quoted, byte| is_quoted | matches!(byte, b',' | b'"' | b'\r' | b'\n')) {
            buffer.push(b'"');
            buffer.extend_from_slice(mark.as_bytes());
            for byte in cell.bytes() {
                if byte == b'"' {
                    buffer.push(b'"');
                }
                buffer.push(byte);
            }
            buffer.push(b'"');
        } else {
            buffer.extend_from_slice(mark.as_bytes());
            buffer.extend_from_slice(cell.as_bytes());
        }
    }
    buffer.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(cells: &[&str], safe: bool) -> String {
        let mut buffer = Vec::new();
        line(&mut buffer, cells.iter().map(|&cell| cell.into()), safe);
        String::from_utf8(buffer).unwrap()
    }

    #[test]
    fn what_would_end_a_cell_is_quoted_and_formulas_are_made_texts_if_that_is_wanted() {
        assert_eq!(
            written(&["a", "", "b,c", "d\"e", "f\r\ng", " h "], false),
            "a,,\"b,c\",\"d\"\"e\",\"f\r\ng\", h \r\n"
        );
        let formulas = ["=1", "+1", "-1", "@x", "\tx", "\rx", "a=1", "=1,2"];
        assert_eq!(written(&formulas, false), "=1,+1,-1,@x,\tx,\"\rx\",a=1,\"=1,2\"\r\n");
        assert_eq!(written(&formulas, true), "'=1,'+1,'-1,'@x,'\tx,\"'\rx\",a=1,\"'=1,2\"\r\n");
        assert_eq!(written(&["x"], true), "x\r\n");
    }
}
