//! HTTP/2 through a route, and gRPC on it: streams, trailers, back-pressure, and faults on one stream among others.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use firedrill_proxy::control::wire::Protocol;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming};
use hyper::client::conn::http2::SendRequest;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::rig::{Rig, eventually, ms};

/// A body that is given frame by frame.
pub struct Frames(pub mpsc::Receiver<Frame<Bytes>>);

impl Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|frame| frame.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_closed() && self.0.is_empty()
    }
}

/// A body of which all is there.
pub fn whole(frames: impl IntoIterator<Item = Frame<Bytes>>) -> Frames {
    let frames = VecDeque::from_iter(frames);
    let (sender, body) = mpsc::channel(frames.len().max(1));
    frames.into_iter().for_each(|frame| sender.try_send(frame).unwrap());
    Frames(body)
}

pub fn data(bytes: impl Into<Bytes>) -> Frame<Bytes> {
    Frame::data(bytes.into())
}

fn trailers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
}

/// What the upstream has seen.
#[derive(Debug, Default)]
struct Seen {
    connections: AtomicU64,
    requests: AtomicU64,
    /// Bytes of request bodies that were read.
    read: AtomicU64,
    /// A request was given up by its client before it was answered.
    given_up: AtomicBool,
}

/// Sets a word when it is dropped before it is told not to.
struct Guard(Arc<Seen>, bool);

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.1 {
            self.0.given_up.store(true, Relaxed);
        }
    }
}

async fn answer(seen: Arc<Seen>, mut request: Request<Incoming>) -> Result<Response<Frames>, Infallible> {
    seen.requests.fetch_add(1, Relaxed);
    let path = request.uri().path().to_owned();
    let respond = |body| Ok(Response::builder().header("x-path", &path).body(body).unwrap());
    match path.as_str() {
        "/echo" => {
            let (sender, body) = mpsc::channel(1);
            tokio::spawn(async move {
                while let Some(Ok(frame)) = request.body_mut().frame().await {
                    seen.read.fetch_add(frame.data_ref().map_or(0, |data| data.len() as u64), Relaxed);
                    if sender.send(frame).await.is_err() {
                        return;
                    }
                }
            });
            respond(Frames(body))
        }
        "/never" => {
            let mut guard = Guard(Arc::clone(&seen), false);
            let _body = request.body_mut().collect().await;
            std::future::pending::<()>().await;
            guard.1 = true;
            respond(whole([]))
        }
        "/unread" => {
            let _kept = request;
            std::future::pending().await
        }
        "/big" => respond(whole((0..200).map(|_| data(vec![7; 10_000])))),
        "/trailers-only" => Ok(Response::builder()
            .header("content-type", "application/grpc")
            .header("grpc-status", "5")
            .header("grpc-message", "not here")
            .body(whole([]))
            .unwrap()),
        _ => {
            let said = format!("{:?} {} {:?}", request.version(), request.uri(), request.headers());
            respond(whole([data(said), Frame::trailers(trailers(&[("grpc-status", "0"), ("x-sum", "7")]))]))
        }
    }
}

/// A runtime for the two ends, and the upstream on it.
pub struct Ends {
    runtime: tokio::runtime::Runtime,
    upstream: SocketAddr,
    seen: Arc<Seen>,
}

impl Ends {
    pub fn new() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let seen = Arc::<Seen>::default();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let upstream = listener.local_addr().unwrap();
        let kept = Arc::clone(&seen);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                kept.connections.fetch_add(1, Relaxed);
                stream.set_nodelay(true).unwrap();
                let seen = Arc::clone(&kept);
                let service = hyper::service::service_fn(move |request| answer(Arc::clone(&seen), request));
                tokio::spawn(
                    hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        Self { runtime, upstream, seen }
    }

    /// A route to the upstream and a client of it.
    pub fn routed(&self, protocol: Protocol) -> (Rig, SendRequest<Frames>) {
        let (rig, at) = Rig::with_route(protocol, self.upstream);
        let client = self.client(at);
        (rig, client)
    }

    pub fn client(&self, at: SocketAddr) -> SendRequest<Frames> {
        self.runtime.block_on(async {
            let stream = TcpStream::connect(at).await.unwrap();
            stream.set_nodelay(true).unwrap();
            let (sender, connection) =
                hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
                    .await
                    .unwrap();
            tokio::spawn(connection);
            sender
        })
    }

