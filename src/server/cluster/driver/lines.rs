//! The lines of a record, as this version understands them.

use log::debug;

use crate::cluster::engine::Revision;
use crate::cluster::record::{DecodeError, Record, Unknown};
use crate::cluster::told::{Happens, Line, Ticket};
use crate::logging::event;

/// A line of a record, as it was understood.
pub(super) struct Decoded {
    pub(super) life: Revision,
    pub(super) record: Record,
    pub(super) ticket: Option<Ticket>,
}

/// Reads all lines of a record, without those that are none, of which it counts the record.
///
/// # Errors
/// One of them is not known.
pub(super) fn read(happens: Option<Happens>, unread: &mut u64) -> Result<Vec<Decoded>, Unknown> {
    let Some(Happens { lines, life, .. }) = happens else { return Ok(Vec::new()) };
    let count = lines.len();
    let mut all = Vec::with_capacity(count);
    for Line { bytes, ticket } in lines {
        match Record::decode(&bytes) {
            Ok(record) => all.push(Decoded { life, record, ticket }),
            Err(DecodeError::NoRecord(why)) => {
                debug!(event = event::CLUSTER; "something in the log is no record: {why}");
            }
            Err(DecodeError::Unknown(why)) => return Err(why),
        }
    }
    *unread += u64::from(all.len() < count);
    Ok(all)
}
