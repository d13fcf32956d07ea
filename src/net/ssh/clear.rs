//! What a client sends before its keys are exchanged, read along: how long it says that its packets are.
//!
//! The library takes the memory for a packet, up to 256 KiB, as soon as it has read its length. What a client without
//! keys has to say takes some kilobytes, so a longer packet is refused before anything is taken for it. Behind the
//! keys lengths are encrypted, as the rest is.

/// Most bytes of a packet before keys are exchanged. The longest known is the list of algorithms, of some 2 KiB;
/// a key of ML-KEM has 1.2.
pub const MAX_CLEAR_PACKET: u32 = 8 * 1024;

/// SSH_MSG_NEWKEYS (RFC 4253 §7.3): the last packet that is not encrypted.
const NEW_KEYS: u8 = 21;

/// Where the kind of a packet stands, behind its length (RFC 4253 §6): the length of the padding comes first.
const KIND_AT: u32 = 1;

/// Reads along.
#[derive(Debug, Default)]
pub struct Clear {
    place: Place,
}

/// Where the next byte stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    /// In the line that names the version.
    #[default]
    Version,
    /// In the length of a packet, of which so many bytes have come.
    Length { came: u8, length: u32 },
    /// In a packet of this length, behind so many bytes of it.
    Packet { came: u32, length: u32, last: bool },
    /// In what is encrypted.
    Sealed,
}

const BEFORE_PACKET: Place = Place::Length { came: 0, length: 0 };

/// A packet says that it is longer than [`MAX_CLEAR_PACKET`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a packet of {0} bytes before keys are exchanged")]
pub struct TooLong(pub u32);

impl Clear {
    /// Reads what has come.
    ///
    /// # Errors
    /// [`TooLong`], as soon as a length says so.
    pub fn read(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        for byte in bytes {
            self.place = match self.place {
                Place::Version if *byte == b'\n' => BEFORE_PACKET,
                Place::Version => Place::Version,
                Place::Length { came, length } => {
                    let length = length << 8 | u32::from(*byte);
                    match came {
                        0..3 => Place::Length { came: came + 1, length },
                        _ if length > MAX_CLEAR_PACKET => return Err(TooLong(length)),
                        // It has no kind, and is refused for that.
                        _ if length <= KIND_AT => BEFORE_PACKET,
                        _ => Place::Packet { came: 0, length, last: false },
                    }
                }
                Place::Packet { came, length, last } => {
                    let last = last || came == KIND_AT && *byte == NEW_KEYS;
                    match came + 1 {
                        came if came < length => Place::Packet { came, length, last },
                        _ if last => Place::Sealed,
                        _ => BEFORE_PACKET,
                    }
                }
                Place::Sealed => return Ok(()),
            };
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(kind: u8, length: u32) -> Vec<u8> {
        let mut packet = length.to_be_bytes().to_vec();
        packet.extend([4, kind]);
        packet.resize(4 + length as usize, 0xFF);
        packet
    }

    #[test]
    fn a_packet_is_refused_by_its_length_until_keys_are_exchanged() {
        let version = b"SSH-2.0-x\r\n".to_vec();
        let huge = 0x0003_FFFF_u32.to_be_bytes().to_vec();
        let refused = Err(TooLong(0x0003_FFFF));
        for (parts, want) in [
            (vec![version.clone()], Ok(())),
            (vec![version.clone(), huge.clone()], refused),
            (vec![version.clone(), packet(20, 1_500), huge.clone()], refused),
            (vec![version.clone(), packet(20, MAX_CLEAR_PACKET), packet(30, 40)], Ok(())),
            (
                vec![version.clone(), packet(20, MAX_CLEAR_PACKET + 1)],
                Err(TooLong(MAX_CLEAR_PACKET + 1)),
            ),
            // Whatever looks like the last one, elsewhere in a packet, is not that.
            (vec![version.clone(), packet(20, 21), packet(31, 12), huge.clone()], refused),
            (vec![version.clone(), packet(21, 12), huge.clone()], Ok(())),
            (vec![version.clone(), vec![0, 0, 0, 1], huge.clone()], refused),
            (vec![version, vec![0, 0, 0, 0], huge], refused),
        ] {
            let bytes = parts.concat();
            assert_eq!(Clear::default().read(&bytes), want);
            let mut single = Clear::default();
            let read = bytes.iter().try_for_each(|byte| single.read(&[*byte]));
            assert_eq!(read, want, "byte by byte");
        }
    }
}