    pub fn upstream_at(&self) -> SocketAddr {
        self.upstream
    }

    pub fn seen_requests(&self) -> u64 {
        self.seen.requests.load(Relaxed)
    }

    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(async { tokio::time::timeout(Duration::from_secs(20), future).await.unwrap() })
    }
}

pub fn request(path: &str, body: Frames) -> Request<Frames> {
    Request::post(format!("http://shop.test{path}"))
        .header("te", "trailers")
        .header("content-type", "application/grpc")
        .body(body)
        .unwrap()
}

pub async fn get(client: &SendRequest<Frames>, path: &str) -> Result<Response<Incoming>, hyper::Error> {
    let request = Request::get(format!("http://shop.test{path}")).body(whole([])).unwrap();
    client.clone().send_request(request).await
}

/// Data and trailers of an answer.
pub async fn all(answer: Response<Incoming>) -> (Vec<u8>, HeaderMap) {
    let collected = answer.into_body().collect().await.unwrap();
    let trailers = collected.trailers().cloned().unwrap_or_default();
    (collected.to_bytes().to_vec(), trailers)
}

#[test]
fn streams_go_over_one_upstream_connection_as_they_were_sent() {
    for protocol in [Protocol::Http, Protocol::Auto] {
        let ends = Ends::new();
        let (rig, client) = ends.routed(protocol);
        ends.block_on(async {
            let (said, trailers) =
                all(client.clone().send_request(request("/x?a=1&b", whole([]))).await.unwrap()).await;
            let said = String::from_utf8(said).unwrap();
            assert!(said.starts_with("HTTP/2.0 http://shop.test/x?a=1&b "), "{said}");
            assert!(said.contains(r#""te": "trailers""#) && !said.contains("host"), "{said}");
            assert_eq!(
                (&trailers["grpc-status"], &trailers["x-sum"]),
                (&"0".parse().unwrap(), &"7".parse().unwrap())
            );

            let answers = futures_util::future::join_all((0..100).map(|n| {
                let mut client = client.clone();
                async move {
                    let body = whole([data(vec![n; 30_000]), Frame::trailers(trailers_of(n))]);
                    let answer = client.send_request(request("/echo", body)).await.unwrap();
                    (n, all(answer).await)
                }
            }))
            .await;
            for (n, (body, trailers)) in answers {
                assert!(body.len() == 30_000 && body.iter().all(|byte| *byte == n));
                assert_eq!(
                    trailers,
                    trailers_of(n),
                    "those of a request reach the upstream, and those of an answer the client"
                );
            }
            let answer = get(&client, "/trailers-only").await.unwrap();
            assert_eq!(
                (&answer.headers()["grpc-status"], answer.body().is_end_stream()),
                (&"5".parse().unwrap(), true)
            );
        });
        // A dial that is under way when the client speaks is given up for another.
        let most = if protocol == Protocol::Auto { 2 } else { 1 };
        assert!((1..=most).contains(&ends.seen.connections.load(Relaxed)), "{protocol:?}");
        let traffic = rig.view().traffic;
        assert_eq!((traffic.connections, traffic.requests), (1, 102));
    }
}

fn trailers_of(n: u8) -> HeaderMap {
    HeaderMap::from_iter([("x-number".parse().unwrap(), u16::from(n).into())])
}

#[test]
fn both_directions_stream_and_an_upstream_that_does_not_read_stops_the_client() {
    let ends = Ends::new();
    let (_rig, mut client) = ends.routed(Protocol::Http);
    ends.block_on(async {
        let (sender, body) = mpsc::channel(1);
        let mut answer = client.send_request(request("/echo", Frames(body))).await.unwrap();
        for n in 0..20u8 {
            sender.send(data(vec![n; 100])).await.unwrap();
            let back = answer.body_mut().frame().await.unwrap().unwrap().into_data().unwrap();
            assert_eq!(back, vec![n; 100], "each message comes back before the next is sent");
        }
        drop(sender);
        assert_eq!(all(answer).await.0, b"");

        let (sender, body) = mpsc::channel(1);
        let _unanswered = tokio::spawn(client.send_request(request("/unread", Frames(body))));
        let mut sent = 0u64;
        while let Ok(Ok(())) = tokio::time::timeout(ms(300), sender.send(data(vec![0; 64 << 10]))).await {
            sent += 64 << 10;
            assert!(sent < 16 << 20, "nobody reads, and it goes on");
        }
        assert!(sent >= 64 << 10);
        assert_eq!(all(get(&client, "/echo").await.unwrap()).await.0, b"", "others go on");
    });
}

#[test]
fn what_the_client_gives_up_is_given_up_at_the_upstream() {
    let ends = Ends::new();
    let (rig, client) = ends.routed(Protocol::Http);
    ends.block_on(async {
        let (mut sending, kept) = (client.clone(), client.clone());
        let call = tokio::spawn(async move { sending.send_request(request("/never", whole([]))).await });
        while ends.seen.requests.load(Relaxed) == 0 {
            tokio::time::sleep(ms(2)).await;
        }
        call.abort();
        while !ends.seen.given_up.load(Relaxed) {
            tokio::time::sleep(ms(2)).await;
        }
        assert_eq!(get(&kept, "/").await.unwrap().status(), 200);
    });
    eventually("counted", || rig.engine.red()[0].untouched.requests == 2);
}

#[test]
fn faults_act_on_one_stream_while_the_others_go_on() {
    let ends = Ends::new();
    let (rig, client) = ends.routed(Protocol::Http);
    for (id, fault) in [
        ("slow", r#"{"latency": {"delay": "400ms"}}"#),
        ("err", r#"{"http_error": {"status": 503, "body": "no"}}"#),
        ("narrow", r#"{"bandwidth": {"rate": "10MB/s"}}"#),
        ("still", r#"{"stall": {"after_bytes": "20000B"}}"#),
        ("hole", r#"{"blackhole": {}}"#),
    ] {
        let path = if matches!(id, "narrow" | "still") { "/big" } else { "/x" };
        rig.fault(&format!(r#"{{"id": "{id}", "fault": {fault}, "match": {{"path": "{path}", "headers": {{"x-fault": "{id}"}}}}}}"#));
    }
    let hit = |path: &str, id: &str| {
        let request = Request::get(format!("http://shop.test{path}")).header("x-fault", id);
        client.clone().send_request(request.body(whole([])).unwrap())
    };
    ends.block_on(async {
        let began = Instant::now();
        let slow = tokio::spawn(hit("/x", "slow"));
        let hole = tokio::spawn(hit("/x", "hole"));
        let mut still = hit("/big", "still").await.unwrap();
        let narrow = hit("/big", "narrow");
        let narrow = tokio::spawn(async { all(narrow.await.unwrap()).await });
        for _ in 0..20 {
            assert_eq!(all(get(&client, "/").await.unwrap()).await.1["grpc-status"], "0");
        }
        assert!(began.elapsed() < ms(400), "{:?}", began.elapsed());
        let error = hit("/x", "err").await.unwrap();
        assert_eq!((error.status().as_u16(), all(error).await.0), (503, b"no".to_vec()));
        slow.await.unwrap().unwrap();
        assert!(began.elapsed() >= ms(400));
        assert_eq!(narrow.await.unwrap().0.len(), 2_000_000);
        assert!(began.elapsed() >= ms(185), "{:?}", began.elapsed());

        let mut came = 0;
        while came < 20_000 {
            came += still.body_mut().frame().await.unwrap().unwrap().into_data().unwrap().len();
        }
        let more = tokio::time::timeout(ms(100), still.body_mut().frame()).await;
        assert!(more.is_err() && came == 20_000, "{came}");
        assert!(!hole.is_finished());
        rig.remove("still");
        assert_eq!(all(still).await.0.len(), 2_000_000 - 20_000);
        rig.remove("hole");
        assert!(hole.await.unwrap().is_err(), "its stream is reset, and the connection goes on");
        assert_eq!(get(&client, "/").await.unwrap().status(), 200);
    });
    for id in ["slow", "err", "narrow"] {
        rig.counted(id, 1, 1);
    }
    assert_eq!(rig.view().traffic.connections, 1);
}

#[test]
fn a_reset_cuts_the_connection_with_all_its_streams() {
    let ends = Ends::new();
    for (fault, least, most) in [
        (r#"{"reset": {}}"#, 0, 0),
        (r#"{"reset": {"after": "100ms"}}"#, 0, 0),
        (r#"{"reset": {"after_bytes": "50000B"}}"#, 50_000, 50_000),
    ] {
        let (rig, client) = ends.routed(Protocol::Http);
        rig.fault(&format!(r#"{{"id": "cut", "fault": {fault}, "match": {{"headers": {{"x-cut": "1"}}}}}}"#));
        ends.block_on(async {
            let other = tokio::spawn({
                let client = client.clone();
                async move { get(&client, "/never").await.map(drop) }
            });
            eventually("under way", || rig.view().traffic.requests == 1);
            let path = if most > 0 { "/big" } else { "/never" };
            let request = Request::get(format!("http://shop.test{path}")).header("x-cut", "1");
            let answer = client.clone().send_request(request.body(whole([])).unwrap()).await;
            let mut came = 0;
            if let Ok(mut answer) = answer {
                while let Some(Ok(frame)) = answer.body_mut().frame().await {
                    came += frame.into_data().unwrap().len();
                }
            }
            assert!((least..=most).contains(&came), "{fault}: {came}");
            assert!(other.await.unwrap().is_err());
            assert!(get(&client, "/").await.is_err());
        });
        rig.counted("cut", 1, 1);
    }
}

/// An upstream that speaks HTTP/2 as `serve` says, connection by connection.
fn by_hand<F>(
    ends: &Ends,
    serve: impl Fn(u64, h2::server::Connection<TcpStream, Bytes>) -> F + Send + Sync + 'static,
) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = ends.runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let at = listener.local_addr().unwrap();
    ends.runtime.spawn(async move {
        let mut number = 0;
        while let Ok((stream, _)) = listener.accept().await {
            let connection = h2::server::handshake(stream).await.unwrap();
            tokio::spawn(serve(number, connection));
            number += 1;
        }
    });
    at
}

fn ok() -> Response<()> {
    Response::new(())
}

#[test]
fn a_stream_that_the_upstream_refused_unseen_is_sent_again_and_one_that_it_reset_is_not() {
    let ends = Ends::new();
    let at = by_hand(&ends, |_, mut connection| async move {
        let mut refused = false;
        while let Some(Ok((request, mut respond))) = connection.accept().await {
            match request.uri().path() {
                "/reset" => respond.send_reset(h2::Reason::ENHANCE_YOUR_CALM),
                _ if !std::mem::replace(&mut refused, true) => respond.send_reset(h2::Reason::REFUSED_STREAM),
                _ => drop(respond.send_response(ok(), true).unwrap()),
            }
        }
    });
    let (rig, route) = Rig::with_route(Protocol::Http, at);
    let client = ends.client(route);
    ends.block_on(async {
        let answer = client.clone().send_request(request("/", whole([]))).await.unwrap();
        assert_eq!(answer.status(), 200, "a POST too: nobody has looked at it");
        let error = get(&client, "/reset").await.unwrap_err();
        let reason = std::error::Error::source(&error).and_then(|source| source.downcast_ref::<h2::Error>());
        assert_eq!(reason.and_then(h2::Error::reason), Some(h2::Reason::ENHANCE_YOUR_CALM));
        assert_eq!(get(&client, "/").await.unwrap().status(), 200, "the connection goes on");
    });
    assert_eq!(rig.view().traffic.requests, 3);
}

#[test]
fn an_upstream_that_goes_away_is_dialled_anew() {
    let ends = Ends::new();
    let at = by_hand(&ends, |number, mut connection| async move {
        while let Some(Ok((_, mut respond))) = connection.accept().await {
            let answer = Response::builder().header("x-connection", number).body(()).unwrap();
            drop(respond.send_response(answer, true).unwrap());
            connection.graceful_shutdown();
        }
    });
    let (_rig, route) = Rig::with_route(Protocol::Http, at);
    let client = ends.client(route);
    ends.block_on(async {
        for number in 0..3u64 {
            let answer = get(&client, "/").await.unwrap();
            assert_eq!((answer.status().as_u16(), &answer.headers()["x-connection"]), (200, &number.into()));
        }
    });
}
