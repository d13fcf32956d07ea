//! Profile pictures: the faces that stand before a name.

/// A picture out of the server's own table, so it holds nothing that a user wrote: its place there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Picture(u8);

impl Picture {
    /// What everybody starts with.
    pub const DEFAULT: Self = Self(0);

    /// The picture called `name`, without regard to case.
    pub fn find(name: &str) -> Option<Self> {
        all().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, picture)| picture)
    }

    /// The name that [`Picture::restore`] knows it by.
    pub fn key(self) -> &'static str {
        TABLE[usize::from(self.0)].0
    }

    /// The picture that was stored under this key; the default one where the table has it no more.
    pub fn restore(key: &str) -> Self {
        Self::find(key).unwrap_or(Self::DEFAULT)
    }

    /// The picture as it is shown.
    pub fn as_str(self) -> &'static str {
        TABLE[usize::from(self.0)].1
    }
}

/// Every picture with its name, by name, but for the default one.
pub fn all() -> impl Iterator<Item = (&'static str, Picture)> {
    (0..).zip(&TABLE).skip(1).map(|(place, (name, _))| (*name, Picture(place)))
}

/// The default picture, whose name `/sp` keeps for itself, then the others by name.
static TABLE: [(&str, &str); 57] = [
    ("default", "[@_@]"),
    ("alien", "[👽]"),
    ("angel", "(◕ᴗ◕✿)"),
    ("angry", "(╬ಠ益ಠ)"),
    ("bear", "ʕ•ᴥ•ʔ"),
    ("bee", "(>o<)づ"),
    ("bunny", "(\\(•ᴗ•)/)"),
    ("cat", "(=^・^=)"),
    ("coffee", "c[_]"),
    ("confused", "(・_・ヾ"),
    ("cool", "(⌐■_■)"),
    ("cowboy", "<(•_•<)"),
    ("cry", "(╥﹏╥)"),
    ("dance", "┏(・o・)┛"),
    ("dead", "(x_x)"),
    ("detective", "(¬_¬)?"),
    ("devil", "(ψ`∇´)ψ"),
    ("dino", "<コ:彡"),
    ("dog", "(ᵔᴥᵔ)"),
    ("fire", "(🔥)"),
    ("fish", "><(((°>"),
    ("flex", "ᕦ(ò_ó)ᕤ"),
    ("flip", "(ノಠ益ಠ)ノ"),
    ("fox", "ᓚᘏᗢ"),
    ("frog", "(◉‿◉)"),
    ("ghost", "(ー'`ー)"),
    ("happy", "(◕‿◕)"),
    ("heart", "[❤]"),
    ("hug", "(づ｡◕‿‿◕｡)づ"),
    ("king", "(♔‿♔)"),
    ("koala", "@( * O * )@"),
    ("laugh", "(≧▽≦)"),
    ("love", "(♥‿♥)"),
    ("moon", "( ˘ ³˘)☾"),
    ("mouse", "<:3)~~"),
    ("music", "♪(┌・。・)┌"),
    ("nerd", "(⌐□_□)"),
    ("ninja", "[忍]"),
    ("owl", "(◉Θ◉)"),
    ("panda", "ʕ⊙ᴥ⊙ʔ"),
    ("party", "ヽ(^o^)ノ"),
    ("peace", "(✌°∀°)☞"),
    ("penguin", "(°<°)"),
    ("pirate", "(✪‿✪)ノ"),
    ("pizza", "[🍕]"),
    ("queen", "(♕‿♕)"),
    ("robot", "[▪‿▪]"),
    ("shocked", "(°ロ°)"),
    ("shrug", "¯\\_(ツ)_/¯"),
    ("skull", "[☠]"),
    ("sleep", "(-.-)zzZ"),
    ("snake", "~>°)~~~"),
    ("star", "☆彡"),
    ("think", "(¬‿¬)"),
    ("turtle", "(__)°>"),
    ("wink", "(^_~)"),
    ("wizard", "⊂(◉‿◉)つ━☆"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::text::Line;

    #[test]
    fn at_least_fifty_sorted_by_name_without_doubles() {
        let names: Vec<_> = all().map(|(name, _)| name).collect();
        assert!(names.len() >= 50);
        assert!(names.is_sorted_by(|a, b| a < b));
        assert!(!names.contains(&"list") && !names.contains(&"default"));
    }

    #[test]
    fn pictures_pass_the_sanitiser_unchanged_and_differ() {
        let mut seen = vec![Picture::DEFAULT.as_str()];
        for (name, picture) in all() {
            assert_eq!(Line::clean(picture.as_str()).as_str(), picture.as_str(), "{name}");
            assert!(!seen.contains(&picture.as_str()), "{name}");
            seen.push(picture.as_str());
        }
    }

    #[test]
    fn found_without_regard_to_case() {
        assert_eq!(Picture::find("CAT").map(Picture::as_str), Some("(=^・^=)"));
        assert_eq!(Picture::find("nope"), None);
    }

    #[test]
    fn keys_lead_back_to_their_pictures() {
        for (name, picture) in all().chain([("default", Picture::DEFAULT)]) {
            assert_eq!((picture.key(), Picture::restore(name)), (name, picture));
        }
        assert_eq!(Picture::restore("gone"), Picture::DEFAULT);
    }
}
