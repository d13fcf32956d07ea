//! From when until when a certificate is valid.

use std::path::Path;

use jiff::Timestamp;
use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::error::ErrorStack;
use openssl::x509::X509Ref;

use crate::chat::history::UnixMillis;

/// The time in which clients take a certificate (RFC 5280, 4.1.2.5). Both ends are part of it.
///
/// It is of the server's own certificate alone: a chain may hold an authority's that is long over, for old
/// clients, and be good nevertheless.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// Its beginning.
    pub from: Timestamp,
    /// Its end.
    pub until: Timestamp,
}

impl Validity {
    /// That of a certificate.
    ///
    /// # Errors
    /// What stands there is no time.
    pub fn of(cert: &X509Ref) -> Result<Self, ErrorStack> {
        Ok(Self { from: instant(cert.not_before())?, until: instant(cert.not_after())? })
    }

    /// What is wrong with the certificate of this file at an instant, and the remedy; none where it is valid.
    pub fn warning(&self, file: &Path, now: UnixMillis) -> Option<String> {
        let (now, file) = (timestamp(now), file.display());
        if now > self.until {
            return Some(format!(
                "{file}: the certificate expired on {}: clients that check it refuse it. Renew it and \
                 reload, or make one with: lobbyd gen-cert --force",
                self.until
            ));
        }
        (now < self.from).then(|| {
            format!(
                "{file}: the certificate is not valid before {}: clients that check it refuse it until \
                 then. Set the clock right, or put one that is valid in its place and reload",
                self.from
            )
        })
    }
}

/// An instant as jiff has it. One after the year 9999 is that of its end.
fn timestamp(at: UnixMillis) -> Timestamp {
    i64::try_from(at.0)
        .ok()
        .and_then(|at| Timestamp::from_millisecond(at).ok())
        .unwrap_or(Timestamp::MAX)
}

fn instant(at: &Asn1TimeRef) -> Result<Timestamp, ErrorStack> {
    let since = Asn1Time::from_unix(0)?.diff(at)?;
    let secs = i64::from(since.days) * 24 * 60 * 60 + i64::from(since.secs);
    // The years that X.509 can write are those that jiff knows.
    Ok(Timestamp::from_second(secs).unwrap_or(Timestamp::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dates_of_a_certificate_are_read_to_the_second() {
        for (x509, want) in [
            ("19700101000000Z", "1970-01-01T00:00:00Z"),
            ("19500101000001Z", "1950-01-01T00:00:01Z"),
            ("20261126055753Z", "2026-11-26T05:57:53Z"),
            ("20491231235959Z", "2049-12-31T23:59:59Z"),
            ("20500101000000Z", "2050-01-01T00:00:00Z"),
            // "No well-defined expiration date" (RFC 5280, 4.1.2.5).
            ("99991231235959Z", "9999-12-31T23:59:59Z"),
        ] {
            let at = Asn1Time::from_str_x509(x509).unwrap();
            let got = instant(&at).unwrap();
            let want: Timestamp = want.parse().unwrap_or(Timestamp::MAX);
            assert_eq!(got, want, "{x509}");
        }
    }

    #[test]
    fn a_certificate_is_warned_of_before_and_after_its_time_alone() {
        let validity = Validity {
            from: "2026-01-01T00:00:00Z".parse().unwrap(),
            until: "2026-12-31T23:59:59Z".parse().unwrap(),
        };
        for (now, want) in [
            (
                "2025-12-31T23:59:59Z",
                Some("c.crt: the certificate is not valid before 2026-01-01T00:00:00Z: "),
            ),
            ("2026-01-01T00:00:00Z", None),
            ("2026-12-31T23:59:59Z", None),
            (
                "2027-01-01T00:00:00Z",
                Some("c.crt: the certificate expired on 2026-12-31T23:59:59Z: "),
            ),
        ] {
            let at: Timestamp = now.parse().unwrap();
            let at = UnixMillis(u64::try_from(at.as_millisecond()).unwrap());
            let told = validity.warning(Path::new("c.crt"), at);
            match want {
                None => assert_eq!(told, None, "{now}"),
                Some(want) => {
                    let told = told.unwrap();
                    assert!(told.starts_with(want) && told.contains("reload"), "{now}: {told}");
                }
            }
        }
    }
}
