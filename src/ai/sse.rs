//! Server-sent events out of bytes that are cut anywhere (WHATWG HTML, section 9.2.6).

/// Most bytes of one event: Gemini's are a few kilobytes.
pub const MAX_EVENT_BYTES: usize = 1024 * 1024;

/// An event over [`MAX_EVENT_BYTES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event of the stream is too large")]
pub struct EventTooLarge;

/// Collects bytes into the data of events. Fields other than `data` do not matter here.
#[derive(Debug, Default)]
pub struct SseDecoder {
    line: Vec<u8>,
    data: Vec<u8>,
    after_cr: bool,
    /// Whether the first line is over, which alone may begin with a byte order mark.
    begun: bool,
}

impl SseDecoder {
    /// Takes the next bytes and gives the data of every event that ends in them.
    ///
    /// # Errors
    /// [`EventTooLarge`]; the stream is of no use then.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Vec<String>, EventTooLarge> {
        let mut events = Vec::new();
        for &byte in bytes {
            let after_cr = std::mem::replace(&mut self.after_cr, byte == b'\r');
            match byte {
                b'\n' if after_cr => {}
                b'\n' | b'\r' => events.extend(self.end_line()),
                _ if self.line.len() + self.data.len() >= MAX_EVENT_BYTES => {
                    return Err(EventTooLarge);
                }
                _ => self.line.push(byte),
            }
        }
        Ok(events)
    }

    /// The stream ended well: the data of a last event that no blank line follows.
    pub fn finish(mut self) -> Option<String> {
        if !self.line.is_empty() {
            self.end_line();
        }
        self.dispatch()
    }

    fn end_line(&mut self) -> Option<String> {
        let line = std::mem::take(&mut self.line);
        let first = !std::mem::replace(&mut self.begun, true);
        let mark = line.strip_prefix("\u{feff}".as_bytes()).filter(|_| first);
        let line = mark.unwrap_or(&line);
        if line.is_empty() {
            return self.dispatch();
        }
        if let Some(value) = line.strip_prefix(b"data:") {
            self.data.extend_from_slice(value.strip_prefix(b" ").unwrap_or(value));
            self.data.push(b'\n');
        }
        None
    }

    fn dispatch(&mut self) -> Option<String> {
        let data = std::mem::take(&mut self.data);
        let data = data.strip_suffix(b"\n").unwrap_or(&data);
        // Servers keep a stream alive with events that say nothing.
        let says = data.iter().any(|b| !b.is_ascii_whitespace());
        says.then(|| String::from_utf8_lossy(data).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(chunks: &[&[u8]]) -> Vec<String> {
        let mut decoder = SseDecoder::default();
        let mut events: Vec<_> =
            chunks.iter().flat_map(|c| decoder.feed(c).expect("small")).collect();
        events.extend(decoder.finish());
        events
    }

    #[test]
    fn events_are_data_up_to_a_blank_line() {
        let cases: [(&str, &[&str]); 9] = [
            ("data: {\"a\":1}\n\ndata: b\n\n", &["{\"a\":1}", "b"]),
            ("data: a\r\n\r\ndata:b\r\n\r\n", &["a", "b"]),
            ("data: a\r\rdata: b\r\r", &["a", "b"]),
            ("data: one\ndata: two\n\n", &["one\ntwo"]),
            (": comment\nevent: x\nid: 7\ndata: a\n\n\n\n", &["a"]),
            ("data: not ended", &["not ended"]),
            ("data:\n\ndata: \n\ndata: a\n\n", &["a"]),
            ("\u{feff}data: a\n\n\u{feff}data: b\n\n", &["a"]),
            ("\u{feff}\n\u{feff}data: b\n\n", &[]),
        ];
        for (stream, want) in cases {
            assert_eq!(decode(&[stream.as_bytes()]), want, "{stream:?}");
        }
    }

    #[test]
    fn an_endless_event_is_refused() {
        let mut decoder = SseDecoder::default();
        let chunk = vec![b'x'; MAX_EVENT_BYTES];
        assert_eq!(decoder.feed(&chunk), Ok(vec![]));
        assert_eq!(decoder.feed(b"x"), Err(EventTooLarge));
    }

    proptest! {
        #[test]
        fn cuts_change_nothing(cuts in prop::collection::vec(0usize..60, 0..6)) {
            let stream = "data: {\"t\":\"grüße 日本\"}\r\n\r\ndata: a\ndata: b\n\n".as_bytes();
            let mut cuts: Vec<_> = cuts.into_iter().map(|c| c.min(stream.len())).collect();
            cuts.extend([0, stream.len()]);
            cuts.sort_unstable();
            let chunks: Vec<_> = cuts.windows(2).map(|w| &stream[w[0]..w[1]]).collect();
            prop_assert_eq!(decode(&chunks), decode(&[stream]));
        }

        #[test]
        fn any_bytes_decode_to_something(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            decode(&[&bytes]);
        }
    }
}
