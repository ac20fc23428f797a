//! Draws pictures on a terminal, without flicker, and gives the terminal back whatever happens.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

use super::layout::{Line, Size};
use super::terminal;
use crate::drill::words::Tone;

/// The shortest time from one picture to the next.
const REDRAW_AFTER: Duration = Duration::from_millis(100);
/// Where the size cannot be asked for.
const SIZE_UNKNOWN: Size = Size { width: 80, height: 24 };

// The alternate screen, no cursor, no wrapping; and all of it back.
const OPEN: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J";
const CLOSE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";
// A terminal that knows these shows the frame only once it is whole; others ignore them.
const FRAME_BEGIN: &str = "\x1b[?2026h\x1b[H";
const FRAME_END: &str = "\x1b[?2026l";
const REST_END: &str = "\x1b[J";
const LINE_END: &str = "\x1b[K";
const PLAIN_AGAIN: &str = "\x1b[0m";

/// Whether this process has the terminal in its hands, for the hook that runs on a panic.
static IS_OPEN: AtomicBool = AtomicBool::new(false);
/// Whether the terminal is somebody else's for now.
static IS_HIDDEN: AtomicBool = AtomicBool::new(false);
/// Whether the terminal shows nothing of ours yet, though it did.
static IS_FRESH: AtomicBool = AtomicBool::new(false);

/// Held while something is painted: no picture may come after the terminal was given back.
static PAINTS: Mutex<()> = Mutex::new(());

/// What the terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Style {
    pub(super) colour: bool,
    pub(super) unicode: bool,
}

impl Style {
    /// Into a pipe: no colour, any character.
    pub(super) const PIPE: Self = Self { colour: false, unicode: true };

    /// As the environment says (`NO_COLOR`, the locale).
    pub(super) fn of_terminal() -> Self {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG")).unwrap_or_default();
        let locale = locale.to_ascii_lowercase();
        Self {
            colour: set("NO_COLOR").is_none(),
            unicode: locale.contains("utf-8") || locale.contains("utf8"),
        }
    }

    /// The text in its tone.
    pub(super) fn paint(self, tone: Tone, text: &str) -> String {
        let colour = match tone {
            Tone::Plain => "",
            Tone::Good => "\x1b[32m",
            Tone::Notice => "\x1b[33m",
            Tone::Bad => "\x1b[31m",
        };
        if self.colour && !colour.is_empty() {
            format!("{colour}{text}{PLAIN_AGAIN}")
        } else {
            text.to_owned()
        }
    }

    /// The text in characters that can be shown. No replacement is wider than what it stands for.
    pub(super) fn plain(self, text: &str) -> String {
        if self.unicode {
            return text.to_owned();
        }
        let shown = |c: char| match c {
            '…' => '~',
            '→' => '>',
            '·' => '-',
            _ if c.is_ascii() => c,
            _ => '?',
        };
        text.chars().map(shown).collect()
    }
}

/// What is to be drawn.
pub(super) struct Shown<'a> {
    pub(super) now: Duration,
    pub(super) at_once: bool,
    /// The picture in this size.
    pub(super) picture: &'a mut dyn FnMut(Size) -> Vec<Line>,
}

/// A terminal that shows pictures.
pub(super) struct Screen {
    drawn_at: Option<Duration>,
    shown: String,
    open: bool,
}

impl Screen {
    /// Takes the terminal.
    pub(super) fn open(out: &mut dyn Write) -> Self {
        restore_on_panic();
        IS_OPEN.store(true, Ordering::SeqCst);
        let _ = out.write_all(OPEN.as_bytes()).and_then(|()| out.flush());
        Self { drawn_at: None, shown: String::new(), open: true }
    }

    /// Draws if the last picture is old enough, or something must be seen at once, and something changed.
    pub(super) fn draw(&mut self, out: &mut dyn Write, style: Style, shown: &mut Shown<'_>) {
        let _paints = paints();
        let too_soon = self.drawn_at.is_some_and(|at| shown.now.saturating_sub(at) < REDRAW_AFTER);
        if (too_soon && !shown.at_once) || !self.open || IS_HIDDEN.load(Ordering::SeqCst) {
            return;
        }
        if IS_FRESH.swap(false, Ordering::SeqCst) {
            self.shown.clear();
        }
        self.drawn_at = Some(shown.now);
        let size = size();
        let frame = frame(&(shown.picture)(size), size, style);
        if frame != self.shown {
            let _ = out.write_all(frame.as_bytes()).and_then(|()| out.flush());
            self.shown = frame;
        }
    }

    /// Gives the terminal back; once.
    pub(super) fn close(&mut self, out: &mut dyn Write) {
        if std::mem::take(&mut self.open) {
            IS_OPEN.store(false, Ordering::SeqCst);
            if IS_HIDDEN.swap(false, Ordering::SeqCst) {
                return;
            }
            let _ = out.write_all(CLOSE.as_bytes()).and_then(|()| out.flush());
        }
    }
}

/// A picture as one write. What an older picture left is cleared behind each line; never behind a line of full width,
/// where the cursor still stands on the last character and would clear that.
pub(super) fn frame(lines: &[Line], size: Size, style: Style) -> String {
    let mut frame = String::from(FRAME_BEGIN);
    for (n, line) in lines.iter().enumerate() {
        if n > 0 {
            frame.push_str("\r\n");
        }
        for piece in &line.0 {
            let _ = write!(frame, "{}", style.paint(piece.tone, &style.plain(&piece.text)));
        }
        if line.width() < size.width {
            frame.push_str(LINE_END);
        }
    }
    if lines.len() < size.height {
        frame.push_str("\r\n");
        frame.push_str(REST_END);
    }
    frame.push_str(FRAME_END);
    frame
}

fn paints() -> MutexGuard<'static, ()> {
    PAINTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives the terminal back for a while.
pub(super) fn hide() {
    let _paints = paints();
    if IS_OPEN.load(Ordering::SeqCst) && !IS_HIDDEN.swap(true, Ordering::SeqCst) {
        let mut out = io::stdout();
        let _ = out.write_all(CLOSE.as_bytes()).and_then(|()| out.flush());
    }
}

/// Takes it again.
pub(super) fn show() {
    let _paints = paints();
    if IS_OPEN.load(Ordering::SeqCst) && IS_HIDDEN.load(Ordering::SeqCst) {
        let mut out = io::stdout();
        let _ = out.write_all(OPEN.as_bytes()).and_then(|()| out.flush());
        IS_FRESH.store(true, Ordering::SeqCst);
        IS_HIDDEN.store(false, Ordering::SeqCst);
    }
}

fn size() -> Size {
    match rustix::termios::tcgetwinsize(io::stdout()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => {
            Size { width: usize::from(size.ws_col), height: usize::from(size.ws_row) }
        }
        Ok(_) | Err(_) => SIZE_UNKNOWN,
    }
}

/// The message of a panic must be readable, so the terminal comes back before it is printed.
fn restore_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            terminal::give_back_in_panic();
            if IS_OPEN.swap(false, Ordering::SeqCst) {
                let mut out = io::stdout();
                let _ = out.write_all(CLOSE.as_bytes()).and_then(|()| out.flush());
            }
            before(panic);
        }));
    });
}
