//! Bars on stderr, drawn on a terminal that takes nothing but text and what a bar needs to move.

use std::io;

use console::Term;
pub use indicatif::{HumanBytes, MultiProgress, ProgressBar, ProgressStyle};
use indicatif::{ProgressDrawTarget, TermLike};

use crate::styled::clean;

/// Bars that are drawn together, one below the other. Draws nothing where stderr is not a terminal.
pub fn bars() -> MultiProgress {
    MultiProgress::with_draw_target(target())
}

/// One bar whose end is at `length`. Draws nothing where stderr is not a terminal.
pub fn bar(length: u64) -> ProgressBar {
    ProgressBar::with_draw_target(Some(length), target())
}

/// How many lines the terminal has; `None` where it does not say.
pub fn terminal_height() -> Option<usize> {
    let (height, _) = Term::stderr().size_checked()?;
    // A terminal whose size nobody set says that its size is zero.
    (height > 0).then_some(height.into())
}

fn target() -> ProgressDrawTarget {
    let term = Term::buffered_stderr();
    match term.features().is_attended() {
        true => ProgressDrawTarget::term_like_with_hz(Box::new(Drawn(term)), REDRAWS),
        false => ProgressDrawTarget::hidden(),
    }
}

/// A terminal on which text is text, and cannot steer it.
#[derive(Debug)]
struct Drawn(Term);

impl TermLike for Drawn {
    fn width(&self) -> u16 {
        self.0.size().1
    }

    fn height(&self) -> u16 {
        self.0.size().0
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_up(n)
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_down(n)
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_right(n)
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_left(n)
    }

    fn write_line(&self, line: &str) -> io::Result<()> {
        self.0.write_line(&clean(line))
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        // A bar begins to draw by going to the start of the line.
        if text == "\r" { self.0.write_str(text) } else { self.0.write_str(&clean(text)) }
    }

    fn clear_line(&self) -> io::Result<()> {
        self.0.clear_line()
    }

    fn flush(&self) -> io::Result<()> {
        self.0.flush()
    }
}

/// How often in a second bars are drawn at most.
const REDRAWS: u8 = 20;
