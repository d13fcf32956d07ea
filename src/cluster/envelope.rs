//! The bytes around what the application says: how a record of ours is known from bytes that nobody of ours
//! wrote, and from one of a later version.
//!
//! ```text
//! magic "LBYD" | length of the body u32 | check of the body u32 | body
//! body: version u8 | kind u8 | life u64 | number u64 | the rest, by kind
//! several lines: as often as there is one, length u32 | line
//! ```
//!
//! Numbers have their highest byte first. Magic, length and check stay as they are in all versions, so a node
//! can tell a whole record that it does not understand from rubbish.

use bytes::{BufMut, Bytes, BytesMut};

use super::engine::Revision;
use crate::chat::history::UnixMillis;

const MAGIC: &[u8; 4] = b"LBYD";

/// Bytes before the body.
const HEAD_BYTES: usize = 12;

/// Bytes of the body before what depends on its kind.
const BODY_HEAD_BYTES: usize = 18;

/// The version of records that this program writes, and the highest that it reads.
pub const VERSION: u8 = 1;

/// The longest name of a node, in bytes: that of a host.
pub const MAX_NODE_BYTES: usize = 255;

/// A record of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The life that wrote it.
    pub life: Revision,
    /// Of what is said: its number in that life, from 1; of several, that of the first.
    pub n: u64,
    /// What it says.
    pub what: What,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Something that the application said: one of the numbered row of its life.
    Said(Bytes),
    /// Several of them, numbered on from the first: at least one.
    Several(Vec<Bytes>),
    /// A life of this node begins; all its earlier ones are over.
    Began(String),
    /// A life is over.
    Over {
        /// Whose.
        node: String,
        /// Which.
        life: Revision,
    },
}

/// What bytes of the log turn out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// A record.
    Ours(Record),
    /// No record of ours.
    Foreign,
    /// A whole record of ours that this version does not understand.
    Unknown {
        /// The version that wrote it.
        version: u8,
        /// Its kind.
        kind: u8,
    },
}

const SAID: u8 = 1;
const BEGAN: u8 = 2;
const OVER: u8 = 3;
const SEVERAL: u8 = 4;

/// FNV-1a: short, and enough to know a record that was cut or put together by chance.
fn check(body: &[u8]) -> u32 {
    body.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

/// Bytes of a record by which a check knows it again: all of a head, with the check of its body.
const KNOWN_BY_BYTES: usize = 32;

/// A check of a record where it stands, whosever it is: another one at its place has another, but by chance.
pub(super) fn check_of(bytes: &[u8], at: UnixMillis) -> u32 {
    let mut known_by = bytes[..bytes.len().min(KNOWN_BY_BYTES)].to_vec();
    known_by.put_u64(at.0);
    known_by.put_u64(bytes.len() as u64);
    check(&known_by)
}

/// A body with its head.
fn framed(body: &[u8]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(HEAD_BYTES + body.len());
    bytes.put_slice(MAGIC);
    // A body is bounded by what an engine takes as one message, far under 4 GiB.
    bytes.put_u32(u32::try_from(body.len()).unwrap_or(u32::MAX));
    bytes.put_u32(check(body));
    bytes.put_slice(body);
    bytes.freeze()
}

impl What {
    /// The lines that it has.
    pub fn into_lines(self) -> Vec<Bytes> {
        match self {
            Self::Said(line) => vec![line],
            Self::Several(lines) => lines,
            Self::Began(_) | Self::Over { .. } => Vec::new(),
        }
    }
}

impl Record {
    /// The number of the last of its lines.
    pub(super) fn last(&self) -> u64 {
        match &self.what {
            What::Several(lines) => self.n.saturating_add((lines.len() as u64).saturating_sub(1)),
            What::Said(_) | What::Began(_) | What::Over { .. } => self.n,
        }
    }

    /// Its bytes.
    pub fn seal(&self) -> Bytes {
        let mut body = Vec::with_capacity(BODY_HEAD_BYTES + 64);
        body.push(VERSION);
        body.push(match &self.what {
            What::Said(_) => SAID,
            What::Began(_) => BEGAN,
            What::Over { .. } => OVER,
            What::Several(_) => SEVERAL,
        });
        body.put_u64(self.life.0);
        body.put_u64(self.n);
        match &self.what {
            What::Said(bytes) => body.put_slice(bytes),
            What::Several(lines) => {
                for line in lines {
                    // Bounded as a body is.
                    body.put_u32(u32::try_from(line.len()).unwrap_or(u32::MAX));
                    body.put_slice(line);
                }
            }
            What::Began(node) => body.put_slice(node.as_bytes()),
            What::Over { node, life } => {
                body.put_u64(life.0);
                body.put_slice(node.as_bytes());
            }
        }
        framed(&body)
    }

    /// What bytes are.
    pub fn open(bytes: &Bytes) -> Opened {
        let Some(body) = body(bytes) else { return Opened::Foreign };
        let (version, kind) = match body[..] {
            [0, ..] => return Opened::Foreign,
            [version, kind, ..] => (version, kind),
            _ => return Opened::Foreign,
        };
        if version > VERSION {
            return Opened::Unknown { version, kind };
        }
        let (Some(life), Some(n)) = (number(&body, 2), number(&body, 10)) else {
            return Opened::Foreign;
        };
        let rest = body.slice(BODY_HEAD_BYTES..);
        let what = match kind {
            SAID => What::Said(rest),
            SEVERAL => match lines(rest) {
                Some(lines) => What::Several(lines),
                None => return Opened::Foreign,
            },
            BEGAN => match node_name(&rest) {
                Some(node) => What::Began(node),
                None => return Opened::Foreign,
            },
            OVER => match (number(&rest, 0), rest.get(8..).and_then(node_name)) {
                (Some(life), Some(node)) => What::Over { node, life: Revision(life) },
                _ => return Opened::Foreign,
            },
            _ => return Opened::Unknown { version, kind },
        };
        Opened::Ours(Self { life: Revision(life), n, what })
    }
}

/// All lines of a record; none where they are not whole, or there is none.
fn lines(mut rest: Bytes) -> Option<Vec<Bytes>> {
    let mut lines = Vec::new();
    while !rest.is_empty() {
        let length = u32::from_be_bytes(rest.get(..4)?.try_into().ok()?);
        let end = usize::try_from(length).ok()?.checked_add(4)?;
        if end > rest.len() {
            return None;
        }
        lines.push(rest.slice(4..end));
        rest = rest.slice(end..);
    }
    (!lines.is_empty()).then_some(lines)
}

/// The body, where head and check are right.
fn body(bytes: &Bytes) -> Option<Bytes> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let length = u32::from_be_bytes(rest.get(..4)?.try_into().ok()?);
    let right = u32::from_be_bytes(rest.get(4..8)?.try_into().ok()?);
    let body = bytes.slice(HEAD_BYTES..);
    (usize::try_from(length) == Ok(body.len()) && check(&body) == right).then_some(body)
}

