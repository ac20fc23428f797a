//! A build whose faults are armed, matched and accounted for, and do nothing: it shows that evidence is not believed
//! but measured.

use std::time::Duration;

use firedrill_proxy::control::wire::Protocol;

use crate::rig::{Rig, connect, echo, round_trip};

#[test]
fn inert_faults_match_and_leave_no_evidence() {
    let (rig, at) = Rig::with_route(Protocol::Tcp, echo());
    rig.fault(r#"{"id": "slow", "fault": {"latency": {"delay": "1h"}}}"#);
    rig.fault(r#"{"id": "hole", "fault": {"blackhole": {}}}"#);
    rig.fault(r#"{"id": "cut", "fault": {"reset": {}}}"#);
    rig.fault(r#"{"id": "stuck", "fault": {"stall": {}}}"#);
    rig.fault(r#"{"id": "late-end", "fault": {"slow_close": {"delay": "1h"}}}"#);
    rig.fault(r#"{"id": "cap", "fault": {"limit_data": {"bytes": "1B", "direction": "both"}}}"#);
    rig.fault(r#"{"id": "age", "fault": {"limit_time": {"after": "0s"}}}"#);
    rig.fault(r#"{"id": "thin", "fault": {"slicer": {"size": "1B", "delay": "1h"}}}"#);
    rig.fault(r#"{"id": "noise", "fault": {"corrupt": {"bits": "100%", "direction": "both"}}}"#);
    let mut stream = connect(at);
    for _ in 0..3 {
        assert!(round_trip(&mut stream) < Duration::from_secs(5));
    }
    for id in ["slow", "hole", "cut", "stuck", "late-end", "cap", "age", "thin", "noise"] {
        let evidence = rig.counted(id, 1, 0);
        assert_eq!((evidence.bytes, evidence.achieved), (0, None), "{id}");
        assert!(rig.engine.ledger("r", id).unwrap()[0].hit);
    }
}
