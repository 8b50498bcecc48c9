//! The body of an answer on standard output.

use crate::cli::console::Console;
use crate::report::json::indented::Indented;

/// What is written in one go.
const BUFFER: usize = 64 * 1024;

/// As it came, and on a terminal indented.
pub struct Output<'a> {
    console: &'a Console,
    indented: Option<Indented>,
    buffer: Vec<u8>,
}

impl<'a> Output<'a> {
    pub fn new(console: &'a Console) -> Self {
        let indented = console.out.is_terminal.then(Indented::default);
        Self { console, indented, buffer: Vec::new() }
    }

    pub fn is_indented(&self) -> bool {
        self.indented.is_some()
    }

    /// Writes a piece. False where nothing more is taken.
    pub fn write(&mut self, piece: &[u8]) -> bool {
        match &mut self.indented {
            Some(indented) => self.buffer.extend_from_slice(indented.piece(piece).as_bytes()),
            None => self.buffer.extend_from_slice(piece),
        }
        // A terminal shows what is there; a pipe gets what is worth a call.
        if self.buffer.len() < BUFFER && !self.is_indented() {
            return true;
        }
        self.flush()
    }

    /// After the last piece.
    pub fn end(&mut self) {
        if let Some(indented) = &mut self.indented {
            self.buffer.extend_from_slice(indented.end().as_bytes());
        }
        self.flush();
    }

    fn flush(&mut self) -> bool {
        let is_taken = self.console.bytes(&self.buffer);
        self.buffer.clear();
        self.console.flush();
        is_taken
    }
}
