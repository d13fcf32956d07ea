//! The heads of HTTP/1 responses, read along before the HTTP client sees them.
//!
//! The client takes an interim response (RFC 9110, section 15.2) for the final one, and of HTTP/1.1 a body without a
//! length for none, where it ends with the connection (RFC 9112, section 6.3). So interim heads are dropped here, and
//! a final one that says no length goes on as of HTTP/1.0, whose bodies the client reads to the end.

/// Most bytes of a head; of one that is longer the client is to make what it can.
pub const MAX_HEAD_BYTES: usize = 64 * 1024;

/// The version that a head is told to be of where its body ends with the connection.
const UNTIL_CLOSE: &[u8] = b"HTTP/1.0";

/// Reads the responses of a connection along, cut anywhere.
#[derive(Debug, Default)]
pub struct Heads {
    /// What has come of a head; nothing in a body.
    head: Vec<u8>,
    /// Where its last line begins, in `head`.
    line: usize,
    /// Whether the head of the response is over.
    in_body: bool,
}

impl Heads {
    /// A request goes out: what comes then is the head of a response.
    pub fn asked(&mut self) {
        if self.in_body {
            *self = Self::default();
        }
    }

    /// Takes bytes that came, and adds to `out` what the client is to read.
    pub fn read(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) {
        while !bytes.is_empty() && !self.in_body {
            let end = bytes.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
            let (now, later) = bytes.split_at(end.unwrap_or(bytes.len()));
            self.head.extend_from_slice(now);
            bytes = later;
            if end.is_some() {
                self.end_line(out);
            }
            if self.head.len() > MAX_HEAD_BYTES {
                self.pass(out);
            }
        }
        out.extend_from_slice(bytes);
    }

    /// The connection has ended: what it has left, if it ended in a head.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if !self.head.is_empty() {
            self.pass(out);
        }
    }

    fn end_line(&mut self, out: &mut Vec<u8>) {
        let is_blank = matches!(&self.head[self.line..], b"\n" | b"\r\n");
        let line = std::mem::replace(&mut self.line, self.head.len());
        if !is_blank {
            return;
        }
        // Blank lines before a head are none of it.
        if line == 0 || is_interim(&self.head) {
            self.head.clear();
            self.line = 0;
            return;
        }
        if ends_with_connection(&self.head) {
            self.head[..UNTIL_CLOSE.len()].copy_from_slice(UNTIL_CLOSE);
        }
        self.pass(out);
    }

    fn pass(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.head);
        self.in_body = true;
    }
}

/// The status of a head of HTTP/1.1.
fn status(head: &[u8]) -> Option<u16> {
    let rest = head.strip_prefix(b"HTTP/1.1 ")?;
    std::str::from_utf8(rest.get(..3)?).ok()?.parse().ok()
}

/// Whether the final response is still to come. After a change of protocols there is none.
fn is_interim(head: &[u8]) -> bool {
    let interim =
        |head: &[u8]| status(head).is_some_and(|status| matches!(status, 100 | 102..=199));
    // Servers of HTTP/1.0 should send none; some gateways do.
    match head.strip_prefix(UNTIL_CLOSE) {
        Some(rest) => interim(&[b"HTTP/1.1", rest].concat()),
        None => interim(head),
    }
}

/// Whether a body follows this head that goes on until the connection ends.
fn ends_with_connection(head: &[u8]) -> bool {
    let has_body = status(head).is_some_and(|status| !matches!(status, 101 | 204 | 304));
    has_body && !head.split(|byte| *byte == b'\n').skip(1).any(says_length)
}

