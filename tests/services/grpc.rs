//! gRPC as its own library speaks it, through routes that carry it and routes that find out.

use std::time::Duration;

use super::fetched::{python, python_package};
use super::support::{Child, firedrill, requires, temp_dir};

const PACKAGE: &str = "grpcio==1.76.0";
const NEEDS: [&str; 1] = ["typing-extensions==4.15.0"];

const DRIVE: &str = r#"
import json, sys, threading, time, urllib.request
from concurrent import futures
import grpc

cancelled = threading.Event()

def unary(request, context):
    context.set_trailing_metadata((("x-sum", "7"),))
    return request

def fails(request, context):
    context.abort(grpc.StatusCode.NOT_FOUND, "not here")

def echo(requests, context):
    yield from requests

def many(request, context):
    for n in range(1000):
        yield bytes([n % 251]) * 1000

def never(request, context):
    context.add_callback(cancelled.set)
    while context.is_active():
        time.sleep(0.01)
    return b""

class Handler(grpc.GenericRpcHandler):
    METHODS = {
        "/t.T/Unary": grpc.unary_unary_rpc_method_handler(unary),
        "/t.T/Fails": grpc.unary_unary_rpc_method_handler(fails),
        "/t.T/Echo": grpc.stream_stream_rpc_method_handler(echo),
        "/t.T/Many": grpc.unary_stream_rpc_method_handler(many),
        "/t.T/Never": grpc.unary_unary_rpc_method_handler(never),
    }

    def service(self, details):
        return self.METHODS.get(details.method)

control = sys.argv[1]

def ask(method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(control + path, method=method, data=data, headers={"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        text = answer.read()
        return json.loads(text) if text else None

def ends_with(code, call, details=None):
    try:
        call()
    except grpc.RpcError as error:
        assert error.code() == code and details in (None, error.details()), error
        return
    raise AssertionError("no %s" % code)

def drive(protocol, upstream):
    route = ask("POST", "/v1/routes", {"name": protocol, "listen": "127.0.0.1:0", "upstream": upstream, "protocol": protocol})
    faults = "/v1/routes/%s/faults/" % protocol
    with grpc.insecure_channel(route["bound"]) as channel:
        call = channel.unary_unary("/t.T/Unary")
        answer, done = call.with_call(b"hi", timeout=20)
        assert answer == b"hi" and dict(done.trailing_metadata())["x-sum"] == "7"
        ends_with(grpc.StatusCode.NOT_FOUND, lambda: channel.unary_unary("/t.T/Fails")(b"", timeout=20), "not here")
        ends_with(grpc.StatusCode.UNIMPLEMENTED, lambda: channel.unary_unary("/t.T/None")(b"", timeout=20))
        sent = [bytes([n]) * 5000 for n in range(100)]
        assert list(channel.stream_stream("/t.T/Echo")(iter(sent), timeout=20)) == sent
        assert sum(map(len, channel.unary_stream("/t.T/Many")(b"", timeout=20))) == 1000000
        cancelled.clear()
        given_up = channel.unary_unary("/t.T/Never").future(b"", timeout=20)
        time.sleep(0.3)
        given_up.cancel()
        assert cancelled.wait(20), "the upstream is told"
        ends_with(grpc.StatusCode.DEADLINE_EXCEEDED, lambda: channel.unary_unary("/t.T/Never")(b"", timeout=0.3))
        for_unary = {"match": {"grpc": "t.T/Unary"}}
        ask("PUT", faults + "slow", {"fault": {"latency": {"delay": "300ms"}}, **for_unary})
        began = time.monotonic()
        assert call(b"x", timeout=20) == b"x" and time.monotonic() - began >= 0.3
        ask("DELETE", faults + "slow")
        error = {"grpc_error": {"status": "UNAVAILABLE", "message": "drill"}}
        ask("PUT", faults + "error", {"fault": error, **for_unary})
        ends_with(grpc.StatusCode.UNAVAILABLE, lambda: call(b"x", timeout=20), "drill")
        ends_with(grpc.StatusCode.NOT_FOUND, lambda: channel.unary_unary("/t.T/Fails")(b"", timeout=20))
        ask("DELETE", faults + "error")
        with futures.ThreadPoolExecutor(20) as crowd:
            calls = crowd.map(lambda n: call(str(n).encode(), timeout=20) == str(n).encode(), range(500))
            assert all(calls)

server = grpc.server(futures.ThreadPoolExecutor(20))
server.add_generic_rpc_handlers((Handler(),))
port = server.add_insecure_port("127.0.0.1:0")
server.start()
for protocol in ["http", "auto"]:
    drive(protocol, "127.0.0.1:%d" % port)
server.stop(0)
print("all is well")
"#;

#[test]
fn calls_streams_trailers_and_ends_of_calls_pass_and_faults_are_felt_as_statuses() {
    if !requires(&["python3"]) {
        return;
    }
    let package = python_package(PACKAGE, &NEEDS);
    let dir = temp_dir();
    let proxy = Child::spawn(firedrill().args(["proxy", "--control", "127.0.0.1:0"]));
    let line = proxy.wait_for_line("control: http://", Duration::from_secs(10));
    let address = line.split('/').nth(2).unwrap();
    python(dir.path(), &package, DRIVE, &[format!("http://{address}")]);
}
