//! What a user has set of how they want to be shown things. An account keeps it.

use serde::{Deserialize, Serialize};

use super::pictures::Picture;

/// The fewest columns of a terminal that text is wrapped for.
pub const MIN_WIDTH: u16 = 20;

/// The most: wider lines are read by nobody.
pub const MAX_WIDTH: u16 = 500;

/// Which colours somebody wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Colours {
    /// None.
    Off,
    /// Those for a dark ground.
    On,
    /// Those for a light one.
    Light,
}

/// When a terminal's bell rings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bell {
    /// Never.
    Off,
    /// With a tag or a private message.
    #[default]
    Tags,
    /// With every message of others.
    All,
}

/// In which manner somebody wants to be written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// In the one that suits their client.
    #[default]
    Auto,
    /// With their line edited by the server.
    Edit,
    /// By lines.
    Line,
    /// By lines, and with nothing that is no text.
    Plain,
}

impl Mode {
    fn is_auto(&self) -> bool {
        *self == Self::Auto
    }
}

/// The columns that somebody says their terminal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub enum Width {
    /// Text is not wrapped.
    Off,
    /// From [`MIN_WIDTH`] to [`MAX_WIDTH`].
    Columns(u16),
}

impl Width {
    /// So many columns, where text can be wrapped for them.
    pub fn columns(count: u16) -> Option<Self> {
        (MIN_WIDTH..=MAX_WIDTH).contains(&count).then_some(Self::Columns(count))
    }

    /// The columns to wrap for; 0 where text is not wrapped.
    pub fn get(self) -> u16 {
        match self {
            Self::Off => 0,
            Self::Columns(count) => count,
        }
    }

    /// What [`Self::get`] gives, back again; none for a width that nobody can have set.
    pub fn of(count: u16) -> Option<Self> {
        if count == 0 { Some(Self::Off) } else { Self::columns(count) }
    }
}

/// All that a user has set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Clock times instead of ages.
    pub clock_times: bool,
    /// The colours; none where the server's own setting holds.
    pub colours: Option<Colours>,
    /// The profile picture.
    pub picture: Picture,
    /// A message in one row, without picture and arrow.
    pub compact: bool,
    /// Whether they are shown their own messages.
    pub echo: bool,
    /// When their terminal's bell rings.
    pub bell: Bell,
    /// Nothing of who comes and goes.
    pub quiet: bool,
    /// The columns of their terminal; none where the server's own setting holds.
    pub width: Option<Width>,
    /// In which manner they are written to. It is written only where it is set, as by versions that do not
    /// know of it.
    #[serde(skip_serializing_if = "Mode::is_auto")]
    pub mode: Mode,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            clock_times: false,
            colours: None,
            picture: Picture::DEFAULT,
            compact: false,
            echo: true,
            bell: Bell::default(),
            quiet: false,
            width: None,
            mode: Mode::Auto,
        }
    }
}

/// One thing that a user sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Setting {
    /// `/time`: clock times or ages.
    ClockTimes(bool),
    /// `/color`
    Colours(Colours),
    /// `/style`: whether a message stands in one row.
    Compact(bool),
    /// `/echo`
    Echo(bool),
    /// `/bell`
    Bell(Bell),
    /// `/quiet`
    Quiet(bool),
    /// `/width`
    Width(Width),
    /// `/mode`
    Mode(Mode),
    /// `/sp` and `/rp`: the profile picture.
    Picture(Picture),
}

impl Settings {
    /// The same, but for one thing.
    pub fn with(self, setting: Setting) -> Self {
        match setting {
            Setting::ClockTimes(clock_times) => Self { clock_times, ..self },
            Setting::Colours(colours) => Self { colours: Some(colours), ..self },
            Setting::Compact(compact) => Self { compact, ..self },
            Setting::Echo(echo) => Self { echo, ..self },
            Setting::Bell(bell) => Self { bell, ..self },
            Setting::Quiet(quiet) => Self { quiet, ..self },
            Setting::Width(width) => Self { width: Some(width), ..self },
            Setting::Mode(mode) => Self { mode, ..self },
            Setting::Picture(picture) => Self { picture, ..self },
        }
    }

    /// Whether times are told by the clock: where a message has one row there is no room for an age.
    pub fn by_clock(&self) -> bool {
        self.clock_times || self.compact
    }
}
