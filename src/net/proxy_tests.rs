use std::io::Write;
use std::net::SocketAddr;

use proptest::prelude::*;
use proxy_header::{ProxiedAddress, Tlv};

use super::*;

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// What comes of bytes that arrive in pieces of this length, and how many of them were taken.
fn read_in(pieces: usize, bytes: &[u8]) -> (usize, Result<Option<Sender>, HeaderError>) {
    let (mut header, mut taken) = (HeaderReader::default(), 0);
    for piece in bytes.chunks(pieces) {
        match header.take(piece) {
            Ok((count, Some(sender))) => return (taken + count, Ok(Some(sender))),
            Ok((count, None)) => taken += count,
            Err(error) => return (taken, Err(error)),
        }
    }
    (taken, Ok(None))
}

fn read(bytes: &[u8]) -> Result<Option<Sender>, HeaderError> {
    read_in(usize::MAX, bytes).1
}

/// A header of version 2 with this command, family and rest.
fn block(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [V2_START, &[command, family], &length, rest].concat()
}

const V4: &[u8] = &[192, 0, 2, 7, 10, 0, 0, 1, 0x10, 0x92, 0x1f, 0x90];

fn headers() -> Vec<(Vec<u8>, Sender)> {
    let client = |text| Sender::Client(addr(text));
    let v6 = [&[0x20, 1, 0xd, 0xb8], &[0; 11][..], &[9], &[0; 16], &[0x10, 0x92, 0x1f, 0x90]];
    let uppercase = b"PROXY TCP6 2001:DB8::9 ::1 4242 8080\r\n";
    let longest = format!("PROXY UNKNOWN {}\r\n", "f".repeat(MAX_V1_BYTES - 16));
    let unix = [0; 216];
    let noop = |bytes: usize| {
        let length = u16::try_from(bytes).unwrap().to_be_bytes();
        [V4, &[4], &length, &vec![0; bytes]].concat()
    };
    let filled = MAX_V2_BYTES - V2_FIXED_BYTES - V4.len() - 3;
    vec![
        (b"PROXY TCP4 192.0.2.7 10.0.0.1 4242 8080\r\n".to_vec(), client("192.0.2.7:4242")),
        (
            b"PROXY TCP4 255.255.255.255 0.0.0.0 65535 0\r\n".to_vec(),
            client("255.255.255.255:65535"),
        ),
        (uppercase.to_vec(), client("[2001:db8::9]:4242")),
        (b"PROXY TCP6 ::ffff:192.0.2.7 ::1 1 2\r\n".to_vec(), client("[::ffff:192.0.2.7]:1")),
        (b"PROXY UNKNOWN\r\n".to_vec(), Sender::Untold),
        (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n".to_vec(), Sender::Untold),
        (longest.into_bytes(), Sender::Untold),
        (block(V2_PROXY, 0x11, V4), client("192.0.2.7:4242")),
        (block(V2_PROXY, 0x21, &v6.concat()), client("[2001:db8::9]:4242")),
        (block(V2_PROXY, 0x11, &noop(filled)), client("192.0.2.7:4242")),
        (block(V2_PROXY, 0x00, b""), Sender::Untold),
        (block(V2_PROXY, 0x00, b"whatever"), Sender::Untold),
        (block(V2_PROXY, 0x31, &unix), Sender::Untold),
        (block(V2_LOCAL, 0x00, b""), Sender::Proxy),
        (block(V2_LOCAL, 0x11, V4), Sender::Proxy),
        (block(V2_LOCAL, 0x11, b"cut"), Sender::Proxy),
        (block(V2_LOCAL, 0xff, b""), Sender::Proxy),
    ]
}

#[test]
fn a_header_is_read_wherever_it_is_cut_and_nothing_after_it() {
    for (header, sender) in headers() {
        let length = header.len();
        let text = String::from_utf8_lossy(&header).into_owned();
        for rest in [&b""[..], b"alice\nhello\n", b"\r\n", b"\x16\x03\x01\x02\0\x01"] {
            let bytes = [&header, rest].concat();
            assert_eq!(read_in(usize::MAX, &bytes), (length, Ok(Some(sender))), "{text}");
            assert_eq!(read_in(1, &bytes), (length, Ok(Some(sender))), "{text}");
            for cut in 1..length.min(300) {
                let mut reader = HeaderReader::default();
                assert_eq!(reader.take(&bytes[..cut]), Ok((cut, None)), "{text} cut at {cut}");
                let left = reader.take(&bytes[cut..]);
                assert_eq!(left, Ok((length - cut, Some(sender))), "{text} cut at {cut}");
            }
        }
    }
}

#[test]
fn what_is_no_header_is_refused_at_the_first_byte_that_shows_it() {
    for (bytes, shows_at) in [
        (&b"alice\n"[..], 1),
        (b"\x16\x03\x01\x02\0\x01\0", 1),
        (b"GET / HTTP/1.1\r\n", 1),
        (b"PROXX TCP4", 5),
        (b"PROXYTCP4", 6),
        (b"proxy TCP4", 1),
        (b"\r\nalice\r\n", 3),
        (b"\r\n\r\n\0\r\nQUIT\r", 12),
    ] {
        let text = String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(read(&bytes[..shows_at - 1]), Ok(None), "{text}");
        assert_eq!(read(&bytes[..shows_at]), Err(HeaderError::Missing), "{text}");
    }
}

#[test]
fn a_line_that_is_not_as_it_should_be_is_broken() {
    for line in [
        "PROXY \r\n",
        "PROXY TCP4\r\n",
        "PROXY TCP4 192.0.2.7 10.0.0.1 4242\r\n",
        "PROXY TCP4 192.0.2.7 10.0.0.1 4242 8080\n",
        "PROXY TCP4 192.0.2.7 10.0.0.1 4242 8080 \r\n",
        "PROXY TCP4 192.0.2.7 10.0.0.1 4242 8080\r\r\n",
        "PROXY TCP4  192.0.2.7 10.0.0.1 4242 8080\r\n",
        "PROXY TCP4 192.0.2.7 10.0.0.1 +4242 8080\r\n",
        "PROXY TCP4 192.0.2.7 10.0.0.1 65536 8080\r\n",
        "PROXY TCP4 192.0.2.256 10.0.0.1 4242 8080\r\n",
        "PROXY TCP4 2001:db8::9 ::1 4242 8080\r\n",
        "PROXY TCP6 192.0.2.7 10.0.0.1 4242 8080\r\n",
        "PROXY UDP4 192.0.2.7 10.0.0.1 4242 8080\r\n",
        "PROXY tcp4 192.0.2.7 10.0.0.1 4242 8080\r\n",
        "PROXY UNKNOWN\n",
        "PROXY UNKNOWNS\r\n",
        "PROXY UNKNOWN\r\r\n",
        "PROXY UNKNOWN \ralice\r\n",
        "PROXY \n",
    ] {
        assert_eq!(read(line.as_bytes()), Err(HeaderError::Broken), "{line:?}");
    }
}

#[test]
fn a_block_that_is_not_as_it_should_be_is_broken() {
    let with = |additions: &[u8]| block(V2_PROXY, 0x11, &[V4, additions].concat());
    for (what, bytes) in [
        ("version 1 in the form of 2", block(0x11, 0x11, V4)),
        ("an unknown command", block(0x22, 0x11, V4)),
        ("an unknown family", block(V2_PROXY, 0x41, V4)),
        ("a stream of no family", block(V2_PROXY, 0x01, V4)),
        ("neither stream nor datagram", block(V2_PROXY, 0x13, V4)),
        ("a datagram", block(V2_PROXY, 0x12, V4)),
        ("too short for its addresses", block(V2_PROXY, 0x11, &V4[1..])),
        ("IPv4 as IPv6", block(V2_PROXY, 0x21, V4)),
        ("a Unix address cut short", block(V2_PROXY, 0x31, &[0; 215])),
        ("an addition without a length", with(&[4, 0])),
        ("an addition that is cut short", with(&[4, 0, 2, 0])),
        ("a checksum of three bytes", with(&[CRC32C_KIND, 0, 3, 0, 0, 0])),
    ] {
        assert_eq!(read(&bytes), Err(HeaderError::Broken), "{what}");
    }
    let command = [V2_START, &[0x22]].concat();
    assert_eq!(read(&command), Err(HeaderError::Broken), "as soon as that is there");
}

#[test]
fn no_more_is_read_of_a_header_than_it_may_have() {
    let line = [b"PROXY UNKNOWN ".as_slice(), &[b'f'; 200]].concat();
    assert_eq!(read(&line[..MAX_V1_BYTES - 1]), Ok(None));
    assert_eq!(read(&line[..MAX_V1_BYTES]), Err(HeaderError::TooLong));
    let block = |bytes: usize| {
        let length = u16::try_from(bytes - V2_FIXED_BYTES).unwrap().to_be_bytes();
        [V2_START, &[V2_PROXY, 0x11], &length].concat()
    };
    assert_eq!(read(&block(MAX_V2_BYTES)), Ok(None));
    assert_eq!(read(&block(MAX_V2_BYTES + 1)), Err(HeaderError::TooLong), "before it has come");
}

/// A header of version 2 as the crate writes it, with a name and a checksum, which is right.
fn checked_header() -> Vec<u8> {
    let proxied = ProxiedAddress::stream(addr("192.0.2.7:4242"), addr("10.0.0.1:8080"));
    let written = |sum| {
        let tlvs = [Tlv::Crc32c(sum), Tlv::Authority("chat.example.org".into())];
        let mut bytes = Vec::new();
        ProxyHeader::with_tlvs(Some(proxied.clone()), tlvs).encode_v2(&mut bytes).unwrap();
        bytes
    };
    written(crc32c(written(0).into_iter()))
}

#[test]
fn a_checksum_that_is_wrong_is_noticed_wherever_a_bit_is() {
    assert_eq!(crc32c(b"123456789".iter().copied()), 0xe306_9283, "RFC 3720's polynomial");
    let good = checked_header();
    let sender = Sender::Client(addr("192.0.2.7:4242"));
    assert_eq!(read(&good), Ok(Some(sender)));
    for at in V2_FIXED_BYTES..good.len() {
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            // Without the kind of the checksum there is none.
            let has_checksum = at != V2_FIXED_BYTES + V4.len();
            assert_eq!(read(&bad).is_err(), has_checksum, "byte {at}, bit {bit}");
        }
    }
}

