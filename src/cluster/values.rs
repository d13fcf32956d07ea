//! What stands in the two tables: who a node is and how far it has read, and who has a name.

use bytes::{BufMut, Bytes};

use super::engine::{Position, Revision};
use super::envelope::{node_name, number};
use super::told::{Holder, NameValue};
use crate::chat::accounts::AccountId;
use crate::chat::directory::ConnId;

/// The form of the values, their first byte.
const FORM: u8 = 1;

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
        let mut bytes = Vec::with_capacity(27 + self.said.len());
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
            said: bytes.slice(27..),
        })
    }
}

/// The bytes of a name's value.
pub(crate) fn write_name(value: &NameValue) -> Bytes {
    let node = value.holder.as_ref().map_or("", |holder| &*holder.node);
    let mut bytes = Vec::with_capacity(23 + node.len() + value.said.len());
    bytes.push(FORM);
    bytes.push(u8::from(value.account.is_some()));
    bytes.put_u32(value.account.map_or(0, |account| account.0));
    bytes.put_u64(value.holder.as_ref().map_or(0, |holder| holder.life.0));
    bytes.put_u64(value.holder.as_ref().map_or(0, |holder| holder.conn.0));
    // Names of nodes are bounded by this where they come from.
    bytes.push(u8::try_from(node.len()).unwrap_or(0));
    bytes.put_slice(node.as_bytes());
    bytes.put_slice(&value.said);
    bytes.into()
}

/// The value of a name in bytes; none where they are no such.
pub(crate) fn read_name(bytes: &Bytes) -> Option<NameValue> {
    let account = match bytes.get(..2)? {
        [FORM, 0] => None,
        [FORM, 1] => Some(AccountId(u32::from_be_bytes(bytes.get(2..6)?.try_into().ok()?))),
        _ => return None,
    };
    let (life, conn) = (number(bytes, 6)?, number(bytes, 14)?);
    let end = 23 + usize::from(*bytes.get(22)?);
    let holder = match life {
        0 => None,
        life => Some(Holder {
            node: node_name(bytes.get(23..end)?)?.into(),
            life: Revision(life),
            conn: ConnId(conn),
        }),
    };
    Some(NameValue { account, holder, said: (end <= bytes.len()).then(|| bytes.slice(end..))? })
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
    fn the_value_of_a_name_is_what_it_was() {
        let holder = || Holder { node: "n1".into(), life: Revision(4), conn: ConnId(u64::MAX) };
        for account in [None, Some(AccountId(0)), Some(AccountId(u32::MAX))] {
            for holder in [None, Some(holder())] {
                for said in ["", "ann"] {
                    let value = NameValue { account, holder: holder.clone(), said: said.into() };
                    let bytes = write_name(&value);
                    assert_eq!(read_name(&bytes), Some(value));
                    let head = bytes.len() - said.len();
                    assert!((0..head).all(|end| read_name(&bytes.slice(..end)).is_none()));
                }
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_in_a_table_do_no_harm(mut bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = (NodeValue::read(&bytes.clone().into()), read_name(&bytes.clone().into()));
            if let Some(first) = bytes.first_mut() {
                *first = FORM;
            }
            let _ = (NodeValue::read(&bytes.clone().into()), read_name(&bytes.into()));
        }
    }
}