/// The number that stands there.
pub(super) fn number(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

/// The name of a node, which is not empty and not too long.
pub(super) fn node_name(bytes: impl AsRef<[u8]>) -> Option<String> {
    let name = std::str::from_utf8(bytes.as_ref()).ok()?;
    (!name.is_empty() && name.len() <= MAX_NODE_BYTES).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(what: What) -> Record {
        Record { life: Revision(7), n: 3, what }
    }

    fn all_kinds() -> [Record; 6] {
        [
            record(What::Several(vec!["a".into(), "bc".into(), Bytes::new()])),
            record(What::Several(vec![Bytes::new()])),
            record(What::Said(Bytes::from_static(b"hello"))),
            record(What::Said(Bytes::new())),
            record(What::Began("a".into())),
            record(What::Over { node: "b".into(), life: Revision(u64::MAX) }),
        ]
    }

    #[test]
    fn a_record_is_what_it_was() {
        for record in all_kinds() {
            assert_eq!(Record::open(&record.seal()), Opened::Ours(record));
        }
    }

    #[test]
    fn a_record_that_was_cut_or_changed_is_foreign() {
        for record in all_kinds() {
            let sealed = record.seal();
            for end in 0..sealed.len() {
                assert_eq!(Record::open(&sealed.slice(..end)), Opened::Foreign, "cut at {end}");
                let mut changed = sealed.to_vec();
                changed[end] ^= 1;
                assert_eq!(Record::open(&changed.into()), Opened::Foreign, "changed at {end}");
            }
            let longer = [&sealed[..], b"x"].concat();
            assert_eq!(Record::open(&longer.into()), Opened::Foreign);
        }
    }

    #[test]
    fn a_whole_record_of_a_later_version_or_kind_is_known_as_one() {
        let body = |version, kind| [&[version, kind][..], &[0; 16]].concat();
        for (version, kind, unknown) in [
            (VERSION + 1, SAID, true),
            (VERSION + 1, 200, true),
            (VERSION, SEVERAL + 1, true),
            (VERSION, 0, true),
            (0, SAID, false),
        ] {
            let opened = Record::open(&framed(&body(version, kind)));
            let wanted = if unknown { Opened::Unknown { version, kind } } else { Opened::Foreign };
            assert_eq!(opened, wanted);
        }
        // A later version may have a shorter body; one of ours may not.
        assert_eq!(
            Record::open(&framed(&[VERSION + 1, 9])),
            Opened::Unknown { version: VERSION + 1, kind: 9 }
        );
        assert_eq!(Record::open(&framed(&[VERSION, SAID, 0])), Opened::Foreign);
        assert_eq!(Record::open(&framed(&[])), Opened::Foreign);
    }

    #[test]
    fn a_node_has_a_name_that_can_be_read() {
        for (name, good) in
            [(&b"a"[..], true), (b"", false), (&[0xff], false), (&[b'a'; 256], false)]
        {
            let body = [&[VERSION, BEGAN][..], &[0; 16], name].concat();
            let opened = Record::open(&framed(&body));
            assert_eq!(matches!(opened, Opened::Ours(_)), good, "{name:?}");
        }
    }

    #[test]
    fn several_lines_are_whole_and_at_least_one() {
        for (rest, lines) in [
            (&b"\0\0\0\x01a"[..], Some(vec!["a"])),
            (b"\0\0\0\x01a\0\0\0\0", Some(vec!["a", ""])),
            (b"", None),
            (b"\0\0\0", None),
            (b"\0\0\0\x02a", None),
            (b"\xff\xff\xff\xffa", None),
        ] {
            let body = [&[VERSION, SEVERAL][..], &[0; 16], rest].concat();
            let opened = match Record::open(&framed(&body)) {
                Opened::Ours(Record { what: What::Several(lines), .. }) => Some(lines),
                Opened::Foreign => None,
                other => panic!("{other:?}"),
            };
            assert_eq!(opened, lines.map(|all| all.into_iter().map(Bytes::from).collect()));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_something(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(Record::open(&bytes.clone().into()), Opened::Foreign);
            // With the right head around them they are taken apart without harm.
            let _ = Record::open(&framed(&bytes));
        }

        #[test]
        fn what_is_said_comes_back(life: u64, n: u64, bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let record = Record { life: Revision(life), n, what: What::Said(bytes.into()) };
            prop_assert_eq!(Record::open(&record.seal()), Opened::Ours(record));
        }
    }
}
