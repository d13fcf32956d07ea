//! How values of the chat are written for other nodes, and read from what others have written.
//!
//! Most types derive that (`serde`). Those whose values have to be something are here: each is read
//! through the same door as what users type, so nothing is shown, stored or hashed that could not have
//! been typed.

use std::convert::Infallible;
use std::fmt::{self, Display};

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

use super::accounts::Fingerprint;
use super::bot::TokenHash;
use super::directory::IpKey;
use super::lobbies::LobbyId;
use super::name::{Name, NameError, NameKey};
use super::password::PasswordRecord;
use super::pictures::Picture;
use super::settings::Width;
use super::text::{Line, Text};

/// Why something that was written by another node is no value of ours. Tells nothing of what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// Lobbies are numbered from 1 on.
    #[error("no number of a lobby")]
    NoNumber,
    /// Not so many hexadecimal digits as there should be, or something else.
    #[error("not as many hexadecimal digits as there should be")]
    NotHex,
    /// No address, and no place of a connection without one.
    #[error("no address")]
    NoAddress,
    /// A width that nobody can have set.
    #[error("no width of a terminal")]
    NoWidth,
    /// Numbers that should rise and do not.
    #[error("numbers that do not rise")]
    NotRising,
}

/// Reads a text as what `read` makes of it.
fn read_text<'de, D, T, E>(
    deserializer: D,
    read: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    E: Display,
{
    struct Reader<F>(F);
    impl<T, E: Display, F: FnOnce(&str) -> Result<T, E>> Visitor<'_> for Reader<F> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text")
        }

        fn visit_str<X: de::Error>(self, text: &str) -> Result<T, X> {
            (self.0)(text).map_err(X::custom)
        }
    }
    deserializer.deserialize_str(Reader(read))
}

/// A type that is written as a text: what writes it, and what reads it.
macro_rules! as_text {
    ($($type:ty: $write:expr, $read:expr;)*) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                #[allow(clippy::redundant_closure_call)]
                serializer.serialize_str(($write)(self).as_ref())
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                read_text(deserializer, $read)
            }
        }
    )*};
}

as_text! {
    Name: Name::as_str, Name::parse;
    // All that is kept under a name is that of somebody who has had it.
    NameKey: NameKey::as_str, |text| Ok::<_, NameError>(Name::parse(text)?.key());
    Line: Line::as_str, |text| Ok::<_, Infallible>(Line::clean(text));
    Text: Text::as_str, |text| Ok::<_, Infallible>(Text::clean(text));
    PasswordRecord: PasswordRecord::as_phc, PasswordRecord::parse;
    // A picture that this version does not have is the default one, as it is of a stored one.
    Picture: |picture: &Picture| picture.key(), |text| Ok::<_, Infallible>(Picture::restore(text));
    IpKey: |ip: &IpKey| hex(&ip.to_bytes()), |text| {
        IpKey::from_bytes(&unhex::<{ IpKey::BYTES }>(text)?).ok_or(Misfit::NoAddress)
    };
    Fingerprint: |print: &Fingerprint| hex(&print.0), |text| unhex(text).map(Fingerprint);
    TokenHash: |hash: &TokenHash| hex(&hash.0), |text| unhex(text).map(TokenHash);
}

impl TryFrom<u32> for LobbyId {
    type Error = Misfit;

    fn try_from(number: u32) -> Result<Self, Misfit> {
        if number == 0 { Err(Misfit::NoNumber) } else { Ok(Self(number)) }
    }
}

impl TryFrom<u16> for Width {
    type Error = Misfit;

    fn try_from(columns: u16) -> Result<Self, Misfit> {
        Self::of(columns).ok_or(Misfit::NoWidth)
    }
}

impl From<Width> for u16 {
    fn from(width: Width) -> Self {
        width.get()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex<const N: usize>(text: &str) -> Result<[u8; N], Misfit> {
    let digits = text.as_bytes();
    let (pairs, rest) = digits.as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return Err(Misfit::NotHex);
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut bytes = [0; N];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high).zip(digit(*low)).map(|(h, l)| h << 4 | l).ok_or(Misfit::NotHex)?;
    }
    Ok(bytes)
}

/// A time in whole seconds, at most as many as the database holds.
pub(super) mod secs {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(time.as_secs())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        Ok(Duration::from_secs(u32::deserialize(from)?.into()))
    }
}

/// Numbers that rise, as the first and by how much each is more than the one before: those of messages
/// lie close together, and there may be many.
pub(super) mod rising {
    use std::sync::Arc;

    use serde::de::Error as _;
    use serde::ser::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Misfit;

    pub(crate) fn serialize<S: Serializer>(all: &[u64], to: S) -> Result<S::Ok, S::Error> {
        if !all.is_sorted_by(|one, next| one < next) {
            return Err(S::Error::custom(Misfit::NotRising));
        }
        let gaps = all.windows(2).map(|pair| pair[1] - pair[0]);
        to.collect_seq(all.first().copied().into_iter().chain(gaps))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<[u64]>, D::Error> {
        let mut numbers = Vec::<u64>::deserialize(from)?;
        for at in 1..numbers.len() {
            let next = numbers[at - 1].checked_add(numbers[at]);
            let next = next.filter(|next| *next > numbers[at - 1]);
            numbers[at] = next.ok_or_else(|| D::Error::custom(Misfit::NotRising))?;
        }
        Ok(numbers.into())
    }
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
