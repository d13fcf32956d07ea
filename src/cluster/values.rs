//! What stands in the table of nodes: who a node is, and how far it has read.

use bytes::{BufMut, Bytes};

use super::engine::{Position, Revision};
use super::envelope::number;

/// The form of the values, their first byte.
const FORM: u8 = 1;

/// Bytes before what the application has a node say.
const HEAD_BYTES: usize = 27;

/// Most bytes that an application has a node say of itself: some ten times what it says. A longer value is none.
const MAX_SAID_BYTES: usize = 1_024;

/// Whether a node is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    /// It is.
    Up,
    /// It ended, or was declared dead.
    Gone,
}

/// The value of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NodeValue {
    /// Whether it is there.
    pub(crate) presence: Presence,
    /// Its life; none in the first writing of a life, which is the life.
    pub(crate) life: Option<Revision>,
    /// The place that it runs at, which has one process at a time.
    pub(crate) place: u64,
    /// The highest version of records that it reads.
    pub(crate) speaks: u8,
    /// How far it has read the log.
    pub(crate) position: Position,
    /// What the application has it say of itself.
    pub(crate) said: Bytes,
}

impl NodeValue {
    /// The life that it is about, in a writing of this number.
    pub(crate) fn life_in(&self, revision: Revision) -> Revision {
        self.life.unwrap_or(revision)
    }

    /// Its bytes.
    pub(crate) fn write(&self) -> Bytes {
        let mut bytes = Vec::with_capacity(HEAD_BYTES + self.said.len());
        bytes.push(FORM);
        bytes.push(match self.presence {
            Presence::Up => 1,
            Presence::Gone => 2,
        });
        bytes.push(self.speaks);
        // No writing has the number 0.
        bytes.put_u64(self.life.map_or(0, |life| life.0));
        bytes.put_u64(self.place);
        bytes.put_u64(self.position.0);
        bytes.put_slice(&self.said);
        bytes.into()
    }

    /// The value in bytes; none where they are no such.
    pub(crate) fn read(bytes: &Bytes) -> Option<Self> {
        if bytes.len() > HEAD_BYTES + MAX_SAID_BYTES {
            return None;
        }
        let presence = match bytes.get(..2)? {
            [FORM, 1] => Presence::Up,
            [FORM, 2] => Presence::Gone,
            _ => return None,
        };
        let (life, place) = (number(bytes, 3)?, number(bytes, 11)?);
        Some(Self {
            presence,
            life: (life != 0).then_some(Revision(life)),
            place,
            speaks: bytes[2],
            position: Position(number(bytes, 19)?),
            said: bytes.slice(HEAD_BYTES..),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_value_of_a_node_is_what_it_was() {
        for presence in [Presence::Up, Presence::Gone] {
            for life in [None, Some(Revision(9))] {
                let value = NodeValue {
                    presence,
                    life,
                    place: 5,
                    speaks: 1,
                    position: Position(77),
                    said: Bytes::from_static(b"x"),
                };
                assert_eq!(NodeValue::read(&value.write()), Some(value));
            }
        }
    }

    #[test]
    fn a_value_that_is_too_long_is_none() {
        for (said, is_value) in [(MAX_SAID_BYTES, true), (MAX_SAID_BYTES + 1, false)] {
            let said = Bytes::from(vec![b'x'; said]);
            let (presence, position) = (Presence::Up, Position(1));
            let value = NodeValue { presence, life: None, place: 5, speaks: 1, position, said };
            assert_eq!(NodeValue::read(&value.write()).is_some(), is_value);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_in_the_table_do_no_harm(mut bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = NodeValue::read(&bytes.clone().into());
            if let Some(first) = bytes.first_mut() {
                *first = FORM;
            }
            let _ = NodeValue::read(&bytes.into());
        }
    }
}
