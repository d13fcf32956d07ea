use std::task::Waker;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::*;

async fn pair() -> (TlsSocket, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    (TlsSocket::new(server, Arc::default()), client)
}

async fn read(socket: &mut TlsSocket, count: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; count];
    let mut buf = ReadBuf::new(&mut bytes);
    std::future::poll_fn(|cx| Pin::new(&mut *socket).poll_read(cx, &mut buf)).await?;
    let filled = buf.filled().len();
    bytes.truncate(filled);
    Ok(bytes)
}

#[tokio::test]
async fn a_turn_has_its_share_of_reads_and_each_is_counted() {
    let (mut socket, mut client) = pair().await;
    let departed = socket.depart().unwrap();
    socket.arrive(TcpStream::from_std(departed).unwrap());
    client.write_all(&[7; READS_PER_TURN + 8]).await.unwrap();
    socket.begin_turn();
    for _ in 0..READS_PER_TURN {
        assert_eq!(read(&mut socket, 1).await.unwrap(), [7]);
    }
    let mut byte = [0];
    let mut cx = Context::from_waker(Waker::noop());
    let more = Pin::new(&mut socket).poll_read(&mut cx, &mut ReadBuf::new(&mut byte));
    assert!(more.is_pending(), "the rest waits for the next turn");
    assert_eq!(
        socket.take_count(READS_PER_TURN),
        READS_PER_TURN * (1 + READ_COST) + (READS_PER_TURN - 2) * TEXTLESS_COST
    );
    assert_eq!(socket.take_count(0), 0);
    socket.begin_turn();
    assert_eq!(read(&mut socket, 100).await.unwrap(), [7; 8]);
    assert_eq!(socket.take_count(8), 8 + READ_COST);
}

#[tokio::test]
async fn reads_without_text_cost_more_than_those_of_a_record() {
    let (mut socket, mut client) = pair().await;
    let departed = socket.depart().unwrap();
    socket.arrive(TcpStream::from_std(departed).unwrap());
    client.write_all(&[7; 7]).await.unwrap();
    socket.begin_turn();
    let mut count = async |text| {
        read(&mut socket, 1).await.unwrap();
        socket.take_count(text) - 1 - READ_COST
    };
    let mut counts = Vec::new();
    for text in [0, 9, 0, 0, 0, 9, 0] {
        counts.push(count(text).await);
    }
    assert_eq!(counts, [0, 0, 0, 0, TEXTLESS_COST, TEXTLESS_COST, 0]);
}

#[tokio::test]
async fn a_handshake_is_handed_on_in_whole_records() {
    let (mut socket, mut client) = pair().await;
    let hello = [&[22, 3, 1, 0, 9, 1, 0, 0, 5][..], b"hello"].concat();
    client.write_all(&hello[..hello.len() - 1]).await.unwrap();
    let mut some = [0; 5];
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..3 {
        tokio::task::yield_now().await;
        let early = Pin::new(&mut socket).poll_read(&mut cx, &mut ReadBuf::new(&mut some));
        assert!(early.is_pending());
    }
    client.write_all(&hello[hello.len() - 1..]).await.unwrap();
    assert_eq!(read(&mut socket, 5).await.unwrap(), &hello[..5]);
    assert_eq!(read(&mut socket, 100).await.unwrap(), &hello[5..]);
}

#[tokio::test]
async fn a_handshake_that_is_none_or_too_long_ends() {
    let record = |kind, version, length: usize| {
        let [high, low] = (length as u16).to_be_bytes();
        [&[kind, version, 3, high, low][..], &vec![0; length]].concat()
    };
    let bad = [
        (record(0x80, 3, 5), Unwelcome::NotTls),
        (record(22, 2, 5), Unwelcome::NotTls),
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), Unwelcome::NotTls),
        (record(22, 3, HANDSHAKE_BYTES), Unwelcome::TooLong),
        (record(20, 3, 1).repeat(HANDSHAKE_BYTES / 6 + 1), Unwelcome::TooLong),
    ];
    for (bytes, why) in bad {
        let (mut socket, mut client) = pair().await;
        client.write_all(&bytes).await.unwrap();
        let error = loop {
            if let Err(error) = read(&mut socket, 100).await {
                break error;
            }
        };
        assert_eq!(error.get_ref().unwrap().downcast_ref(), Some(&why));
    }
}
