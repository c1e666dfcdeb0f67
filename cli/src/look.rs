//! How text looks: colour, width, and the present instant that relative times are counted from. An argument of every renderer.
//!
//! Spec: specs/cli/rendering.md

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::environment::Environment;

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless NO_COLOR, CLICOLOR=0 or TERM=dumb say otherwise; CLICOLOR_FORCE turns it on elsewhere too.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl ColorChoice {
    /// Whether a stream gets colour (rendering R3).
    #[must_use]
    pub(crate) const fn wanted(self, environment: &Environment, terminal: bool) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => !environment.no_color && (environment.force_color || (terminal && !environment.dumb && !environment.color_off)),
        }
    }
}

/// What a piece of text means; decides its colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tone {
    /// As it is.
    #[default]
    Plain,
    /// A heading, or what matters most.
    Strong,
    /// Beside the point.
    Dim,
    /// Went well.
    Good,
    /// Goes on.
    Active,
    /// Waits for somebody, or should be looked at.
    Warn,
    /// Went wrong.
    Bad,
}

/// How text looks.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    /// True: colours are written.
    pub(crate) color: bool,
    /// Width of the terminal in columns; `None` where the output is no terminal.
    pub(crate) width: Option<u16>,
    /// The present instant.
    pub(crate) now: Timestamp,
    /// The zone that instants are shown in.
    pub(crate) zone: TimeZone,
}

impl Look {
    /// `text` in its colour. The caller has cleaned it.
    #[must_use]
    pub(crate) fn paint(&self, tone: Tone, text: &str) -> String {
        if !self.color || tone == Tone::Plain || text.is_empty() {
            return text.to_owned();
        }
        let style = match tone {
            Tone::Plain => Style::new(),
            Tone::Strong => Style::new().bold(),
            Tone::Dim => Style::new().dimmed(),
            Tone::Good => AnsiColor::Green.on_default(),
            Tone::Active => AnsiColor::Cyan.on_default(),
            Tone::Warn => AnsiColor::Yellow.on_default(),
            Tone::Bad => AnsiColor::Red.on_default(),
        };
        format!("{style}{text}{style:#}")
    }
}

#[cfg(test)]
impl Look {
    /// No colour, no terminal, 2026-01-02T03:04:05Z.
    pub(crate) fn plain() -> Self {
        Self { color: false, width: None, now: "2026-01-02T03:04:05Z".parse().unwrap(), zone: TimeZone::UTC }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// rendering R3: the flag wins, then the variables, then the terminal.
    #[test]
    fn colour_follows_flag_variables_and_terminal() {
        let none = Environment::default();
        let no_color = Environment { no_color: true, force_color: true, ..Environment::default() };
        let forced = Environment { force_color: true, dumb: true, ..Environment::default() };
        let dumb = Environment { dumb: true, ..Environment::default() };
        let off = Environment { color_off: true, ..Environment::default() };
        for (choice, environment, terminal, expected) in [
            (ColorChoice::Auto, &none, true, true),
            (ColorChoice::Auto, &none, false, false),
            (ColorChoice::Auto, &no_color, true, false),
            (ColorChoice::Auto, &forced, false, true),
            (ColorChoice::Auto, &dumb, true, false),
            (ColorChoice::Auto, &off, true, false),
            (ColorChoice::Always, &no_color, false, true),
            (ColorChoice::Never, &forced, true, false),
        ] {
            assert_eq!(choice.wanted(environment, terminal), expected, "{choice:?} {environment:?} {terminal}");
        }
    }
}