/// Whether a line of a head says where the body ends. `identity` says nothing (RFC 2616, section 3.6).
fn says_length(line: &[u8]) -> bool {
    let Some(colon) = line.iter().position(|byte| *byte == b':') else { return false };
    let (name, value) = (line[..colon].trim_ascii(), line[colon + 1..].trim_ascii());
    name.eq_ignore_ascii_case(b"content-length")
        || name.eq_ignore_ascii_case(b"transfer-encoding")
            && !value.eq_ignore_ascii_case(b"identity")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(chunks: &[&[u8]]) -> String {
        let (mut heads, mut out) = (Heads::default(), Vec::new());
        for chunk in chunks {
            heads.read(chunk, &mut out);
        }
        heads.finish(&mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

    #[test]
    fn interim_heads_are_dropped_and_bodies_without_a_length_end_with_the_connection() {
        let cases = [
            (format!("{CHUNKED}2\r\nhi"), format!("{CHUNKED}2\r\nhi")),
            (format!("HTTP/1.1 100 Continue\r\n\r\n{CHUNKED}x"), format!("{CHUNKED}x")),
            (
                format!("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 100\n\n{CHUNKED}"),
                CHUNKED.to_owned(),
            ),
            (format!("HTTP/1.0 100 Continue\r\n\r\n{CHUNKED}"), CHUNKED.to_owned()),
            (format!("\r\n\n{CHUNKED}"), CHUNKED.to_owned()),
            (
                "HTTP/1.1 200 OK\r\nA: b\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n".to_owned(),
                "HTTP/1.0 200 OK\r\nA: b\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n".to_owned(),
            ),
            (
                "HTTP/1.1 500 Oops\r\nConnection: keep-alive\r\n\r\nbody".to_owned(),
                "HTTP/1.0 500 Oops\r\nConnection: keep-alive\r\n\r\nbody".to_owned(),
            ),
            (
                "HTTP/1.1 200\r\ntransfer-encoding : identity\r\n\r\nb".to_owned(),
                "HTTP/1.0 200\r\ntransfer-encoding : identity\r\n\r\nb".to_owned(),
            ),
            ("HTTP/1.1 200 OK\ncontent-LENGTH :3\n\nabc".to_owned(), String::new()),
            ("HTTP/1.0 200 OK\r\n\r\nabc".to_owned(), String::new()),
            ("HTTP/1.1 204 None\r\n\r\n".to_owned(), String::new()),
            ("HTTP/1.1 304 Same\r\n\r\n".to_owned(), String::new()),
            ("HTTP/1.1 101 Other\r\n\r\nHTTP/1.1 100 x\r\n\r\n".to_owned(), String::new()),
            ("HTTP/1.1 20".to_owned(), String::new()),
            ("nonsense\r\n\r\nHTTP/1.1 100 x\r\n\r\n".to_owned(), String::new()),
        ];
        for (stream, want) in cases {
            let want = if want.is_empty() { stream.clone() } else { want };
            for cut in 0..=stream.len() {
                let (a, b) = stream.as_bytes().split_at(cut);
                assert_eq!(read(&[a, b]), want, "{stream:?} cut at {cut}");
            }
            let single: Vec<_> = stream.as_bytes().chunks(1).collect();
            assert_eq!(read(&single), want, "{stream:?} byte by byte");
        }
    }

    #[test]
    fn a_request_begins_with_a_head_again_and_none_that_goes_on_is_disturbed() {
        let (mut heads, mut out) = (Heads::default(), Vec::new());
        heads.read(CHUNKED.as_bytes(), &mut out);
        heads.read(b"HTTP/1.1 100 of the body\r\n\r\n", &mut out);
        let body = out.split_off(CHUNKED.len());
        assert_eq!(body, b"HTTP/1.1 100 of the body\r\n\r\n");
        heads.asked();
        out.clear();
        heads.read(b"HTTP/1.1 100 x\r\n", &mut out);
        heads.asked();
        heads.read(b"\r\nHTTP/1.1 204 y\r\n\r\n", &mut out);
        assert_eq!(out, b"HTTP/1.1 204 y\r\n\r\n");
    }

    #[test]
    fn a_head_that_goes_on_for_ever_is_passed_on() {
        let long = format!("HTTP/1.1 200 OK\r\nX: {}", "y".repeat(2 * MAX_HEAD_BYTES));
        let (mut heads, mut out) = (Heads::default(), Vec::new());
        for chunk in long.as_bytes().chunks(999) {
            heads.read(chunk, &mut out);
            assert!(heads.head.len() <= MAX_HEAD_BYTES + 999);
        }
        assert_eq!(out, long.as_bytes());
    }

    proptest! {
        #[test]
        fn bytes_of_any_kind_are_read_the_same_wherever_they_are_cut(
            parts in prop::collection::vec(
                prop::sample::select(vec![
                    "HTTP/1.1 ", "HTTP/1.0 ", "100", "200", "204", " OK", "\r\n", "\n", "\r", "\r\n\r\n",
                    "Content-Length: 1", "Transfer-Encoding:", "identity", "chunked", ":", "x",
                ]),
                0..30,
            ),
            cut in 0_usize..300,
        ) {
            let stream = parts.concat();
            let (a, b) = stream.as_bytes().split_at(cut.min(stream.len()));
            let whole = read(&[stream.as_bytes()]);
            prop_assert_eq!(read(&[a, b]), whole.clone());
            prop_assert!(whole.len() <= stream.len());
        }
    }
}
