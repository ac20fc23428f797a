//! A minimal forwarder on the runtime that firedrill uses: what the runtime costs without any art, and, with a delay,
//! what its timer is worth.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const BUFFER_BYTES: usize = 64 << 10;

/// Forwards until it is killed.
pub fn run(listen: SocketAddr, upstream: SocketAddr, delay: Duration) -> ! {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async move {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(listen).unwrap();
        let listener: TcpListener = socket.listen(4096).unwrap();
        loop {
            let Ok((client, _)) = listener.accept().await else { continue };
            tokio::spawn(forward(client, upstream, delay));
        }
    })
}

async fn forward(mut client: TcpStream, upstream: SocketAddr, delay: Duration) {
    let Ok(mut upstream) = TcpStream::connect(upstream).await else { return };
    let _ = (client.set_nodelay(true), upstream.set_nodelay(true));
    if delay.is_zero() {
        let _ = tokio::io::copy_bidirectional(&mut client, &mut upstream).await;
        return;
    }
    let (mut client_reads, mut client_writes) = client.into_split();
    let (mut upstream_reads, mut upstream_writes) = upstream.into_split();
    let request = async move {
        let _ = tokio::io::copy(&mut client_reads, &mut upstream_writes).await;
        let _ = upstream_writes.shutdown().await;
    };
    let response = async move {
        let mut buffer = vec![0; BUFFER_BYTES];
        while let Ok(got @ 1..) = upstream_reads.read(&mut buffer).await {
            tokio::time::sleep(delay).await;
            if client_writes.write_all(&buffer[..got]).await.is_err() {
                return;
            }
        }
    };
    tokio::join!(request, response);
}
