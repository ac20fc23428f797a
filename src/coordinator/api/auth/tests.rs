use super::*;

const FAR: &str = "192.0.2.1";

fn auth(is_local: bool) -> (Auth, Printed) {
    let (tokens, printed) = Tokens::fresh().unwrap();
    (Auth::new(tokens, is_local), printed)
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&str, &str)| {
        (name.parse::<header::HeaderName>().unwrap(), value.parse::<http::HeaderValue>().unwrap())
    };
    pairs.iter().map(pair).collect()
}

fn status(asked: Result<impl std::fmt::Debug, Refused>) -> u16 {
    asked.map_or_else(|refused| refused.problem().status, |_| 200)
}

#[tokio::test(start_paused = true)]
async fn the_admin_token_opens_and_nothing_else_does() {
    let (auth, printed) = auth(true);
    let peer = FAR.parse().unwrap();
    for (value, expected) in [
        (format!("Bearer {}", printed.admin), 200),
        (format!("bearer  {}", printed.admin), 200),
        (format!("Bearer {}", printed.intake), 401),
        (format!("Basic {}", printed.admin), 401),
        (printed.admin.clone(), 401),
        ("Bearer ".to_owned(), 401),
    ] {
        let asked = auth.caller(&Method::POST, &headers(&[("authorization", &value)]), peer);
        assert_eq!(status(asked), expected, "{value}");
    }
    assert_eq!(status(auth.caller(&Method::GET, &HeaderMap::new(), peer)), 401);
}

#[tokio::test(start_paused = true)]
async fn a_person_may_be_named_in_whose_stead() {
    let (auth, printed) = auth(true);
    let token = format!("Bearer {}", printed.admin);
    let who = |name: &str| {
        let said = headers(&[("authorization", &token), ("in-stead-of", name)]);
        auth.caller(&Method::POST, &said, FAR.parse().unwrap())
    };
    assert_eq!(who("ana").unwrap().who, "admin for ana");
    let caller = auth.caller(&Method::POST, &headers(&[("authorization", &token)]), FAR.parse().unwrap());
    assert_eq!(caller.unwrap(), Caller { who: "admin".to_owned(), in_stead_of: None });
    assert_eq!(status(who("")), 400);
    assert_eq!(status(who(&"a".repeat(101))), 400);
}

#[tokio::test(start_paused = true)]
async fn a_session_reads_and_only_our_own_page_changes_with_it() {
    let (auth, printed) = auth(true);
    let peer = FAR.parse().unwrap();
    assert_eq!(status(auth.session_begin("wrong", peer)), 401);
    let set = auth.session_begin(&printed.admin, peer).unwrap();
    let cookie = set.split(';').next().unwrap();
    let ask = |method: &Method, more: &[(&str, &str)]| {
        let said: Vec<_> = [("cookie", cookie), ("host", "127.0.0.1:7400")]
            .into_iter()
            .chain(more.iter().copied())
            .collect();
        status(auth.caller(method, &headers(&said), peer))
    };
    assert_eq!(ask(&Method::GET, &[]), 200);
    assert_eq!(ask(&Method::POST, &[]), 403, "nobody says where it comes from");
    assert_eq!(ask(&Method::POST, &[("origin", "http://127.0.0.1:7400")]), 200);
    assert_eq!(ask(&Method::POST, &[("origin", "http://evil.example")]), 403);
    assert_eq!(ask(&Method::POST, &[("sec-fetch-site", "same-origin")]), 200);
    assert_eq!(
        ask(&Method::POST, &[("sec-fetch-site", "cross-site"), ("origin", "http://127.0.0.1:7400")]),
        403
    );
    auth.session_end(&headers(&[("cookie", cookie)]));
    assert_eq!(ask(&Method::GET, &[]), 401);
}

#[tokio::test(start_paused = true)]
async fn whoever_is_wrong_too_often_waits_and_whoever_is_right_does_not() {
    let (auth, printed) = auth(true);
    let peer = FAR.parse().unwrap();
    let ask = |token: &str| {
        auth.caller(&Method::GET, &headers(&[("authorization", &format!("Bearer {token}"))]), peer)
    };
    assert!((0..10).all(|_| status(ask("wrong")) == 401));
    assert_eq!(status(ask("wrong")), 429);
    assert_eq!(status(ask(&printed.admin)), 200);
}

#[tokio::test(start_paused = true)]
async fn the_intake_is_open_on_this_host_only_and_has_a_token_of_its_own() {
    let peer = "127.0.0.1".parse().unwrap();
    let none = HeaderMap::new();
    let (local, _) = auth(true);
    assert_eq!(status(local.may_hand_in(&none, None, peer)), 200);
    assert_eq!(status(local.may_hand_in(&none, None, FAR.parse().unwrap())), 401);
    for name in ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "via"] {
        let handed_on = headers(&[(name, "drills.example")]);
        assert_eq!(status(local.may_hand_in(&handed_on, None, peer)), 401, "{name}");
    }
    assert_eq!(status(local.may_hand_in(&headers(&[("origin", "http://evil.example")]), None, peer)), 403);
    assert_eq!(status(local.may_hand_in(&none, Some("token=wrong"), peer)), 401, "a wrong token is no token");
    let (open, printed) = auth(false);
    assert_eq!(status(open.may_hand_in(&none, None, peer)), 401);
    assert_eq!(status(open.may_hand_in(&none, Some("a=b"), peer)), 401);
    for token in [&printed.intake, &printed.admin] {
        assert_eq!(status(open.may_hand_in(&none, Some(&format!("a=b&token={token}")), peer)), 200);
        let said = headers(&[("authorization", &format!("Bearer {token}"))]);
        assert_eq!(status(open.may_hand_in(&said, None, peer)), 200);
    }
}