#[tokio::test]
async fn a_connection_is_read_to_the_end_of_the_header_and_no_further() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    for (header, sender) in headers() {
        let mut client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        client.write_all(&[&header, &b"alice\n"[..]].concat()).unwrap();
        assert_eq!(read_header(&stream).await.unwrap(), sender);
        let mut rest = [0; 64];
        let there = stream.peek(&mut rest).await.unwrap();
        assert_eq!(&rest[..there], b"alice\n");
    }
}

#[tokio::test]
async fn a_connection_that_ends_within_its_header_says_nothing() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    for cut in [0, 1, 20] {
        let mut client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        client.write_all(&b"PROXY TCP4 192.0.2.7 10.0.0.1 4242 8080\r\n"[..cut]).unwrap();
        drop(client);
        assert!(matches!(read_header(&stream).await, Err(ReadError::Ended)), "{cut}");
    }
}

fn any_addresses() -> impl Strategy<Value = (SocketAddr, SocketAddr)> {
    let v4 = any::<([u8; 4], [u8; 4], u16, u16)>()
        .prop_map(|(a, b, p, q)| (SocketAddr::from((a, p)), SocketAddr::from((b, q))));
    let v6 = any::<([u8; 16], [u8; 16], u16, u16)>()
        .prop_map(|(a, b, p, q)| (SocketAddr::from((a, p)), SocketAddr::from((b, q))));
    prop_oneof![v4, v6]
}

proptest! {
    #[test]
    fn every_address_that_a_proxy_writes_is_read_in_both_versions(
        (source, destination) in any_addresses(), pieces in 1_usize..64,
    ) {
        let header = ProxyHeader::with_address(ProxiedAddress::stream(source, destination));
        let (mut line, mut block) = (Vec::new(), Vec::new());
        header.encode_v1(&mut line).unwrap();
        header.encode_v2(&mut block).unwrap();
        for bytes in [line, block] {
            let length = bytes.len();
            let bytes = [bytes, b"alice\n".to_vec()].concat();
            prop_assert_eq!(read_in(pieces, &bytes), (length, Ok(Some(Sender::Client(source)))));
        }
    }

    #[test]
    fn a_header_with_a_byte_changed_is_never_read_over_its_end(
        which in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let all = headers();
        let (mut header, _) = all[which.index(all.len())].clone();
        let at = at.index(header.len());
        header[at] = byte;
        let bytes = [&header[..], b"alice\r\nPROXY UNKNOWN\r\n"].concat();
        let (whole, single) = (read_in(usize::MAX, &bytes), read_in(1, &bytes));
        prop_assert_eq!(whole.1, single.1);
        prop_assert!(whole.0 <= MAX_V2_BYTES);
    }
}
